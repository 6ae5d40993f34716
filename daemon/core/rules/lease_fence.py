"""The second fence of a fleet: no two owners have requests admitted by the exchange at the same time.

A lease has an end by the exchange's clock, *L*. The exchange admits a request with timestamp *ts* and window *w* at its
clock *e* only if ``e <= ts + w`` (recvWindow). Two rules follow:

- **The owner** signs only with ``ts + w <= L``, and not at all when that leaves less than :attr:`HeldLease.window_ms`.
  So whatever delays a request after it was signed, a stopped process or a slow proxy, it is refused after *L*. The
  owner's clock does not matter: if it is wrong, its requests are refused.
- **The next owner** acts only when its own measurement of the exchange's clock, less its error, is past *L*
  (:func:`has_passed`).

Hence ``e(former) <= ts + w <= L < e(next)`` for every pair of admitted requests. The first fence, the log, keeps an
order from being sent twice without any clock (:mod:`daemon.fleet.port`). This one keeps the exchange's rate limits and
the order of service over a takeover, and it makes "not found" worth something after *L*.

An order for an instant is armed only if its instant and the least window lie before *L*. So an order that is not armed
was certainly not sent, and the next owner sends it at its instant.

Without a fleet there is no lease (``None``), and nothing is limited.
"""

import msgspec

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import DRIFT_PPM, Offset

LEAST_WINDOW_MS = 250
"""The shortest window in which a request is worth sending: the way to the exchange, and a slow moment of ours."""

CLOCKS_DIFFER_MS = 100
"""By how much any two of the exchange's clocks are taken to differ: MEXC has several gateways (assumed)."""

EXTRA_DRIFT_PPM = 100
"""What the next owner adds to the assumed drift of both clocks, :data:`~daemon.core.rules.exchange_clock.DRIFT_PPM`."""


class HeldLease(msgspec.Struct, frozen=True):
    """The lease of the owner, as its end was last acknowledged by the fleet's database."""

    until_ms: int  # Unix ms of the exchange's clock
    clock_error_ms: int = 0  # by how much the owner may be wrong about that clock

    @property
    def window_ms(self) -> int:
        """The least time before its end that a request needs."""
        return LEAST_WINDOW_MS + self.clock_error_ms


def may_decide(lease: HeldLease | None, exchange_ms: int) -> bool:
    """Whether sending may be decided now: after it comes a commit, and then the request still needs its window."""
    return lease is None or exchange_ms + 2 * lease.window_ms <= lease.until_ms


def may_sign(lease: HeldLease | None, exchange_ms: int) -> bool:
    """Whether a request with this timestamp may be sent."""
    return lease is None or exchange_ms + lease.window_ms <= lease.until_ms


def held(until_ms: int, known: Offset, now_ns: int) -> HeldLease:
    """Return a lease as its owner holds it, with its knowledge of the exchange's clock."""
    return HeldLease(until_ms, -(-known.aged(now_ns).uncertainty_ns // NS_PER_MS))


def next_end_ms(known: Offset, now_ns: int, lease_ms: int) -> int:
    """Return the end of a lease that is taken or renewed now. An estimate too high only lengthens the wait for it."""
    return (now_ns + known.middle_ns) // NS_PER_MS + lease_ms


def owners_ms(known: Offset, now_ns: int, last_ms: int) -> int:
    """Return the time with which an owner begins: the exchange's, or the log's latest instant if that is later.

    Machines' clocks differ. A deadline, or the time for which a repeated signal counts as one, must not end sooner
    because another member decides now. So all owners count by one clock, and it never goes back.

    Args:
        known: the exchange's clock minus ours.
        now_ns: our clock.
        last_ms: the latest instant in the log (Unix ms).

    """
    return max(last_ms, (now_ns + known.middle_ns) // NS_PER_MS)


def may_renew(known: Offset, now_ns: int, lease_ms: int) -> bool:
    """Whether an owner may renew: it has heard from the exchange within half a lease.

    An owner that cannot reach the exchange lets its lease end, so that another member can trade.
    """
    return now_ns - known.at_ns <= lease_ms * NS_PER_MS // 2


def has_passed(until_ms: int, known: Offset | None, now_ns: int) -> bool:
    """Whether the end of another's lease has passed for certain, by a measurement of the exchange's clock.

    Args:
        until_ms: the end (Unix ms of the exchange's clock).
        known: the exchange's clock minus ours, as it was measured; it may be old. ``None``: never.
        now_ns: our clock.

    """
    if known is None:
        return False
    age_ns = max(0, now_ns - known.at_ns)
    drift_ns = age_ns * (DRIFT_PPM + EXTRA_DRIFT_PPM) // 1_000_000
    return now_ns + known.lower_ns - drift_ns > (until_ms + CLOCKS_DIFFER_MS) * NS_PER_MS
