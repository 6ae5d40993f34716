"""What a member shows of its fleet."""

from collections.abc import Sequence
from statistics import median, quantiles

import msgspec

from daemon.core.values.fleet_health import (
    OLD_REPORT_MS,
    FleetHealth,
    MemberHealth,
    Standing,
    TakeoverSeen,
    is_owned,
)
from daemon.fleet.contact import Contact
from daemon.fleet.copying import Copy
from daemon.fleet.owning import Owning
from daemon.fleet.port import Lease, MemberReport, Role
from daemon.fleet.terms import Terms

GONE_MS = 24 * 3_600_000
"""A member that has not reported itself for so long is shown no more: its machine is lost, or it was replaced."""


class Seen:
    """What a member read of the others, and when."""

    def __init__(self, terms: Terms, copy: Copy) -> None:
        self._terms = terms
        self._copy = copy
        self.lease = Lease()
        self.doubts: Sequence[str] = ()
        self.members: Sequence[MemberReport] = ()
        self.members_ms = 0  # when they were read, by our clock

    def agreed(self, lease: Lease) -> str | None:
        """Return the hash of the owner's configuration; ``None`` if it is not known."""
        return next((each.configuration for each in self.members if each.member == lease.owner), None)

    def called(self, member: str) -> str:
        """Return a member's name, or its id if the name is not known; of an empty id, nothing."""
        names = {report.member: report.name for report in self.members} | {self._terms.member: self._terms.name}
        if self._copy.last_takeover is not None:
            takeover = self._copy.last_takeover.takeover
            names = {takeover.owner: takeover.name, takeover.former: takeover.former_name} | names
        return names.get(member) or member


def has_owner(contact: Contact, owning: Owning, seen: Seen) -> bool:
    """Return what :attr:`FleetHealth.is_owned` is now; a door asks it for each request."""
    lease = _lease(owning, seen)
    return is_owned(lease.owner, _left_ms(contact, lease))


def standing_of(terms: Terms, owning: Owning, seen: Seen) -> Standing:
    """Return what this member is at present."""
    standing = _standing(terms.member, terms.role, _lease(owning, seen))
    return Standing.STANDBY if standing is Standing.OWNER and not owning.is_owner else standing


def report_of(terms: Terms, contact: Contact, *, n: int, reaches_exchange: bool) -> MemberReport:
    """Return what a member says about itself to the others."""
    return MemberReport(
        member=terms.member,
        name=terms.name,
        role=terms.role,
        version=terms.version,
        format=terms.format,
        n=n,
        clock_error_ms=contact.clock_error_ms,
        reaches_exchange=reaches_exchange,
        configuration=terms.configuration,
    )


def health_of(
    terms: Terms, contact: Contact, copy: Copy, owning: Owning, seen: Seen, *, backend: str, cannot_own: str | None
) -> FleetHealth:
    """Return the fleet as this member knows it now."""
    lease = _lease(owning, seen)
    log_n = copy.position.n if owning.is_owner or copy.knows_end else _latest_n(copy, seen)
    last = copy.last_takeover
    latest_ms = max((each.seen_ms for each in seen.members), default=0)
    appends_ms = sorted(each_s * 1_000 for each_s in owning.appends_s)
    return FleetHealth(
        ledger=terms.ledger,
        member=terms.member,
        name=terms.name,
        standing=standing_of(terms, owning, seen),
        cannot_own=cannot_own,
        owner=seen.called(lease.owner) or None,
        owned_since_ms=None if last is None or last.epoch != lease.epoch else last.at_ms,
        epoch=lease.epoch,
        lease_ms=terms.lease_ms,
        lease_left_ms=_left_ms(contact, lease),
        n=copy.position.n,
        log_n=log_n,
        backend=backend,
        backend_error=contact.backend_error,
        doubts=[*seen.doubts],
        append_ms=median(appends_ms) if appends_ms else None,
        append_p99_ms=_p99(appends_ms),
        takeovers=copy.takeovers,
        last_takeover=None
        if last is None
        else TakeoverSeen(
            at_ms=last.at_ms,
            owner=last.takeover.name,
            former=seen.called(last.takeover.former) or None,
            reason=last.takeover.reason,
        ),
        members=[
            _member(
                report if report.member != terms.member else msgspec.structs.replace(report, n=copy.position.n),
                terms.format,
                lease,
                seen.agreed(lease),
                log_n,
                # Reports carry the database's time; the latest was about as old as our reading of the list.
                latest_ms - report.seen_ms + max(0, contact.now_ms() - seen.members_ms),
            )
            for report in seen.members
            if latest_ms - report.seen_ms <= GONE_MS
        ],
    )


def _latest_n(copy: Copy, seen: Seen) -> int:
    return max([copy.position.n, *(report.n for report in seen.members)])


def _lease(owning: Owning, seen: Seen) -> Lease:
    return owning.lease if owning.is_owner else seen.lease


def _left_ms(contact: Contact, lease: Lease) -> float | None:
    return 0.0 if lease.owner and not lease.until_ms else contact.left_ms(lease)  # 0: it was given up


def _member(report: MemberReport, read: int, lease: Lease, agreed: str | None, log_n: int, ago_ms: int) -> MemberHealth:
    standing = _standing(report.member, report.role, lease)
    return MemberHealth(
        member=report.member,
        name=report.name,
        standing=standing,
        version=report.version,
        n=max(report.n, log_n) if standing is Standing.OWNER else report.n,  # the owner wrote, or copied, all of them
        behind=0 if standing is Standing.OWNER else max(0, log_n - report.n),
        reaches_exchange=report.reaches_exchange,
        clock_error_ms=report.clock_error_ms,
        seen_ago_ms=ago_ms,
        cannot_own=None if standing is Standing.OWNER else _hindrance(report, ago_ms, read),
        configuration_differs=report.role is Role.MEMBER and agreed not in {None, report.configuration},
    )


def _hindrance(report: MemberReport, ago_ms: int, read: int) -> str | None:
    """Return why another member cannot take over, as far as its report shows it; this one reads the format ``read``."""
    if report.role is Role.DOOR:
        return "it is a door"
    if ago_ms > OLD_REPORT_MS:
        return "it does not report itself"
    if report.format < read:
        return "it is too old for the log's entries"
    if report.clock_error_ms is None:
        return "it has not heard from the exchange yet"
    return None if report.reaches_exchange else "it does not reach the exchange"


def _standing(member: str, role: Role, lease: Lease) -> Standing:
    if member == lease.owner:
        return Standing.OWNER
    return Standing.DOOR if role is Role.DOOR else Standing.STANDBY


def _p99(ordered: Sequence[float]) -> float | None:
    if len(ordered) < 2:  # noqa: PLR2004  # fewer have no quantiles
        return ordered[0] if ordered else None
    return quantiles(ordered, n=100, method="inclusive")[98]
