"""Rules for the clocks: what follows from a step of the daemon's, from a measurement of the exchange's, and from both.

The daemon's clock steps forward when the machine's clock was behind and was corrected. Durations keep their length: the
step does not shorten a lease, nor a wait that the exchange asked for. A deadline that counts from the acceptance of an
order comes sooner by the step. An ``executeAt``, and a deadline that counts from it, are instants of the exchange's
clock, which did not step: they stay. Only before that clock is measured they come sooner too.

When the exchange's clock is measured, these instants move on the daemon's clock. An armed order fires by the measured
clock itself. Its place in the rate budget moves with it, once that is worth the effort: it is armed anew.
"""

from daemon.core.state.decision import Decision
from daemon.core.verbs.dispatch import disarm_all, tick

FAR_MS = 60_000
"""From this difference on, a clock is wrong, and so are the times that are recorded by it."""

MOVED_MS = 100
"""By so much, a tenth of the window of the rate limit, the instants of armed orders may move before they are armed
anew. Measurements differ by less, unless a clock stepped."""


def disagreement(offset_ms: int | None) -> str | None:
    """Return what is wrong with the daemon's clock; ``None`` if it is right, or not known to be wrong.

    Args:
        offset_ms: the exchange's clock minus the daemon's.

    """
    if offset_ms is None or abs(offset_ms) <= FAR_MS:
        return None
    where = "behind" if offset_ms > 0 else "ahead of"
    return (
        f"the daemon's clock is {abs(offset_ms) / 1_000:,.0f} s {where} the exchange's: orders are sent by the "
        "exchange's clock, but every recorded time is wrong by as much; set the machine's clock right (timedatectl), "
        "and if the daemon stays ahead then, stop it and run `sniperd reset-clock`"
    )


def measured(d: Decision, offset_ms: int) -> None:
    """Take the offset of the exchange's clock to ours, as it was measured, and do what is due by it."""
    exchange_time = d.state.exchange_time
    moved_ms = exchange_time.offset_ms - offset_ms
    exchange_time.offset_ms, exchange_time.is_measured = offset_ms, True
    _moved(d, moved_ms)
    tick(d)


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
    if d.state.exchange_time.is_measured:
        d.state.exchange_time.offset_ms -= step_ms
        _moved(d, step_ms)
    else:
        d.state.exchange_time.offset_ms = 0  # the daemon's clock is the machine's now


def _moved(d: Decision, moved_ms: int) -> None:
    """Arm orders anew if their instants have moved far on our clock since they were armed."""
    exchange_time = d.state.exchange_time
    exchange_time.moved_ms += moved_ms
    if d.state.rules.former_until_ms:
        d.state.set_former_lease(d.state.rules.former_until_ms + moved_ms)
    if abs(exchange_time.moved_ms) > MOVED_MS:
        exchange_time.moved_ms = 0
        disarm_all(d, "the exchange's clock was measured, and its instant moved")
