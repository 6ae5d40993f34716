"""What metrics and alerts show of a fleet."""

from typing import Any

import pytest
from prometheus_client.core import Metric

from daemon.config.tables import AlertsTable
from daemon.core.values.fleet_health import FleetHealth, Standing
from daemon.monitoring.alerts import judge
from daemon.monitoring.fleet_rules import fleet_rules
from daemon.monitoring.gauges import gauges
from daemon.monitoring.series import Series
from daemon.monitoring.snapshot import snapshot
from tests.manual.metrics import quiet_snapshot
from tests.support.fleets import some_fleet, some_member
from tests.support.making import NOW_MS

LIMITS = AlertsTable()


def metrics(fleet: FleetHealth | None) -> dict[str, Metric]:
    """Return the metrics of a fleet, by their names without the prefix."""
    found = gauges(quiet_snapshot(fleet), "live")
    return {each.name.removeprefix("sniperd_fleet_"): each for each in found if each.name.startswith("sniperd_fleet_")}


def value(fleet: FleetHealth, name: str) -> float:
    [sample] = metrics(fleet)[name].samples
    return sample.value


def firing(fleet: FleetHealth | None) -> set[str]:
    """Return the alerts that fire once a fleet has been like this for ten minutes."""
    figures, rules = snapshot(quiet_snapshot(fleet), Series(), LIMITS), fleet_rules(LIMITS)
    pending = judge(rules, {}, figures, NOW_MS)
    later = judge(rules, pending.alerts, figures, NOW_MS + 600_000)
    return {alert.rule.name for alert in (*pending.fired, *later.fired)}


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
    ],
)
def test_an_alert_fires_about_what_is_wrong(changed: dict[str, Any], fires: set[str]) -> None:
    assert firing(some_fleet(**changed)) == fires
