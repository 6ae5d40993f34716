"""Requests over aiohttp: the sent bytes, the replies, and what is never sent a second time."""

from asyncio import gather
from collections import Counter
from typing import NoReturn

import anyio
import pytest
from aiohttp import ClientConnectionError, connector

from daemon.exchange.mexc.idle_limit import HOLD_S, LONGEST_S, SHORTEST_S
from daemon.exchange.mexc.transport import MAX_BODY, Reply, open_transport

from .clocks import in_virtual_time
from .posting import HEADERS, KEY, PATH, PATIENCE_S, TARGET, no_secret_in, post, send
from .wire import Connection, Peer, answering, http, serve, settle


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_request_is_exactly_these_bytes(method: str) -> None:
    """The target is not quoted again, the body is empty, the content type is the one that MEXC requires."""
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        await send(transport, method)
    request = peer.requests[0]
    assert request.head.split(b"\r\n")[0] == f"{method} {TARGET} HTTP/1.1".encode()
    assert request.body == b""
    length = {} if method == "GET" else {"content-length": "0"}
    assert request.headers == length | {
        "host": peer.url.removeprefix("http://"),
        "accept": "*/*",
        "x-mexc-apikey": KEY,
        "content-type": "application/json",
    }
    assert peer.bytes_received == len(request.head) + 4


@pytest.mark.parametrize(
    "escaped",
    [
        pytest.param("a%3Ab%2Cc", id="colon and comma, which a quoting URL would write plainly"),
        pytest.param("a%20b", id="space"),
        pytest.param("a%2Bb%26c%3Dd", id="plus, ampersand, equals sign"),
        pytest.param("a%2Fb%3Fc%23d", id="slash, question mark, hash"),
        pytest.param("%7E%2D%2E", id="escapes of characters that need none"),
        pytest.param("%e5%b8%81", id="escapes in lower case"),
        pytest.param("a=b&a=c&&d", id="a query in another than the usual form"),
    ],
)
async def test_the_url_is_not_quoted_again(escaped: str) -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        await transport.request(transport.build("POST", f"{PATH}?q={escaped}", HEADERS), PATIENCE_S, repeatable=False)
    assert peer.requests[0].target == f"{PATH}?q={escaped}".encode()


