"""Status, healthz and readyz of a daemon that starts after a kill, or ends."""

from signal import SIGTERM

from tests.api.test_status import readiness
from tests.support.signals import market_buy
from tests.support.stage import Stage


def test_a_reconciling_daemon_is_alive_and_takes_no_signals(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, {"reconcile": {"startup_s": 60}})
    daemon.start()
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000})
    signal = market_buy()
    order_id = daemon.send(signal)
    exchange.wait_for_arrivals(order_id)
    daemon.kill()
    exchange.kill()
    daemon.launch()
    daemon.wait_for("daemon.reconciling", in_doubt=1)
    assert readiness(daemon) == (503, "starting", None)
    assert daemon.get("/healthz") == {"alive": True}
    assert daemon.get("/v1/status")["inDoubt"] == 1
    refused = daemon.submit(market_buy())
    assert (refused.status, refused.json["error"], refused.headers["retry-after"]) == (503, "not_ready", "1")
    known = daemon.submit(signal)
    assert (known.status, known.json["id"], known.json["state"]) == (200, order_id, "in_doubt")
    exchange.start()
    daemon.wait_for("daemon.ready")
    assert readiness(daemon) == (200, "ready", None)
    assert daemon.order(order_id)["state"] == "filled"
    assert len(exchange.orders(order_id)) == 1


def test_the_day_is_counted_over_a_restart(own_stage: Stage) -> None:
    daemon = own_stage.daemon(own_stage.exchange())
    daemon.start(with_rules=True)
    for _ in range(2):
        daemon.submit(market_buy(), wait_s=10)
    daemon.submit(market_buy(symbol="ETHUSDT"), wait_s=10)
    before = daemon.get("/v1/status")["summary"]
    daemon.kill()
    daemon.start()
    after = daemon.get("/v1/status")["summary"]
    day = ("filledToday", "spending", "lastSignalMs")
    assert [after[name] for name in day] == [before[name] for name in day]
    assert after["filledToday"] == 3


def test_a_draining_daemon_is_alive_and_takes_no_signals(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    signal = market_buy()
    with exchange.frozen():
        order_id = daemon.send(signal)
        daemon.process.send(SIGTERM)
        daemon.wait_for("daemon.draining", in_flight=1)
        assert readiness(daemon) == (503, "draining", None)
        refused = daemon.submit(market_buy())
        assert (refused.status, refused.json["error"]) == (503, "not_ready")
        assert daemon.submit(signal).json["id"] == order_id
    assert daemon.process.exit_code() == 0
