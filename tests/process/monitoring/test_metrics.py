"""/metrics: as Prometheus wants it, true of the daemon, and bounded whatever callers send."""

import http.client
import re
from urllib.parse import urlsplit

import pytest

from daemon.core.values.events import CATALOGUE
from daemon.core.values.states import State
from tests.manual.blocks import MANUAL
from tests.monitoring.prometheus import alert_rules, metric_names, names_in, samples, scrape, tool, value
from tests.monitoring.test_dashboard import EXPRESSIONS
from tests.support import KEYS, Daemon, Exchange, eventually
from tests.support.signals import market_buy, resting_buy
from tests.support.unix_http import ask

PREFIX = re.compile(r"sniperd_[a-z_]+|process_[a-z_]+|python_[a-z_]+")


@pytest.mark.needs("prometheus")
def test_promtool_finds_no_problem(daemon: Daemon) -> None:
    daemon.submit(market_buy(), wait_s=10)
    assert tool("promtool", "check", "metrics", text=scrape(daemon)) == ""


def test_it_is_read_on_both_sockets_and_on_the_loopback(daemon: Daemon) -> None:
    assert ask(daemon.signals, "GET", "/metrics").status == 200
    address = urlsplit(daemon.wait_for("daemon.ready")["http"]).netloc
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert (response.status, b"sniperd_ready 1.0" in response.read()) == (200, True)
    finally:
        connection.close()


def test_every_name_has_the_programs_prefix_and_every_series_exists_from_the_start(daemon: Daemon) -> None:
    found = samples(scrape(daemon))
    assert all(PREFIX.fullmatch(name) for name in found)
    assert {dict(labels)["event"] for labels in found["sniperd_events_total"]} == set(CATALOGUE)
    assert {dict(labels)["state"] for labels in found["sniperd_orders"]} == {state.value for state in State}


def test_an_order_moves_the_figures_that_it_should(daemon: Daemon) -> None:
    before = scrape(daemon)
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    daemon.wait_for("order.seen", order_id=order_id)

    def settled() -> str | None:
        text = scrape(daemon)
        filled = {"metric": "sniperd_order_outcomes_total", "outcome": "filled"}
        return text if value(text, **filled) > value(before, **filled) else None

    after = eventually(settled, "a filled order more")
    for metric, labels in (
        ("sniperd_signal_to_wire_seconds_count", {}),
        ("sniperd_exchange_round_trip_seconds_count", {}),
        ("sniperd_lock_wait_seconds_count", {"holder": "order"}),
        ("sniperd_attempts_total", {"answer": "placed"}),
        ("sniperd_orders_settled_total", {"result": "placed"}),
    ):
        assert value(after, metric, **labels) - value(before, metric, **labels) == 1, metric
    assert value(after, "sniperd_commit_seconds_count") > value(before, "sniperd_commit_seconds_count")
    took_s = value(after, "sniperd_signal_to_wire_seconds_sum") - value(before, "sniperd_signal_to_wire_seconds_sum")
    assert took_s > 0


