"""The fleet as one of its members sees it: status, metrics, alerts and the dashboard show this."""

from enum import StrEnum

import msgspec


class Standing(StrEnum):
    """What a member is at present."""

    OWNER = "owner"  # trades
    STANDBY = "standby"  # takes over if the owner fails
    DOOR = "door"  # never trades


OLD_REPORT_MS = 10_000
"""A member whose report is older than this is taken to be gone: it reports itself every two seconds."""

TAKEOVER_MS = 10_000
"""No owner for longer than this needs the operator. A takeover with the default lease takes six seconds."""

_RANKS = {Standing.OWNER: 0, Standing.STANDBY: 1, Standing.DOOR: 2}
"""Who speaks for the fleet first."""


class MemberHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A member, from its latest report."""

    member: str
    name: str
    standing: Standing
    version: str
    n: int  # how far its copy of the log is
    behind: int  # entries that its copy lacks
    reaches_exchange: bool
    clock_error_ms: float | None  # how well it knows the exchange's clock; None: not at all
    seen_ago_ms: int  # how old its report is
    cannot_own: str | None  # why it cannot take over, a report that is too old included; None: it can, or owns already
    configuration_differs: bool  # it could own, and would decide about orders otherwise than the owner


class TakeoverSeen(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The latest change of the owner."""

    at_ms: int
    owner: str  # its name
    former: str | None  # the name of the owner before; None: there was none
    reason: str


def is_owned(owner: str | None, lease_left_ms: float | None) -> bool:
    """Return whether a member may trade, by the owner's name or id and what is left of its lease."""
    return bool(owner) and (lease_left_ms is None or lease_left_ms > 0)


class FleetHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fleet, as this member knows it now."""

    ledger: str
    member: str  # this one's id
    name: str
    standing: Standing
    cannot_own: str | None  # why this member cannot take over; None: it can, or owns already
    owner: str | None  # the owner's name; None: nobody holds a lease
    owned_since_ms: int | None
    epoch: int
    lease_ms: int  # how long a renewal makes it
    lease_left_ms: float | None  # by the exchange's clock, below 0 once it has ended; None: that clock is not known
    n: int  # how far this member's copy is
    log_n: int  # the latest entry that it knows of
    backend: str  # product, version and place, without a password
    backend_error: str | None  # while the database does not answer
    doubts: list[str]  # why the database may lose what it acknowledged
    append_ms: float | None  # median of the owner's latest appends; None on other members
    append_p99_ms: float | None
    takeovers: int  # since this process started
    last_takeover: TakeoverSeen | None
    members: list[MemberHealth]  # this one included

    @property
    def lag(self) -> int:
        """Entries that this member's copy lacks."""
        return max(0, self.log_n - self.n)

    @property
    def is_owned(self) -> bool:
        """Whether a member may trade."""
        return is_owned(self.owner, self.lease_left_ms)

    @property
    def lease_excess_ms(self) -> float:
        """By how much the lease's end lies beyond its length: a member misjudges the exchange's clock."""
        return 0.0 if self.lease_left_ms is None else max(0.0, self.lease_left_ms - self.lease_ms)

    @property
    def entries_missing(self) -> int:
        """Entries that a member has seen and the log lacks: the database lost what it had acknowledged."""
        return max((member.n - self.log_n for member in self.members if member.n > self.log_n), default=0)

    @property
    def standbys(self) -> int:
        """Members that could take over at once."""
        return sum(each.standing is Standing.STANDBY and each.cannot_own is None for each in self.members)

    @property
    def differing(self) -> list[str]:
        """Names of members that are there and that would decide about orders otherwise than the owner."""
        return sorted(
            each.name for each in self.members if each.configuration_differs and each.seen_ago_ms <= OLD_REPORT_MS
        )

    @property
    def speaks(self) -> bool:
        """Whether this member raises the alerts about the account and about all members.

        It is the owner; without one the first standby, or the first door, that reports itself. A member that does not
        reach the database cannot know whether another one does, so it raises them too: twice is better than never.
        """
        reporting = [each for each in self.members if each.seen_ago_ms <= OLD_REPORT_MS]
        first = min(reporting, key=lambda each: (_RANKS[each.standing], each.member), default=None)
        return first is None or first.member == self.member
