"""Connections of our own: what another thread writes arrives, and what was not written is known."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import anyio
import pytest
from yarl import URL

from daemon.exchange.mexc.answer_parser import MAX_BESIDE
from daemon.exchange.mexc.own_connection import Dialer, OwnConnection, open_dialer
from daemon.exchange.mexc.transport import MAX_BODY, Failure, Reply
from tests.support.tls import certificate

from .wire import Behaviour, Connection, Peer, answering, full_backlog, http, serve, unused_url

REQUEST = b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_S = 10.0


@asynccontextmanager
async def connected(behaviour: Behaviour) -> AsyncIterator[tuple[OwnConnection, Peer]]:
    """Open a connection to a server."""
    async with serve(behaviour) as peer, open_dialer(peer.url) as dial:
        yield await dial(PATIENCE_S), peer


def in_thread(connection: OwnConnection, request: bytes = REQUEST) -> bool:
    """Write in another thread, as the firing thread does."""
    written: list[bool] = []
    thread = Thread(target=lambda: written.append(connection.write(request)))
    thread.start()
    thread.join()
    return written[0]


async def test_a_request_of_another_thread_arrives_and_its_answer_is_read_in_the_loop() -> None:
    async with connected(answering(http(200, b'{"a":1}'), http(429, Retry_After="2"))) as (connection, peer):
        assert not connection.reused
        assert in_thread(connection)
        assert await connection.reply(PATIENCE_S) == Reply(200, b'{"a":1}')
        assert connection.reused
        assert in_thread(connection)
        assert await connection.reply(PATIENCE_S) == Reply(429, b"", 2_000)
        assert len(peer.connections) == 1
        assert [request.head + b"\r\n\r\n" for request in peer.requests] == [REQUEST, REQUEST]


ANSWERS = {
    "in pieces": ([b"HTTP/1.1 200 OK\r\nConte", b"nt-Length: 4\r\n\r\nab", b"cd"], b"abcd"),
    "chunked": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"], b"abcd"),
    "after an interim answer": ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", http(200, b"abcd")], b"abcd"),
    "until the end": ([b"HTTP/1.1 200 OK\r\n\r\nab", b"cd", None], b"abcd"),
    "with connection: close": ([http(200, b"abcd", Connection="close"), None], b"abcd"),
}


@pytest.mark.parametrize(("pieces", "body"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_read_in_every_form(pieces: list[bytes | None], body: bytes) -> None:
    async def answer(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        for piece in pieces:
            if piece is None:
                return
            await connection.send(piece)
            await anyio.sleep(0.005)
        await connection.wait_for_end()

    async with connected(answer) as (connection, _):
        assert connection.write(REQUEST)
        assert await connection.reply(PATIENCE_S) == Reply(200, body)
        assert connection.is_open is (pieces[-1] is not None)


FAILURES = {
    "an end without an answer": b"",
    "half of an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "too long": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + bytes(MAX_BODY + 1),
    "a header without an end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_BESIDE + 1),
    "interim answers without an end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_BESIDE // 28 + 1),
}


@pytest.mark.parametrize("sent", FAILURES.values(), ids=FAILURES)
async def test_anything_else_is_an_unknown_outcome(sent: bytes) -> None:
    async def misbehave(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(sent)

    async with connected(misbehave) as (connection, _):
        assert connection.write(REQUEST)
        outcome = await connection.reply(PATIENCE_S)
        assert isinstance(outcome, Failure)
        assert outcome.written
        assert not connection.is_open


@pytest.mark.parametrize(
    "after", [http(408, "too slow"), http(500, "x", Retry_After="9"), b"\0"], ids=["408", "500", "no HTTP"]
)
@pytest.mark.parametrize("close", [{}, {"Connection": "close"}], ids=["kept", "closed"])
async def test_what_follows_an_answer_does_not_change_it(after: bytes, close: dict[str, str]) -> None:
    """A 408 that arrives with an answer must not count as the answer: the order would be sent again."""
    both = http(200, b"abcd", **close) + after
    async with connected(answering(http(200), both)) as (connection, _):
        for expected in (Reply(200, b""), Reply(200, b"abcd")):
            assert connection.write(REQUEST)
            assert await connection.reply(PATIENCE_S) == expected
        assert not connection.is_open


async def test_without_an_answer_in_time_the_outcome_is_unknown() -> None:
    async with connected(lambda *_: anyio.sleep_forever()) as (connection, _):
        assert connection.write(REQUEST)
        outcome = await connection.reply(0.05)
        assert outcome == Failure(written=True, why="TimeoutError: no answer in time")


@pytest.mark.parametrize("reset", [False, True])
async def test_on_a_connection_that_the_server_has_given_up_not_a_byte_is_written(reset: bool) -> None:
    async def leave(peer: Peer, connection: Connection) -> None:
        await peer.next_request(connection)
        await connection.send(http(200))
        await (connection.reset() if reset else connection.close())

    async with connected(leave) as (connection, peer):
        dropped = asyncio.Event()
        assert connection.write(REQUEST)
        await connection.reply(PATIENCE_S)
        connection.watch(dropped.set)
        await dropped.wait()
        connection.unwatch()
        assert not connection.is_open
        assert not in_thread(connection)
        assert len(peer.requests) == 1


async def test_a_408_on_an_idle_connection_says_that_nothing_was_read() -> None:
    async with connected(answering(http(200), http(408))) as (connection, _):
        for expected in (Reply(200, b""), False):
            assert connection.write(REQUEST)
            outcome = await connection.reply(PATIENCE_S)
            assert (outcome if isinstance(outcome, Reply) else outcome.written) == expected


async def test_a_request_that_is_written_in_part_is_an_unknown_outcome() -> None:
    async with connected(lambda *_: anyio.sleep_forever()) as (connection, _):
        connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        assert in_thread(connection, bytes(8 << 20))
        outcome = await connection.reply(PATIENCE_S)
        assert isinstance(outcome, Failure)
        assert outcome.written
        assert "bytes were written" in outcome.why


@pytest.mark.parametrize("kind", ["refused", "in time"])
async def test_a_connection_that_cannot_be_opened_is_an_error(kind: str) -> None:
    if kind == "refused":
        with pytest.raises(ConnectionRefusedError):
            await Dialer(URL(unused_url()))(PATIENCE_S)
        return
    with full_backlog() as url, pytest.raises(TimeoutError):
        await Dialer(URL(url))(0.05)


@pytest.fixture
def pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that clients trust."""
    file = certificate(tmp_path, 30)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def server_side(pem: Path) -> ssl.SSLContext:
    """Return a server's TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_over_tls_another_thread_writes_and_the_end_is_noticed(pem: Path) -> None:
    leaves = anyio.Event()

    async def answer(peer: Peer, connection: Connection) -> None:
        for _ in range(3):
            await peer.next_request(connection)
            await connection.send(http(200, b"x" * 100_000))
        await leaves.wait()

    async with serve(answer, tls=server_side(pem)) as peer, open_dialer(peer.url) as dial:
        connection = await dial(PATIENCE_S)
        for _ in range(3):
            assert in_thread(connection)
            assert await connection.reply(PATIENCE_S) == Reply(200, b"x" * 100_000)
        assert connection.is_open, "what TLS sends by itself was read with the first answer"
        dropped = asyncio.Event()
        connection.watch(dropped.set)
        leaves.set()
        await dropped.wait()
        assert not in_thread(connection)


async def test_a_certificate_that_is_not_trusted_ends_the_handshake(tmp_path: Path) -> None:
    async with serve(answering(http(200)), tls=server_side(certificate(tmp_path, 30))) as peer:
        with pytest.raises(ssl.SSLCertVerificationError):
            await Dialer(URL(peer.url))(PATIENCE_S)
