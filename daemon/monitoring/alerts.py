"""Alerts: when a figure calls for the operator, and when it no longer does.

::

    quiet ── beyond its limit ─▶ pending ── for so long ─▶ firing ── back at its clear mark for so long ─▶ quiet
                                    │                        ▲  │
                                    └── back ─▶ quiet        └──┘ beyond again before that

A rule is a value over one figure of a :class:`AlertFigures`; the rules stand in :mod:`daemon.monitoring.alert_rules`. A
figure that flickers around its limit makes no noise: it must stay beyond for the rule's time to fire, and stay back
for a time of its own, at a mark that may be further back, to resolve. A figure that is not known (``None``) neither
fires a rule nor resolves it.
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
    """How far an alert has come."""

    PENDING = "pending"
    FIRING = "firing"


class AlertFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that rules look at, at one moment; ``None`` is not known."""

    queue_depth: float  # orders and callers that could go if there were room
    lock_overdue_s: float  # since the first lease of an active lock ended
    lock_timeouts: float  # leases and waits that ran out, in the window
    failed_percent: float | None  # of the orders settled in the window; None where they are too few to say
    past_grace: float  # orders in doubt for longer than their grace
    contradicted: float  # orders whose answers contradict what was sent or known, or are not understood
    lost: float
    seen_late: float  # orders that were believed not placed and were seen after all, in the window
    dead_letters: float | None
    halted: float  # 1 while the kill switch is on
    turned_away: int  # 1 while the exchange takes no orders
    rate_ban_s: float  # so long the exchange still says wait
    unreachable: float | None  # 1 while the exchange does not answer
    clock_offset_ms: float | None  # between our clock and the exchange's, whichever is ahead
    slow_commits: float  # in the window
    reconcile_overdue_s: float  # since the look that waits longest was due
    poller_failing_s: float | None  # since the bot last answered the poller as it should; None where nothing is polled
    disk_free_mb: float | None
    database_locked_s: float  # so long a commit has waited for another program's lock


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to call for the operator. Durations in milliseconds."""

    name: str
    severity: Severity
    reads: str  # the figure's name in the snapshot
    promql: str  # the same figure for Prometheus
    beyond: Literal["above", "below"] = "above"
    limit: float
    clear: float  # back at this mark it begins to resolve; the limit itself where there is nothing to flicker
    for_ms: int = 0
    resolve_ms: int = 30_000
    means: str  # a sentence; {value} is the figure
    todo: str  # what to do next

    def is_beyond(self, value: float) -> bool:
        """Whether a figure calls for the operator."""
        return value > self.limit if self.beyond == "above" else value < self.limit

    def is_clear(self, value: float) -> bool:
        """Whether a figure no longer does."""
        return value <= self.clear if self.beyond == "above" else value >= self.clear


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that is pending or fires."""

    rule: Rule
    state: AlertState
    since_ms: int  # in this state
    value: float  # as last known
    clear_since_ms: int | None = None  # while it fires: since when the figure has been back

    @property
    def summary(self) -> str:
        """What is so, in a sentence."""
        return self.rule.means.format(value=f"{round(self.value, 2):.10g}")


class Judgement(msgspec.Struct, frozen=True):
    """What came of one look at all rules."""

    alerts: dict[str, Alert]  # pending and firing, by name, in the order of the rules
    fired: list[Alert]  # just now
    resolved: list[Alert]  # just now, as they stood last


def judge(rules: Sequence[Rule], before: Mapping[str, Alert], snapshot: AlertFigures, now_ms: int) -> Judgement:
    """Judge a snapshot: what was pending or fired before, and what does so now."""
    alerts: dict[str, Alert] = {}
    fired, resolved = [], []
    for rule in rules:
        was = before.get(rule.name)
        value: float | None = getattr(snapshot, rule.reads)
        if was is not None and was.state is AlertState.FIRING:
            alert = _still(rule, was, value, now_ms)
            if alert is None:
                resolved.append(msgspec.structs.replace(was, value=was.value if value is None else value))
        else:
            alert = _begun(rule, was, value, now_ms)
            if alert is not None and alert.state is AlertState.FIRING:
                fired.append(alert)
        if alert is not None:
            alerts[rule.name] = alert
    return Judgement(alerts, fired, resolved)


def _begun(rule: Rule, was: Alert | None, value: float | None, now_ms: int) -> Alert | None:
    """Return an alert that does not fire yet as it stands now; firing, where its time has come."""
    if value is None:
        return was
    if not rule.is_beyond(value):
        return None
    since_ms = now_ms if was is None else was.since_ms
    if now_ms - since_ms >= rule.for_ms:
        return Alert(rule=rule, state=AlertState.FIRING, since_ms=now_ms, value=value)
    return Alert(rule=rule, state=AlertState.PENDING, since_ms=since_ms, value=value)


def _still(rule: Rule, was: Alert, value: float | None, now_ms: int) -> Alert | None:
    """Return a firing alert as it stands now; ``None`` where it has resolved."""
    if value is None:
        return was
    now = msgspec.structs.replace(was, rule=rule, value=value, clear_since_ms=None)
    if not rule.is_clear(value):
        return now
    clear_since_ms = now_ms if was.clear_since_ms is None else was.clear_since_ms
    if now_ms - clear_since_ms >= rule.resolve_ms:
        return None
    return msgspec.structs.replace(now, clear_since_ms=clear_since_ms)
