"""The paper exchange: the simulated MEXC as a process beside the daemon, started and kept up by it.

A process of its own, with a book on its own disk, because that is what it stands in for: a daemon that is killed finds
its orders there again. It ends with the daemon and comes back with it.
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
"""Between the end of one process and the start of the next."""
RETRY_S = 0.2
"""Until a book that another has open is tried again."""

BOOK_IN_USE = 75
"""Exit code of an exchange whose book another has open."""

KEY_NAMES = ("MEXC_API_KEY", "MEXC_SECRET_KEY", "CREDENTIALS_DIRECTORY")
"""Left out of its environment: the real exchange's keys are none of its business."""


class _Listening(msgspec.Struct):
    """The line by which it says that it accepts."""

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
        """Prepare it.

        Args:
            follow: the real market whose prices and rules it takes over.
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
        """Start it and wait until it accepts.

        The process of a daemon that was killed a moment ago may still have the book open: that is waited for.

        Raises:
            CannotCreate: it did not come up.

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
        self._tell("exchange.started", url=self.url, pid=self._process.pid)

    async def _launch(self) -> bool:
        """Start the process and read where it is reached; return ``False`` if another has the book open."""
        address = self.url.removeprefix("http://") or "127.0.0.1:0"
        command = [sys.executable, "-m", "daemon", "exchange", "--listen", address, "--db", os.fspath(self._book)]
        self._process = await anyio.open_process(
            [*command, *self._options, "--die-with-parent"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None,
            env=self._environ,
            start_new_session=True,  # what a terminal sends to all of its processes, the daemon answers alone
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
        """Start it again whenever it ends, until cancelled."""
        while True:
            assert self._process is not None
            code = await self._process.wait()
            self._tell("exchange.ended", exit_code=code)
            await anyio.sleep(PAUSE_S)
            await self.start()

    async def stop(self) -> None:
        """End it, and wait for its end."""
        if self._process is None or self._process.returncode is not None:
            return
        with anyio.CancelScope(shield=True):
            self._process.terminate()
            with anyio.move_on_after(START_S):
                await self._process.wait()
                return
            self._process.kill()
            await self._process.wait()

    def _tell(self, name: str, **detail: str | int) -> None:
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
        CannotCreate: it did not come up.

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
