"""The daemon's stages: trading opens, what it waits for first ends, a lease is renewed, the daemon drains."""

from daemon.core.rules.lease_fence import HeldLease
from daemon.core.state.decision import Decision
from daemon.core.verbs.dispatch import disarm_all
from daemon.core.verbs.operator import halt


def open_trading(d: Decision, *, check_pending: bool = False, backlog_pending: bool = False) -> None:
    """Accept signals and send orders: recovery is over.

    With ``check_pending``, orders wait for :func:`end_check`; with ``backlog_pending``, for :func:`end_backlog`.
    """
    d.state.gate.open(check_pending=check_pending, backlog_pending=backlog_pending)


def end_backlog(d: Decision) -> None:
    """Send orders and grant leases: the signals that waited for an owner of the account have joined the queue."""
    d.state.gate.backlog_pending = False


def end_check(d: Decision) -> None:
    """Send orders and grant leases: the database has passed its check."""
    d.state.gate.check_pending = False


def end_preflight(d: Decision, unfit: str | None) -> None:
    """Let orders be sent, or halt with the reason why the exchange does not let this account trade."""
    d.state.gate.preflight_pending = None
    if unfit is not None:
        halt(d, reason=unfit)


def extend_lease(d: Decision, lease: HeldLease) -> None:
    """Send orders until the new end of the lease: the fleet's database has acknowledged it."""
    d.state.gate.lease = lease


def drain(d: Decision, *, hands_over: bool) -> None:
    """Send nothing new, and take back what is armed. ``hands_over``: signals are queued for the next process."""
    d.state.gate.drain(hands_over=hands_over)
    disarm_all(d, "the daemon stops")
