"""The gate: why signals are not accepted, leases not granted and orders not sent at the moment.

There are seven reasons: the daemon's stage (starting, draining), the kill switch, a preflight without an answer, a
database whose check is not over, in a fleet requests that waited for an owner or a lease that is about to end, and a
failure that ends the process. They are combined here, so that no caller has to.
Waits that the exchange asks for are not a part of the gate, because they end by themselves
(:mod:`daemon.core.rules.backoff`, :mod:`daemon.core.rules.rate`).
"""

from enum import StrEnum

from daemon.core.rules.lease_fence import HeldLease, may_decide

CHECKING = "the database is being checked, which a start does before anything is sent"
"""Why an order waits while the check of the database is not over."""

LEASE_ENDS = "the lease of this member of the fleet has ended or is about to, and was not renewed"
"""Why an order waits when the owner's lease leaves no time for it."""


class Stage(StrEnum):
    """The stage of the daemon's life."""

    STARTING = "starting"
    STANDBY = "standby"  # in a fleet: another member owns the account, and answers what is asked here
    READY = "ready"
    DRAINING = "draining"


class Gate:
    """What is allowed at the moment. It begins closed, in the stage ``starting``."""

    def __init__(self) -> None:
        self.stage = Stage.STARTING
        self.halted: str | None = None  # the reason, while the kill switch is on
        self.preflight_pending: str | None = None  # why no order is sent yet
        self.check_pending = False  # what the database shows may be wrong: nothing is granted or sent yet
        self.backlog_pending = False  # what waited for an owner is decided first, so that it is served by rank
        self.lease: HeldLease | None = None  # in a fleet: until when requests of this member may be admitted
        self.is_open = False  # after recovery and before draining
        self.takes_signals = False  # while open, and while draining if another process follows

    @property
    def grants_leases(self) -> bool:
        """Whether leases are granted."""
        return self.is_open and not self.check_pending and not self.backlog_pending

    @property
    def sends_orders(self) -> bool:
        """Whether orders are sent."""
        return self.grants_leases and self.halted is None and self.preflight_pending is None

    def has_lease(self, exchange_ms: int) -> bool:
        """Whether the lease leaves time to send an order that is decided now, by the exchange's clock."""
        return may_decide(self.lease, exchange_ms)

    def why_no_turn(self, exchange_ms: int) -> str | None:
        """Return why no order has its turn now, where that is neither the kill switch nor the preflight."""
        if self.check_pending:
            return CHECKING
        return None if self.has_lease(exchange_ms) else LEASE_ENDS

    def stand_by(self) -> None:
        """Allow nothing, and wait for the account: another member of the fleet owns it."""
        self.stage = Stage.STANDBY

    def open(self, *, check_pending: bool = False, backlog_pending: bool = False) -> None:
        """Allow everything: recovery is over. With one of the flags, nothing is granted or sent yet."""
        self.stage = Stage.READY
        self.check_pending, self.backlog_pending = check_pending, backlog_pending
        self.is_open = self.takes_signals = True

    def drain(self, *, hands_over: bool) -> None:
        """Send and grant nothing more; with ``hands_over``, still accept signals, for the process that follows."""
        self.stage = Stage.DRAINING
        self.is_open, self.takes_signals = False, hands_over

    def close(self) -> None:
        """Allow nothing: the engine has ended."""
        self.is_open = self.takes_signals = False
