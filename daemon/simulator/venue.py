"""The venue: keeps the account, the markets and the book on disk consistent, and executes orders.

Every method changes memory and writes the same change to the book's open transaction; the caller commits. After an
error the caller rolls the transaction back and builds a new venue from the book, because memory can then differ from
the disk.

An order matches, rests or is cancelled here. `order_rules` checks it before.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal

import msgspec

from daemon.simulator.accounts import Account
from daemon.simulator.book import Book, SavedMarket
from daemon.simulator.errors import Code, Refusal
from daemon.simulator.events import BalanceChanged, Event, OrderChanged
from daemon.simulator.listings import in_opening, is_known, is_open
from daemon.simulator.market import Market
from daemon.simulator.money import ZERO
from daemon.simulator.order_book import Interest, Level
from daemon.simulator.order_rules import Terms, Ticket, admit
from daemon.simulator.orders import RESTING_TYPES, Fill, Order, OrderType, Side
from daemon.simulator.symbols import OFFLINE, Symbol, default_symbols

MAX_OPEN_ORDERS = 500
"""Per account (documented)."""

_FIRST_ID = 342_252_993_005_723_000_000  # ids look like C02__342252993005723644225 (observed)


class Venue:
    """The state of the exchange."""

    def __init__(self, book: Book, seed: int, *, spends_all: bool = False) -> None:
        """Restore the state from the book.

        With `spends_all` a MARKET BUY by `quoteOrderQty` buys the quantity that this amount pays for at the offered
        prices, otherwise the quantity that it pays for at the order's limit.
        """
        self.book = book
        self._spends_all = spends_all
        self._seed = seed
        self.account = Account(book.balances())
        self.markets = {name: Market(symbol, seed) for name, symbol in default_symbols().items()}
        for saved in book.markets():
            self.markets[saved.symbol.symbol] = Market(saved.symbol, seed, saved.price, saved.ticked_ms)
        self.open_orders = {order.sequence: order for order in book.open_orders()}
        for order in self.open_orders.values():
            self._rest(order)
        self._order_sequence, self._fill_sequence = book.last_sequences()
        self._moved: set[str] = set()
        self.events: list[Event] = []
        """The changes since the caller last cleared this list."""

    # Markets.

    def symbol(self, name: str) -> Symbol:
        """Return a symbol.

        Raises:
            Refusal: the symbol is unknown.
        """
        if name not in self.markets:
            raise Refusal(Code.INVALID_SYMBOL)
        return self.markets[name].symbol

    def market(self, name: str, now_ms: int) -> Market:
        """Return a symbol's market, moved to `now_ms`.

        Raises:
            Refusal: the symbol is unknown.
        """
        market = self.markets[self.symbol(name).symbol]
        self._advance(market, now_ms)
        return market

    def known_market(self, name: str, now_ms: int, *, moved: bool = False) -> Market | None:
        """Return a symbol's market, None for an unknown symbol; with `moved`, as it is now."""
        market = self.markets.get(name)
        if market is None or not is_known(market.symbol, now_ms):
            return None
        if moved:
            self._advance(market, now_ms)
        return market

    def advance(self, now_ms: int, watched: AbstractSet[str] = frozenset()) -> None:
        """Move the markets that have open orders or are watched; `market` moves the others."""
        for name in sorted({order.symbol for order in self.open_orders.values()} | watched):
            self._advance(self.markets[name], now_ms)

    def knows(self, name: str, opens_ms: int) -> bool:
        """Return whether the symbol was listed for this opening time; it may have been postponed since."""
        return name in self.markets and self.markets[name].symbol.listed_for_ms == opens_ms

    def list_symbol(self, symbol: Symbol) -> None:
        """List a symbol, or list an existing one again: its market restarts."""
        before, market = self.markets.get(symbol.symbol), Market(symbol, self._seed)
        if before is not None:
            market.count_on(before)
        self.markets[symbol.symbol] = market
        for order in self.open_orders.values():
            if order.symbol == symbol.symbol:
                self._rest(order)
        self._moved.add(symbol.symbol)

    def change_listing(self, symbol: Symbol, now_ms: int) -> None:
        """Change a symbol's listing. A market that closes again, or gets other decimals, restarts."""
        market = self.markets[symbol.symbol]
        had, has = ((each.price_decimals, each.quantity_decimals) for each in (market.symbol, symbol))
        if market.ticked_ms and (had != has or not is_open(symbol, now_ms)):
            self.list_symbol(symbol)
        else:
            self.change(symbol)

    def change(self, symbol: Symbol) -> None:
        """Change a symbol's rules."""
        self.markets[symbol.symbol].symbol = symbol
        self._moved.add(symbol.symbol)

    def replace_rules(self, symbols: Iterable[Symbol], *, are_all: bool) -> None:
        """List these symbols or change their rules; with `are_all`, all other symbols go offline."""
        shown = {symbol.symbol: symbol for symbol in symbols}
        for name, market in self.markets.items():
            if are_all and name not in shown and market.symbol.status != OFFLINE:
                self.change(msgspec.structs.replace(market.symbol, status=OFFLINE))
        for name, symbol in shown.items():
            known = self.markets.get(name)
            if known is None or known.symbol.depth_value or known.symbol.volatility:
                self.list_symbol(symbol)
            elif known.symbol != symbol:
                self.change(symbol)

    def jump(self, name: str, price: Decimal, now_ms: int) -> None:
        """Set the price of a symbol's market."""
        market = self.market(name, now_ms)
        for interest in market.jump(price, now_ms):
            self._fill_resting(interest, now_ms)
        self._moved.add(name)

    def pin(self, name: str, bids: list[Level], asks: list[Level], now_ms: int) -> None:
        """Replace the levels of a symbol's market."""
        market = self.market(name, now_ms)
        for interest in market.pin(bids, asks, now_ms):
            self._fill_resting(interest, now_ms)
        self._moved.add(name)

    # The account.

    def set_balances(self, amounts: Mapping[str, Decimal]) -> None:
        """Set free balances."""
        for asset, amount in amounts.items():
            self.account.set_free(asset, amount)

    # Orders.

    def place(self, ticket: Ticket, now_ms: int, *, invisible_ms: int = 0, repeated: Code | None = None) -> Order:
        """Accept an order, match it, and return its new state.

        With `repeated`, a client order id that was used before is refused with this code.

        Raises:
            Refusal: the order is not accepted, and nothing has changed.
        """
        market = self.market(ticket.symbol, now_ms)
        symbol = market.symbol
        terms = admit(ticket, symbol, market.book.best(ticket.side.opposite), market.last, now_ms)
        if self._spends_all and ticket.value is not None and ticket.side is Side.BUY:
            quantity, price = market.book.affordable(ticket.side, terms.price, ticket.value, symbol.quantity_decimals)
            terms = Terms(price, quantity)
        order = Order(
            sequence=self._order_sequence + 1,
            order_id=f"C02__{_FIRST_ID + self._order_sequence + 1}",
            client_order_id=ticket.client_order_id,
            symbol=ticket.symbol,
            side=ticket.side,
            type=ticket.type,
            price=terms.price,
            quantity=terms.quantity,
            stp_mode=ticket.stp_mode,
            placed_ms=now_ms,
            visible_ms=now_ms + invisible_ms,
        )
        self._check_acceptable(order, symbol, repeated)
        self._order_sequence = order.sequence
        self.account.lock(order, symbol)
        self.open_orders[order.sequence] = order
        self.events.append(OrderChanged(order, None, now_ms))
        return self._trade(order, market, now_ms)

    def cancel(self, order: Order, now_ms: int) -> Order:
        """Cancel an open order and return its new state."""
        market = self.markets[order.symbol]
        market.book.remove(order.side, order.sequence)
        self.account.release(order, market.symbol)
        cancelled = order.cancelled(now_ms)
        self.events.append(OrderChanged(cancelled, None, now_ms))
        return self._replace(cancelled)

    def save(self) -> None:
        """Write the changed balances and markets; orders and fills are written immediately."""
        for asset, before in sorted(self.account.changed.items()):
            after = self.account.balance(asset)
            self.book.save_balance(asset, after)
            self.events.append(BalanceChanged(asset, before, after))
        self.account.changed.clear()
        for name in sorted(self._moved):
            market = self.markets[name]
            self.book.save_market(SavedMarket(market.symbol, market.price, market.ticked_ms))
        self._moved.clear()

    def _check_acceptable(self, order: Order, symbol: Symbol, repeated: Code | None) -> None:
        if repeated is not None and self.book.has_client_order_id(order.client_order_id):
            raise Refusal(repeated)
        if len(self.open_orders) >= MAX_OPEN_ORDERS:
            raise Refusal(Code.TOO_MANY_OPEN_ORDERS)
        if not self.account.can_lock(order, symbol):
            raise Refusal(Code.INSUFFICIENT_POSITION if order.side is Side.BUY else Code.OVERSOLD)

    def _trade(self, order: Order, market: Market, now_ms: int) -> Order:
        """Match an arriving order; its rest stays in the order book or is cancelled."""
        matches = market.book.match(order.side, order.price, order.quantity)
        if not _may_trade(order, matches, market.symbol, now_ms):
            return self.cancel(order, now_ms)
        market.book.take(order.side, matches)
        for match in matches:
            is_self_trade = bool(match.order_sequence)
            order = self._fill(order, match, now_ms, is_maker=False, is_self_trade=is_self_trade)
            if is_self_trade:
                self._fill_resting(match, now_ms, is_self_trade=True)
        if order.is_open and order.type not in RESTING_TYPES:
            return self.cancel(order, now_ms)
        if order.is_open:
            self._rest(order)
        return self._replace(order)

    def _fill_resting(self, match: Interest, now_ms: int, *, is_self_trade: bool = False) -> None:
        """Fill a resting order; the order book has already removed the quantity."""
        order = self.open_orders[match.order_sequence]
        self._replace(self._fill(order, match, now_ms, is_maker=True, is_self_trade=is_self_trade))

    def _fill(self, order: Order, match: Interest, now_ms: int, *, is_maker: bool, is_self_trade: bool) -> Order:
        """Settle and save one trade of an order; the caller saves the order."""
        market = self.markets[order.symbol]
        symbol = market.symbol
        after = order.filled(match.quantity, match.price, now_ms)
        fee_rate = symbol.maker_fee if is_maker else symbol.taker_fee
        commission, commission_asset = self.account.settle(order, after, match.price, fee_rate, symbol)
        self._fill_sequence += 1
        fill = Fill(
            sequence=self._fill_sequence,
            order_sequence=order.sequence,
            trade_id=f"{_FIRST_ID // 1_000 + order.sequence}X{self._fill_sequence}",
            price=match.price,
            quantity=match.quantity,
            commission=commission,
            commission_asset=commission_asset,
            is_maker=is_maker,
            is_self_trade=is_self_trade,
            traded_ms=now_ms,
        )
        self.book.save_fill(fill)
        self.events.append(OrderChanged(after, fill, now_ms))
        taker = order.side.opposite if is_maker else order.side
        market.traded(match.price, match.quantity, now_ms, None if is_self_trade and is_maker else taker)
        return after

    def _rest(self, order: Order) -> None:
        interest = Interest(order.price, order.remaining, order.sequence)
        self.markets[order.symbol].book.rest(order.side, interest)

    def _replace(self, order: Order) -> Order:
        """Save an order's new state, in memory and in the book."""
        if order.is_open:
            self.open_orders[order.sequence] = order
        else:
            self.open_orders.pop(order.sequence)
        self.book.save_order(order)
        return order

    def _advance(self, market: Market, now_ms: int) -> None:
        """Compute a market's ticks. An order fills at the time of the tick that reached its price."""
        ticked_ms = market.ticked_ms
        for at_ms, interest in market.advance(now_ms):
            self._fill_resting(interest, at_ms)
        if market.ticked_ms != ticked_ms:
            self._moved.add(market.symbol.symbol)


def _may_trade(order: Order, matches: list[Interest], symbol: Symbol, now_ms: int) -> bool:
    """Return whether an arriving order can trade or rest; otherwise it is cancelled without a fill.

    Unknown for FILL_OR_KILL and LIMIT_MAKER; assumed to be like the observed behaviour of IMMEDIATE_OR_CANCEL.
    """
    if order.type is OrderType.MARKET:
        return not in_opening(symbol, now_ms)
    if order.type is OrderType.LIMIT_MAKER:
        return not matches
    if order.type is OrderType.FILL_OR_KILL:
        return sum((match.quantity for match in matches), ZERO) == order.quantity
    return True
