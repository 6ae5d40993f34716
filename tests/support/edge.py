"""An edge before a server: a relay that a test can pause or make a black hole, or that takes an irregular time."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.support.waiting import eventually

CHUNK = 65_536
TURNS = 10
"""More turns of the loop than a new connection takes until its task runs, or a closed one until its socket closes."""


class Edge:
    """A relay in its own thread. It does not interpret the bytes, so it can relay TLS."""

    def __init__(self, url: str, *, longest_ms: int = 0) -> None:
        """What a client sends takes a random time of at most ``longest_ms``."""
        self._to = urlsplit(url)
        self._longest_ms = longest_ms
        self._dice = Random(1)  # noqa: S311  # a simulation
        self._loop = asyncio.new_event_loop()
        self._ready = Event()
        self._passes = asyncio.Event()  # what clients send
        self._passes_back = asyncio.Event()
        self._stop = asyncio.Event()
        self._held = 0
        self._connections: set[asyncio.StreamWriter] = set()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Stop, and close all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def hold(self) -> None:
        """Hold back what clients send from now on."""
        self._call(self._passes.clear)

    def swallow(self) -> None:
        """Be a black hole: hold back what either side sends from now on, and close nothing."""
        self._call(self._passes.clear)
        self._call(self._passes_back.clear)

    def release(self) -> None:
        """Relay the held bytes, and everything from now on."""
        self._call(self._passes.set)
        self._call(self._passes_back.set)

    def cut(self) -> None:
        """Close every connection, so that the next request needs a new one."""
        self._call(self._close_all)

    def wait_for_held(self) -> None:
        """Wait until the edge holds back bytes of a client."""
        eventually(lambda: self._held, "bytes that the edge holds back")

    def _close_all(self) -> None:
        for writer in self._connections:
            writer.close()

    def _call(self, work: Callable[[], None]) -> None:
        done = Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    async def _main(self) -> None:
        self._passes.set()
        self._passes_back.set()
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.url = f"{self._to.scheme}://{host}:{port}"
        self._ready.set()
        await self._stop.wait()
        asyncio.get_running_loop().remove_reader(server.sockets[0].fileno())  # it accepts nothing more
        await _turns()  # what was just accepted begins: neither the server nor a task that has not begun would close it
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await _turns()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        with suppress(OSError, asyncio.CancelledError):
            from_server, to_server = await asyncio.open_connection(self._to.hostname, self._to.port)
            ends.append(to_server)
            self._connections.update(ends)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._copy(reader, to_server))
                tasks.create_task(self._copy_back(from_server, writer))
        for end in ends:
            end.close()
            self._connections.discard(end)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                if not self._passes.is_set():
                    self._held += 1
                    await self._passes.wait()
                    self._held -= 1
                if self._longest_ms:
                    await asyncio.sleep(self._dice.uniform(0, self._longest_ms) / 1_000)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _copy_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                await self._passes_back.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


@contextmanager
def edge_before(url: str, *, longest_ms: int = 0) -> Iterator[Edge]:
    """Run a relay to a server; it relays everything until `Edge.hold`."""
    edge = Edge(url, longest_ms=longest_ms)
    edge.start()
    try:
        yield edge
    finally:
        edge.stop()
