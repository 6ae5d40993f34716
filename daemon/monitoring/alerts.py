"""Alerts: when a value needs the operator, and when it no longer does.

::

    quiet ── beyond its limit ─▶ pending ── for for_ms ─▶ firing ── back at its clear mark for resolve_ms ─▶ quiet
                                    │                        ▲  │
                                    └── back ─▶ quiet        └──┘ beyond again before that

A rule reads one value of :class:`AlertFigures`; :mod:`daemon.monitoring.alert_rules` has the rules. A value that
flickers around its limit causes no repeated alerts: to fire it must stay beyond the limit for ``for_ms``, and to
resolve it must stay back at the clear mark for ``resolve_ms``. An unknown value (``None``) neither fires nor resolves a
rule. In a fleet one member raises what is about all of them (``of_fleet``), so that webhooks get it once.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

import msgspec


class Severity(StrEnum):
    """How soon the operator is needed."""

    WARNING = "warning"  # today
    CRITICAL = "critical"  # now: money may be at stake, or nothing is traded


class AlertState(StrEnum):
    """The state of an alert that is not quiet."""

    PENDING = "pending"
    FIRING = "firing"


class AlertFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The values that rules read, at one moment; ``None`` is unknown."""

    queue_depth: float  # orders and callers that wait for their turn
    lock_overdue_s: float  # since the first lease of an active lock ended
    lock_timeouts: float  # timeouts of leases and waits, in the window
    failed_percent: float | None  # of the orders settled in the window; 0 where too few failed
    past_grace: float  # orders in doubt for longer than their grace
    contradicted: float  # orders whose answers contradict what was sent or known, or are not understood
    lost: float
    seen_late: float  # orders that counted as not placed but exist, in the window
    dead_letters: float | None
    halted: float  # 1 while the kill switch is on
    turned_away: int  # 1 while the exchange refuses all orders
    rate_ban_s: float  # rest of the wait that the exchange asked for
    unreachable: float | None  # 1 while the exchange does not answer
    clock_offset_ms: float | None  # absolute difference between our clock and the exchange's
    slow_commits: float  # in the window
    reconcile_overdue_s: float  # since the most overdue query was due
    poller_failing_s: float | None  # since the bot last answered the poller correctly; None without polling
    fleet_unowned: float | None  # 1 while no member owns the account; this and the next six: None without a fleet
    fleet_standbys: float | None  # members that could take over at once
    fleet_lag: float | None  # entries that this member's copy lacks
    fleet_doubts: float | None  # reasons why the fleet's database may lose what it acknowledged
    fleet_lease_excess_ms: float | None  # by how much the lease's end lies beyond its length
    fleet_entries_missing: float | None  # entries that a member has seen and the log lacks
    fleet_differing: float | None  # members that would decide otherwise than the owner
    speaks_for_fleet: bool = True  # whether this member raises what is about all of them
    disk_free_mb: float | None
    database_locked_s: float  # for which a commit has waited for another program's lock
    armed_not_ready: float  # orders whose instant is near and that lack something
    listing_gone: float  # waiting orders whose pair is not shown any more, or opens too far ahead
    lacking: str = ""  # what they lack, in words
    unready: tuple[str, ...] = ()  # the first of them, each with what it lacks
    differing: str = ""  # names of the members that would decide otherwise than the owner


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to alert the operator. Durations are in milliseconds."""

    name: str
    severity: Severity
    reads: str  # the value's name in the snapshot
    promql: str  # the same value for Prometheus
    beyond: Literal["above", "below"] = "above"
    limit: float
    clear: float  # the value at which it begins to resolve; the limit itself where no flicker is expected
    for_ms: int = 0
    resolve_ms: int = 30_000
    means: str  # a sentence with {value}; with {lacking} where it says what is lacking, {members} where it names them
    todo: str  # what to do next
    names_orders: bool = False  # its alert says which orders lack what
    names_members: bool = False  # its alert says which members of the fleet it is about
    of_fleet: bool = False  # about the account or all members: one member raises it, and at the others it stays pending

    def is_beyond(self, value: float) -> bool:
        """Whether a value is beyond the limit."""
        return value > self.limit if self.beyond == "above" else value < self.limit

    def is_clear(self, value: float) -> bool:
        """Whether a value is back at the clear mark."""
        return value <= self.clear if self.beyond == "above" else value >= self.clear


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that is pending or fires."""

    rule: Rule
    state: AlertState
    since_ms: int  # in this state
    value: float  # as last known
    lacking: str = ""  # as last known
    orders: tuple[str, ...] = ()  # the first orders that lack something, with what each lacks, as last known
    members: str = ""  # the members that it is about, as last known
    clear_since_ms: int | None = None  # while it fires: since when the value has been back

    @property
    def summary(self) -> str:
        """The rule's sentence with the value."""
        value = f"{round(self.value, 2):.10g}"
        return self.rule.means.format(value=value, lacking=self.lacking, members=self.members)

    def fires_somewhere(self, now_ms: int) -> bool:
        """Return whether it fires, here or at the member that speaks for the fleet: at the others it stays pending."""
        return self.state is AlertState.FIRING or now_ms - self.since_ms >= self.rule.for_ms


