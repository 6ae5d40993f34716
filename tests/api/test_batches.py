"""Many signals in one request: all or none, in one commit."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.pending import Pending
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage


def send(daemon: Daemon, signals: object) -> Any:
    """Send a valid batch; return its orders."""
    answer = daemon.ask("POST", "/v1/signals/batch", signals)
    assert answer.status == 202, answer.raw
    return answer.json


def test_a_batch_is_answered_with_its_orders_in_the_same_order(daemon: Daemon, exchange: Exchange) -> None:
    signals = [market_buy(symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
    orders = send(daemon, signals)
    assert [order["symbol"] for order in orders] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert [order["snipeTargetId"] for order in orders] == [signal["snipeTargetId"] for signal in signals]
    assert [order["replayed"] for order in orders] == [False] * 3
    for order in orders:
        daemon.until(order["id"], "filled")
        assert len(exchange.orders(order["id"])) == 1


def test_the_orders_of_a_batch_have_consecutive_numbers(daemon: Daemon) -> None:
    ids = [order["id"] for order in send(daemon, [resting_buy() for _ in range(100)])]
    with closing(sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)) as disk:
        places = dict(disk.execute("SELECT order_id, seq FROM orders"))
    assert [places[order_id] for order_id in ids] == list(range(places[ids[0]], places[ids[0]] + 100))


def test_repetitions_in_a_batch_are_marked_and_place_nothing(daemon: Daemon, exchange: Exchange) -> None:
    earlier, new = market_buy(), market_buy()
    order_id = daemon.accept(earlier)
    orders = send(daemon, [new, earlier, new])
    assert [order["replayed"] for order in orders] == [False, True, True]
    assert orders[1]["id"] == order_id
    assert orders[0]["id"] == orders[2]["id"]
    daemon.until(orders[0]["id"], "filled")
    assert len(exchange.arrivals(orders[0]["id"])) == 1


BAD: dict[str, tuple[list[Any], int, str | None]] = {
    "a wrong field": ([market_buy(), market_buy(side="HOLD"), market_buy()], 400, "[1].side"),
    "a wrong amount": ([market_buy(), market_buy(), market_buy(quoteOrderQty="0.5")], 400, "[2].quoteOrderQty"),
    "a missing field": ([market_buy(), market_buy(symbol=None)], 400, "[1].symbol"),
    "an unknown symbol": ([market_buy(), market_buy(symbol="NOSUCHUSDT")], 400, "[1].symbol"),
    "no object": ([market_buy(), "BUY"], 400, "[1]"),
    "one key for two": ([market_buy(idempotencyKey="two"), market_buy(idempotencyKey="two")], 422, "idempotencyKey"),
    "nothing": ([], 400, "body"),
    "too many": ([market_buy() for _ in range(1_001)], 400, "body"),
}


@pytest.mark.parametrize(("signals", "status", "field"), BAD.values(), ids=BAD.keys())
def test_one_invalid_signal_refuses_the_whole_batch_and_is_named(
    daemon: Daemon, signals: list[Any], status: int, field: str | None
) -> None:
    newest = daemon.get("/v1/orders?limit=1")["orders"][0]["id"]
    refused = daemon.ask("POST", "/v1/signals/batch", signals)
    assert (refused.status, refused.json.get("field")) == (status, field), refused.raw
    assert daemon.get("/v1/orders?limit=1")["orders"][0]["id"] == newest


def test_a_header_with_one_key_for_many_signals_is_refused(daemon: Daemon) -> None:
    header = {"Idempotency-Key": "one for all"}
    refused = daemon.ask("POST", "/v1/signals/batch", [market_buy(), market_buy()], headers=header)
    assert (refused.status, refused.json["field"]) == (400, "idempotencyKey")
    assert refused.json["allowed"] == "idempotencyKey in each signal"


def test_one_signal_with_a_taken_key_refuses_the_whole_batch(daemon: Daemon) -> None:
    taken = market_buy(idempotencyKey="taken before the batch")
    order_id = daemon.accept(taken)
    refused = daemon.ask("POST", "/v1/signals/batch", [market_buy(), taken | {"quoteOrderQty": "26"}])
    assert (refused.status, refused.json["error"]) == (422, "key_conflict")
    assert daemon.get("/v1/orders?limit=1")["orders"][0]["id"] == order_id


def test_a_repetition_whose_order_ends_unplaced_during_intake_is_checked_again(own_stage: Stage) -> None:
    """While the second signal's pair is asked for, the first one's order is withdrawn, and its key is free.

    The daemon has no order with an instant, so nothing but the intake asks for pairs.
    """
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    odd = resting_buy(quantity="0.001123456789", price="50000.123456789", deadlineMs=600_000)
    resource = f"trade:BTCUSDT:BUY:{odd['snipeTargetId']}"
    assert daemon.ask("POST", "/v1/locks", {"resourceId": resource, "ownerId": "another"}).status == 201
    waiting = daemon.accept(odd)
    asked = "GET /api/v3/exchangeInfo"
    before = len(exchange.arrivals(endpoint=asked))
    exchange.inject({"kind": "slow_after", "endpoint": asked, "delay_ms": 700})
    exchange.list_symbol("BATCHUSDT", wall_ms() - 10_000)
    other = market_buy(symbol="BATCHUSDT", deadlineMs=600_000)
    pending = Pending(daemon.signals, "POST", "/v1/signals/batch", [odd, other])
    eventually(lambda: len(exchange.arrivals(endpoint=asked)) > before, "the question for the pair")
    assert daemon.ask("DELETE", f"/v1/orders/{waiting}").status == 200
    refused = pending.answer()
    exchange.inject()
    assert (refused.status, refused.json["error"]) == (503, "not_ready")
    assert daemon.get("/v1/orders?limit=1")["orders"][0]["id"] == waiting, "all or none"
    [again, _] = send(daemon, [odd, other])
    assert (again["replayed"], again["quantity"], again["price"]) == (False, "0.001123", "50000.12")


def test_a_single_signal_is_no_batch(daemon: Daemon) -> None:
    refused = daemon.ask("POST", "/v1/signals/batch", market_buy())
    assert (refused.status, refused.json["error"]) == (400, "invalid")
