"""The paper exchange: the simulated MEXC as a separate process, started and restarted by the daemon.

It is a separate process with its own database, like the real exchange: a daemon that is killed finds
its orders there again. It ends with the daemon and starts with it.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from daemon.clock import Clock
from daemon.core.values.events import Event
from daemon.errors import CannotCreate

START_S = 10
PAUSE_S = 1.0
"""Pause before a restart."""
RETRY_S = 0.2
"""Pause before the next attempt to open a book that is in use."""

BOOK_IN_USE = 75
"""Exit code of an exchange whose book is in use by another process."""

KEY_NAMES = ("MEXC_API_KEY", "MEXC_SECRET_KEY", "CREDENTIALS_DIRECTORY")
"""Removed from its environment: it must not see the real exchange's keys."""


class _Listening(msgspec.Struct):
    """The line that it prints when it accepts connections."""

    url: str


class PaperExchange:
    """The process, restarted when it ends."""

    def __init__(
        self,
        book: Path,
        environ: Mapping[str, str],
        clock: Clock,
        emit: Callable[[Event], None],
        follow: str | None = None,
        *,
        spends_all: bool = False,
    ) -> None:
        """Create it without starting it.

        Args:
            follow: the real market whose prices and rules it uses.
            spends_all: a market buy by amount spends all of it, instead of about 95 % as on MEXC.

        """
        self.url = ""
        self._options = [] if follow is None else ["--follow", follow]
        self._options += ["--spend-all"] if spends_all else []
        self._book = book
        self._environ = {name: value for name, value in environ.items() if name not in KEY_NAMES}
        self._clock = clock
        self._emit = emit
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it and wait until it accepts connections.

        The exchange of a daemon that was killed may still have the book open for a moment; this waits for it.

        Raises:
            CannotCreate: it did not start.

        """
        try:
            with anyio.fail_after(START_S):
                while not await self._launch():  # noqa: ASYNC110  # a lock on a file is no event
                    await anyio.sleep(RETRY_S)
        except (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound, msgspec.DecodeError):
            raise CannotCreate(
                f"the paper exchange did not start; run it alone to see why: sniperd exchange --db {self._book}"
            ) from None
        assert self._process is not None
        self._emit_event("exchange.started", url=self.url, pid=self._process.pid)

    async def _launch(self) -> bool:
        """Start the process and read its address; return ``False`` if the book is in use."""
        address = self.url.removeprefix("http://") or "127.0.0.1:0"
        command = [sys.executable, "-m", "daemon", "exchange", "--listen", address, "--db", os.fspath(self._book)]
        self._process = await anyio.open_process(
            [*command, *self._options, "--die-with-parent"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None,
            env=self._environ,
            start_new_session=True,  # signals from the terminal are for the daemon only
        )
        assert self._process.stdout is not None
        lines = BufferedByteReceiveStream(self._process.stdout)
        try:
            first = await lines.receive_until(b"\n", 4_096)
        except anyio.IncompleteRead:
            if await self._process.wait() == BOOK_IN_USE:
                return False
            raise
        self.url = msgspec.json.decode(first, type=_Listening).url
        return True

    async def keep_up(self) -> None:
        """Restart it whenever it ends, until cancelled."""
        while True:
            assert self._process is not None
            code = await self._process.wait()
            self._emit_event("exchange.ended", exit_code=code)
            await anyio.sleep(PAUSE_S)
            await self.start()

    async def stop(self) -> None:
        """Terminate it and wait until it has ended."""
        if self._process is None or self._process.returncode is not None:
            return
        with anyio.CancelScope(shield=True):
            self._process.terminate()
            with anyio.move_on_after(START_S):
                await self._process.wait()
                return
            self._process.kill()
            await self._process.wait()

    def _emit_event(self, name: str, **detail: str | int) -> None:
        self._emit(Event(name=name, at_ms=self._clock.now_ms(), detail=dict(detail)))


@asynccontextmanager
async def paper_exchange(
    book: Path,
    environ: Mapping[str, str],
    clock: Clock,
    emit: Callable[[Event], None],
    *,
    follow: str | None = None,
    spends_all: bool = False,
) -> AsyncIterator[PaperExchange]:
    """Run the paper exchange while the context lasts.

    Raises:
        CannotCreate: it did not start.

    """
    exchange = PaperExchange(book, environ, clock, emit, follow, spends_all=spends_all)
    try:
        await exchange.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.keep_up)
            yield exchange
            tasks.cancel_scope.cancel()
    finally:
        await exchange.stop()
