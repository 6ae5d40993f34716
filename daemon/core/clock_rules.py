"""A step of the daemon's clock: it jumped forward, because the machine's clock was behind and was set right.

Instants mean what they meant: a deadline or an ``executeAt`` comes sooner by the step. Durations keep their length: a
lease that was granted for so long, and a wait that the exchange asked for, are not cut short by it.
"""

from daemon.core.ledger import Ledger
from daemon.core.step import Step


def stepped(ledger: Ledger, step: Step, step_ms: int, now_ms: int) -> None:
    """Move the end of leases and of the exchange's wait along with the clock; ``now_ms`` is after the step."""
    for lock in list(ledger.locks):
        ledger.took(step, ledger.locks.extend(lock, step_ms))
    before_ms = ledger.capacity.blocked_until_ms
    if before_ms > now_ms - step_ms:
        ledger.keep_still(step, before_ms + step_ms, now_ms)
