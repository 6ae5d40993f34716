"""The log: one line per event, JSON for programs, words for people at a terminal (:mod:`daemon.event_lines`).

Every line is an event of the catalogue (:data:`daemon.core.values.events.CATALOGUE`); there is no free text. Keys of
an event in JSON: ``at`` (UTC), ``level``, ``event``, ``order_id``, ``resource``, ``client_order_id``, ``lock_id``,
``state``, ``actor`` where they apply, then its own.

Two measures keep secrets out: a :class:`daemon.config.credentials.Secret` is never an event's value, and known secrets
are redacted from every line, also in messages of libraries.

A separate thread writes the lines, so that a stalled reader never stalls trading. When too many lines wait, new ones
are dropped and counted, and ``log.dropped`` shows the number of missing ``lines`` at that place.
"""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, Literal

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from daemon.config.credentials import Secret
from daemon.core.values.events import CATALOGUE, DAEMON, Event, Level, level_of
from daemon.core.views.event_text import shown_level
from daemon.event_lines import EventLines, has_colours

MAX_WAITING = 20_000
"""Lines that may wait for a reader before new ones are dropped."""

Emit = Callable[[Event], None]
Form = Literal["auto", "json", "text"]
"""How events are written. "auto" is text at a terminal, and JSON elsewhere."""

_LEVELS = {name: kind.level.name.lower() for name, kind in CATALOGUE.items()}
_encode = msgspec.json.Encoder().encode


class Log:
    """Writes events as lines."""

    def __init__(self, stream: BinaryIO, *, level: str, form: Form) -> None:
        is_text = form == "text" or (form == "auto" and stream.isatty())
        self._lines = EventLines(colours=has_colours(stream)) if is_text else None
        self._writer = _LineWriter(stream)
        self._level = Level[level.upper()]
        self._secrets: list[str] = []
        self._redacted_forms: list[bytes] = []
        self._last_ms = 0
        self._logger: FilteringBoundLogger = structlog.wrap_logger(self._writer, processors=[self._render]).bind()

    def redact(self, secrets: Iterable[Secret]) -> None:
        """Replace these secrets in every line from now on."""
        known = {*self._secrets, *(secret.reveal() for secret in secrets)}
        self._secrets = sorted(known, key=len, reverse=True)  # longest first: one may be a part of another
        self._redacted_forms = [form for secret in self._secrets for form in {secret.encode(), _escaped(secret)}]

    def redacted(self, line: bytes) -> bytes:
        """Return a line of JSON with the known secrets replaced by ``***``."""
        for secret in self._redacted_forms:
            line = line.replace(secret, b"***")
        return line

    def set_level(self, level: str) -> None:
        """Set the lowest level that is written."""
        self._level = Level[level.upper()]

    def emit(self, event: Event) -> None:
        """Write an event, if its level is high enough."""
        level = level_of(event.name)
        if (level if self._lines is None else shown_level(event.name, level)) < self._level:
            return
        self._last_ms = event.at_ms
        if self._writer.has_room:
            self._put_dropped()
        if self._lines is not None:
            self._logger.log(level, event.name, source=event)
        else:  # structlog would take twice the time of the line itself
            self._writer.msg(self.redacted(_json_line(_fields(event, _LEVELS.get(event.name, "info")))))

    def close(self) -> None:
        """Write the waiting lines, within a second, and end the thread."""
        self._put_dropped()
        self._writer.close()

    def _put_dropped(self) -> None:
        if not (dropped := self._writer.take_dropped()):
            return
        if self._lines is not None:
            self._writer.put(f"{self._lines.dropped(dropped, self._last_ms)}\n".encode())
            return
        fields = {"at": _at(self._last_ms), "level": "error", "event": "log.dropped", "lines": dropped}
        self._writer.put(_json_line(fields))

    def _render(self, _logger: WrappedLogger, level: str, event_dict: EventDict) -> bytes:
        assert self._lines is not None
        line = self._lines.line(self._without_secrets(event_dict["source"]), Level[level.upper()])
        return self.redacted(f"{line}\n".encode())

    def _without_secrets(self, event: Event) -> Event:
        """Redact secrets in the values, because the words for people may escape and cut them."""
        fields = msgspec.structs.asdict(event)
        shown = " ".join(str(value) for value in (*fields.values(), *event.detail.values()))
        if not any(secret in shown for secret in self._secrets):
            return event
        hidden = {name: self._hidden(value) for name, value in fields.items()}
        return Event(**hidden | {"detail": {name: self._hidden(value) for name, value in event.detail.items()}})

    def _hidden(self, value: Any) -> Any:  # noqa: ANN401  # any field of an event
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "***")
        return value


