"""The Prometheus rules: each fires when it should and not before, with the texts and limits of the daemon's own."""

import re
from pathlib import Path
from typing import Any

import pytest

from daemon.config.tables import AlertsTable
from daemon.monitoring.alert_rules import rules
from tests.manual.prometheus_rules import alert_name
from tests.monitoring.prometheus import MONITORING, RULES, alert_rules, as_yaml, tool

pytestmark = pytest.mark.needs("prometheus")

DAEMONS = {rule.name: rule for rule in rules(AlertsTable())}
WINDOW_MINUTES = AlertsTable().window_s // 60
DAEMON_LABELS = '{job="sniperd",instance="d"'


def series(metric: str, values: str, **labels: str) -> tuple[str, str]:
    """Make a series of the one daemon: its name and its values, five seconds apart."""
    more = "".join(f',{name}="{value}"' for name, value in labels.items())
    return f"{metric}{DAEMON_LABELS}{more}}}", values


def settled(placed: str, failed: str) -> list[tuple[str, str]]:
    metric = "sniperd_orders_settled_total"
    return [series(metric, placed, result="placed"), series(metric, failed, result="failed")]


def queue(orders: str, callers: str) -> list[tuple[str, str]]:
    empty = series("sniperd_queue_orders", "0x200", priority="1")
    return [empty, series("sniperd_queue_orders", orders, priority="5"), series("sniperd_queue_callers", callers)]


def slow(values: str) -> list[tuple[str, str]]:
    return [series("sniperd_events_total", values, event="store.slow_commit")]


def timeouts(values: str) -> list[tuple[str, str]]:
    metric = "sniperd_lock_timeouts_total"
    return [series(metric, values, kind="expired"), series(metric, "0x200", kind="wait_ended")]


FIRES: dict[str, tuple[list[tuple[str, str]], float]] = {
    "order_lost": ([series("sniperd_orders", "0x50 1x150", state="lost")], 1),
    "order_seen_late": (
        [series("sniperd_events_total", "0x60 0+1x2 2x100", event="order.seen_late")],
        2,
    ),
    "order_in_doubt": ([series("sniperd_orders_past_grace", "0x50 2x150")], 2),
    "order_contradicted": ([series("sniperd_orders_contradicted", "0x50 1x150")], 1),
    "trading_halted": ([series("sniperd_halted", "0x50 1x150")], 1),
    "dead_letter": ([series("sniperd_dead_letters", "0x50 3x150")], 3),
    "armed_not_ready": ([series("sniperd_orders_not_ready", "0x50 2x150", lacking="funds")], 2),
    "listing_gone": ([series("sniperd_orders_listing_gone", "0x50 1x150")], 1),
    "failed_orders": (settled("0x60 0+1x6 6x100", "0x60 0+1x4 4x100"), 40),
    "queue_depth": (queue("0x50 9x150", "0x50 2x150"), 11),
    "lock_overdue": ([series("sniperd_lock_overdue_seconds", "0x50 11x150")], 11),
    "lock_timeouts": (timeouts("0x60 0+1x6 6x100"), 6),
    "rate_ban": ([series("sniperd_rate_ban_seconds", "0x50 120x150")], 120),
    "orders_turned_away": ([series("sniperd_exchange_turned_away", "0x50 1x150")], 1),
    "exchange_unreachable": ([series("sniperd_exchange_reachable", "1x50 0x150")], 1),
    "reconcile_stale": ([series("sniperd_reconcile_overdue_seconds", "0x50 61x150")], 61),
    "poller_failing": ([series("sniperd_poller_failing_seconds", "0x50 61x150")], 61),
    "fleet_no_owner": ([series("sniperd_fleet_owned", "1x50 0x150")], 1),
    "fleet_no_standby": ([series("sniperd_fleet_members", "1x50 0x150", standing="standby")], 0),
    "fleet_lag": ([series("sniperd_fleet_log_lag_entries", "0x50 501x150")], 501),
    "fleet_not_synchronous": ([series("sniperd_fleet_doubts", "0x50 2x150")], 2),
    "fleet_clock": ([series("sniperd_fleet_lease_excess_seconds", "0x50 1.5x150")], 1_500),
    "fleet_configuration": ([series("sniperd_fleet_configuration_differs", "0x50 1x150", member="tokyo-2")], 1),
    "log_went_back": ([series("sniperd_fleet_entries_missing", "0x50 3x150")], 3),
    "clock_offset": ([series("sniperd_exchange_clock_offset_seconds", "0x50 -1.5x150")], 1_500),
    "clock_wrong": ([series("sniperd_exchange_clock_offset_seconds", "0x50 -61x150")], 61_000),
    "slow_commits": (slow("0x60 0+1x4 4x100"), 4),
    "disk_low": ([series("sniperd_disk_free_bytes", "900000000x50 499000000x150")], 499),
    "database_locked": ([series("sniperd_database_locked_seconds", "0x50 20x150")], 20),
}
"""What makes a rule fire within ten minutes, and the value that it shows then."""