async def test_a_slash_at_the_end_of_the_address_is_not_doubled() -> None:
    async with serve(answering(http(200))) as peer:
        await post(f"{peer.url}/")
    assert peer.requests[0].path == PATH


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 418, 429, 500, 503])
async def test_a_reply_with_any_status_is_a_reply(status: int) -> None:
    body = b"" if status == 204 else b'{"code":30001}'
    async with serve(answering(http(status, body) if body else b"HTTP/1.1 204 None\r\n\r\n")) as peer:
        assert await post(peer.url) == Reply(status, body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_reply_and_not_followed(status: int) -> None:
    """A 307 or 308 would send the order again, to any address."""
    async with serve(answering(http(200))) as elsewhere:
        async with serve(answering(http(status, b"moved", Location=f"{elsewhere.url}/take"))) as peer:
            assert await post(peer.url) == Reply(status, b"moved")
        assert peer.counts == {"POST": 1}
        assert not elsewhere.connections


async def test_cookies_of_the_exchange_are_not_sent_back() -> None:
    async with (
        serve(answering(http(200, Set_Cookie="track=me; Path=/"))) as peer,
        open_transport(peer.url) as transport,
    ):
        await send(transport)
        await send(transport)
    assert "cookie" not in peer.requests[1].headers


async def test_a_reply_can_arrive_in_pieces() -> None:
    async def drip(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
            await connection.send(bytes([byte]))

    async with serve(drip) as peer:
        assert await post(peer.url) == Reply(200, b"abcde")


async def test_a_reply_of_the_maximum_length_is_read() -> None:
    async with serve(answering(http(200, bytes(MAX_BODY)))) as peer:
        outcome = await post(peer.url)
    assert isinstance(outcome, Reply)
    assert len(outcome.body) == MAX_BODY


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        pytest.param("0", 0, id="no wait"),
        pytest.param("1", 1_000, id="a second"),
        pytest.param("000000000007", 7_000, id="leading zeros"),
        pytest.param("120", 120_000, id="two minutes"),
        pytest.param("259200", 259_200_000, id="three days, the longest ban that MEXC documents"),
        pytest.param("259201", 259_200_000, id="longer than the longest ban"),
        pytest.param("9" * 40, 259_200_000, id="too long for any clock"),
        pytest.param("9" * 5_000, 259_200_000, id="more digits than Python reads"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="a date"),
        pytest.param("-1", None, id="negative"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("soon", None, id="a word"),
        pytest.param("", None, id="nothing"),
        pytest.param("\u00b2", None, id="a digit of another kind"),
    ],
)
async def test_retry_after_is_read_in_seconds(header: str, wait_ms: int | None) -> None:
    async with serve(answering(http(429, b"", Retry_After=header))) as peer:
        assert await post(peer.url) == Reply(429, b"", wait_ms)


# --- kept-alive connections


async def drop_the_second_request(peer: Peer, connection: Connection) -> None:
    """Close the connection at the second request, without a reply; reply to all others."""
    while True:
        await peer.next_request(connection)
        if len(peer.requests) == 2:
            return
        await connection.send(http(200, b"answered"))


async def test_connections_are_kept_alive() -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        for _ in range(3):
            await send(transport)
    assert len(peer.connections) == 1


async def test_a_post_is_not_sent_again_when_a_kept_alive_connection_drops() -> None:
    """The exchange may have accepted it before it closed the connection: a second copy could buy twice."""
    async with serve(drop_the_second_request) as peer, open_transport(peer.url) as transport:
        await send(transport, "GET")
        outcome = await send(transport, "POST")
        assert no_secret_in(outcome).written
    assert peer.counts == Counter(GET=1, POST=1)
    assert len(peer.connections) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_query_or_a_cancel_is_sent_again_once_when_a_kept_alive_connection_drops(method: str) -> None:
    async with serve(drop_the_second_request) as peer, open_transport(peer.url) as transport:
        await send(transport, "POST")
        assert await send(transport, method) == Reply(200, b"answered")
    assert peer.counts == Counter({"POST": 1, method: 2})
    assert len(peer.connections) == 2


async def test_a_cancel_that_cannot_be_sent_again_counts_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(_timeout_s: float) -> NoReturn:
        raise ClientConnectionError

    async def drop(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        monkeypatch.setattr(transport, "connect", unreachable)

    async with serve(drop) as peer, open_transport(peer.url) as transport:
        assert no_secret_in(await send(transport, "DELETE")).written


async def test_an_unsolicited_reply_is_not_the_reply_to_the_next_request() -> None:
    """A server can send 408 on an idle connection before it closes it; read as a reply, it would end an order."""

    async def talkative(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(http(200, b"first") + http(408, b'{"code":30001}'))
        await connection.wait_for_end()

    async with serve(talkative) as peer, open_transport(peer.url) as transport:
        assert await send(transport) == Reply(200, b"first")
        assert await send(transport) == Reply(200, b"first")
    assert len(peer.connections) == 2


@pytest.mark.parametrize("hangs_up", [False, True], ids=["stays", "hangs up"])
@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
@pytest.mark.parametrize("said", [http(408, b""), b""], ids=["408", "nothing"])
async def test_an_order_is_not_sent_on_a_connection_that_the_server_gave_up(
    *, said: bytes, hangs_up: bool, read: bool
) -> None:
    if not said and not hangs_up:
        return
    gave_up = anyio.Event()

    async def one(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(http(200, b"answered"))
        if len(peer.connections) == 1:
            await settle()
            if said:
                await connection.send(said)
            if hangs_up:
                await connection.close()
            gave_up.set()
        else:
            await connection.wait_for_end()

    async with serve(one) as peer, open_transport(peer.url) as transport:
        await send(transport, "GET")
        await gave_up.wait()
        if read:
            await settle()
        assert await send(transport) == Reply(200, b"answered")
    assert peer.counts == Counter(GET=1, POST=1)
    assert len(peer.connections) == 2


@pytest.mark.parametrize("cut", [0, 5], ids=["whole", "cut off"])
async def test_a_408_on_an_idle_connection_means_that_no_request_was_read(cut: int) -> None:
    answer = http(408, b"<html>Request Time-out</html>")

    async def tired(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(http(200))
        await peer.next_request(connection)
        await connection.send(answer[: len(answer) - cut])

    async with serve(tired) as peer, open_transport(peer.url) as transport:
        await send(transport, "GET")
        assert not no_secret_in(await send(transport)).written


@pytest.mark.parametrize("said", [http(408), http(408)[:12]], ids=["whole", "its first bytes"])
async def test_an_order_is_not_sent_on_a_new_connection_that_has_an_answer_already(said: bytes) -> None:
    answered = anyio.Event()

    async def hasty(_peer: Peer, connection: Connection) -> None:
        await connection.send(said)
        answered.set()
        await connection.wait_for_end()

    async def gate() -> None:
        await answered.wait()
        await settle()

    async with serve(hasty) as peer, open_transport(peer.url) as transport:
        assert not no_secret_in(await send(transport, gate=gate)).written
    assert peer.bytes_received == 0


async def test_a_408_on_a_new_connection_is_a_reply() -> None:
    """There the server received the request immediately: a server behind it may have accepted it."""
    async with serve(answering(http(408))) as peer:
        assert await post(peer.url) == Reply(408, b"")


@in_virtual_time
async def test_no_request_is_sent_on_a_connection_that_idled_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "monotonic", anyio.current_time)
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        for idle_s in (0, LONGEST_S - 5, LONGEST_S + 5):
            await anyio.sleep(idle_s)
            await send(transport)
    assert len(peer.connections) == 2


@in_virtual_time
async def test_after_a_server_restarted_connections_are_kept_for_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "monotonic", anyio.current_time)
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        await send(transport)
        await peer.connections[0].close()
        await settle()
        await send(transport)
        assert transport.idle_limit.usable_s == SHORTEST_S
        for idle_s in (HOLD_S, 20, 20):  # the first shows that they stay open for long; that one is too old itself
            await anyio.sleep(idle_s)
            await send(transport)
    assert len(peer.connections) == 3


async def test_concurrent_requests_do_not_wait_for_each_other() -> None:
    """Each has its own connection: an order never waits for another's reply."""
    arrived, everybody = [], 20

    async def all_or_nothing(peer: Peer, connection: Connection) -> None:
        arrived.append(await peer.next_request(connection))
        if len(arrived) == everybody:
            for each in peer.connections:
                await each.send(http(200))
        await connection.wait_for_end()

    async with serve(all_or_nothing) as peer, open_transport(peer.url) as transport:
        outcomes = await gather(*(send(transport) for _ in range(everybody)))
    assert outcomes == [Reply(200, b"")] * everybody
