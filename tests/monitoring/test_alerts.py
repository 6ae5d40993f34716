"""Alerts: pending, firing, resolved, and no alert for a value that flickers."""

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from daemon.cli.main import COMMANDS
from daemon.config.tables import AlertsTable
from daemon.monitoring.alert_rules import rules
from daemon.monitoring.alerts import Alert, AlertFigures, AlertState, Judgement, Rule, Severity, judge
from tests.core.making import NOON_MS

QUIET = AlertFigures(
    queue_depth=0,
    lock_overdue_s=0,
    lock_timeouts=0,
    failed_percent=0,
    past_grace=0,
    contradicted=0,
    lost=0,
    seen_late=0,
    dead_letters=0,
    halted=0,
    rate_ban_s=0,
    turned_away=0,
    unreachable=0,
    clock_offset_ms=0,
    slow_commits=0,
    reconcile_overdue_s=0,
    poller_failing_s=0,
    fleet_unowned=0,
    fleet_standbys=1,
    fleet_lag=0,
    fleet_doubts=0,
    fleet_lease_excess_ms=0,
    fleet_entries_missing=0,
    fleet_differing=0,
    disk_free_mb=1_000_000,
    database_locked_s=0,
    armed_not_ready=0,
    listing_gone=0,
)
RULES = rules(AlertsTable())
BY_NAME = {rule.name: rule for rule in RULES}
every_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])

DEEP = Rule(
    name="deep",
    severity=Severity.WARNING,
    reads="queue_depth",
    promql="sniperd_queue_callers",
    limit=10,
    clear=5,
    for_ms=10_000,
    resolve_ms=30_000,
    means="{value} wait",
    todo="look",
)


class Watch:
    """Judges one figure again and again."""

    def __init__(self, rule: Rule = DEEP) -> None:
        self.rule = rule
        self.alerts: dict[str, Alert] = {}

    def at(self, second: float, value: float | None) -> Judgement:
        """Judge a value the given number of seconds after noon."""
        snapshot = replace(QUIET, **{self.rule.reads: value})
        judged = judge([self.rule], self.alerts, snapshot, NOON_MS + round(second * 1_000))
        self.alerts = judged.alerts
        return judged

    @property
    def state(self) -> AlertState | None:
        """How far it has come."""
        alert = self.alerts.get(self.rule.name)
        return None if alert is None else alert.state

    def firing(self) -> "Watch":
        """Bring it so far that it fires."""
        self.at(0, 11)
        assert self.at(10, 11).fired
        return self


def test_a_figure_at_its_limit_is_no_alert() -> None:
    watch = Watch()
    assert watch.at(0, 10) == Judgement({}, [], [])


def test_a_figure_beyond_its_limit_is_pending_and_fires_when_its_time_has_come() -> None:
    watch = Watch()
    assert watch.at(0, 11).fired == []
    assert watch.state is AlertState.PENDING
    assert watch.at(9.999, 12).fired == []
    (alert,) = watch.at(10, 13).fired
    assert (alert.state, alert.since_ms, alert.value, alert.summary) == (
        AlertState.FIRING,
        NOON_MS + 10_000,
        13,
        "13 wait",
    )
    assert watch.at(11, 14).fired == [], "it is emitted once"


def test_a_value_that_returns_before_its_time_starts_again() -> None:
    watch = Watch()
    watch.at(0, 11)
    watch.at(9, 10)
    assert watch.state is None
    watch.at(9.5, 11)
    assert watch.at(15, 11).fired == []


def test_an_alert_without_a_time_fires_at_once() -> None:
    watch = Watch(replace(DEEP, for_ms=0))
    assert len(watch.at(0, 11).fired) == 1


def test_a_firing_alert_resolves_when_its_figure_has_been_back_for_long_enough() -> None:
    watch = Watch().firing()
    assert watch.at(20, 5).resolved == []
    assert watch.at(49.999, 0).resolved == []
    (alert,) = watch.at(50, 1).resolved
    assert (alert.since_ms, alert.value) == (NOON_MS + 10_000, 1)
    assert watch.state is None
    assert watch.at(51, 1) == Judgement({}, [], [])


def test_a_firing_alert_whose_figure_is_between_its_marks_stays() -> None:
    watch = Watch().firing()
    assert watch.at(1_000, 6).resolved == []
    assert watch.at(2_000, 10).resolved == []
    assert watch.state is AlertState.FIRING


def test_a_value_that_flickers_causes_no_alert() -> None:
    watch = Watch().firing()
    judgements = [watch.at(10 + second, 0 if second % 20 else 11) for second in range(1, 600)]
    assert not any(judged.fired or judged.resolved for judged in judgements)
    assert watch.state is AlertState.FIRING


def test_a_figure_that_is_not_known_neither_fires_nor_resolves() -> None:
    watch = Watch()
    assert watch.at(0, None) == Judgement({}, [], [])
    watch.firing()
    watch.at(20, 0)
    assert watch.at(100, None).resolved == []
    assert watch.state is AlertState.FIRING


def test_a_pending_alert_waits_while_its_figure_is_not_known() -> None:
    watch = Watch()
    watch.at(0, 11)
    assert watch.at(20, None).fired == []
    assert watch.at(21, 11).fired


