"""Whatever is asked in whatever order: nothing is created, nothing lost but fees, nothing locked for nobody."""

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
    """An account that trades at random in a market that moves at random."""

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
        """Place an order with a price; the account may be too poor for it."""
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
        """Cancel what is open."""
        self.trader.ask("DELETE", "openOrders", symbol="BTCUSDT")

    @rule(duration_ms=st.integers(0, 5_000))
    def wait(self, duration_ms: int) -> None:
        """Let the market move."""
        self.trader.now_ms += duration_ms
        self.trader.exchange.advance(self.trader.now_ms)

    @rule(price=prices, quantity=quantities, side=sides)
    def somebody_offers(self, price: str, quantity: str, side: str) -> None:
        """Let the market be one level."""
        if side == "BUY":
            self.trader.offer(bids=[(price, quantity)])
        else:
            self.trader.offer(asks=[(price, quantity)])

    @rule(price=st.integers(93_000, 97_000))
    def the_market_jumps(self, price: int) -> None:
        """Put the market elsewhere."""
        self.trader.change(price=Decimal(price))

    @invariant()
    def balances_are_what_the_trades_made_them(self) -> None:
        """What was there at the start, plus and minus every trade, minus every fee."""
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
    def locked_is_what_open_orders_lock(self) -> None:
        """No more, no less, and nothing is overdrawn."""
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.trader.exchange.orders():
            locked["USDT" if row["side"] == "BUY" else "BTC"] += Decimal(str(row["locked"]))
        for asset in START:
            free, in_orders = map(Decimal, self.trader.balance(asset))
            assert free >= 0
            assert in_orders == locked[asset]

    @invariant()
    def an_order_is_what_its_fills_made_it(self) -> None:
        """Never more than was asked, never beyond the limit."""
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
    def an_ended_order_stays_as_it_is_and_fills_only_grow(self) -> None:
        """Time has one direction."""
        for row in self._orders():
            status, executed = self.seen.get(row["orderId"], ("NEW", Decimal(0)))
            assert Decimal(row["executedQty"]) >= executed
            if status not in {"NEW", "PARTIALLY_FILLED"}:
                assert row["status"] == status
            self.seen[row["orderId"]] = (row["status"], Decimal(row["executedQty"]))

    @invariant()
    def nobody_failed_inside(self) -> None:
        """No request was answered with 500."""
        assert all(arrival.status in {200, 400} for arrival in self.trader.exchange.requests())

    def _orders(self) -> list[dict[str, Any]]:
        return list(self.trader.exchange.orders()) if hasattr(self, "trader") else []

    def _fills(self) -> list[dict[str, Any]]:
        return [fill for row in self._orders() for fill in row["fills"]]


TestConservation = TradingAccount.TestCase
TestConservation.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
