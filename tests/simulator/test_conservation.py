"""Conservation: in any sequence of requests, trades and fees alone change balances, and only open orders lock them."""

from collections import defaultdict
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.simulator.money import EXACT
from tests.simulator.trader import Trader, order

TYPES = ["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"]
START = {"USDT": Decimal(5_000), "BTC": Decimal("0.05")}
prices = st.integers(93_000, 97_000).map(str)
quantities = st.integers(1, 30).map(lambda thousandths: f"{Decimal(thousandths) / 1000}")
sides = st.sampled_from(["BUY", "SELL"])


class TradingAccount(RuleBasedStateMachine):
    """An account that trades randomly in a market that moves randomly."""

    @initialize(seed=st.integers(0, 1_000))
    def start(self, seed: int) -> None:
        """Open the exchange."""
        self.trader = Trader(seed=seed, balances=START)
        self.seen: dict[str, tuple[str, Decimal]] = {}

    def teardown(self) -> None:
        """Close its book."""
        if hasattr(self, "trader"):
            self.trader.book.close()

    @rule(side=sides, order_type=st.sampled_from(TYPES), price=prices, quantity=quantities)
    def place(self, side: str, order_type: str, price: str, quantity: str) -> None:
        """Place an order with a price; the balance can be too small for it."""
        parameters = order(side=side, type=order_type, price=price, quantity=quantity)
        assert self.trader.send("POST", "order", **parameters).status in {200, 400}

    @rule(side=sides, quantity=quantities)
    def place_at_market(self, side: str, quantity: str) -> None:
        """Place an order without a price."""
        parameters = order(side=side, type="MARKET", quantity=quantity)
        assert self.trader.send("POST", "order", **parameters).status in {200, 400}

    @rule(value=st.integers(1, 2_000))
    def spend(self, value: int) -> None:
        """Buy for an amount of USDT."""
        parameters = order(type="MARKET", quoteOrderQty=value)
        assert self.trader.send("POST", "order", **parameters).status in {200, 400}

    @precondition(lambda self: self.trader.exchange.orders())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel an order, ended or not."""
        order_id = data.draw(st.sampled_from([row["orderId"] for row in self.trader.exchange.orders()]))
        self.trader.send("DELETE", "order", symbol="BTCUSDT", orderId=order_id)

    @rule()
    def cancel_all(self) -> None:
        """Cancel all open orders."""
        self.trader.ask("DELETE", "openOrders", symbol="BTCUSDT")

    @rule(duration_ms=st.integers(0, 5_000))
    def wait(self, duration_ms: int) -> None:
        """Let the market move."""
        self.trader.now_ms += duration_ms
        self.trader.exchange.advance(self.trader.now_ms)

    @rule(price=prices, quantity=quantities, side=sides)
    def market_offers(self, price: str, quantity: str, side: str) -> None:
        """Replace the market by one level."""
        if side == "BUY":
            self.trader.offer(bids=[(price, quantity)])
        else:
            self.trader.offer(asks=[(price, quantity)])

    @rule(price=st.integers(93_000, 97_000))
    def market_jumps(self, price: int) -> None:
        """Set the market's price."""
        self.trader.change(price=Decimal(price))

    @invariant()
    def balances_match_the_trades(self) -> None:
        """The first balances, plus and minus every trade, minus every fee."""
        expected = defaultdict(Decimal, START)
        with localcontext(EXACT):
            for fill in self._fills():
                sign = 1 if fill["isBuyer"] else -1
                expected["BTC"] += sign * Decimal(fill["qty"])
                expected["USDT"] -= sign * Decimal(fill["quoteQty"])
                expected[fill["commissionAsset"]] -= Decimal(fill["commission"])
            for asset in START:
                assert sum(map(Decimal, self.trader.balance(asset))) == expected[asset]

    @invariant()
    def locked_balances_match_the_open_orders(self) -> None:
        """Also, no free balance is negative."""
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.trader.exchange.orders():
            locked["USDT" if row["side"] == "BUY" else "BTC"] += Decimal(str(row["locked"]))
        for asset in START:
            free, in_orders = map(Decimal, self.trader.balance(asset))
            assert free >= 0
            assert in_orders == locked[asset]

    @invariant()
    def an_order_matches_its_fills(self) -> None:
        """Its fills never exceed its quantity or its limit."""
        for row in self._orders():
            filled = sum((Decimal(fill["qty"]) for fill in row["fills"]), Decimal(0))
            value = sum((Decimal(fill["quoteQty"]) for fill in row["fills"]), Decimal(0))
            asked = Decimal(row["origQty"])
            assert filled == Decimal(row["executedQty"]) <= asked
            assert value == Decimal(row["cummulativeQuoteQty"])
            assert (row["status"] == "FILLED") is (filled == asked)
            assert (row["status"] in {"NEW", "CANCELED"}) is (filled == 0)
            for fill in row["fills"]:
                limit, price = Decimal(row["price"]), Decimal(fill["price"])
                assert price <= limit if row["side"] == "BUY" else price >= limit

    @invariant()
    def an_ended_order_never_changes_and_fills_only_grow(self) -> None:
        """Compare each order with its last observed state."""
        for row in self._orders():
            status, executed = self.seen.get(row["orderId"], ("NEW", Decimal(0)))
            assert Decimal(row["executedQty"]) >= executed
            if status not in {"NEW", "PARTIALLY_FILLED"}:
                assert row["status"] == status
            self.seen[row["orderId"]] = (row["status"], Decimal(row["executedQty"]))

    @invariant()
    def no_request_has_an_internal_error(self) -> None:
        """No request was answered with 500."""
        assert all(arrival.status in {200, 400} for arrival in self.trader.exchange.requests())

    def _orders(self) -> list[dict[str, Any]]:
        return list(self.trader.exchange.orders()) if hasattr(self, "trader") else []

    def _fills(self) -> list[dict[str, Any]]:
        return [fill for row in self._orders() for fill in row["fills"]]


TestConservation = TradingAccount.TestCase
TestConservation.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
