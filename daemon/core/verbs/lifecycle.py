"""The daemon's stages: trading opens, the preflight ends, the daemon drains."""

from daemon.core.state.decision import Decision
from daemon.core.verbs.dispatch import disarm_all
from daemon.core.verbs.operator import halt


def open_trading(d: Decision) -> None:
    """Accept signals and send orders: recovery is over."""
    d.state.gate.open()


def end_preflight(d: Decision, unfit: str | None) -> None:
    """Let orders be sent, or halt with the reason why the exchange does not let this account trade."""
    d.state.gate.preflight_pending = None
    if unfit is not None:
        halt(d, reason=unfit)


def drain(d: Decision, *, hands_over: bool) -> None:
    """Send nothing new, and take back what is armed. ``hands_over``: signals are queued for the next process."""
    d.state.gate.drain(hands_over=hands_over)
    disarm_all(d, "the daemon stops")
