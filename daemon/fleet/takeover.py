"""When a member takes the account over: decisions over values."""

from typing import NamedTuple

from daemon.core.rules.exchange_clock import Offset
from daemon.core.rules.lease_fence import has_passed
from daemon.fleet.port import Lease

ANY = "*"
"""The successor of an owner that handed the account over to the first other member that takes it."""


class Place(NamedTuple):
    """What a process shares only with an earlier process that is gone: a kernel that runs, and a file that it locked.

    The lock (``flock``) on the database shows that an earlier process with the same file has ended. A copy of the
    database is another file, and a machine that was started from an image has another boot id.
    """

    boot_id: str
    device: int
    inode: int


class LeaseTaken(NamedTuple):
    """The lease that a process took, or was about to take, as its database remembers it."""

    epoch: int
    place: Place


def reason_to_take(
    lease: Lease,
    *,
    member: str,
    place: Place,
    mine: LeaseTaken | None,
    former_until_ms: int,
    successor: str,
    known: Offset | None,
    now_ns: int,
    head_start_ms: int,
    ordered: str | None,
) -> str | None:
    """Return why a member may take the account now; ``None``: it may not.

    - An administrator may order it before the lease ends. The former owner then cannot append any more, so no order is
      sent twice. Both may have requests at the exchange until the lease ends.
    - A process that starts again on the same machine goes on at once (:class:`Place`), unless it handed the account
      over. Its former self has ended, and signs nothing any more. What it had sent is in the log as in flight, and is
      searched for, never sent again.
    - Otherwise the lease must have ended by the exchange's clock, for certain. If the account was handed over to one
      member, the others leave it ``head_start_ms`` to take it; if to any, the former owner leaves it to them as long.

    Args:
        lease: the lease as it is in the database.
        member: this member.
        place: where this process runs.
        mine: the lease that an earlier process took with this database.
        former_until_ms: the latest end of the leases before it. An owner that was replaced early, by an order, may have
            requests admitted until then.
        successor: the member to which the account was handed over, or :data:`ANY`; empty: to none.
        known: the exchange's clock, as it was measured. Nothing is taken before it is known, because the new lease ends
            by that clock.
        now_ns: our clock.
        head_start_ms: how long after the end the successor comes first.
        ordered: why an administrator ordered the takeover.

    """
    if known is None:
        return None
    if ordered is not None:
        return ordered
    if not lease.owner:
        return "nobody owned the account yet"
    if not successor and lease.owner == member and mine == LeaseTaken(lease.epoch, place):
        return "it started again on the same machine"
    is_meant = not successor or successor == member or (successor == ANY and lease.owner != member)
    waits_ms = 0 if is_meant else head_start_ms
    if not has_passed(max(lease.until_ms + waits_ms, former_until_ms), known, now_ns):
        return None
    return "the former owner handed it over" if successor else "the former owner's lease had ended"