class _LineWriter:
    """Writes lines in a thread; structlog's innermost logger."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._dropped = 0
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def msg(self, line: bytes) -> None:
        """Queue a line, or drop it if too many wait."""
        if self.has_room:
            self._lines.put(line)
        else:
            self._dropped += 1

    debug = info = warning = error = critical = msg

    @property
    def has_room(self) -> bool:
        """Whether the queue has room for a line."""
        return self._lines.qsize() < MAX_WAITING

    def put(self, line: bytes) -> None:
        """Queue a line, however many wait."""
        self._lines.put(line)

    def take_dropped(self) -> int:
        """Return the number of lines dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def close(self) -> None:
        """End the thread when all lines are written, or after a second.

        Lines that cannot be written, as after a terminal was closed, are discarded: otherwise the interpreter would
        try again at its end, and change the exit code.
        """
        self._lines.put(None)
        self._thread.join(timeout=1)
        if self._thread.is_alive():
            return
        try:
            self._stream.flush()
        except (OSError, ValueError):
            discard_output(self._stream)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            while not self._lines.empty() and (line := self._lines.get()) is not None:
                lines.append(line)
            try:
                self._stream.write(b"".join(lines))
                self._stream.flush()
            except (OSError, ValueError):
                pass  # the reader is gone; trading continues
            if line is None:
                return


def discard_output(stream: BinaryIO) -> None:
    """Redirect a stream that cannot be written to the null device."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _escaped(secret: str) -> bytes:
    """Return a secret as it appears within a JSON string."""
    return msgspec.json.encode(secret)[1:-1]


def _fields(event: Event, level: str) -> dict[str, object]:
    """Return a line's keys and values; what an event does not have is left out."""
    fields: dict[str, object] = {"at": _at(event.at_ms), "level": level, "event": event.name}
    if event.order_id is not None:
        fields["order_id"] = event.order_id
    if event.resource is not None:
        fields["resource"] = event.resource
    if event.client_order_id is not None:
        fields["client_order_id"] = event.client_order_id
    if event.lock_id is not None:
        fields["lock_id"] = event.lock_id
    if event.state is not None:
        fields["state"] = event.state
    if event.actor != DAEMON:
        fields["actor"] = event.actor
    return fields | {key: value for key, value in event.detail.items() if value is not None}


def _at(at_ms: int) -> str:
    return f"{_second(at_ms // 1_000)}.{at_ms % 1_000:03}+00:00"


@lru_cache(maxsize=8)  # consecutive lines show the same second
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def _json_line(fields: dict[str, object]) -> bytes:
    try:
        return _encode(fields) + b"\n"
    except UnicodeEncodeError:  # a path or header that was not UTF-8 holds lone surrogates
        return _encode({key: _replaced(value) for key, value in fields.items()}) + b"\n"


def _replaced(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def errors_are_lines() -> bool:
    """Whether standard error goes to the same place as a log that is no terminal, as in the journal."""
    return errors_go_with_the_log() and not sys.stdout.isatty()


def errors_go_with_the_log() -> bool:
    """Whether standard error and the log go to the same place. Then a fatal error is written to only one of them."""
    try:
        output, errors = os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return (output.st_dev, output.st_ino) == (errors.st_dev, errors.st_ino)


def write_error(text: str) -> None:
    """Write to standard error without its buffer; drop what cannot be written.

    A buffered write that fails or blocks, as on a closed or stopped terminal, leaves its text in the buffer. The
    interpreter flushes the buffer at its end, and would block too, or change the exit code.
    """
    data = text.encode("utf-8", "backslashreplace")
    with suppress(OSError, ValueError):
        while data:
            data = data[os.write(sys.stderr.fileno(), data) :]


def standard_output() -> BinaryIO:
    """Return the log's stream."""
    return sys.stdout.buffer
