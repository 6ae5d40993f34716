"""Notices by NOTIFY and LISTEN: what members tell each other, on a channel of their ledger.

A notice is "sender change subject". A listener that lost its connection makes a new one, and then says that everything
may have changed.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from hashlib import sha256

import anyio
import asyncpg
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from daemon.errors import BackendFailed
from daemon.fleet.port import Change, Notice
from daemon.fleet.postgres_line import DRIVER_ERRORS, TIMEOUT_S, Servers

ROOM = 10_000
"""Notices that wait for a slow reader. More are dropped."""

SILENCE_S = 5.0
"""After this time without a notice, the server is asked whether it is still there."""

RETRY_S = 0.5


def channel(ledger: str) -> str:
    """Return the channel of a ledger: PostgreSQL's names have 63 bytes at most."""
    return f"sniperd_{sha256(ledger.encode()).hexdigest()[:32]}"


async def listen(servers: Servers, channel: str, me: str) -> AsyncIterator[Notice]:
    """Yield the notices of others than ``me``, and reconnect for ever."""
    while True:
        try:
            connection, host = await servers.connect({})
        except BackendFailed:
            await anyio.sleep(RETRY_S)
            continue
        try:
            async with aclosing(_heard(connection, channel, me)) as heard:
                async for notice in heard:
                    yield notice
        except DRIVER_ERRORS:
            servers.leave(host)
            await anyio.sleep(RETRY_S)
        finally:
            connection.terminate()


async def _heard(connection: asyncpg.Connection, channel: str, me: str) -> AsyncGenerator[Notice, None]:
    """Yield what one connection hears, until it breaks."""
    notices, heard = anyio.create_memory_object_stream[Notice](ROOM)
    with notices, heard:
        connection.add_termination_listener(lambda _: notices.close())
        with anyio.fail_after(TIMEOUT_S):
            await connection.add_listener(channel, lambda *what: _pass_on(notices, what[-1], me))
        for change in Change:
            yield Notice(change)
        while not connection.is_closed():
            notice = await _next(heard)
            if notice is not None:
                yield notice
            elif not connection.is_closed():
                with anyio.fail_after(TIMEOUT_S):
                    await connection.execute("SELECT 1")


async def _next(heard: MemoryObjectReceiveStream[Notice]) -> Notice | None:
    """Wait for a notice; ``None``: there is none for a while, or no more."""
    with anyio.move_on_after(SILENCE_S):
        try:
            return await heard.receive()
        except anyio.EndOfStream:
            return None
    return None


def _pass_on(notices: MemoryObjectSendStream[Notice], text: str, me: str) -> None:
    sender, change, subject = text.split(" ", 2)
    if sender != me:
        try:
            notices.send_nowait(Notice(Change(change), subject))
        except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            return
