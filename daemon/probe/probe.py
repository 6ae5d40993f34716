"""The live probe: a few small orders, placed far from the market and cancelled, to measure what MEXC does not document.

The orders are limit BUYs at four fifths of the best bid: they trade only if the market falls by a fifth within
seconds. Their number and their values are bounded. Each is recorded on disk before it is sent, and
each is cancelled, however the probe ends. Their client order ids begin with ``probe_``, unlike the daemon's.
"""

import itertools
import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from daemon.clock import wall_ms
from daemon.core.values.decimals import ceil_to, floor_to, plain
from daemon.core.values.exchange_replies import Answer, Placed, Refused
from daemon.core.values.orders import OrderType
from daemon.core.values.states import State
from daemon.core.values.symbols import SymbolRules
from daemon.exchange.mexc import order_rows, symbols
from daemon.exchange.mexc.replies import UNREADABLE, placed_or_not
from daemon.exchange.mexc.single_requests import Server, Unanswered
from daemon.exchange.mexc.views import UnreadableError

ORDER, OPEN = "/api/v3/order", "/api/v3/openOrders"
PREFIX = "probe_"
MOST_ORDERS = 9
PRICE_SHARE, ROOM = Decimal("0.8"), Decimal("1.1")
OK = 200
BETWEEN_S = 0.25
"""Pause before each order and cancel: the probe shares the exchange's rate limit with the daemon."""

Report = Callable[[str], None]


class CannotProbe(Exception):
    """The probe could not start, or was broken off; the message says what to do."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that all orders of the probe share."""

    symbol: str
    quote_asset: str
    price: Decimal
    quantity: Decimal
    too_little: Decimal | None  # below the pair's minimum, where it has one

    @property
    def cost(self) -> Decimal:
        """Value of one order, in the quote asset."""
        return self.price * self.quantity


class _Best(msgspec.Struct, rename="camel"):
    bid_price: Decimal


def plan(server: Server, symbol: str, most: Decimal) -> Plan:
    """Return the smallest order that a pair allows.

    Raises:
        CannotProbe: the pair is not known, has no price, or its smallest order is worth more than ``most``.
        Unanswered: the exchange does not answer.

    """
    shown = server.public("/api/v3/exchangeInfo", [("symbol", symbol)])
    found = symbols.parse(shown.body) if shown.status == OK else None
    if not found:
        raise CannotProbe(f"the exchange shows no rules of {symbol}: {shown.said}; name another pair with --symbol")
    best = server.public("/api/v3/ticker/bookTicker", [("symbol", symbol)])
    try:
        bid = msgspec.json.decode(best.body, type=_Best, strict=False).bid_price
    except UNREADABLE:
        bid = Decimal(0)
    rules = found[0]
    price = floor_to(bid * PRICE_SHARE, rules.price_decimals)
    if not price > 0:
        raise CannotProbe(f"{symbol} has no price: {best.said}; name another pair with --symbol")
    smallest = _smallest(rules, price)
    if smallest.cost > most:
        raise CannotProbe(
            f"the smallest order of {symbol} is worth {plain(smallest.cost)} {rules.quote_asset}, more than "
            f"{plain(most)}; name another pair with --symbol, or allow more with --most"
        )
    return smallest


def _smallest(rules: SymbolRules, price: Decimal) -> Plan:
    step = Decimal(1).scaleb(-rules.quantity_decimals)
    quantity = max(ceil_to(rules.min_notional * ROOM / price, rules.quantity_decimals), rules.min_quantity, step)
    too_little = floor_to(rules.min_notional / 2 / price, rules.quantity_decimals)
    return Plan(
        symbol=rules.symbol,
        quote_asset=rules.quote_asset,
        price=price,
        quantity=quantity,
        too_little=too_little if too_little > 0 else None,
    )


class Sent(msgspec.Struct):
    """An order of the probe, and what is known of it."""

    client_order_id: str
    exchange_order_id: str | None = None
    refused: bool = False


