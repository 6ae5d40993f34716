"""``POST /api/mexc/trade``: every row of the bot's contract, word for word."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.process.bot.door import (
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
    trade,
    trading,
)
from tests.support import Daemon, Exchange, ask
from tests.support.other_user import NOBODY, ask_as

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
BLIND = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def test_a_placed_trade_is_told_in_the_shape_that_bots_of_all_ages_read(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    answer = trade(daemon, wish)
    told = answer.json
    [placed] = book_of(daemon, exchange, wish)
    assert answer.status == 200
    assert ISO.fullmatch(told.pop("timestamp"))
    assert ISO.fullmatch(told["order"]["timestamp"])
    shown = {
        "success": True,
        "orderId": placed["orderId"],
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.001",
        "price": told["order"]["price"],
        "status": "FILLED",
        "timestamp": told["order"]["timestamp"],
    }
    assert told == {"success": True, "message": "Order placed successfully", "order": shown, "data": shown}
    assert Decimal(shown["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])


def test_a_duplicate_is_told_the_same_order_and_that_it_is_a_duplicate(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    first, again = trade(daemon, wish), trade(daemon, wish)
    assert (again.status, again.json["replayed"]) == (200, True)
    assert "replayed" not in first.json
    assert again.json["order"] == again.json["data"] == first.json["order"]
    assert len(book_of(daemon, exchange, wish)) == 1


def test_a_trade_that_did_not_wait_is_told_its_place_in_the_queue(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    with exchange.frozen():
        send(daemon, wish)
        told = [queue(daemon, wish | {"quantity": quantity}) for quantity in ("0.002", "0.003")]
        again = queue(daemon, wish | {"quantity": "0.003"})
    queue_id = told[0]["queueId"]
    assert told[0] == {
        "success": False,
        "queued": True,
        "queueId": queue_id,
        "queuePosition": 1,
        "lockId": None,
        "error": "Resource locked, added to queue",
    }
    assert (told[1]["queuePosition"], again) == (2, told[1])
    assert daemon.until(queue_id, "filled")["id"] == queue_id


def test_a_duplicate_of_a_trade_in_flight_that_does_not_wait_is_told_so(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    with exchange.frozen():
        order_id = send(daemon, wish)
        answer = trade(daemon, wish, wait_s=0)
    told, lock = answer.json, order_of(daemon, wish)["lock_id"]
    assert answer.status == 409
    assert ISO.fullmatch(told["lockStatus"].pop("expiresAt"))
    assert told == {
        "success": False,
        "error": "Trade already in progress",
        "message": f"order {order_id} is on its way",
        "lockId": lock,
        "orderId": order_id,
        "lockStatus": {"isLocked": True, "lockId": lock, "queueLength": 0},
    }
    assert trade(daemon, wish).json["replayed"] is True


@pytest.mark.parametrize("missing", [None, "", "absent"], ids=["null", "empty", "absent"])
def test_without_a_user_nothing_is_traded(daemon: Daemon, missing: str | None) -> None:
    wish = {name: value for name, value in a_trade().items() if name != "userId"}
    answer = trade(daemon, wish if missing == "absent" else wish | {"userId": missing})
    assert answer.status == 400
    assert (answer.json["success"], answer.json["error"]) == (False, "User ID required")


@pytest.mark.parametrize("field", ["symbol", "side", "type", "quantity"])
@pytest.mark.parametrize("value", [None, "absent"], ids=["null", "absent"])
def test_without_a_parameter_nothing_is_traded(daemon: Daemon, field: str, value: str | None) -> None:
    wish = {name: given for name, given in a_trade().items() if name != field}
    answer = trade(daemon, wish if value == "absent" else wish | {field: None})
    told = {name: answer.json[name] for name in ("success", "error", "message")}
    assert (answer.status, told) == (
        400,
        {
            "success": False,
            "error": "Missing required trading parameters",
            "message": "Symbol, side, type, and quantity are required",
        },
    )


def test_a_refusal_of_the_exchange_is_a_failure_with_its_reason(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30004, "count": 1})
    wish = a_trade()
    answer = trade(daemon, wish)
    order, told = order_of(daemon, wish), answer.json
    assert answer.status == 400
    assert isinstance(told.pop("executionTimeMs"), int)
    assert told == {
        "success": False,
        "error": order["reason"],
        "message": "Trade execution failed",
        "lockId": order["lock_id"],
        "orderId": order["order_id"],
    }
    assert "30004" in told["error"]
    assert book_of(daemon, exchange, wish) == []


@pytest.mark.parametrize("again", [False, True], ids=["the caller's own", "a duplicate"])
def test_an_unknown_outcome_is_never_told_as_a_failure(daemon: Daemon, exchange: Exchange, again: bool) -> None:
    exchange.inject("reply_lost", BLIND)
    wish = a_trade()
    pending = trading(daemon, wish, wait_s=0.2)
    order_id = daemon.wait_for("order.in_doubt", resource=resource_of(wish))["order_id"]
    answer = trade(daemon, wish, wait_s=0) if again else pending.answer()
    told = answer.json
    assert (answer.status, told["success"], told["unknown"], told["error"]) == (202, False, True, "Outcome unknown")
    assert told["message"].startswith(f"order {order_id}: ")
    assert told["lockId"] == order_of(daemon, wish)["lock_id"]
    exchange.inject()
    assert trade(daemon, wish).json["order"]["status"] == "FILLED"
    assert len(book_of(daemon, exchange, wish)) == 1


def test_a_caller_whose_wait_ends_in_flight_is_told_that_the_outcome_is_unknown(
    daemon: Daemon, exchange: Exchange
) -> None:
    wish = a_trade()
    with exchange.frozen():
        answer = trade(daemon, wish, wait_s=0)
    assert (answer.status, answer.json["unknown"]) == (202, True)
    assert trade(daemon, wish).json["replayed"] is True


def test_an_order_that_rests_is_new_at_its_price_and_nothing_was_bought_yet(daemon: Daemon, exchange: Exchange) -> None:
    wish = resting(price="50000.5")
    order = place(daemon, wish)
    assert (order["status"], order["price"], order["quantity"]) == ("NEW", "50000.5", "0")
    assert [placed["status"] for placed in book_of(daemon, exchange, wish)] == ["NEW"]


@pytest.mark.parametrize("first", ["1", 1, "1.0", 1.0])
@pytest.mark.parametrize("second", ["1", 1, "1.0", 1.0])
def test_one_amount_in_any_spelling_is_one_trade(daemon: Daemon, exchange: Exchange, first: Any, second: Any) -> None:
    wish = resting(symbol="LTCUSDT", price="50", quantity=first)
    order = place(daemon, wish)
    again = trade(daemon, wish | {"quantity": second}).json
    assert (again["order"]["orderId"], again["replayed"]) == (order["orderId"], True)
    assert len(book_of(daemon, exchange, wish)) == 1


def test_at_the_market_the_amount_in_quote_counts_where_both_are_said(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(quantity="10", quoteOrderQty="25", price="1")
    place(daemon, wish)
    [placed] = book_of(daemon, exchange, wish)
    [arrival] = exchange.arrivals(order_of(daemon, wish)["order_id"])
    assert (arrival["parameters"]["quoteOrderQty"], placed["type"]) == ("25", "MARKET")
    assert "quantity" not in arrival["parameters"]
    assert "price" not in arrival["parameters"]


def test_the_amount_in_quote_alone_is_enough(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(quantity=None, quoteOrderQty=25)
    place(daemon, wish)
    assert len(book_of(daemon, exchange, wish)) == 1


def test_fields_that_a_bot_knows_and_we_do_not_are_passed_over(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    order = place(daemon, wish | {"confidenceScore": 87.5, "vcoinId": "abc", "meta": {"x": [1, None]}})
    assert trade(daemon, wish | {"timestamp": 1}).json["order"] == order
    assert len(book_of(daemon, exchange, wish)) == 1


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
def test_what_cannot_be_read_is_refused_in_the_bots_shape(daemon: Daemon, raw: bytes) -> None:
    for path in (TRADE, LOCKS):
        answer = daemon.ask("POST", path, raw)
        assert (answer.status, answer.json["success"], answer.json["code"]) == (400, False, "invalid")


def test_a_key_with_another_trade_is_a_conflict_in_the_bots_shape(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    assert trade(daemon, wish, key=wish["userId"]).status == 200
    answer = trade(daemon, wish | {"quantity": "0.002"}, key=wish["userId"])
    assert (answer.status, answer.json["success"], answer.json["code"]) == (422, False, "key_conflict")
    assert len(book_of(daemon, exchange, wish)) == 1


def test_while_halted_nothing_new_is_traded_and_duplicates_are_still_told(daemon: Daemon, exchange: Exchange) -> None:
    known, wish = a_trade(), a_trade()
    order = place(daemon, known)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a test"})
    try:
        answer = trade(daemon, wish)
        assert (answer.status, answer.json["success"], answer.json["code"]) == (409, False, "halted")
        assert trade(daemon, known).json["order"] == order
    finally:
        daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})
    assert place(daemon, wish)["status"] == "FILLED"
    assert len(book_of(daemon, exchange, wish)) == 1


def test_the_socket_that_only_reads_does_not_trade(daemon: Daemon) -> None:
    assert ask(daemon.status, "POST", TRADE, a_trade()).status == 404
    assert ask(daemon.status, "DELETE", f"{LOCKS}?ownerId=x").status == 405


@pytest.mark.needs("root")
def test_only_an_administrator_skips_the_lock(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(side="SELL", skipLock=True)
    refused = ask_as(NOBODY, daemon.signals, "POST", TRADE, wish)
    assert (refused.status, refused.json["success"], refused.json["code"]) == (403, False, "not_allowed")
    assert book_of(daemon, exchange, wish) == []
    place(daemon, wish)
    assert len(book_of(daemon, exchange, wish)) == 1


def test_an_empty_text_in_an_optional_field_is_as_if_it_were_not_there(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(snipeTargetId=None)
    blank = {"price": "", "quoteOrderQty": "", "snipeTargetId": "", "skipLock": "", "idempotencyKey": ""}
    assert trade(daemon, wish | blank).json["success"] is True
    assert order_of(daemon, wish)["resource"] == "trade:BTCUSDT:BUY:manual"
    again = trade(daemon, wish | {"skipLock": None})
    assert again.json["replayed"] is True
    assert trade(daemon, wish | {"userId": ""}).json["error"] == "User ID required"
    assert trade(daemon, wish | {"side": ""}).json["error"] == "Missing required trading parameters"
    assert len(book_of(daemon, exchange, wish)) == 1


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_amount_as_javascript_writes_it_is_rounded_to_the_pair(daemon: Daemon, side: str) -> None:
    wish = a_trade(side=side, quantity=0.0012345678901234567)
    assert place(daemon, wish)["quantity"] == "0.001234"
    assert order_of(daemon, wish)["asked_quantity"] == "0.0012345678901234567"


def test_a_field_that_is_there_twice_is_refused_in_the_bots_shape(daemon: Daemon) -> None:
    text = json.dumps(a_trade()).replace('"side": "BUY"', '"side": "", "side": "SELL"')
    refused = ask(daemon.signals, "POST", TRADE, text.encode())
    assert (refused.status, refused.json["success"], refused.json["code"]) == (400, False, "invalid")
    assert refused.json["message"] == "side: each field once"


def test_the_key_may_come_in_the_body_and_must_not_contradict_the_header(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    first = trade(daemon, wish | {"idempotencyKey": wish["userId"]}).json["order"]
    again = trade(daemon, wish, key=f'"{wish["userId"]}"').json
    assert (again["order"]["orderId"], again["replayed"]) == (first["orderId"], True)
    refused = trade(daemon, wish | {"idempotencyKey": "a"}, key="b")
    assert (refused.status, refused.json["code"]) == (400, "invalid")
    assert len(book_of(daemon, exchange, wish)) == 1