def test_gauges_show_the_present_state(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        daemon.send(market_buy(snipeTargetId="held", symbol="BTCUSDT"))
        behind = daemon.accept(market_buy(snipeTargetId="held", quoteOrderQty="26", priority=3))
        text = scrape(daemon)
        assert value(text, "sniperd_orders", state="in_flight") == 1
        assert value(text, "sniperd_queue_orders", priority="3") == 1
        assert value(text, "sniperd_locks_held", holder="order") == 1
        assert value(text, "sniperd_rate_limit", budget="orders") == daemon.config["exchange"]["order_rate_per_s"]
    daemon.until(behind, "filled")
    text = scrape(daemon)
    assert value(text, "sniperd_queue_orders", priority="3") == 0
    assert value(text, "sniperd_exchange_reachable") == 1
    assert value(text, "sniperd_database_bytes") > 0
    assert value(text, "sniperd_disk_free_bytes") < value(text, "sniperd_disk_size_bytes")
    assert abs(value(text, "sniperd_exchange_clock_offset_seconds")) < 10


def test_a_refusal_of_the_exchange_is_counted_by_its_code(daemon: Daemon, exchange: Exchange) -> None:
    before = scrape(daemon)
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    dead = daemon.submit(market_buy(), wait_s=10).json["id"]
    text = scrape(daemon)
    for metric, labels in (
        ("sniperd_exchange_refusals_total", {"code": "30002"}),
        ("sniperd_attempts_total", {"answer": "refused"}),
        ("sniperd_dead_letters", {}),
    ):
        assert value(text, metric, **labels) - value(before, metric, **labels) == 1, metric
    daemon.ask("DELETE", f"/v1/orders/{dead}")


def test_the_kill_switch_shows(daemon: Daemon) -> None:
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    text = scrape(daemon)
    assert (value(text, "sniperd_halted"), value(text, "sniperd_ready")) == (1, 0)


def test_nothing_that_a_caller_chooses_becomes_a_series(daemon: Daemon) -> None:
    """However many symbols, owners, targets, keys and paths there are, there are as many series as before."""
    before = {(name, labels) for name, each in samples(scrape(daemon)).items() for labels in each}
    for number in range(20):
        daemon.submit(market_buy(ownerId=f"owner-{number}", snipeTargetId=f"mark-{number}"), wait_s=10)
        daemon.submit(market_buy(symbol=f"MARK{number}USDT"))
        daemon.ask("POST", "/v1/locks", {"resourceId": f"mark-{number}", "ownerId": f"owner-{number}"})
        daemon.ask("GET", f"/mark-{number}")
    resting = daemon.accept(resting_buy())
    daemon.until(resting, "open")
    text = scrape(daemon)
    assert {(name, labels) for name, each in samples(text).items() for labels in each} == before
    for chosen in ("mark-", "MARK", "owner-", "BTCUSDT", resting, *KEYS):
        assert chosen not in text
    daemon.ask("DELETE", f"/v1/orders/{resting}")


def test_series_of_the_last_hour_are_shown_for_plots(daemon: Daemon) -> None:
    daemon.submit(market_buy(), wait_s=10)

    def shown() -> dict[str, list[dict[str, float]]] | None:
        series: dict[str, list[dict[str, float]]] = daemon.get("/v1/stats?window_s=60")["series"]
        return series if any(point.get("filled") for point in series["outcomes"]) else None

    series = eventually(shown, "a filled order")
    instants = [[point["atMs"] for point in each] for each in series.values()]
    assert all(each == instants[0] for each in instants)
    assert len(instants[0]) <= 14
    sent = [point for point in series["signalToWireMs"] if point["count"]]
    assert sent
    assert all(0 < point["p50"] <= point["p99"] for point in sent)
    assert all(0 <= point["value"] <= 1 for point in series["rateBudget"])
    assert daemon.get("/v1/stats")["stepMs"] == 5_000


@pytest.mark.parametrize("window", ["0", "3601", "x", "-1"])
def test_a_window_out_of_range_is_refused(daemon: Daemon, window: str) -> None:
    refused = daemon.ask("GET", f"/v1/stats?window_s={window}")
    assert (refused.status, refused.json["field"], refused.json["allowed"]) == (400, "window_s", "1 to 3600")


def test_rules_and_dashboard_name_only_metrics_that_there_are(daemon: Daemon) -> None:
    found = metric_names(scrape(daemon))
    named = {name for rule in alert_rules() for name in names_in(rule["expr"])}
    shown = {name for expression in EXPRESSIONS for name in names_in(expression)}
    assert named <= found
    assert shown <= found
    assert len(shown) > 30


def test_the_handbook_lists_every_metric_and_no_other(daemon: Daemon) -> None:
    page = (MANUAL / "reference-metrics.md").read_text(encoding="utf-8")
    found = re.findall(r"^- `(sniperd_\w+)` \((\w+)\)", page, re.MULTILINE)
    listed = {f"{name}_total" if kind == "counter" else name for name, kind in found}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metric_names(scrape(daemon))}
    assert listed == {name for name in shown if name.startswith("sniperd_")}
