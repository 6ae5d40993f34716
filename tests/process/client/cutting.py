"""A proxy socket between client and daemon that loses answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Cutter:
    """Forwards requests; it drops the next ``cuts`` answers and closes their connections."""

    def __init__(self, daemon: Path) -> None:
        self.cuts = 0
        self._daemon = daemon

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        there, back = await asyncio.open_unix_connection(self._daemon)
        try:
            while request := await reader.read(65_536):
                back.write(request)
                answer = await there.read(65_536)
                if self.cuts:
                    self.cuts -= 1
                    return
                writer.write(answer)
        except ConnectionError:
            pass  # a client that disconnected gets no answer
        finally:
            back.close()
            writer.close()


@asynccontextmanager
async def cutter(path: Path, daemon: Path) -> AsyncIterator[Cutter]:
    """Listen at ``path`` while the context lasts."""
    made = Cutter(daemon)
    server = await asyncio.start_unix_server(made.serve, path)
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