class Judgement(msgspec.Struct, frozen=True):
    """The result of one evaluation of all rules."""

    alerts: dict[str, Alert]  # pending and firing, by name, in the order of the rules
    fired: list[Alert]  # just now
    resolved: list[Alert]  # just now, with their last value


def judge(rules: Sequence[Rule], before: Mapping[str, Alert], snapshot: AlertFigures, now_ms: int) -> Judgement:
    """Evaluate all rules; ``before`` has the alerts of the last evaluation."""
    alerts: dict[str, Alert] = {}
    fired, resolved = [], []
    for rule in rules:
        was = before.get(rule.name)
        value: float | None = getattr(snapshot, rule.reads)
        if was is not None and was.state is AlertState.FIRING:
            alert = _named(_firing_before(rule, was, value, now_ms), snapshot)
            if alert is None:
                resolved.append(msgspec.structs.replace(was, value=was.value if value is None else value))
        else:
            may_fire = snapshot.speaks_for_fleet or not rule.of_fleet
            alert = _named(_not_firing_before(rule, was, value, now_ms, may_fire=may_fire), snapshot)
            if alert is not None and alert.state is AlertState.FIRING:
                fired.append(alert)
        if alert is not None:
            alerts[rule.name] = alert
    return Judgement(alerts, fired, resolved)


def _named(alert: Alert | None, snapshot: AlertFigures) -> Alert | None:
    """Return an alert with the orders that lack something now, or the members that differ, if it is about these."""
    if alert is not None and alert.rule.names_members:
        return msgspec.structs.replace(alert, members=snapshot.differing)
    if alert is None or not alert.rule.names_orders:
        return alert
    return msgspec.structs.replace(alert, lacking=snapshot.lacking, orders=snapshot.unready)


def _not_firing_before(
    rule: Rule, was: Alert | None, value: float | None, now_ms: int, *, may_fire: bool
) -> Alert | None:
    """Return an alert that did not fire before; ``None`` where it is quiet."""
    if value is None:
        return was
    if not rule.is_beyond(value):
        return None
    since_ms = now_ms if was is None else was.since_ms
    if may_fire and now_ms - since_ms >= rule.for_ms:
        return Alert(rule=rule, state=AlertState.FIRING, since_ms=now_ms, value=value)
    return Alert(rule=rule, state=AlertState.PENDING, since_ms=since_ms, value=value)


def _firing_before(rule: Rule, was: Alert, value: float | None, now_ms: int) -> Alert | None:
    """Return an alert that fired before; ``None`` where it has resolved."""
    if value is None:
        return was
    now = msgspec.structs.replace(was, rule=rule, value=value, clear_since_ms=None)
    if not rule.is_clear(value):
        return now
    clear_since_ms = now_ms if was.clear_since_ms is None else was.clear_since_ms
    if now_ms - clear_since_ms >= rule.resolve_ms:
        return None
    return msgspec.structs.replace(now, clear_since_ms=clear_since_ms)