QUIET: dict[str, list[tuple[str, str]]] = {
    "order_lost": [series("sniperd_orders", "0x200", state="lost"), series("sniperd_orders", "5x200", state="open")],
    "order_seen_late": [series("sniperd_events_total", "0x200", event="order.seen_late")],
    "order_in_doubt": [series("sniperd_orders_past_grace", "0x200")],
    "order_contradicted": [series("sniperd_orders_contradicted", "0x200")],
    "trading_halted": [series("sniperd_halted", "0x200")],
    "dead_letter": [series("sniperd_dead_letters", "0x200")],
    "armed_not_ready": [series("sniperd_orders_not_ready", "0x200", lacking="funds")],
    "listing_gone": [series("sniperd_orders_listing_gone", "0x200")],
    "failed_orders": settled("0x60 0+1x8 8x100", "0x60 0+1x2 2x100"),  # a fifth, but of few
    "queue_depth": queue("9x200", "1x200"),
    "lock_overdue": [series("sniperd_lock_overdue_seconds", "10x200")],
    "lock_timeouts": timeouts("0x60 0+1x5 5x100"),
    "rate_ban": [series("sniperd_rate_ban_seconds", "5x200")],
    "orders_turned_away": [series("sniperd_exchange_turned_away", "0x200")],
    "exchange_unreachable": [series("sniperd_exchange_reachable", "1x110 0x8 1x90")],  # for less than a minute
    "reconcile_stale": [series("sniperd_reconcile_overdue_seconds", "60x200")],
    "poller_failing": [series("sniperd_poller_failing_seconds", "60x200")],
    "fleet_no_owner": [series("sniperd_fleet_owned", "1x119 0x1 1x90")],  # for less than ten seconds
    "fleet_no_standby": [series("sniperd_fleet_members", "1x200", standing="standby")],
    "fleet_lag": [series("sniperd_fleet_log_lag_entries", "500x200")],
    "fleet_not_synchronous": [series("sniperd_fleet_doubts", "0x200")],
    "fleet_clock": [series("sniperd_fleet_lease_excess_seconds", "1x200")],
    "fleet_configuration": [series("sniperd_fleet_configuration_differs", "0x50 1x59 0x90", member="tokyo-2")],
    "log_went_back": [series("sniperd_fleet_entries_missing", "0x200")],
    "clock_offset": [series("sniperd_exchange_clock_offset_seconds", "0.999x200")],
    "clock_wrong": [series("sniperd_exchange_clock_offset_seconds", "60x200")],
    "slow_commits": slow("0x60 0+1x3 3x100"),
    "disk_low": [series("sniperd_disk_free_bytes", "500000000x200")],
    "database_locked": [series("sniperd_database_locked_seconds", "2x200")],
}
"""Input that does not make it fire, at the limit or just short of it."""

LABELLED = {
    "order_lost", "order_seen_late", "slow_commits", "armed_not_ready", "fleet_no_standby", "fleet_configuration",
}  # fmt: skip
"""Rules whose alerts keep the labels of their series."""


def of_file(name: str) -> dict[str, Any]:
    """Return the file's rule by the name of the daemon's."""
    return {rule["alert"]: rule for rule in alert_rules()}[alert_name(DAEMONS[name])]


def promtool(directory: Path, name: str, given: list[tuple[str, str]], expected: list[dict[str, Any]]) -> str:
    """Let promtool judge a rule by made-up series, ten minutes on."""
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "5s",
        "tests": [
            {
                "interval": "5s",
                "input_series": [{"series": each, "values": values} for each, values in given],
                "alert_rule_test": [{"eval_time": "10m", "alertname": name, "exp_alerts": expected}],
            }
        ],
    }
    file = directory / "test.yml"
    file.write_text(as_yaml(test), encoding="utf-8")
    return tool("promtool", "test", "rules", file)


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


