"""The log: one line per event, JSON where a machine reads it, colours where a person does.

Every line is an event of the catalogue (:data:`daemon.core.events.CATALOGUE`); there is no free text. Keys of an event:
``at`` (UTC), ``level``, ``event``, ``order_id``, ``resource``, ``client_order_id``, ``lock_id``, ``state``, ``actor``
where they apply, then its own.

Secrets are kept out twice: nothing that holds one is ever an event's value (:class:`daemon.credentials.Secret`), and
every finished line has the known ones struck out, whatever library's message they came in.

Lines are written by a thread of their own. A reader that stalls must not stall trading; when too many lines wait, new
ones are dropped and counted.
"""

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO, Literal

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from daemon.core.events import CATALOGUE, DAEMON, Event, Level
from daemon.credentials import Secret

MAX_WAITING = 20_000
"""Lines that may wait for a reader before new ones are dropped."""

Emit = Callable[[Event], None]


class Log:
    """Turns events into lines."""

    def __init__(self, stream: BinaryIO, *, level: str, form: Literal["auto", "json", "text"]) -> None:
        text = form == "text" or (form == "auto" and stream.isatty())
        self._writer = _LineWriter(stream)
        self._level = Level[level.upper()]
        self._secrets: list[bytes] = []
        self._line = _text_line if text else _json_line
        self._logger: FilteringBoundLogger = structlog.wrap_logger(self._writer, processors=[self._render])

    def keep_out(self, secrets: Iterable[Secret]) -> None:
        """Strike these out of every line from now on."""
        self._secrets += [secret.reveal().encode() for secret in secrets]

    def set_level(self, level: str) -> None:
        """Leave out what is quieter."""
        self._level = Level[level.upper()]

    def emit(self, event: Event) -> None:
        """Write an event, if it is loud enough."""
        level = CATALOGUE[event.name].level
        if level >= self._level:
            self._logger.log(level, event.name, told=event)

    def close(self) -> None:
        """Write what waits, within a second, and end the thread."""
        self._writer.close()

    def _render(self, _logger: WrappedLogger, level: str, event_dict: EventDict) -> bytes:
        line = self._line(_fields(event_dict["told"], level))
        for secret in self._secrets:
            line = line.replace(secret, b"***")
        return line


class _LineWriter:
    """Writes lines from a thread; structlog's innermost logger."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._dropped = 0
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def msg(self, line: bytes) -> None:
        """Take a line to be written."""
        if self._lines.qsize() >= MAX_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            self._lines.put(b'{"level":"error","event":"log.dropped","lines":%d}\n' % self._dropped)
            self._dropped = 0
        self._lines.put(line)

    debug = info = warning = error = critical = msg

    def close(self) -> None:
        """End the thread when all is written, or after a second."""
        self._lines.put(None)
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            while not self._lines.empty() and (line := self._lines.get()) is not None:
                lines.append(line)
            try:
                self._stream.write(b"".join(lines))
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more; trading goes on
                continue
            if line is None:
                return


def _fields(event: Event, level: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "at": datetime.fromtimestamp(event.at_ms / 1_000, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "event": event.name,
        "order_id": event.order_id,
        "resource": event.resource,
        "client_order_id": event.client_order_id,
        "lock_id": event.lock_id,
        "state": event.state,
        "actor": None if event.actor == DAEMON else event.actor,
    }
    return {key: value for key, value in (fields | event.detail).items() if value is not None}


def _json_line(fields: dict[str, object]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"


_console = structlog.dev.ConsoleRenderer(colors=True, timestamp_key="at", pad_event_to=22, sort_keys=False)


def _text_line(fields: dict[str, object]) -> bytes:
    return f"{_console(None, str(fields['level']), fields)}\n".encode()


def standard_output() -> BinaryIO:
    """Return the stream that the log goes to."""
    return sys.stdout.buffer
