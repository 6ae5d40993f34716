"""What the engine tells of its own speed, after the fact: nothing is observed on the way to the wire but a clock."""

from typing import Protocol

import msgspec

from daemon.clock import stopwatch_s
from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer


class Timing(msgspec.Struct):
    """When an attempt passed where, by the stopwatch; ``None`` where it did not."""

    begun_s: float  # decided; of an armed order, its instant
    wire_s: float | None = None  # the connection stands and the gate opened: the next thing is the first byte
    answered_s: float | None = None

    def begin(self) -> None:
        """Let it begin now."""
        self.begun_s = stopwatch_s()


class Observer(Protocol):
    """Whoever keeps figures."""

    def attempted(self, send: Send, answer: Answer, timing: Timing) -> None:
        """Take in an attempt whose answer has been recorded."""
        ...

    def committed(self, took_s: float) -> None:
        """Take in a commit."""
        ...


class NullObserver:
    """Keeps no figures."""

    def attempted(self, send: Send, answer: Answer, timing: Timing) -> None:
        """Take nothing in."""

    def committed(self, took_s: float) -> None:
        """Take nothing in."""


NULL_OBSERVER = NullObserver()
