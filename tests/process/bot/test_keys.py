"""Idempotency keys of trades and leases: when a key is free, and which requests share one."""

import pytest

from tests.process.bot.bot_api import a_trade, book_of, order_of, orders_of, place, queue, resource_of, resting, trade
from tests.process.bot.test_monitor import acquire, release
from tests.support import Daemon, Exchange, eventually
from tests.support.tables import read


@pytest.mark.parametrize("code", [30004, 30002], ids=["refused", "dead letter"])
def test_after_a_failure_the_key_is_free(daemon: Daemon, exchange: Exchange, code: int) -> None:
    exchange.inject({"kind": "refused", "code": code, "count": 1})
    request = a_trade()
    for key in (None, request["userId"]):
        exchange.inject({"kind": "refused", "code": code, "count": 1})
        refused = trade(daemon, request, key=key)
        assert (refused.status, refused.json["success"]) == (400, False)
        assert "UNIQUE" not in refused.json["error"]
        again = trade(daemon, request, key=key)
        assert (again.status, again.json.get("replayed")) == (200, None)
    assert len(book_of(daemon, exchange, request)) == 2


def test_after_an_expiry_the_key_is_free(quick_daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(quick_daemon, resource_of(request))
    assert trade(quick_daemon, request).status == 400
    release(quick_daemon, lease)
    assert place(quick_daemon, request)["status"] == "FILLED"
    assert [order["state"] for order in orders_of(quick_daemon, request)] == ["expired", "filled"]
    assert len(book_of(quick_daemon, exchange, request)) == 1


def test_after_an_empty_result_a_lease_with_another_key_is_granted(daemon: Daemon) -> None:
    asked = {"resourceId": "empty:1", "ownerId": "bot", "idempotencyKey": "empty-1"}
    lease = daemon.ask("POST", "/v1/locks", asked).json
    release(daemon, lease)
    again = daemon.ask("POST", "/v1/locks", asked)
    assert (again.status, again.json["status"], again.json["result"]) == (200, "released", None)
    acquire(daemon, "empty:1", ownerId="bot", idempotencyKey="empty-2")


def test_after_the_key_window_the_same_trade_is_a_new_order(quick_daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(snipeTargetId=None, side="SELL")
    first = place(quick_daemon, request)
    until_ms = order_of(quick_daemon, request)["key_until_ms"]
    assert until_ms - order_of(quick_daemon, request)["finished_ms"] == 50
    body = eventually(lambda: _new(quick_daemon, request), "the end of the key window")
    assert body["orderId"] != first["orderId"]
    assert order_of(quick_daemon, request)["accepted_ms"] > until_ms
    assert len(book_of(quick_daemon, exchange, request)) == 2


def test_the_next_step_of_a_ladder_is_a_new_order(quick_daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(side="SELL")
    first = place(quick_daemon, request)
    quick_daemon.until(order_of(quick_daemon, request)["order_id"], "filled")
    body = eventually(lambda: _new(quick_daemon, request), "the end of the key window")
    assert body["orderId"] != first["orderId"]
    earlier, later = orders_of(quick_daemon, request)
    assert later["accepted_ms"] > earlier["key_until_ms"] == earlier["finished_ms"] + 50
    assert len(book_of(quick_daemon, exchange, request)) == 2


def _new(daemon: Daemon, request: dict[str, str]) -> dict[str, str] | None:
    """Trade again; return the order if it is a new one."""
    body = trade(daemon, request).json
    order: dict[str, str] = body["order"]
    return None if body.get("replayed") else order


def test_another_key_makes_another_order(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    keys = [f"{request['userId']}-{number}" for number in range(2)]
    ids = {trade(daemon, request, key=key).json["order"]["orderId"] for key in keys + keys}
    assert len(ids) == len(book_of(daemon, exchange, request)) == 2


def test_the_price_is_part_of_the_key(daemon: Daemon, exchange: Exchange) -> None:
    request = resting(price="50000")
    assert place(daemon, request)["orderId"] != place(daemon, request | {"price": "50001"})["orderId"]
    assert sorted(float(each["price"]) for each in book_of(daemon, exchange, request)) == [50_000, 50_001]
    assert trade(daemon, request | {"price": 50000.0}).json["replayed"] is True


def test_three_spellings_of_an_amount_are_one_key(daemon: Daemon, exchange: Exchange) -> None:
    request = resting(symbol="LTCUSDT", price="50")
    answers = [trade(daemon, request | {"quantity": quantity}).json for quantity in ("1", 1, "1.0")]
    assert [answer.get("replayed", False) for answer in answers] == [False, True, True]
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_repetition_of_a_failed_trade_is_no_success(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30004, "count": 2})
    request = a_trade()
    answers = [trade(daemon, request) for _ in range(2)]
    assert [(answer.status, answer.json["success"], answer.json.get("replayed")) for answer in answers] == [
        (400, False, None)
    ] * 2
    assert [order["state"] for order in orders_of(daemon, request)] == ["rejected"] * 2
    assert place(daemon, request)["success"] is True


def test_a_repetition_is_marked_as_replayed(daemon: Daemon) -> None:
    request = a_trade()
    body = [trade(daemon, request).json for _ in range(3)]
    assert ["replayed" in each for each in body] == [False, True, True]
    asked = {"resourceId": request["userId"], "ownerId": "bot", "idempotencyKey": request["userId"]}
    leases = [daemon.ask("POST", "/v1/locks", asked).json for _ in range(2)]
    assert [lease["replayed"] for lease in leases] == [False, True]


def test_a_key_has_one_queue_row_however_often_it_is_queued(daemon: Daemon) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    ids = {queue(daemon, request)["queueId"] for _ in range(10)}
    release(daemon, lease)
    trade(daemon, request)
    key = order_of(daemon, request)["key"]
    rows = read(daemon.database, "SELECT * FROM transaction_queue WHERE idempotency_key = ?", key)
    assert [row["queue_id"] for row in rows] == list(ids)