@pytest.mark.parametrize("name", DAEMONS)
def test_a_rule_fires_and_shows_the_figure(tmp_path: Path, name: str) -> None:
    given, value = FIRES[name]
    rule = DAEMONS[name]
    labels = re.findall(r'(\w+)="([^"]*)"', given[0][0]) if name in LABELLED else []
    summary = rule.means.format(value=f"{value:g}", lacking="funds", members="tokyo-2")
    expected = {
        "exp_labels": {"job": "sniperd", "instance": "d", **dict(labels), "severity": rule.severity.value},
        "exp_annotations": {"summary": summary, "runbook": rule.todo},
    }
    assert "SUCCESS" in (said := promtool(tmp_path, alert_name(rule), given, [expected])), said


@pytest.mark.parametrize("name", DAEMONS)
def test_a_rule_is_quiet_at_its_limit(tmp_path: Path, name: str) -> None:
    assert "SUCCESS" in (said := promtool(tmp_path, alert_name(DAEMONS[name]), QUIET[name], [])), said


def test_a_share_of_too_few_says_nothing(tmp_path: Path) -> None:
    said = promtool(tmp_path, "SniperdFailedOrders", settled("0x60 1x100", "0x60 0+1x2 2x100"), [])
    assert "SUCCESS" in said, said


def test_a_failing_share_at_its_limit_is_quiet(tmp_path: Path) -> None:
    said = promtool(tmp_path, "SniperdFailedOrders", settled("0x60 0+2x8 16x100", "0x60 0+1x4 4x100"), [])
    assert "SUCCESS" in said, said


def test_a_daemon_that_does_not_answer_is_alerted(tmp_path: Path) -> None:
    rule = next(rule for rule in alert_rules() if rule["alert"] == "SniperdDown")
    expected = {
        "exp_labels": {"job": "sniperd", "instance": "d", "severity": "critical"},
        "exp_annotations": rule["annotations"],
    }
    for values, alerts in (("1x100 0x100", [expected]), ("1x112 0x88", [])):  # eight seconds and forty are no minute
        said = promtool(tmp_path, "SniperdDown", [(f"up{DAEMON_LABELS}}}", values)], alerts)
        assert "SUCCESS" in said, said


def test_there_is_a_rule_for_each_of_the_daemons_own_and_one_for_the_daemon() -> None:
    assert [rule["alert"] for rule in alert_rules()] == [
        "SniperdDown",
        *(alert_name(rule) for rule in DAEMONS.values()),
    ]


@pytest.mark.parametrize("name", DAEMONS)
def test_a_rule_has_the_daemons_limit_times_severity_and_words(name: str) -> None:
    ours, theirs = DAEMONS[name], of_file(name)
    limit = re.search(r"([<>]) ([\d.]+)$", theirs["expr"])
    assert limit is not None
    assert (limit[1], float(limit[2])) == ("<" if ours.beyond == "below" else ">", ours.limit)
    assert seconds(theirs.get("for", "0s")) * 1_000 == ours.for_ms
    assert seconds(theirs.get("keep_firing_for", "0s")) * 1_000 == ours.resolve_ms
    assert theirs["labels"] == {"severity": ours.severity.value}
    shown = ours.means.format(
        value='{{ $value | printf "%.10g" }}', lacking="{{ $labels.lacking }}", members="{{ $labels.member }}"
    )
    assert theirs["annotations"] == {"summary": shown, "runbook": ours.todo}
    assert set(re.findall(r"\[(\w+)]", theirs["expr"])) <= {f"{WINDOW_MINUTES}m"}


def test_both_need_the_same_number_of_failures() -> None:
    assert f">= {AlertsTable().failed_at_least}\n" in of_file("failed_orders")["expr"].replace(" )", "\n)")


def test_prometheus_and_alertmanager_accept_the_files() -> None:
    assert "FAILED" not in (said := tool("promtool", "check", "config", MONITORING / "prometheus.yml")), said
    assert "exit code" not in said, said
    said = tool("amtool", "check-config", MONITORING / "alertmanager.yml")
    assert "SUCCESS" in said, said
