"""The bot is told what happened, not what it asked for: at its door, in ``/v1``, and by the command."""

from decimal import Decimal

import pytest

from tests.process.bot.door import a_trade, book_of, order_of, place, resource_of, resting, trade
from tests.support import Daemon, Exchange, wall_ms

NO_SUM = {"kind": "no_sum"}
NO_SUM_OF_FILLS = {"kind": "no_sum", "endpoint": "GET /api/v3/myTrades"}


@pytest.fixture
def listed(exchange: Exchange) -> str:
    """A pair in its first minute, in which MEXC accepts market orders and cancels them at once."""
    symbol = "JUSTNOWUSDT"
    exchange.list_symbol(symbol, opens_at=wall_ms() - 1_000)
    return symbol


# Nothing was bought


def test_an_order_that_the_exchange_cancels_at_once_is_no_success(
    daemon: Daemon, exchange: Exchange, listed: str
) -> None:
    wish = a_trade(symbol=listed, quantity="10")
    answer = trade(daemon, wish)
    told, order = answer.json, order_of(daemon, wish)
    assert [placed["status"] for placed in book_of(daemon, exchange, wish)] == ["CANCELED"]
    assert answer.status == 400
    assert isinstance(told.pop("executionTimeMs"), int)
    assert told == {
        "success": False,
        "error": "the exchange accepted the order and cancelled it without a fill: nothing was bought; "
        "once it was seen so again, the same trade may be sent again",
        "message": "Trade execution failed",
        "lockId": order["lock_id"],
        "orderId": order["order_id"],
    }


def test_of_a_sell_it_says_that_nothing_was_sold(daemon: Daemon) -> None:
    answer = trade(daemon, a_trade(side="SELL", type="FILL_OR_KILL", price="150000"))
    assert (answer.status, answer.json["success"]) == (400, False)
    assert "nothing was sold" in answer.json["error"]


def test_a_duplicate_of_it_is_no_success_either(daemon: Daemon, listed: str) -> None:
    wish = a_trade(symbol=listed, quantity="10")
    assert trade(daemon, wish).status == 400
    again = trade(daemon, wish)
    assert (again.status, again.json["success"], again.json["replayed"]) == (400, False, True)


# Less was bought than was asked for


def test_of_an_order_that_was_cut_short_the_quantity_is_what_was_filled(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("THINUSDT", opens_at=1, price="2")
    exchange.change_market("THINUSDT", asks=[["2", "4"]], bids=[["1", "1000"]])
    order = place(daemon, a_trade(symbol="THINUSDT", type="IMMEDIATE_OR_CANCEL", price="2", quantity="10"))
    assert (order["status"], order["quantity"], order["price"]) == ("PARTIALLY_CANCELED", "4", "2")


def test_of_an_order_that_rests_nothing_was_bought_yet(daemon: Daemon) -> None:
    order = place(daemon, resting(price="50000.5"))
    assert (order["status"], order["quantity"], order["price"]) == ("NEW", "0", "50000.5")


def test_a_resting_order_that_is_cancelled_later_is_a_success_no_more(daemon: Daemon) -> None:
    wish = resting(price="50000.5")
    place(daemon, wish)
    order_id = order_of(daemon, wish)["order_id"]
    daemon.ask("DELETE", f"/v1/orders/{order_id}")
    daemon.until(order_id, "canceled")
    again = trade(daemon, wish)
    assert (again.status, again.json["success"], again.json["replayed"]) == (400, False, True)


# Nothing is known yet


def test_an_order_that_the_exchange_took_and_does_not_show_is_under_way_and_no_success(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject({"kind": "invisible", "delay_ms": 600_000, "count": 1})
    wish = a_trade()
    answer = trade(daemon, wish, wait_s=0.5)
    told = answer.json
    assert (answer.status, told["success"], told["unknown"]) == (202, False, True)
    assert "has not shown yet what became of it" in told["message"]
    again = trade(daemon, wish, wait_s=0)
    assert (again.status, again.json["unknown"]) == (202, True)
    assert len(exchange.arrivals(order_of(daemon, wish)["order_id"])) == 1


@pytest.mark.parametrize("order_type", ["LIMIT", "LIMIT_MAKER"])
def test_an_order_that_was_never_seen_on_the_book_does_not_count_as_resting(
    daemon: Daemon, exchange: Exchange, order_type: str
) -> None:
    exchange.inject({"kind": "invisible", "delay_ms": 600_000, "count": 1})
    answer = trade(daemon, resting(type=order_type), wait_s=0.5)
    assert (answer.status, answer.json["unknown"]) == (202, True)


# The price is not known


def test_a_sum_that_the_order_does_not_show_is_taken_from_its_fills(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_SUM)
    wish = a_trade()
    order = place(daemon, wish)
    [placed] = book_of(daemon, exchange, wish)
    assert Decimal(order["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])
    shown = daemon.order(order_of(daemon, wish)["order_id"])
    assert (shown["averagePrice"], shown["executedQuote"]) == (order["price"], placed["cummulativeQuoteQty"])
    assert shown["finishedAtMs"] is not None


def test_a_price_that_is_not_known_is_null_until_it_is(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_SUM, NO_SUM_OF_FILLS)
    wish = a_trade()
    order = place(daemon, wish)
    assert (order["status"], order["quantity"], order["price"]) == ("FILLED", "0.001", None)
    order_id = order_of(daemon, wish)["order_id"]
    shown = daemon.order(order_id)
    assert (shown["averagePrice"], shown["executedQuote"], shown["finishedAtMs"]) == (None, None, None)
    assert "asked again for the sum" in daemon.get(f"/v1/orders/{order_id}/explain")["next"]["what"]
    exchange.inject()
    daemon.wait_for("order.seen", order_id=order_id, state="filled", was="filled")
    [placed] = book_of(daemon, exchange, wish)
    again = trade(daemon, wish).json
    assert again["replayed"] is True
    assert Decimal(again["order"]["price"]) == Decimal(placed["cummulativeQuoteQty"]) / Decimal(placed["executedQty"])


def test_what_is_filled_cannot_be_cancelled_though_its_sum_is_looked_for(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(NO_SUM, NO_SUM_OF_FILLS)
    wish = a_trade()
    place(daemon, wish)
    answer = daemon.ask("DELETE", f"/v1/orders/{order_of(daemon, wish)['order_id']}")
    assert (answer.status, answer.json["error"]) == (409, "wrong_state")
    assert resource_of(wish) not in {lock["resourceId"] for lock in daemon.get("/v1/locks")["locks"]}
