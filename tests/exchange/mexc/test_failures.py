"""Failed requests: whether a byte of the request can have been sent. In doubt, it counts as sent."""

import socket

import anyio
import anyio.lowlevel
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.exchange.mexc.transport import MAX_BODY, Failure, Reply, open_transport

from .certificates import self_signed
from .clocks import in_virtual_time
from .posting import KEY, PATH, PATIENCE_S, failure, no_secret_in, post, send, transport_over
from .wire import Behaviour, Connection, Peer, answering, full_backlog, http, serve, settle, silence, unused_url

# --- nothing written: the order was definitely not placed


async def test_a_refused_connection_wrote_nothing() -> None:
    assert not (await failure(unused_url())).written


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(socket.gaierror(socket.EAI_NONAME, "Name or service not known"), id="no such name"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), id="name server unreachable"),
        pytest.param(OSError("no network"), id="no network"),
    ],
)
async def test_a_name_that_cannot_be_resolved_wrote_nothing(error: OSError) -> None:
    async with transport_over(Resolver(error), "http://exchange.invalid") as transport:
        assert not no_secret_in(await send(transport)).written


@in_virtual_time
async def test_a_name_server_that_never_answers_wrote_nothing() -> None:
    async with transport_over(Resolver(None), "http://exchange.invalid") as transport:
        assert not no_secret_in(await send(transport)).written


@in_virtual_time
async def test_a_server_that_does_not_accept_the_connection_wrote_nothing() -> None:
    with full_backlog() as url:
        assert not (await failure(url)).written


async def test_a_server_with_an_untrusted_certificate_gets_nothing() -> None:
    async with serve(answering(http(200)), tls=self_signed()) as peer:
        assert not (await failure(peer.url)).written
    assert not peer.connections, "the handshake must not have succeeded"


@pytest.mark.parametrize(
    "hello",
    [
        pytest.param(http(400, b"plain HTTP here"), id="answers in plain HTTP"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="speaks something else"),
        pytest.param(b"", id="hangs up"),
    ],
)
async def test_a_server_without_tls_gets_only_the_client_hello(hello: bytes) -> None:
    async def plain(_peer: Peer, connection: Connection) -> None:
        await connection.read()
        await connection.send(hello)

    async with serve(plain) as peer:
        assert not (await failure(peer.url.replace("http:", "https:"))).written
        assert peer.connections
        for connection in peer.connections:
            assert PATH.encode() not in connection.received
            assert KEY.encode() not in connection.received


@in_virtual_time
async def test_a_server_that_never_ends_the_handshake_wrote_nothing() -> None:
    async def mute(_peer: Peer, connection: Connection) -> None:
        await connection.wait_for_end()

    async with serve(mute) as peer:
        assert not (await failure(peer.url.replace("http:", "https:"))).written


# --- perhaps written: the order may have been placed


async def hang_up(peer: Peer, connection: Connection) -> None:
    await peer.next_request(connection)


async def reset(peer: Peer, connection: Connection) -> None:
    await peer.next_request(connection)
    await connection.reset()


async def reset_within_the_answer(peer: Peer, connection: Connection) -> None:
    await peer.next_request(connection)
    await connection.send(http(200, b'{"orderId":"C02__1"}')[:-5])
    await connection.reset()


async def reset_before_the_request_is_read(_peer: Peer, connection: Connection) -> None:
    await settle()  # it is written meanwhile
    await connection.reset()


