"""What metrics and alerts show of a fleet."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from prometheus_client.core import Metric

from daemon.config.tables import AlertsTable
from daemon.core.values.fleet_health import FleetHealth, Standing
from daemon.monitoring.alert_rules import rules
from daemon.monitoring.alerts import AlertFigures, AlertState, judge
from daemon.monitoring.fleet_rules import fleet_rules
from daemon.monitoring.gauges import gauges
from daemon.monitoring.series import Series
from daemon.monitoring.snapshot import snapshot
from tests.manual.metrics import quiet_snapshot
from tests.support.fleets import some_fleet, some_member
from tests.support.making import NOW_MS

LIMITS = AlertsTable()

DIFFER = [
    some_member("tokyo-1", Standing.OWNER),
    some_member("tokyo-2", Standing.STANDBY, configuration_differs=True),
    some_member("tokyo-3", Standing.STANDBY, configuration_differs=True),
]
"""A fleet in which two members would decide otherwise than the owner."""


def metrics(fleet: FleetHealth | None) -> dict[str, Metric]:
    """Return the metrics of a fleet, by their names without the prefix."""
    found = gauges(quiet_snapshot(fleet), "live")
    return {each.name.removeprefix("sniperd_fleet_"): each for each in found if each.name.startswith("sniperd_fleet_")}


def value(fleet: FleetHealth, name: str) -> float:
    [sample] = metrics(fleet)[name].samples
    return sample.value


def figures_of(fleet: FleetHealth | None) -> AlertFigures:
    return snapshot(quiet_snapshot(fleet), Series(), LIMITS)


def firing(fleet: FleetHealth | None) -> set[str]:
    """Return the alerts that fire at a member once its fleet has been like this for ten minutes."""
    figures = figures_of(fleet)
    pending = judge(fleet_rules(LIMITS), {}, figures, NOW_MS)
    later = judge(fleet_rules(LIMITS), pending.alerts, figures, NOW_MS + 600_000)
    return {alert.rule.name for alert in (*pending.fired, *later.fired)}


def fired_by_members(fleet: FleetHealth) -> Counter[str]:
    """Return how many of the members raise each alert, if all of them see the fleet like this."""
    views = [msgspec.structs.replace(fleet, member=each.member, standing=each.standing) for each in fleet.members]
    return Counter(name for view in views for name in firing(view))


def test_the_figures_are_those_of_the_fleet() -> None:
    fleet = some_fleet(standing=Standing.OWNER, n=18_200, append_ms=0.9, append_p99_ms=3.1, takeovers=2)
    names = ("owner", "owned", "epoch", "lease_left_seconds", "log_lag_entries", "append_seconds", "takeovers")
    assert [value(fleet, name) for name in names] == [1, 1, 7, 4.2, 4, 0.0009, 2]


def test_members_are_counted_by_what_they_are_and_one_that_could_not_take_over_is_no_standby() -> None:
    members = [
        some_member("a", Standing.OWNER), some_member("b", Standing.STANDBY), some_member("c", Standing.DOOR),
        some_member("d", Standing.STANDBY, cannot_own="too old"),
    ]  # fmt: skip
    counted = {each.labels["standing"]: each.value for each in metrics(some_fleet(members=members))["members"].samples}
    assert counted == {"owner": 1, "standby": 1, "door": 1, "unfit": 1}


def test_without_a_fleet_no_figure_has_a_value_and_nothing_fires() -> None:
    assert all(not metric.samples for metric in metrics(None).values())
    assert len(metrics(None)) > 10
    assert firing(None) == set()


@pytest.mark.parametrize(
    ("changed", "fires"),
    [
        ({}, set()),
        ({"owner": None}, {"fleet_no_owner"}),
        ({"lease_left_ms": -1.0}, {"fleet_no_owner"}),
        ({"members": [some_member("a", Standing.OWNER)]}, {"fleet_no_standby"}),
        ({"n": 17_000}, {"fleet_lag"}),
        ({"n": 18_000}, set()),
        ({"doubts": ["fsync is off"]}, {"fleet_not_synchronous"}),
        ({"lease_left_ms": 6_001.0}, {"fleet_clock"}),
        ({"lease_left_ms": 5_900.0}, set()),
        ({"log_n": 18_000, "n": 18_000}, {"log_went_back"}),
        ({"members": DIFFER}, {"fleet_configuration"}),
    ],
)
def test_an_alert_fires_about_what_is_wrong(changed: dict[str, Any], fires: set[str]) -> None:
    assert set(fired_by_members(some_fleet(**changed))) == fires


@pytest.mark.parametrize(
    ("changed", "name", "times"),
    [
        ({"owner": None}, "fleet_no_owner", 1),
        ({"members": [some_member("a", Standing.OWNER), some_member("b", Standing.DOOR)]}, "fleet_no_standby", 1),
        ({"doubts": ["fsync is off"]}, "fleet_not_synchronous", 1),
        ({"log_n": 18_000, "n": 18_000}, "log_went_back", 1),
        ({"members": DIFFER}, "fleet_configuration", 1),
        ({"n": 17_000}, "fleet_lag", 2),
        ({"lease_left_ms": 6_001.0}, "fleet_clock", 2),
    ],
)
def test_one_member_raises_what_is_about_all_and_each_what_is_about_itself(
    changed: dict[str, Any], name: str, times: int
) -> None:
    assert fired_by_members(some_fleet(**changed))[name] == times


def test_an_alert_about_the_account_is_pending_at_a_member_that_does_not_raise_it() -> None:
    standby = some_fleet()
    figures = snapshot(msgspec.structs.replace(quiet_snapshot(standby), dead_letters=1), Series(), LIMITS)
    [rule] = [rule for rule in rules(LIMITS) if rule.name == "dead_letter"]
    judged = judge([rule], {}, figures, NOW_MS)
    assert {name: alert.state for name, alert in judged.alerts.items()} == {"dead_letter": AlertState.PENDING}
    owner = msgspec.structs.replace(figures, speaks_for_fleet=True)
    [alert] = judge([rule], judged.alerts, owner, NOW_MS + 1).fired
    assert alert.rule.name == "dead_letter", "it owns the account now"


def test_members_with_another_configuration_are_named_once_that_has_lasted_for_longer_than_a_change_takes() -> None:
    figures = figures_of(some_fleet(member="id-of-tokyo-1", standing=Standing.OWNER, members=DIFFER))
    pending = judge(fleet_rules(LIMITS), {}, figures, NOW_MS)
    assert not judge(fleet_rules(LIMITS), pending.alerts, figures, NOW_MS + 299_000).fired
    fired = judge(fleet_rules(LIMITS), pending.alerts, figures, NOW_MS + 300_000)
    named = "members that stand by with another configuration than the owner's: tokyo-2, tokyo-3"
    assert [alert.summary.partition(". ")[0] for alert in fired.fired] == [named]
    agreed = figures_of(some_fleet(member="id-of-tokyo-1", standing=Standing.OWNER))
    over = judge(fleet_rules(LIMITS), fired.alerts, agreed, NOW_MS + 301_000)
    assert [alert.summary.partition(". ")[0] for alert in over.resolved] == [named]


def test_a_member_with_another_configuration_has_a_series_of_its_own() -> None:
    found = metrics(some_fleet(members=DIFFER))["configuration_differs"].samples
    assert {each.labels["member"]: each.value for each in found} == {"tokyo-1": 0, "tokyo-2": 1, "tokyo-3": 1}


def test_a_member_that_does_not_raise_an_alert_knows_when_another_one_does() -> None:
    standby = some_fleet(
        owner=None, members=[some_member("tokyo-1", Standing.STANDBY), some_member("tokyo-2", Standing.STANDBY)]
    )
    pending = judge(fleet_rules(LIMITS), {}, figures_of(standby), NOW_MS)
    fires = [pending.alerts["fleet_no_owner"].fires_somewhere(NOW_MS + after_ms) for after_ms in (0, 9_999, 10_000)]
    assert fires == [False, False, True]
    speaker = msgspec.structs.replace(standby, member="id-of-tokyo-1")
    [fired] = judge(fleet_rules(LIMITS), pending.alerts, figures_of(speaker), NOW_MS + 10_000).fired
    assert fired.fires_somewhere(NOW_MS + 10_000)


def test_an_alert_that_fires_resolves_at_the_member_that_raised_it() -> None:
    """A standby that raised it, because there was no owner, and that is not the first any more."""
    alone = some_fleet(doubts=["fsync is off"], members=[some_member("tokyo-2", Standing.STANDBY)])
    fired = judge(fleet_rules(LIMITS), {}, figures_of(alone), NOW_MS)
    assert [alert.rule.name for alert in fired.fired] == ["fleet_not_synchronous"]
    still = judge(fleet_rules(LIMITS), fired.alerts, figures_of(some_fleet(doubts=["fsync is off"])), NOW_MS + 60_000)
    back = judge(fleet_rules(LIMITS), still.alerts, figures_of(some_fleet()), NOW_MS + 61_000)
    over = judge(fleet_rules(LIMITS), back.alerts, figures_of(some_fleet()), NOW_MS + 100_000)
    assert [alert.rule.name for alert in over.resolved] == ["fleet_not_synchronous"]
