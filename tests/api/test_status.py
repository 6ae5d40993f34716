"""Status, healthz and readyz, at each stage of the daemon."""

import pytest

from tests.support import KEYS, Daemon, Exchange, wall_ms
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.unix_http import ask

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def counted_exchange(shared_stage: Stage) -> Exchange:
    """The exchange of a daemon that only tests of counts use."""
    return shared_stage.exchange()


@pytest.fixture(scope="module")
def counted(shared_stage: Stage, counted_exchange: Exchange) -> Daemon:
    """That daemon: no lease and no order of another test ends while they count."""
    daemon = shared_stage.daemon(counted_exchange)
    daemon.start(with_rules=True)
    return daemon


def readiness(daemon: Daemon) -> tuple[int, str, str | None]:
    """Return readyz's status, stage and reason of a halt."""
    answer = ask(daemon.status, "GET", "/readyz")
    assert answer.json["ready"] is (answer.status == 200)
    return answer.status, answer.json["stage"], answer.json["halted"]


def test_a_trading_daemon_is_ready(daemon: Daemon, exchange: Exchange) -> None:
    daemon.submit(market_buy(), wait_s=10)
    waiting = daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS))
    found = daemon.get("/v1/status")
    assert (found["stage"], found["halted"], found["mode"]) == ("ready", None, "live")
    assert (found["exchangeUrl"], found["database"]) == (exchange.url, str(daemon.database))
    assert (found["pid"], found["exchange"]["reachable"], found["exchange"]["error"]) == (
        daemon.process.pid,
        True,
        None,
    )
    assert abs(found["nowMs"] - wall_ms()) < 10_000
    assert found["uptimeMs"] > 0
    assert found["databaseBytes"] == daemon.database.stat().st_size
    assert found["orders"]["queued"] == found["queueLength"] >= 1
    assert found["ordersPerSecond"] == daemon.config["exchange"]["order_rate_per_s"]
    assert found["exchange"]["weightLimit"] == daemon.config["exchange"]["weight_per_10s"]
    summary = found["summary"]
    assert summary["exchange"]["text"] == "answers"
    assert summary["sentence"].startswith("All well: ") is (summary["tone"] == "good")
    assert summary["needsAttention"] >= found["lost"]
    assert summary["filledToday"] >= 1
    assert wall_ms() - summary["lastSignalMs"] < 10_000
    assert not any(secret in str(found) for secret in KEYS)
    daemon.ask("DELETE", f"/v1/orders/{waiting}")


def test_counts_follow_the_orders(counted: Daemon, counted_exchange: Exchange) -> None:
    before = counted.get("/v1/status")
    with counted_exchange.frozen():
        counted.send(market_buy(snipeTargetId="counted"))
        behind = counted.accept(market_buy(snipeTargetId="counted", quoteOrderQty="26"))
        during = counted.get("/v1/status")
    for name, more in {"queueLength": 1, "inFlight": 1, "activeLocks": 1, "inDoubt": 0, "deadLetters": 0}.items():
        assert during[name] - before[name] == more, name
    counted.until(behind, "filled")
    after = counted.get("/v1/status")
    assert all(after[name] == before[name] for name in ("queueLength", "inFlight", "activeLocks"))


def test_dead_letters_and_doubts_are_counted(counted: Daemon, counted_exchange: Exchange) -> None:
    before = counted.get("/v1/status")
    counted_exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    dead = counted.submit(market_buy(), wait_s=10).json["id"]
    counted_exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    doubted = counted.accept(market_buy())
    counted.until(doubted, "in_doubt")
    found = counted.get("/v1/status")
    assert (found["deadLetters"] - before["deadLetters"], found["inDoubt"] - before["inDoubt"]) == (1, 1)
    counted_exchange.inject()
    counted.until(doubted, "filled")
    counted.ask("DELETE", f"/v1/orders/{dead}")
    assert counted.get("/v1/status")["deadLetters"] == before["deadLetters"]


def test_a_halted_daemon_is_alive_and_not_ready(daemon: Daemon) -> None:
    assert readiness(daemon) == (200, "ready", None)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    assert readiness(daemon) == (503, "ready", "a rehearsal")
    assert daemon.get("/healthz") == {"alive": True}
    assert daemon.get("/v1/status")["halted"] == "a rehearsal"
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    assert readiness(daemon) == (200, "ready", None)
