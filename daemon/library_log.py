"""Turns the log records of libraries into events, so that every line of the log is an event.

aiohttp's server logs each malformed HTTP request with a traceback. That is a caller's mistake, and one line is enough.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp.http_exceptions import HttpProcessingError

from daemon.clock import Clock
from daemon.core.values.events import Detail, Event


class _AsEvents(logging.Handler):
    """Emits log records as events."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        """Emit a record as an event."""
        error = record.exc_info[1] if record.exc_info else None
        now_ms = self._clock.now_ms()
        if isinstance(error, HttpProcessingError):
            text = "the request is not valid HTTP: " + " ".join(error.message.split())[:200]
            refused: dict[str, Detail] = {"status": error.code, "code": "bad_request", "message": text}
            self._emit(Event(name="request.refused", at_ms=now_ms, detail=refused))
            return
        how = None if error is None else "".join(traceback.format_exception(error))
        detail: dict[str, Detail] = {"library": record.name, "message": record.getMessage(), "traceback": how}
        self._emit(Event(name="daemon.library", at_ms=now_ms, detail=detail))


@contextmanager
def libraries_logged(clock: Clock, emit: Callable[[Event], None]) -> Iterator[None]:
    """Emit the log records and warnings of libraries as events, from level warning on."""
    handler = _AsEvents(clock, emit)
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        logging.captureWarnings(capture=False)
