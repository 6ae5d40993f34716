"""Balances: locks of orders, changes by trades, fees."""

from decimal import Decimal

from daemon.simulator.exchange import default_balances
from tests.simulator.trader import Trader


def test_a_buy_locks_its_price_and_a_cancellation_frees_it(trader: Trader) -> None:
    order_id = trader.place(price="90000", quantity="0.01")
    assert trader.balance("USDT") == ("999100", "900")
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    assert trader.balance("USDT") == ("1000000", "0")


def test_a_sale_locks_what_it_sells(trader: Trader) -> None:
    trader.place(side="SELL", price="99000", quantity="0.5")
    assert trader.balance("BTC") == ("1.5", "0.5")


def test_the_fee_of_a_buy_is_paid_in_the_base_asset(trader: Trader) -> None:
    trader.offer(asks=[("94000", "1")])
    trader.place(price="95000", quantity="0.01")
    assert trader.balance("USDT") == ("999060", "0")
    assert trader.balance("BTC") == ("2.009995", "0")


def test_the_fee_of_a_sale_is_paid_in_the_quote_asset(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1")])
    trader.place(side="SELL", price="93000", quantity="0.01")
    assert trader.balance("USDT") == ("1000939.53", "0")
    assert trader.balance("BTC") == ("1.99", "0")


def test_a_resting_order_pays_the_maker_fee(trader: Trader) -> None:
    """The maker fee is 0: the account receives the whole quantity."""
    trader.offer()
    trader.place(price="95000", quantity="0.01")
    trader.offer(asks=[("94000", "1")])
    assert trader.balance("BTC") == ("2.01", "0")
    assert trader.balance("USDT") == ("999050", "0")


def test_a_partly_filled_order_locks_its_remaining_value(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(price="95000", quantity="0.01")
    assert trader.balance("USDT") == ("999054", "570")
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    assert trader.balance("USDT") == ("999624", "0")


def test_an_unfilled_ioc_costs_nothing(trader: Trader) -> None:
    trader.place(type="IMMEDIATE_OR_CANCEL")
    assert trader.balance("USDT") == ("1000000", "0")


def test_a_new_account_holds_usdt_and_some_of_every_asset(trader: Trader) -> None:
    balances = trader.ask("GET", "account")["balances"]
    assert {row["asset"] for row in balances} == set(default_balances())
    assert len(balances) == 44
    assert all(Decimal(row["free"]) > 0 for row in balances)


def test_an_account_can_start_with_other_balances() -> None:
    trader = Trader(balances={"USDT": Decimal(10), "BTC": Decimal(0)})
    assert trader.ask("GET", "account")["balances"] == [{"asset": "USDT", "free": "10", "locked": "0"}]
    trader.book.close()


def test_the_account_shows_the_documented_fields(trader: Trader) -> None:
    account = trader.ask("GET", "account")
    assert list(account) == [
        "canTrade",
        "canWithdraw",
        "canDeposit",
        "updateTime",
        "accountType",
        "balances",
        "permissions",
    ]
    assert account["balances"][0] == {"asset": "AAVE", "free": "645", "locked": "0"}