def reply_and_hang_up(answer: bytes) -> Behaviour:
    """Send these bytes, and close the connection."""

    async def say(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(answer)

    return say


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hang_up, id="connection closed"),
        pytest.param(reset, id="reset"),
        pytest.param(reset_before_the_request_is_read, id="reset before the request was read"),
        pytest.param(reset_within_the_answer, id="reset within the answer"),
        pytest.param(reply_and_hang_up(b"HTTP/1.1 2"), id="connection closed within the status line"),
        pytest.param(reply_and_hang_up(HEAD + b"Content-Le"), id="connection closed within the headers"),
        pytest.param(reply_and_hang_up(HEAD + b"Content-Length: 20\r\n\r\n{"), id="connection closed within the body"),
        pytest.param(
            reply_and_hang_up(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
            id="connection closed within a chunk",
        ),
        pytest.param(reply_and_hang_up(http(200, bytes(MAX_BODY + 1))), id="a reply above the maximum length"),
        pytest.param(reply_and_hang_up(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), id="no HTTP"),
        pytest.param(reply_and_hang_up(HEAD + b"Content-Length: -1\r\n\r\n{}"), id="a negative length"),
        pytest.param(
            reply_and_hang_up(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), id="a chunk without a length"
        ),
        pytest.param(reply_and_hang_up(HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n"), id="an endless header"),
        pytest.param(reply_and_hang_up(HEAD + b"X: a\r\n" * 10_000 + b"\r\n"), id="endless headers"),
        pytest.param(
            reply_and_hang_up(http(200, b"no gzip", Content_Encoding="gzip")), id="not compressed as declared"
        ),
        pytest.param(reply_and_hang_up(b"HTTP/1.1 100 Continue\r\n\r\n"), id="nothing after 100 Continue"),
    ],
)
async def test_a_failure_after_the_request_was_written_is_not_a_refusal(behaviour: Behaviour) -> None:
    async with serve(behaviour) as peer:
        assert (await failure(peer.url)).written


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="before the answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="within the headers"),
        pytest.param(http(200, b'{"orderId":"C02__1"}')[:-5], id="within the body"),
    ],
)
@in_virtual_time
async def test_a_timeout_after_the_request_was_written_is_not_a_refusal(beginning: bytes) -> None:
    async def begin(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(beginning)
        await connection.wait_for_end()

    async with serve(begin) as peer:
        before_s = anyio.current_time()
        assert (await failure(peer.url)).written
        assert anyio.current_time() - before_s == pytest.approx(PATIENCE_S)
        assert peer.counts == {"POST": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_cancelled_request_is_cancelled_and_not_answered(method: str) -> None:
    async with serve(silence) as peer, open_transport(peer.url) as transport, anyio.create_task_group() as tasks:
        outcomes = []

        async def ask() -> None:
            outcomes.append(await send(transport, method))

        tasks.start_soon(ask)
        while not peer.requests:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert not outcomes
    assert peer.counts == {method: 1}


# --- arbitrary bytes from a server are a reply or an unknown outcome


LINES = st.one_of(
    st.sampled_from(
        [
            b"Content-Length: 3", b"Content-Length: 10", b"Content-Length: x", b"Content-Length: 99999999999999999999",
            b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Content-Encoding: gzip",
            b"Content-Encoding: deflate", b"Content-Encoding: br", b"Connection: close", b"Connection: upgrade",
            b"Upgrade: websocket", b"Retry-After: " + b"9" * 5_000, b"Retry-After: \xb2", b"Set-Cookie: \x01=\xff",
            b"Content-Type: \xff/\xfe", b": empty", b"no colon", b" folded", b"Location: http://[",
        ]
    ),
    st.binary(max_size=20),
)  # fmt: skip
STATUS_LINES = st.one_of(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 101 Up", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No",
                     b"HTTP/1.1 400", b"HTTP/1.1 099 Low", b"HTTP/1.1 1000 High", b"HTTP/2 200", b"ICY 200 OK"]),
    st.binary(max_size=20),
)  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"3\r\nabc\r\n0\r\n\r\n", b"\x1f\x8b\x08", b"x" * 100]) | st.binary(max_size=40)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    head = [draw(STATUS_LINES), *draw(st.lists(LINES, max_size=4))]
    return b"\r\n".join(head) + b"\r\n\r\n" + draw(BODIES)


@given(answer=answers())
@settings(max_examples=100, deadline=None)
async def test_any_bytes_from_a_server_are_a_reply_or_an_unknown_outcome(answer: bytes) -> None:
    async with serve(reply_and_hang_up(answer)) as peer:
        outcome = await post(peer.url)
    assert isinstance(outcome, Reply) or no_secret_in(outcome) == Failure(written=True, why=outcome.why)


# --- tools


class Resolver(AbstractResolver):
    """Fails with the given error, or never answers."""

    def __init__(self, error: OSError | None) -> None:
        self._error = error

    async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
        """Resolve nothing."""
        while self._error is None:
            await anyio.sleep_forever()
        raise self._error

    async def close(self) -> None:
        """Do nothing."""
