"""The preflight: before real orders are sent the exchange is asked whether the account may trade."""

from pathlib import Path

import pytest

from tests.support import Daemon, Exchange, Keys, eventually
from tests.support.daemon_process import Tables
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage
from tests.support.tls import certificate, tls_before

OTHERS = Keys("mx0vNobodysKey1234567", "nobodys-secret-0123456789abcdef")
NO_TRADING = {"kind": "no_trading"}
LIMITED: Tables = {
    "exchange": {"order_rate_per_s": 10, "weight_per_10s": 300, "requests_per_s": 8},
    "guards": {"max_notional_per_order": 30, "max_notional_per_day": 60},
}
"""What the configuration needs for an exchange that is not on this machine."""


def refusal_of(daemon: Daemon) -> str:
    """Start a daemon that must refuse to run; return its message."""
    daemon.launch()
    assert daemon.process.exit_code() == 77
    [line] = daemon.process.errors.all()
    assert daemon.process.events()[-1]["event"] == "daemon.failed"
    assert line == f"sniperd: {daemon.process.events()[-1]['error']}"
    return line


def test_a_key_that_the_exchange_does_not_know_ends_the_start(own_stage: Stage) -> None:
    said = refusal_of(own_stage.daemon(own_stage.exchange(), keys=OTHERS))
    assert "does not accept the key" in said
    assert "invalid access key" in said
    assert "check key and secret" in said
    assert not any(secret in said for secret in OTHERS)


def test_a_read_only_key_ends_the_start(own_stage: Stage) -> None:
    said = refusal_of(own_stage.daemon(own_stage.exchange("--key-reads-only")))
    assert "does not let the key trade" in said
    assert "700007" in said


def test_an_account_that_may_not_trade_ends_the_start(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    exchange.inject(NO_TRADING)
    assert "canTrade is false" in refusal_of(own_stage.daemon(exchange))


def test_a_clock_that_is_a_minute_off_ends_the_start_unless_the_server_is_a_test_server(
    own_stage: Stage, tmp_path: Path
) -> None:
    exchange = own_stage.exchange("--clock-offset-ms", "-90000")
    beside = own_stage.daemon(exchange)
    beside.start(with_rules=True)
    assert beside.submit(market_buy(), wait_s=10).json["state"] == "filled"
    pem = certificate(tmp_path, 60)
    with tls_before(exchange.url, pem, "127.0.0.2") as url:
        daemon = own_stage.daemon(exchange, {**LIMITED, "exchange": {**LIMITED["exchange"], "base_url": url}})
        daemon.environ["SSL_CERT_FILE"] = str(pem)
        assert "systemd-timesyncd" in refusal_of(daemon)


def test_preflight_places_no_order(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start()
    assert exchange.orders() == []
    assert daemon.process.events("exchange.proven")
    assert daemon.get("/v1/status")["unproven"] is None


def test_on_an_address_that_is_not_a_known_loopback_one_it_trades_only_over_tls_and_with_limits(
    own_stage: Stage, tmp_path: Path
) -> None:
    exchange = own_stage.exchange()
    pem = certificate(tmp_path, 60)
    with tls_before(exchange.url, pem, "127.0.0.2") as url:
        daemon = own_stage.daemon(exchange, {"exchange": {**LIMITED["exchange"], "base_url": url}})
        daemon.environ["SSL_CERT_FILE"] = str(pem)
        daemon.launch()
        assert daemon.process.exit_code() == 78
        assert "max_notional_per_order" in daemon.process.errors.all()[0]
        daemon.configure({"guards": LIMITED["guards"]})
        daemon.start(with_rules=True)
        assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
        assert daemon.submit(market_buy(quoteOrderQty="31")).json["guard"] == "max_notional_per_order"
        assert daemon.terminate() == 0


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """An exchange that can be stopped."""
    return own_stage.exchange()


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that accepts signals."""
    daemon = own_stage.daemon(exchange, {"reconcile": {"startup_s": 0.5}})
    daemon.start(with_rules=True)
    return daemon


def test_after_a_restart_orders_in_doubt_are_settled_and_none_is_sent_before_preflight_passes(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000})
    doubtful = daemon.send(market_buy())
    eventually(lambda: exchange.orders(doubtful), "it is on the book")
    exchange.kill()
    daemon.until(doubtful, "in_doubt")
    daemon.restart()
    daemon.wait_for("exchange.unproven")
    found = daemon.get("/v1/status")
    assert (found["stage"], found["inDoubt"]) == ("ready", 1)
    assert "no order is sent before" in found["unproven"]
    refused = daemon.submit(market_buy())
    assert (refused.status, refused.json["error"]) == (503, "not_ready")
    exchange.start()
    daemon.until(doubtful, "filled")
    daemon.wait_for("exchange.proven")
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
    assert len(exchange.orders(doubtful)) == 1


def test_a_lease_is_granted_while_the_exchange_is_away(daemon: Daemon, exchange: Exchange) -> None:
    exchange.kill()
    daemon.restart()
    daemon.wait_for("exchange.unproven")
    assert daemon.ask("POST", "/v1/locks", {"resourceId": "wallet:1", "ownerId": "bot"}).status == 201


def test_a_later_refusal_halts_trading_and_does_not_end_the_daemon(own_stage: Stage) -> None:
    exchange = own_stage.exchange("--fault", "refused:code=700006,endpoint=GET /api/v3/account")
    exchange.kill()
    daemon = own_stage.daemon(exchange)
    daemon.start()
    daemon.wait_for("exchange.unproven")
    exchange.start()
    assert "IP non white list" in daemon.wait_for("trading.halted")["reason"]
    assert daemon.submit(market_buy()).status == 409


def test_with_an_open_order_a_refused_preflight_starts_halted_so_that_the_order_is_followed(
    daemon: Daemon, exchange: Exchange
) -> None:
    resting = daemon.accept(resting_buy())
    daemon.until(resting, "open")
    daemon.kill()
    exchange.inject(NO_TRADING)
    daemon.start()
    assert "canTrade is false" in daemon.wait_for("trading.halted")["reason"]
    exchange.change_market("BTCUSDT", price="49000")
    assert daemon.until(resting, "filled")["state"] == "filled"
    assert daemon.submit(market_buy()).status == 409
