"""Rules for the daemon's clock: what follows from a step of it, and when it is too far from the exchange's.

The clock steps forward when the machine's clock was behind and was corrected. Instants stay: a deadline or an
``executeAt`` comes sooner by the step. Durations keep their length: the step does not shorten a lease, nor a wait that
the exchange asked for.
"""

from daemon.core.state.decision import Decision

FAR_MS = 60_000
"""From this difference on, deadlines and the instants of listings mean nothing."""


def disagreement(offset_ms: int | None) -> str | None:
    """Return what is wrong with the daemon's clock; ``None`` if it is right, or not known to be wrong.

    Args:
        offset_ms: the exchange's clock minus the daemon's.

    """
    if offset_ms is None or abs(offset_ms) <= FAR_MS:
        return None
    where = "behind" if offset_ms > 0 else "ahead of"
    return (
        f"the daemon's clock is {abs(offset_ms) / 1_000:,.0f} s {where} the exchange's: every executeAt is missed by "
        "as much; set the machine's clock right (timedatectl), and if the daemon stays ahead then, stop it and run "
        "`sniperd reset-clock`"
    )


def stepped(d: Decision, step_ms: int, facts: dict[str, str]) -> None:
    """Move the ends of leases and of the exchange's wait along with the clock, which has already stepped.

    ``facts`` are stored: the clock's new anchor, for the next process.
    """
    d.changes.facts |= facts
    for lock in list(d.state.locks):
        d.lock_taken(d.state.locks.extend(lock, step_ms))
    before_ms = d.state.rate_budget.backoff_until_ms
    if before_ms > d.now_ms - step_ms:
        d.back_off(before_ms + step_ms)