def test_an_alert_that_resolves_unknown_shows_the_last_figure_that_was_known() -> None:
    watch = Watch(replace(DEEP, resolve_ms=0)).firing()
    assert watch.at(11, 5).resolved[0].value == 5


def test_a_rule_can_fire_below_its_limit() -> None:
    watch = Watch(replace(DEEP, reads="disk_free_mb", beyond="below", limit=500, clear=550, for_ms=0, resolve_ms=0))
    assert not watch.at(0, 500).fired
    assert watch.at(1, 499).fired
    assert not watch.at(2, 549).resolved
    assert watch.at(3, 550).resolved


def test_new_limits_count_for_what_fires_already() -> None:
    watch = Watch().firing()
    watch.rule = replace(DEEP, limit=100, clear=50)
    watch.at(11, 30)
    assert watch.at(41, 30).resolved


@every_rule
def test_nothing_fires_while_all_values_are_normal(rule: Rule) -> None:
    assert judge([rule], {}, QUIET, NOON_MS) == Judgement({}, [], [])


@every_rule
def test_a_rule_reads_a_value_and_says_what_is_wrong_and_what_to_do(rule: Rule) -> None:
    assert rule.reads in asdict(QUIET)
    assert rule.means.format(value="3", lacking="funds", members="tokyo-2")
    assert len(rule.todo) > 20
    commands = {word.split()[1] for word in rule.todo.split("`")[1::2] if word.startswith("sniperd ")}
    assert commands <= set(COMMANDS)


@every_rule
def test_a_rule_fires_beyond_its_limit_and_its_clear_mark_is_no_further_than_that(rule: Rule) -> None:
    beyond = rule.limit - 1 if rule.beyond == "below" else rule.limit + 1
    watch = Watch(rule)
    watch.at(0, beyond)
    assert watch.at(rule.for_ms / 1_000, beyond).fired or rule.for_ms == 0
    assert watch.state is AlertState.FIRING
    assert not rule.is_beyond(rule.clear)


def test_rules_have_names_of_their_own_and_there_is_one_for_every_figure() -> None:
    assert len(BY_NAME) == len(RULES)
    assert {rule.reads for rule in RULES} == set(asdict(QUIET)) - {
        "lacking",
        "unready",
        "differing",
        "speaks_for_fleet",
    }


LIMITS = {
    "queue_depth": ("queue_depth", 10),
    "lock_overdue_s": ("lock_overdue", 10),
    "lock_timeouts": ("lock_timeouts", 5),
    "failed_percent": ("failed_orders", 20),
    "rate_ban_s": ("rate_ban", 5),
    "clock_offset_ms": ("clock_offset", 1_000),
    "slow_commits": ("slow_commits", 3),
    "reconcile_overdue_s": ("reconcile_stale", 60),
    "poller_failing_s": ("poller_failing", 60),
    "fleet_lag": ("fleet_lag", 500),
    "disk_free_mb": ("disk_low", 500),
}
"""Keys of ``[alerts]``, the rules whose limits they set, and the defaults."""


@pytest.mark.parametrize(("key", "name", "default"), [(key, *rest) for key, rest in LIMITS.items()], ids=list(LIMITS))
def test_a_limit_is_the_configured_one(key: str, name: str, default: float) -> None:
    changed: Any = {key: 7}
    configured = {rule.name: rule for rule in rules(AlertsTable(**changed))}
    assert (BY_NAME[name].limit, configured[name].limit) == (default, 7)


def test_the_exchange_may_be_silent_for_as_long_as_is_configured() -> None:
    configured = rules(AlertsTable(unreachable_s=7.5))
    assert next(rule.for_ms for rule in configured if rule.name == "exchange_unreachable") == 7_500


def test_an_alert_about_orders_that_are_not_ready_names_them_with_what_they_lack_until_nothing_is_lacking() -> None:
    limits = (BY_NAME["armed_not_ready"],)
    lacking = replace(QUIET, armed_not_ready=2, lacking="funds, listing", unready=("A: funds", "B: listing"))
    before = judge(limits, {}, lacking, NOON_MS)
    firing = judge(limits, before.alerts, lacking, NOON_MS + 5_000)
    assert [alert.summary for alert in firing.fired] == [
        "orders whose instant is near are not ready: 2. What is missing: funds, listing"
    ]
    assert firing.fired[0].orders == ("A: funds", "B: listing")
    fewer = replace(lacking, armed_not_ready=1, lacking="funds", unready=("A: funds",))
    less = judge(limits, firing.alerts, fewer, NOON_MS + 6_000)
    assert less.alerts["armed_not_ready"].summary.endswith(": 1. What is missing: funds")
    assert less.alerts["armed_not_ready"].orders == ("A: funds",)
    over = judge(limits, less.alerts, QUIET, NOON_MS + 7_000)
    assert over.alerts == {}, "not for half a minute: orders that are not ready: 0"
    assert over.resolved[0].summary.endswith("missing: funds")


def test_no_other_alert_names_the_orders_that_are_not_ready() -> None:
    watch = Watch(replace(DEEP, for_ms=0))
    snapshot = replace(QUIET, queue_depth=11, armed_not_ready=1, lacking="funds", unready=("A: funds",))
    assert judge([watch.rule], {}, snapshot, NOON_MS).fired[0].orders == ()
