"""The processes of a rehearsal: each ends with it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from daemon.config.credentials import PAPER
from daemon.errors import CannotCreate
from daemon.rehearsal.databases import Database

START_S = 30.0
LOOK_S = 0.05
END_S = 10.0

SERVER_USER = "nobody"
"""As whom the database runs where the rehearsal is root's: PostgreSQL refuses to be."""


class _Listening(msgspec.Struct):
    """The line that the simulated exchange prints when it accepts connections."""

    url: str


def sniperd(*words: str) -> list[str]:
    """Return a command of this very installation."""
    return [sys.executable, "-m", "daemon", *words]


def environment(directory: Path) -> dict[str, str]:
    """Return the environment of daemons and exchange: the example key of MEXC's documentation, and no other."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "PYTHONPATH"}}
    keys = {"MEXC_API_KEY": PAPER.api_key.reveal(), "MEXC_SECRET_KEY": PAPER.api_secret.reveal()}
    return kept | keys | {"HOME": str(directory)}


@asynccontextmanager
async def running(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None, user: str | None = None
) -> AsyncIterator[Process]:
    """Run a process while the context lasts; it writes to a file.

    Raises:
        CannotCreate: there is no such program.

    """
    with log.open("ab") as output:
        try:
            process = await _begin(
                command, stdout=output, stderr=output, env=environ, cwd="/",
                user=user, extra_groups=None if user is None else [],
            )  # fmt: skip
        except OSError as error:
            raise CannotCreate(f"cannot run {command[0]}: {error.strerror}") from error
    try:
        yield process
    finally:
        await end(process)


async def _begin(command: Sequence[str], **options: Any) -> Process:  # noqa: ANN401  # of Popen
    """Begin a process. Signals from the terminal are for the rehearsal only.

    It is shielded: a process that is begun when the rehearsal ends would otherwise be known to nobody, and run on.
    """
    with anyio.CancelScope(shield=True):
        process = await anyio.open_process(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    return process  # noqa: RET504  # for mypy a scope may swallow what happens in it


async def end(process: Process, number: signal.Signals = signal.SIGTERM) -> None:
    """End a process, and wait until it has ended."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.send_signal(number)
        with anyio.move_on_after(END_S):
            await process.wait()
            return
        process.kill()
        await process.wait()


@asynccontextmanager
async def database(server: Database, directory: Path) -> AsyncIterator[None]:
    """Run a database in a directory while the context lasts.

    Raises:
        CannotCreate: it does not start.

    """
    user = _server_user()
    log = directory / "log"
    if server.prepare:
        async with running(server.prepare, log, user=user) as preparing:
            if await preparing.wait():
                raise _failed(server.name, log)
    async with running(server.command, log, user=user) as process:
        with anyio.move_on_after(START_S):
            while process.returncode is None and not await _answers(server):  # noqa: ASYNC110  # no event tells
                await anyio.sleep(LOOK_S)
        if process.returncode is not None or not await _answers(server):
            raise _failed(server.name, log)
        yield


def make_place(directory: Path) -> None:
    """Make the directory of a database."""
    directory.mkdir(mode=0o700)
    user = _server_user()
    if user is not None:
        shutil.chown(directory, user)


def _server_user() -> str | None:
    return SERVER_USER if os.geteuid() == 0 else None


async def _answers(server: Database) -> bool:
    if not server.answers:
        return server.socket.exists()
    return (await anyio.run_process(server.answers, check=False)).returncode == 0


@asynccontextmanager
async def exchange(directory: Path) -> AsyncIterator[str]:
    """Run the simulated exchange while the context lasts; yield its address."""
    process = await _begin(
        sniperd("exchange", "--listen", "127.0.0.1:0", "--die-with-parent"),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(directory),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        try:
            with anyio.fail_after(START_S):
                first = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 4_096)
        except (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead) as error:
            raise CannotCreate("the simulated exchange does not start; see why: sniperd exchange") from error
        yield msgspec.json.decode(first, type=_Listening).url
    finally:
        await end(process)


def tail(log: Path) -> list[str]:
    """Return the latest lines of a file."""
    return log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []


def _failed(name: str, log: Path) -> CannotCreate:
    return CannotCreate("\n".join([f"{name} does not start:", *tail(log)]))
