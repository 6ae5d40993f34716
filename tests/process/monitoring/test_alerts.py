"""Alerts of a running daemon: in the log, over the sockets, at the webhook; trading never waits for one."""

import json
from typing import Any

import pytest

from tests.monitoring.receiver import Receiver, receiver
from tests.process.app.aftermath import BLIND
from tests.process.monitoring.conftest import with_webhooks
from tests.support import Daemon, Exchange, eventually
from tests.support.other_user import NOBODY, ask_as
from tests.support.signals import market_buy
from tests.support.stage import Stage


def alerts(daemon: Daemon) -> dict[str, dict[str, Any]]:
    """Return what is pending or fires, by name."""
    return {each["name"]: each for each in daemon.get("/v1/alerts")["alerts"]}


def test_a_halt_is_an_alert_until_it_is_over(daemon: Daemon, hook: Receiver) -> None:
    mark, before = daemon.process.mark(), len(hook.posted)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    fired = daemon.wait_for("alert.firing", since=mark, alert="trading_halted")
    assert (fired["level"], fired["severity"], fired["value"]) == ("error", "critical", 1)
    shown = alerts(daemon)["trading_halted"]
    assert (shown["state"], shown["severity"], shown["value"]) == ("firing", "critical", 1)
    assert "resume" in shown["todo"]
    assert "trading_halted" in [each["name"] for each in daemon.get("/v1/status")["alerts"]]
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    daemon.wait_for("alert.resolved", since=mark, alert="trading_halted")
    assert "trading_halted" not in alerts(daemon)

    def posted() -> list[str] | None:
        states = [each.body["state"] for each in hook.posted[before:] if each.body["alert"] == "trading_halted"]
        return states if len(states) > 1 else None

    assert eventually(posted, "both messages") == ["firing", "resolved"]


def test_what_waits_too_long_is_pending_first(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        first = daemon.send(market_buy(snipeTargetId="crowded"))
        behind = [
            daemon.accept(market_buy(snipeTargetId="crowded", quoteOrderQty=str(30 + each), deadlineMs=60_000))
            for each in range(11)
        ]
        shown = eventually(lambda: alerts(daemon).get("queue_depth"), "a queue that is too deep")
        assert (shown["state"], shown["severity"], shown["value"]) == ("pending", "warning", 11)
        assert "queue_depth" not in [each["name"] for each in daemon.get("/v1/status")["alerts"]]
    for order_id in (first, *behind):
        daemon.until(order_id, "filled")


def test_a_lasting_doubt_alerts_the_operator_and_names_no_order(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, {"locks": {"timeout_ms": 1_000}, "alerts": {"lock_overdue_s": 0}})
    daemon.start(with_rules=True)
    exchange.inject("reply_lost", *BLIND)
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "in_doubt")
    doubt = daemon.wait_for("alert.firing", alert="order_in_doubt")
    overdue = daemon.wait_for("alert.firing", alert="lock_overdue")
    for event in (doubt, overdue):
        text = json.dumps(event)
        assert order_id not in text
        assert "BTCUSDT" not in text
    exchange.inject()
    daemon.until(order_id, "filled")
    assert alerts(daemon)["order_in_doubt"]["state"] == "firing", "it resolves when it has been well for a while"


def test_a_lost_order_alerts_the_operator(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject("request_lost")
    daemon.until(daemon.accept(market_buy()), "lost")
    assert "sniperd resolve" in daemon.wait_for("alert.firing", alert="order_lost", severity="critical")["todo"]


def test_limits_are_read_again(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start()
    assert "disk_low" not in alerts(daemon)
    daemon.configure({"alerts": {"disk_free_mb": 1_000_000_000}})
    daemon.reload()
    daemon.wait_for("alert.firing", alert="disk_low")
    assert daemon.get("/v1/status")["summary"]["sentence"].endswith(
        " MB are free on the database's disk (the daemon stops when it is full): needs you"
    )
    daemon.configure({"alerts": {"disk_free_mb": 1}})
    daemon.reload()
    said = "The alert disk_low is about to end, nothing needs you"
    eventually(lambda: daemon.get("/v1/status")["summary"]["sentence"] == said, "there is room enough")
    assert alerts(daemon)["disk_low"]["state"] == "firing"


def test_a_webhook_that_hangs_slows_no_order(own_stage: Stage) -> None:
    """Alerts fire and wait; meanwhile every signal gets its outcome, and the webhook is given up in the end."""
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, {"alerts": {"webhook_timeout_ms": 2_000, "webhook_attempts": 1}})
    with receiver(None) as dead:
        with_webhooks(daemon, f"slack {dead.url('/T0KEN-nobody-may-see')}")
        daemon.configure({"alerts": {"disk_free_mb": 1_000_000_000}})
        daemon.start(with_rules=True)
        dead.wait_for(1)
        for _ in range(20):
            assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
        given_up = daemon.wait_for("alert.undelivered", webhook="slack 1", alert="disk_low")
        assert "no answer within 2 s" in given_up["error"]
    assert "T0KEN" not in daemon.transcript()
    assert "T0KEN" not in json.dumps(daemon.get("/v1/status")) + json.dumps(daemon.get("/v1/alerts"))


def test_a_webhooks_file_that_others_can_read_keeps_the_daemon_down(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    with_webhooks(daemon, "json https://example.org/T0KEN-nobody-may-see")
    (daemon.directory / "webhooks").chmod(0o644)
    process = daemon.launch()
    assert process.exit_code() == 77
    assert "chmod 600" in process.transcript()
    assert "T0KEN" not in process.transcript()


def test_a_test_reaches_the_webhook(daemon: Daemon, hook: Receiver) -> None:
    before = len(hook.posted)
    answer = daemon.ask("POST", "/v1/admin/alerts/test")
    assert (answer.status, answer.json) == (
        200,
        {"webhooks": [{"webhook": "json 1", "delivered": True, "error": None}]},
    )
    assert "test" in [each.body["state"] for each in hook.wait_for(before + 1)[before:]]


@pytest.mark.needs("root")
def test_only_an_administrator_may_send_a_test(daemon: Daemon) -> None:
    assert ask_as(NOBODY, daemon.signals, "POST", "/v1/admin/alerts/test").status == 403


def test_without_a_webhook_a_test_says_how_to_have_one(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start()
    refused = daemon.ask("POST", "/v1/admin/alerts/test")
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert "webhook_file" in refused.json["message"]