class Orders:
    """Places, queries and cancels the probe's orders, and records each."""

    def __init__(self, server: Server, planned: Plan, record: Path, report: Report) -> None:
        self.plan = planned
        self.sent: list[Sent] = []
        self._server = server
        self._record_path = record
        self._report = report
        self._began_ms = wall_ms()
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """Return a unique client order id."""
        return f"{PREFIX}{self._began_ms}_{next(self._numbers)}"

    def place(
        self, client_order_id: str, *, order_type: OrderType = OrderType.LIMIT, quantity: Decimal | None = None
    ) -> Answer:
        """Place one order; it is recorded before it is sent.

        Raises:
            CannotProbe: the largest number of orders was sent.
            Unanswered: there was no answer; it may have been placed.

        """
        if len(self.sent) >= MOST_ORDERS:
            raise CannotProbe(f"{MOST_ORDERS} orders were sent: no more")
        sent = Sent(client_order_id)
        self.sent.append(sent)
        amount = plain(quantity or self.plan.quantity)
        self.note("sends", sent, type=order_type.value, quantity=amount, price=plain(self.plan.price))
        parameters = [
            ("symbol", self.plan.symbol), ("side", "BUY"), ("type", order_type.value), ("quantity", amount),
            ("price", plain(self.plan.price)), ("newClientOrderId", client_order_id),
        ]  # fmt: skip
        time.sleep(BETWEEN_S)
        shown = self._server.private("POST", ORDER, parameters)
        answer = placed_or_not(shown.status, shown.body, None, shown.asked)
        if isinstance(answer, Placed):
            sent.exchange_order_id = answer.exchange_order_id
        sent.refused = isinstance(answer, Refused)
        self.note("answered", sent, answered=shown.said)
        self._report(f"  {order_type.value} {client_order_id}: {shown.said}")
        return answer

    def look(self, *, by: str, value: str) -> State | None:
        """Query an order; ``None`` if the exchange does not show it.

        Raises:
            Unanswered: there was no answer.

        """
        shown = self._server.private("GET", ORDER, [("symbol", self.plan.symbol), (by, value)])
        try:
            return order_rows.state(shown.body) if shown.status == OK else None
        except UnreadableError:
            return None

    def cancel(self, exchange_order_id: str) -> None:
        """Send an order's cancel. The answer proves nothing: query the order afterwards."""
        time.sleep(BETWEEN_S)
        shown = self._server.private("DELETE", ORDER, [("symbol", self.plan.symbol), ("orderId", exchange_order_id)])
        self._report(f"  cancel {exchange_order_id}: {shown.said}")

    def cancel_by_client_id(self, client_order_id: str) -> None:
        """Send the cancel of an order whose exchange id is unknown."""
        parameters = [("symbol", self.plan.symbol), ("origClientOrderId", client_order_id)]
        self._report(f"  cancel {client_order_id}: {self._server.private('DELETE', ORDER, parameters).said}")

    def open_ones(self) -> list[str]:
        """Return the exchange's ids of open orders of this and earlier probes.

        Raises:
            Unanswered: the exchange does not return the list.

        """
        shown = self._server.private("GET", OPEN, [("symbol", self.plan.symbol)])
        if shown.status != OK:
            raise Unanswered(shown.said)
        try:
            found = order_rows.names(shown.body)
        except UnreadableError as error:
            raise Unanswered(f"{shown.said}: {error}") from None
        return [order_id for order_id, client_order_id in found if client_order_id.startswith(PREFIX)]

    def note(self, what: str, sent: Sent, **more: str) -> None:
        """Record what happens to an order; it is on disk when this returns."""
        fields = {"atMs": wall_ms(), "what": what, "exchange": self._server.url, "symbol": self.plan.symbol}
        ids = {"clientOrderId": sent.client_order_id, "orderId": sent.exchange_order_id}
        line = msgspec.json.encode({**fields, **ids, **more})
        with self._record_path.open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
