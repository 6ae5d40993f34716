"""A network to a server far away: a relay with a delay in each direction, and an end for idle connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

CHUNK = 65_536


@contextmanager
def far_away(url: str, *, delay_s: float, idle_s: float) -> Iterator[str]:
    """Relay to a server; yield the relay's URL.

    Args:
        url: the server's.
        delay_s: how long bytes take in each direction; the first ones take a round trip more, as for TCP's handshake.
        idle_s: a connection on which the client has sent nothing for so long is closed.

    """
    ready, loop, stop = Event(), asyncio.new_event_loop(), asyncio.Event()
    found: list[int] = []
    server = urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.sleep(2 * delay_s)
            from_server, to_server = await asyncio.open_connection(server.hostname, server.port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, to_server, delay_s, idle_s))
                tasks.create_task(_copy(from_server, writer, delay_s, None))

    async def main() -> None:
        listening = await asyncio.start_server(carry, "127.0.0.1", 0)
        found.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        listening.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield f"{server.scheme}://127.0.0.1:{found[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, idle_s: float | None
) -> None:
    """Write each piece ``delay_s`` after it was read, and close after the end."""
    loop = asyncio.get_running_loop()
    try:
        with suppress(OSError):  # TimeoutError is one
            while True:
                async with asyncio.timeout(idle_s):
                    data = await reader.read(CHUNK)
                if not data:
                    break
                loop.call_later(delay_s, writer.write, data)
        await asyncio.sleep(delay_s)
    finally:
        writer.close()
