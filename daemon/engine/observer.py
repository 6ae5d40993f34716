"""What the engine reports of its own speed, afterwards: while it sends, it only reads a clock."""

from typing import Protocol

import msgspec

from daemon.clock import stopwatch_s
from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer


class Timing(msgspec.Struct):
    """When an attempt reached each step, by the stopwatch in seconds; ``None`` if it did not."""

    begun_s: float  # decided; of an armed order, its instant by the exchange's clock, less the lead
    wire_s: float | None = None  # connected and allowed: the first byte is next
    answered_s: float | None = None

    def begin(self, late_ns: int) -> None:
        """Set the beginning to an instant that was ``late_ns`` ago."""
        self.begun_s = stopwatch_s() - late_ns / 1e9

    def left(self, after_ns: int) -> None:
        """Note that the first byte left ``after_ns`` after the beginning."""
        self.wire_s = self.begun_s + after_ns / 1e9


class Observer(Protocol):
    """Keeps figures."""

    def attempted(self, send: Send, answer: Answer, timing: Timing) -> None:
        """Note an attempt whose answer is recorded."""
        ...

    def committed(self, took_s: float) -> None:
        """Note a commit."""
        ...


class NullObserver:
    """Keeps no figures."""

    def attempted(self, send: Send, answer: Answer, timing: Timing) -> None:
        """Ignore it."""

    def committed(self, took_s: float) -> None:
        """Ignore it."""


NULL_OBSERVER = NullObserver()
