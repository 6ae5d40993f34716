"""What libraries log, as events: every line of the daemon is one of its own, whoever has something to say.

aiohttp's server logs each request that is no HTTP with a traceback. That is a caller's mistake like any other, and is
told in one line.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp.http_exceptions import HttpProcessingError

from daemon.clock import Clock
from daemon.core.values.events import Detail, Event


class _AsEvents(logging.Handler):
    """Makes events of records."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        """Make an event of a record."""
        error = record.exc_info[1] if record.exc_info else None
        now_ms = self._clock.now_ms()
        if isinstance(error, HttpProcessingError):
            text = "the request is no HTTP: " + " ".join(error.message.split())[:200]
            refused: dict[str, Detail] = {"status": error.code, "code": "bad_request", "message": text}
            self._emit(Event(name="request.refused", at_ms=now_ms, detail=refused))
            return
        how = None if error is None else "".join(traceback.format_exception(error))
        detail: dict[str, Detail] = {"library": record.name, "message": record.getMessage(), "traceback": how}
        self._emit(Event(name="daemon.library", at_ms=now_ms, detail=detail))


@contextmanager
def libraries_logged(clock: Clock, emit: Callable[[Event], None]) -> Iterator[None]:
    """Tell as events what libraries log and warn of, from warnings on."""
    handler = _AsEvents(clock, emit)
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        logging.captureWarnings(capture=False)
