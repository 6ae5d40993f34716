"""The gate: why signals are not accepted, leases not granted and orders not sent at the moment.

There are four reasons: the daemon's stage (starting, draining), the kill switch, a preflight without an answer, and a
failure that ends the process. They are combined here, so that no caller has to. Waits that the exchange asks for are
not a part of the gate, because they end by themselves
(:mod:`daemon.core.rules.backoff`, :mod:`daemon.core.rules.rate`).
"""

from enum import StrEnum


class Stage(StrEnum):
    """The stage of the daemon's life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Gate:
    """What is allowed at the moment. It begins closed, in the stage ``starting``."""

    def __init__(self) -> None:
        self.stage = Stage.STARTING
        self.halted: str | None = None  # the reason, while the kill switch is on
        self.preflight_pending: str | None = None  # why no order is sent yet
        self.is_open = False  # after recovery and before draining: leases are granted
        self.takes_signals = False  # while open, and while draining if another process follows

    @property
    def sends_orders(self) -> bool:
        """Whether orders are sent."""
        return self.is_open and self.halted is None and self.preflight_pending is None

    def open(self) -> None:
        """Allow everything: recovery is over."""
        self.stage = Stage.READY
        self.is_open = self.takes_signals = True

    def drain(self, *, hands_over: bool) -> None:
        """Send and grant nothing more; with ``hands_over``, still accept signals, for the process that follows."""
        self.stage = Stage.DRAINING
        self.is_open, self.takes_signals = False, hands_over

    def close(self) -> None:
        """Allow nothing: the engine has ended."""
        self.is_open = self.takes_signals = False
