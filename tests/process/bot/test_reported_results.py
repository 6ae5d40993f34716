"""The bot's API and ``/v1`` report what happened on the exchange, not what the bot asked for."""

from decimal import Decimal

import pytest

from tests.process.bot.bot_api import a_trade, book_of, order_of, place, resource_of, resting, trade
from tests.support import Daemon, Exchange, wall_ms

NO_QUOTE_SUM = {"kind": "no_sum"}
NO_QUOTE_SUM_OF_FILLS = {"kind": "no_sum", "endpoint": "GET /api/v3/myTrades"}


@pytest.fixture
def listed(exchange: Exchange) -> str:
    """List a pair; in its first minute MEXC accepts market orders and cancels them at once."""
    symbol = "JUSTNOWUSDT"
    exchange.list_symbol(symbol, opens_at=wall_ms() - 1_000)
    return symbol


# Nothing was bought


def test_an_order_that_the_exchange_cancels_at_once_is_no_success(
    daemon: Daemon, exchange: Exchange, listed: str
) -> None:
    request = a_trade(symbol=listed, quantity="10")
    answer = trade(daemon, request)
    body, order = answer.json, order_of(daemon, request)
    assert [placed["status"] for placed in book_of(daemon, exchange, request)] == ["CANCELED"]
    assert answer.status == 400
    assert isinstance(body.pop("executionTimeMs"), int)
    assert body == {
        "success": False,
        "error": "the exchange accepted the order and cancelled it without a fill: nothing was bought; "
        "once it was seen so again, the same trade may be sent again",
        "message": "Trade execution failed",
        "lockId": order["lock_id"],
        "orderId": order["order_id"],
    }


def test_the_error_of_an_unfilled_sell_says_that_nothing_was_sold(daemon: Daemon) -> None:
    answer = trade(daemon, a_trade(side="SELL", type="FILL_OR_KILL", price="150000"))
    assert (answer.status, answer.json["success"]) == (400, False)
    assert "nothing was sold" in answer.json["error"]


def test_a_duplicate_of_a_cancelled_order_is_no_success(daemon: Daemon, listed: str) -> None:
    request = a_trade(symbol=listed, quantity="10")
    assert trade(daemon, request).status == 400
    again = trade(daemon, request)
    assert (again.status, again.json["success"], again.json["replayed"]) == (400, False, True)


# Less was bought than was ordered


def test_the_quantity_of_a_partly_filled_order_is_the_filled_quantity(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("THINUSDT", opens_at=1, price="2")
    exchange.change_market("THINUSDT", asks=[["2", "4"]], bids=[["1", "1000"]])
    order = place(daemon, a_trade(symbol="THINUSDT", type="IMMEDIATE_OR_CANCEL", price="2", quantity="10"))
    assert (order["status"], order["quantity"], order["price"]) == ("PARTIALLY_CANCELED", "4", "2")


def test_the_quantity_of_a_resting_order_is_0(daemon: Daemon) -> None:
    order = place(daemon, resting(price="50000.5"))
    assert (order["status"], order["quantity"], order["price"]) == ("NEW", "0", "50000.5")


def test_a_resting_order_that_is_cancelled_later_is_no_success(daemon: Daemon) -> None:
    request = resting(price="50000.5")
    place(daemon, request)
    order_id = order_of(daemon, request)["order_id"]
    daemon.ask("DELETE", f"/v1/orders/{order_id}")
    daemon.until(order_id, "canceled")
    again = trade(daemon, request)
    assert (again.status, again.json["success"], again.json["replayed"]) == (400, False, True)


# The outcome is not known yet


def test_an_order_that_the_exchange_accepted_and_does_not_show_has_an_unknown_outcome(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject({"kind": "invisible", "delay_ms": 600_000, "count": 1})
    request = a_trade()
    answer = trade(daemon, request, wait_s=0.5)
    body = answer.json
    assert (answer.status, body["success"], body["unknown"]) == (202, False, True)
    assert "accepted it and has not shown it since" in body["message"]
    again = trade(daemon, request, wait_s=0)
    assert (again.status, again.json["unknown"]) == (202, True)
    assert len(exchange.arrivals(order_of(daemon, request)["order_id"])) == 1


@pytest.mark.parametrize("order_type", ["LIMIT", "LIMIT_MAKER"])
def test_an_order_that_was_never_seen_on_the_book_does_not_count_as_resting(
    daemon: Daemon, exchange: Exchange, order_type: str
) -> None:
    exchange.inject({"kind": "invisible", "delay_ms": 600_000, "count": 1})
    answer = trade(daemon, resting(type=order_type), wait_s=0.5)
    assert (answer.status, answer.json["unknown"]) == (202, True)


# The price is not known


def test_a_sum_that_the_order_report_lacks_is_taken_from_the_fills(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_QUOTE_SUM)
    request = a_trade()
    order = place(daemon, request)
    [placed] = book_of(daemon, exchange, request)
    assert Decimal(order["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])
    shown = daemon.order(order_of(daemon, request)["order_id"])
    assert (shown["averagePrice"], shown["executedQuote"]) == (order["price"], placed["cummulativeQuoteQty"])
    assert shown["finishedAtMs"] is not None


def test_an_unknown_price_is_null_until_it_is_known(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_QUOTE_SUM, NO_QUOTE_SUM_OF_FILLS)
    request = a_trade()
    order = place(daemon, request)
    assert (order["status"], order["quantity"], order["price"]) == ("FILLED", "0.001", None)
    order_id = order_of(daemon, request)["order_id"]
    shown = daemon.order(order_id)
    assert (shown["averagePrice"], shown["executedQuote"], shown["finishedAtMs"]) == (None, None, None)
    assert "queried again for the sum" in daemon.get(f"/v1/orders/{order_id}/explain")["next"]["what"]
    exchange.inject()
    daemon.wait_for("order.seen", order_id=order_id, state="filled", was="filled")
    [placed] = book_of(daemon, exchange, request)
    again = trade(daemon, request).json
    assert again["replayed"] is True
    assert Decimal(again["order"]["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])


def test_a_filled_order_whose_sum_is_unknown_cannot_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_QUOTE_SUM, NO_QUOTE_SUM_OF_FILLS)
    request = a_trade()
    place(daemon, request)
    answer = daemon.ask("DELETE", f"/v1/orders/{order_of(daemon, request)['order_id']}")
    assert (answer.status, answer.json["error"]) == (409, "wrong_state")
    assert resource_of(request) not in {lock["resourceId"] for lock in daemon.get("/v1/locks")["locks"]}
