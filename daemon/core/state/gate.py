"""The gate: why signals are not accepted, leases not granted and orders not sent at the moment.

Four things can be in the way, and each has one answer to "may this pass?" here, so that no caller combines them itself:
the daemon's stage (starting, draining), the kill switch, a preflight without an answer, and a failure that ends the
process. Waits that the exchange asks for are no part of it: they end by themselves
(:mod:`daemon.core.rules.backoff`, :mod:`daemon.core.rules.rate`).
"""

from enum import StrEnum


class Stage(StrEnum):
    """How far the daemon has come."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Gate:
    """What may pass. It begins closed, in the stage ``starting``."""

    def __init__(self) -> None:
        self.stage = Stage.STARTING
        self.halted: str | None = None  # the reason, while the kill switch is on
        self.preflight_pending: str | None = None  # why no order is sent yet
        self.is_open = False  # recovery is over, draining has not begun: leases are granted
        self.takes_signals = False  # while open, and while draining if another process is to follow

    @property
    def sends_orders(self) -> bool:
        """Whether orders are sent."""
        return self.is_open and self.halted is None and self.preflight_pending is None

    def open(self) -> None:
        """Let everything pass: recovery is over."""
        self.stage = Stage.READY
        self.is_open = self.takes_signals = True

    def drain(self, *, hands_over: bool) -> None:
        """Let nothing out any more; ``hands_over``: signals are still taken, for the process that follows."""
        self.stage = Stage.DRAINING
        self.is_open, self.takes_signals = False, hands_over

    def close(self) -> None:
        """Let nothing pass: the engine has ended."""
        self.is_open = self.takes_signals = False
