"""The gate: no byte of an order's request is sent before the order is durable and the gate allows sending."""

import asyncio
import socket
from typing import Any

import aiohttp
import anyio
import pytest
from anyio.lowlevel import checkpoint

from daemon.core.values.exchange_replies import NotSent
from daemon.errors import CommitFailed
from daemon.exchange.mexc.transport import Failure, Reply, open_transport

from .clocks import in_virtual_time
from .posting import PATIENCE_S, TARGET, failure, no_secret_in, opens, post, send
from .wire import Connection, Peer, answering, http, serve, settle


async def test_an_open_gate_lets_the_request_be_sent() -> None:
    async with serve(answering(http(200, b"taken"))) as peer:
        assert await post(peer.url, gate=opens) == Reply(200, b"taken")
    assert peer.counts == {"POST": 1}


@pytest.mark.parametrize("warm", [False, True], ids=["first connection", "kept-alive connection"])
async def test_no_byte_is_sent_before_the_gate_opens(*, warm: bool) -> None:
    durable = anyio.Event()
    asked = anyio.Event()

    async def gate() -> None:
        asked.set()
        await durable.wait()

    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        if warm:
            await send(transport, "GET")
        before = peer.bytes_received
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, transport, "POST", gate)
            await asked.wait()
            await settle()
            assert peer.bytes_received == before
            durable.set()
        assert peer.counts["POST"] == 1
        assert peer.bytes_received > before + len(TARGET)


@pytest.mark.parametrize("warm", [False, True], ids=["first connection", "kept-alive connection"])
async def test_no_byte_is_sent_if_the_gate_refuses(*, warm: bool) -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        if warm:
            await send(transport, "GET")
        before = peer.bytes_received
        assert await send(transport, gate=says_no) == NotSent("trading is halted")
        await settle()
        assert peer.bytes_received == before
        assert await send(transport, "GET") == Reply(200, b""), "the transport still works"


async def test_no_byte_is_sent_if_the_gate_fails_and_its_error_propagates() -> None:
    """A failed commit stops the process: its error must not become a reply."""
    async with serve(answering(http(200))) as peer:
        with pytest.raises(CommitFailed, match="disk full"):
            await post(peer.url, gate=fails)
        await settle()
        assert not peer.bytes_received


@in_virtual_time
async def test_a_gate_that_never_opens_ends_with_nothing_written() -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        before_s = anyio.current_time()
        outcome = await send(transport, gate=never_opens)
        assert no_secret_in(outcome) == Failure(written=False, why="TimeoutError: no answer in time")
        assert anyio.current_time() - before_s == pytest.approx(PATIENCE_S)
        assert not peer.bytes_received


async def test_the_gate_is_called_after_the_connection_is_established() -> None:
    """The time to open a connection must not pass between the gate and the first byte."""
    async with serve(answering(http(200))) as peer:

        async def gate() -> None:
            with anyio.fail_after(PATIENCE_S):
                while not peer.connections:
                    await checkpoint()

        assert await post(peer.url, gate=gate) == Reply(200, b"")


@pytest.mark.parametrize("warm", [False, True], ids=["first connection", "kept-alive connection"])
async def test_nothing_runs_between_the_gate_and_the_first_byte(*, warm: bool) -> None:
    """The contract with the event loop: a write reaches the socket within the same iteration of the loop."""
    happened: list[str] = []

    class Watched(socket.socket):
        def send(self, data: Any, flags: int = 0) -> int:
            happened.append("written")
            return super().send(data, flags)

    def watched(address: Any) -> socket.socket:
        return Watched(*address[:3])

    async def gate() -> None:
        happened.clear()
        asyncio.get_running_loop().call_soon(happened.append, "another task ran")

    connector = aiohttp.TCPConnector(socket_factory=watched)
    async with serve(answering(http(200))) as peer, open_transport(peer.url, connector) as transport:
        if warm:
            await send(transport, "GET")
        assert await send(transport, gate=gate) == Reply(200, b"")
        assert happened[:2] == ["written", "another task ran"]
        assert len(peer.connections) == 1


async def test_a_connection_whose_gate_refused_is_used_for_the_next_request() -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        await send(transport, gate=says_no)
        await send(transport, gate=opens)
    assert len(peer.connections) == 1


async def test_a_new_connection_that_ends_before_the_gate_opens_wrote_nothing() -> None:
    async def hang_up(_peer: Peer, connection: Connection) -> None:
        await connection.close()

    async with serve(hang_up) as peer:

        async def gate() -> None:
            while not peer.connections:
                await checkpoint()
            await settle()

        assert not (await failure(peer.url, gate=gate)).written


async def test_the_gate_is_called_once() -> None:
    asked = []

    async def gate() -> None:
        asked.append(True)

    async with serve(answering(http(200))) as peer:
        await post(peer.url, gate=gate)
    assert asked == [True]


async def test_a_caller_cancelled_before_the_gate_sends_nothing() -> None:
    async with serve(answering(http(200))) as peer, open_transport(peer.url) as transport:
        with anyio.CancelScope() as scope:

            async def gate() -> None:
                scope.cancel()
                await checkpoint()

            await send(transport, gate=gate)
        assert scope.cancelled_caught
        await settle()
        assert not peer.bytes_received


async def says_no() -> str:
    return "trading is halted"


async def fails() -> str | None:
    raise CommitFailed("disk full")


async def never_opens() -> str | None:
    await anyio.sleep_forever()
    return None
