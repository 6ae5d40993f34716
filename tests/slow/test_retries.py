"""A target whose order the exchange accepted and cancelled without a fill may be tried again."""

from tests.process.bot.bot_api import book_of, order_of, place, resting, trade
from tests.support.stage import Stage

CONFIRMED_S = 40.0
"""The exchange shows the end twice more, two and ten seconds later; then the key is free."""


def test_the_same_trade_is_a_new_order_once_nothing_of_the_first_can_remain(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    wish = resting(type="FILL_OR_KILL")
    refused = trade(daemon, wish)
    assert (refused.status, refused.json["success"]) == (400, False)
    first = order_of(daemon, wish)["order_id"]
    daemon.process.wait_for("order.key_freed", timeout_s=CONFIRMED_S, order_id=first)
    exchange.change_market("BTCUSDT", asks=[["50000", "1"]], bids=[["49000", "1"]])
    order = place(daemon, wish)
    assert (order["status"], order["quantity"], order["price"]) == ("FILLED", "0.001", "50000")
    assert order_of(daemon, wish)["order_id"] != first
    assert [placed["status"] for placed in book_of(daemon, exchange, wish)] == ["CANCELED", "FILLED"]
