"""``POST /api/mexc/trade``: each kind of answer, with its exact JSON."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.process.bot.bot_api import (
    LOCKS,
    TRADE,
    a_trade,
    book_of,
    order_of,
    place,
    queue,
    resource_of,
    resting,
    send,
    start_trade,
    trade,
)
from tests.support import Daemon, Exchange, ask
from tests.support.other_user import NOBODY, ask_as

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
QUERIES_FAIL = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def test_a_placed_trade_is_answered_in_the_shape_that_every_bot_reads(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    answer = trade(daemon, request)
    body = answer.json
    [placed] = book_of(daemon, exchange, request)
    assert answer.status == 200
    assert ISO.fullmatch(body.pop("timestamp"))
    assert ISO.fullmatch(body["order"]["timestamp"])
    shown = {
        "success": True,
        "orderId": placed["orderId"],
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.001",
        "price": body["order"]["price"],
        "status": "FILLED",
        "timestamp": body["order"]["timestamp"],
    }
    assert body == {"success": True, "message": "Order placed successfully", "order": shown, "data": shown}
    assert Decimal(shown["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])


def test_a_duplicate_gets_the_same_order_marked_as_replayed(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    first, again = trade(daemon, request), trade(daemon, request)
    assert (again.status, again.json["replayed"]) == (200, True)
    assert "replayed" not in first.json
    assert again.json["order"] == again.json["data"] == first.json["order"]
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_queued_trade_that_does_not_wait_gets_its_queue_position(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        body = [queue(daemon, request | {"quantity": quantity}) for quantity in ("0.002", "0.003")]
        again = queue(daemon, request | {"quantity": "0.003"})
    queue_id = body[0]["queueId"]
    assert body[0] == {
        "success": False,
        "queued": True,
        "queueId": queue_id,
        "queuePosition": 1,
        "lockId": None,
        "error": "Resource locked, added to queue",
    }
    assert (body[1]["queuePosition"], again) == (2, body[1])
    assert daemon.until(queue_id, "filled")["id"] == queue_id


def test_a_duplicate_of_a_trade_in_flight_that_does_not_wait_is_a_conflict(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        order_id = send(daemon, request)
        answer = trade(daemon, request, wait_s=0)
    body, lock = answer.json, order_of(daemon, request)["lock_id"]
    assert answer.status == 409
    assert ISO.fullmatch(body["lockStatus"].pop("expiresAt"))
    assert body == {
        "success": False,
        "error": "Trade already in progress",
        "message": f"order {order_id} is on its way",
        "lockId": lock,
        "orderId": order_id,
        "lockStatus": {"isLocked": True, "lockId": lock, "queueLength": 0},
    }
    assert trade(daemon, request).json["replayed"] is True


@pytest.mark.parametrize("missing", [None, "", "absent"], ids=["null", "empty", "absent"])
def test_without_a_user_nothing_is_traded(daemon: Daemon, missing: str | None) -> None:
    request = {name: value for name, value in a_trade().items() if name != "userId"}
    answer = trade(daemon, request if missing == "absent" else request | {"userId": missing})
    assert answer.status == 400
    assert (answer.json["success"], answer.json["error"]) == (False, "User ID required")


@pytest.mark.parametrize("field", ["symbol", "side", "type", "quantity"])
@pytest.mark.parametrize("value", [None, "absent"], ids=["null", "absent"])
def test_without_a_parameter_nothing_is_traded(daemon: Daemon, field: str, value: str | None) -> None:
    request = {name: given for name, given in a_trade().items() if name != field}
    answer = trade(daemon, request if value == "absent" else request | {field: None})
    body = {name: answer.json[name] for name in ("success", "error", "message")}
    assert (answer.status, body) == (
        400,
        {
            "success": False,
            "error": "Missing required trading parameters",
            "message": "Symbol, side, type, and quantity are required",
        },
    )


def test_a_refusal_of_the_exchange_is_a_failure_with_its_reason(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30004, "count": 1})
    request = a_trade()
    answer = trade(daemon, request)
    order, body = order_of(daemon, request), answer.json
    assert answer.status == 400
    assert isinstance(body.pop("executionTimeMs"), int)
    assert body == {
        "success": False,
        "error": order["reason"],
        "message": "Trade execution failed",
        "lockId": order["lock_id"],
        "orderId": order["order_id"],
    }
    assert "30004" in body["error"]
    assert book_of(daemon, exchange, request) == []


@pytest.mark.parametrize("again", [False, True], ids=["first request", "duplicate"])
def test_an_unknown_outcome_is_never_reported_as_a_failure(daemon: Daemon, exchange: Exchange, again: bool) -> None:
    exchange.inject("reply_lost", QUERIES_FAIL)
    request = a_trade()
    pending = start_trade(daemon, request, wait_s=0.2)
    order_id = daemon.wait_for("order.in_doubt", resource=resource_of(request))["order_id"]
    answer = trade(daemon, request, wait_s=0) if again else pending.answer()
    body = answer.json
    assert (answer.status, body["success"], body["unknown"], body["error"]) == (202, False, True, "Outcome unknown")
    assert body["message"].startswith(f"order {order_id}: ")
    assert body["lockId"] == order_of(daemon, request)["lock_id"]
    exchange.inject()
    assert trade(daemon, request).json["order"]["status"] == "FILLED"
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_caller_whose_wait_ends_in_flight_gets_an_unknown_outcome(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        answer = trade(daemon, request, wait_s=0)
    assert (answer.status, answer.json["unknown"]) == (202, True)
    assert trade(daemon, request).json["replayed"] is True


def test_a_resting_order_is_new_at_its_price_with_quantity_0(daemon: Daemon, exchange: Exchange) -> None:
    request = resting(price="50000.5")
    order = place(daemon, request)
    assert (order["status"], order["price"], order["quantity"]) == ("NEW", "50000.5", "0")
    assert [placed["status"] for placed in book_of(daemon, exchange, request)] == ["NEW"]


@pytest.mark.parametrize("first", ["1", 1, "1.0", 1.0])
@pytest.mark.parametrize("second", ["1", 1, "1.0", 1.0])
def test_one_amount_in_any_spelling_is_one_trade(daemon: Daemon, exchange: Exchange, first: Any, second: Any) -> None:
    request = resting(symbol="LTCUSDT", price="50", quantity=first)
    order = place(daemon, request)
    again = trade(daemon, request | {"quantity": second}).json
    assert (again["order"]["orderId"], again["replayed"]) == (order["orderId"], True)
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_market_order_with_both_amounts_uses_the_quote_amount(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(quantity="10", quoteOrderQty="25", price="1")
    place(daemon, request)
    [placed] = book_of(daemon, exchange, request)
    [arrival] = exchange.arrivals(order_of(daemon, request)["order_id"])
    assert (arrival["parameters"]["quoteOrderQty"], placed["type"]) == ("25", "MARKET")
    assert "quantity" not in arrival["parameters"]
    assert "price" not in arrival["parameters"]


def test_the_quote_amount_alone_is_enough(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(quantity=None, quoteOrderQty=25)
    place(daemon, request)
    assert len(book_of(daemon, exchange, request)) == 1


def test_unknown_fields_are_ignored(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    order = place(daemon, request | {"confidenceScore": 87.5, "vcoinId": "abc", "meta": {"x": [1, None]}})
    assert trade(daemon, request | {"timestamp": 1}).json["order"] == order
    assert len(book_of(daemon, exchange, request)) == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"side": "HOLD"}, "side"),
        ({"type": "GUESS"}, "type"),
        ({"symbol": "NOSUCHUSDT"}, "NOSUCHUSDT"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "lots"}, "quantity"),
        ({"userId": {"id": 7}}, "userId"),
        ({"skipLock": True}, "skipLock"),
        ({"type": "LIMIT"}, "price"),
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_in_the_bots_shape(daemon: Daemon, change: dict[str, Any], word: str) -> None:
    answer = trade(daemon, a_trade(**change))
    assert answer.status == 400
    assert (answer.json["success"], answer.json["code"]) == (False, "invalid")
    assert word in answer.json["error"] + answer.json["message"]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"x"', b'{"meta":' + b"[" * 3_000 + b"]" * 3_000 + b"}"])
def test_an_unreadable_body_is_refused_in_the_bots_shape(daemon: Daemon, raw: bytes) -> None:
    for path in (TRADE, LOCKS):
        answer = daemon.ask("POST", path, raw)
        assert (answer.status, answer.json["success"], answer.json["code"]) == (400, False, "invalid")


def test_a_key_with_another_trade_is_a_conflict_in_the_bots_shape(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    assert trade(daemon, request, key=request["userId"]).status == 200
    answer = trade(daemon, request | {"quantity": "0.002"}, key=request["userId"])
    assert (answer.status, answer.json["success"], answer.json["code"]) == (422, False, "key_conflict")
    assert len(book_of(daemon, exchange, request)) == 1


def test_while_halted_new_trades_are_refused_and_duplicates_are_answered(daemon: Daemon, exchange: Exchange) -> None:
    known, request = a_trade(), a_trade()
    order = place(daemon, known)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a test"})
    try:
        answer = trade(daemon, request)
        assert (answer.status, answer.json["success"], answer.json["code"]) == (409, False, "halted")
        assert trade(daemon, known).json["order"] == order
    finally:
        daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})
    assert place(daemon, request)["status"] == "FILLED"
    assert len(book_of(daemon, exchange, request)) == 1


def test_the_socket_that_only_reads_does_not_trade(daemon: Daemon) -> None:
    assert ask(daemon.status, "POST", TRADE, a_trade()).status == 404
    assert ask(daemon.status, "DELETE", f"{LOCKS}?ownerId=x").status == 405


@pytest.mark.needs("root")
def test_only_an_administrator_skips_the_lock(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(side="SELL", skipLock=True)
    refused = ask_as(NOBODY, daemon.signals, "POST", TRADE, request)
    assert (refused.status, refused.json["success"], refused.json["code"]) == (403, False, "not_allowed")
    assert book_of(daemon, exchange, request) == []
    place(daemon, request)
    assert len(book_of(daemon, exchange, request)) == 1


def test_an_empty_string_in_an_optional_field_counts_as_absent(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(snipeTargetId=None)
    blank = {"price": "", "quoteOrderQty": "", "snipeTargetId": "", "skipLock": "", "idempotencyKey": ""}
    assert trade(daemon, request | blank).json["success"] is True
    assert order_of(daemon, request)["resource"] == "trade:BTCUSDT:BUY:manual"
    again = trade(daemon, request | {"skipLock": None})
    assert again.json["replayed"] is True
    assert trade(daemon, request | {"userId": ""}).json["error"] == "User ID required"
    assert trade(daemon, request | {"side": ""}).json["error"] == "Missing required trading parameters"
    assert len(book_of(daemon, exchange, request)) == 1


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_javascript_number_is_rounded_to_the_pairs_precision(daemon: Daemon, side: str) -> None:
    request = a_trade(side=side, quantity=0.0012345678901234567)
    assert place(daemon, request)["quantity"] == "0.001234"
    assert order_of(daemon, request)["asked_quantity"] == "0.0012345678901234567"


def test_a_repeated_field_is_refused_in_the_bots_shape(daemon: Daemon) -> None:
    text = json.dumps(a_trade()).replace('"side": "BUY"', '"side": "", "side": "SELL"')
    refused = ask(daemon.signals, "POST", TRADE, text.encode())
    assert (refused.status, refused.json["success"], refused.json["code"]) == (400, False, "invalid")
    assert refused.json["message"] == "side: each field once"


def test_the_key_may_come_in_the_body_and_must_not_contradict_the_header(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    first = trade(daemon, request | {"idempotencyKey": request["userId"]}).json["order"]
    again = trade(daemon, request, key=f'"{request["userId"]}"').json
    assert (again["order"]["orderId"], again["replayed"]) == (first["orderId"], True)
    refused = trade(daemon, request | {"idempotencyKey": "a"}, key="b")
    assert (refused.status, refused.json["code"]) == (400, "invalid")
    assert len(book_of(daemon, exchange, request)) == 1
