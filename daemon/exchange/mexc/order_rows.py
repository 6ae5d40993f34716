"""Orders and fills as MEXC shows them, read row by row.

An order has two names: its *client order id*, which the daemon chose, and its *order id*, which MEXC chose. A row is
ours if its order id is the one that MEXC gave our order, whatever its client order id says (it may be null, prefixed or
cut). A row is also ours if its client order id contains our order's id. That holds for every attempt of the order: a
restored order may have been placed by an attempt that the backup does not know.

Rows of other orders are ignored; an unreadable one is reported. A row of ours that cannot be read is no evidence.
Neither is a row that contradicts what was sent: another symbol, side, quantity or id.

``cummulativeQuoteQty`` is MEXC's spelling. There is no REJECTED and no EXPIRED (documented).
"""

from decimal import Decimal
from functools import reduce
from typing import Any, TypeVar

import msgspec

from daemon.core.values.decimals import ZERO, canonical, plain, product, total
from daemon.core.values.exchange_replies import OrderReport
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.states import MEANINGS, State
from daemon.exchange.mexc.replies import UNREADABLE
from daemon.exchange.mexc.views import LARGEST, SMALLEST, UnreadableError, amount

STATES = {meaning.shown.word: state for state, meaning in MEANINGS.items() if meaning.shown is not None}
"""MEXC's five states (documented)."""

ENDED_WORDS = frozenset({
    "CANCELLED", "PARTIALLY_CANCELLED", "PARTIAL_CANCELED", "PARTIAL_CANCELLED", "REJECTED", "EXPIRED",
    "EXPIRED_IN_MATCH", "FAILED", "INVALID",
})  # fmt: skip
"""Words that other exchanges use for an order that has ended. MEXC documents none of them."""

MAX_SHOWN = 200
"""Characters of an odd row that are reported."""

LATEST_MS = 1 << 53
"""Beyond is no instant that JSON could show again."""


class _Row(msgspec.Struct, rename="camel"):
    """The fields that every row may have; a missing field states nothing."""

    order_id: str | int | None = None
    client_order_id: str | None = None
    symbol: str | None = None


class _Order(_Row, rename="camel"):
    side: str | None = None
    status: str | int | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    cummulative_quote_qty: Decimal | None = None


class _Trade(_Row, rename="camel"):
    id: str | int | None = None
    is_buyer: bool | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    quote_qty: Decimal | None = None
    commission: Any = None  # these make the fill complete; a row is an order report without them
    commission_asset: Any = None
    is_maker: Any = None
    time: Any = None


_R = TypeVar("_R", _Order, _Trade)
_one: dict[type[_Row], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind, strict=False) for kind in (_Row, _Order, _Trade)
}
_many: dict[type[_Row], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(list[kind], strict=False)  # type: ignore[valid-type]  # a type at run time
    for kind in (_Row, _Order, _Trade)
}
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_fields = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class OddRowError(UnreadableError):
    """A row of ours cannot be read, or contradicts what was sent."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one order in an answer."""

    report: OrderReport | None = None
    fills: tuple[Fill, ...] = ()
    rows: int = 1  # rows in the answer
    odd: str | None = None  # the part of our own row that is not understood, though the row is an order report
    passed_over: tuple[str, ...] = ()  # rows of other orders that cannot be read


def the_order(body: bytes, order: Order) -> Found:
    """Read the answer to a query for one order, by either of its ids.

    Raises:
        UnreadableError: it is no order.
        OddRowError: it is another order than the query names, or contradicts what was sent.

    """
    try:
        shown = _fields.decode(body)
    except UNREADABLE as error:
        raise UnreadableError(str(error)) from error
    if not shown.keys() & {"orderId", "clientOrderId", "status"}:
        raise UnreadableError("it is no order")
    row = _leniently(_Order, body)
    if row.client_order_id and not _is_ours(row, order):
        raise OddRowError(f"asked for {order.client_order_id}, shown {row.client_order_id}")
    return _seen(order, [row], 1, ())


def among_orders(body: bytes, order: Order) -> Found:
    """Find an order in a list of orders.

    Raises:
        UnreadableError: it is no list.
        OddRowError: our own row cannot be read, or contradicts what was sent.

    """
    return _seen(order, *_ours(_Order, body, order))


def among_trades(body: bytes, order: Order) -> Found:
    """Find an order by its fills.

    Fills prove that the order was placed, not how it ended: the order counts as partially filled until a query shows
    more. Each fill counts once, by its trade id.

    Raises:
        UnreadableError: it is no list.
        OddRowError: a fill of ours cannot be read, or contradicts what was sent.

    """
    rows, length, passed_over = _ours(_Trade, body, order)
    if not rows:
        return Found(rows=length, passed_over=passed_over)
    trades = {str(number if row.id is None else row.id): row for number, row in enumerate(_named(order, rows))}
    for row in trades.values():
        side = None if row.is_buyer is None else Side.BUY if row.is_buyer else Side.SELL
        _check(order, symbol=row.symbol, side=side)
    first = next(iter(trades.values()))
    report = OrderReport(
        client_order_id=first.client_order_id,
        exchange_order_id=_order_id(first, order),
        state=State.PARTIALLY_FILLED,
        executed_quantity=reduce(total, (_amount(row.qty) for row in trades.values())),
        executed_quote=reduce(total, (_sum(row) for row in trades.values())),
    )
    fills = (_fill(row, order) for row in trades.values())
    return Found(
        report=report,
        fills=tuple(fill for fill in fills if fill is not None),
        rows=length,
        passed_over=passed_over,
    )


def names(body: bytes) -> list[tuple[str, str]]:
    """Read the order id and the client order id of each row of a list of orders.

    Raises:
        UnreadableError: it is no list.

    """
    rows = (_names(part) for part in _decode(body))
    return [(str(row.order_id), row.client_order_id) for row in rows if row.order_id and row.client_order_id]


def state(body: bytes) -> State:
    """Read the state of the order in an answer about one order.

    Raises:
        UnreadableError: it has none of MEXC's states.

    """
    try:
        return STATES[str(_leniently(_Order, body).status)]
    except KeyError as error:
        raise UnreadableError(f"status {error}") from error


def _ours(kind: type[_R], body: bytes, order: Order) -> tuple[list[_R], int, tuple[str, ...]]:
    """Return our rows of a list, how many rows there are, and the other rows that cannot be read."""
    try:
        rows: list[_R] = _many[kind].decode(body)
    except UNREADABLE:
        return _row_by_row(kind, body, order)
    return [row for row in rows if _is_ours(row, order)], len(rows), ()


def _row_by_row(kind: type[_R], body: bytes, order: Order) -> tuple[list[_R], int, tuple[str, ...]]:
    """Read a list row by row; slower, so only if some row is unreadable."""
    parts = _decode(body)
    ours: list[_R] = []
    passed_over = []
    for part in parts:
        try:
            row: _R = _one[kind].decode(part)
        except UNREADABLE as error:
            if not _is_ours(_names(part), order):
                passed_over.append(f"{error}: {bytes(part)[:MAX_SHOWN].decode('utf-8', errors='replace')}")
                continue
            row = _leniently(kind, bytes(part))
        if _is_ours(row, order):
            ours.append(row)
    return ours, len(parts), tuple(passed_over)


def _decode(body: bytes) -> list[msgspec.Raw]:
    try:
        return _parts.decode(body)
    except UNREADABLE as error:
        raise UnreadableError(str(error)) from error


def _names(part: msgspec.Raw) -> _Row:
    """Read the ids of an unreadable row, as far as possible."""
    try:
        fields = _fields.decode(part)
    except UNREADABLE:
        return _Row()
    order_id, client_order_id = fields.get("orderId"), fields.get("clientOrderId")
    return _Row(
        order_id if isinstance(order_id, str | int) else None,
        client_order_id if isinstance(client_order_id, str) else None,
    )


def _leniently(kind: type[_R], body: bytes) -> _R:
    """Read a row of ours: an empty string states nothing."""
    try:
        row: _R = _one[kind].decode(body)
    except UNREADABLE:
        try:
            fields = {name: value for name, value in _fields.decode(body).items() if value != ""}
            row = msgspec.convert(fields, kind, strict=False)
        except (*UNREADABLE, ValueError, ArithmeticError) as error:
            raise OddRowError(f"{error}: {body[:MAX_SHOWN].decode('utf-8', errors='replace')}") from error
    return row


def _is_ours(row: _Row, order: Order) -> bool:
    return _has_id(row, order) or order.order_id in (row.client_order_id or "")


def _has_id(row: _Row, order: Order) -> bool:
    return order.exchange_order_id is not None and str(row.order_id) == order.exchange_order_id


def _named(order: Order, rows: list[_R]) -> list[_R]:
    """Choose the rows of one order among ours: those with MEXC's id, or else those of the last attempt.

    Raises:
        OddRowError: MEXC gave our order an id, and shows the order under another id.

    """
    if order.exchange_order_id is not None:
        known = [row for row in rows if _has_id(row, order) or not row.order_id]
        if not known:
            raise OddRowError(
                f"{rows[0].client_order_id} is shown as order {rows[0].order_id}, and was placed as "
                f"{order.exchange_order_id}"
            )
        return known
    last = [row for row in rows if row.client_order_id == order.client_order_id] or rows
    return [row for row in rows if row.order_id == last[0].order_id]


def _seen(order: Order, rows: list[_Order], length: int, passed_over: tuple[str, ...]) -> Found:
    if not rows:
        return Found(rows=length, passed_over=passed_over)
    row = _named(order, rows)[0]
    # MEXC may show another quantity for a market order (library); its order id says enough.
    any_quantity = order.type is OrderType.MARKET and _has_id(row, order)
    _check(order, symbol=row.symbol, side=row.side, quantity=None if any_quantity else row.orig_qty)
    executed = _amount(row.executed_qty)
    state, odd = _state(row.status, executed, order)
    report = OrderReport(
        client_order_id=row.client_order_id,
        exchange_order_id=_order_id(row, order),
        state=state,
        executed_quantity=executed,
        executed_quote=_amount(row.cummulative_quote_qty),
        quantity=(_amount(row.orig_qty) or None) if order.type is OrderType.MARKET else None,
    )
    return Found(report=report, rows=length, odd=odd, passed_over=passed_over)


def _check(order: Order, *, symbol: str | None, side: str | None, quantity: Decimal | None = None) -> None:
    """Compare a row with what was sent.

    Raises:
        OddRowError: it contradicts what was sent.

    """
    if symbol and symbol != order.symbol:
        raise OddRowError(f"shown for {symbol}, sent for {order.symbol}")
    if side and side.upper() != order.side:
        raise OddRowError(f"shown as {side}, sent as {order.side}")
    if order.quantity is not None and _amount(quantity) not in {ZERO, order.quantity}:
        raise OddRowError(f"shown with quantity {plain(_amount(quantity))}, sent with {plain(order.quantity)}")


def _state(status: str | int | None, executed: Decimal, order: Order) -> tuple[State, str | None]:
    """Read a status; an undocumented one still proves that the order exists.

    Such an order has ended if the status says so or the whole quantity is executed; otherwise it is open.
    """
    word = str(status).upper()
    if word in STATES:
        return STATES[word], None
    odd = f"its status {str(status)[:60]!r} is none of MEXC's ({', '.join(STATES)})"
    if order.quantity is not None and executed >= order.quantity:
        return State.FILLED, odd
    return State.CANCELED if word in ENDED_WORDS else State.OPEN, odd


def _sum(fill: _Trade) -> Decimal:
    """Return the quote amount of a fill."""
    return _amount(fill.quote_qty) or product(_amount(fill.qty), _amount(fill.price))


def _fill(row: _Trade, order: Order) -> Fill | None:
    """Return a fill of ours; ``None`` if the row does not state all of it."""
    fee, asset, at_ms = _fee(row.commission), row.commission_asset, row.time
    is_whole = row.id and row.price and row.qty and isinstance(asset, str) and asset
    if fee is None or not is_whole or not isinstance(at_ms, int) or not 0 < at_ms < LATEST_MS:
        return None
    return Fill(
        symbol=order.symbol,
        trade_id=str(row.id),
        order_id=order.order_id,
        at_ms=at_ms,
        price=_amount(row.price),
        quantity=_amount(row.qty),
        quote=_sum(row),
        fee=fee,
        fee_asset=asset,
        is_maker=row.is_maker is True,
    )


def _fee(shown: object) -> Decimal | None:
    """Return a fee; a negative one is a rebate."""
    try:
        fee = Decimal(str(shown))
        return canonical(fee) if not fee or SMALLEST <= abs(fee) < LARGEST else None
    except ArithmeticError:
        return None


def _amount(shown: Decimal | None) -> Decimal:
    try:
        return amount(shown)
    except UnreadableError as error:
        raise OddRowError(str(error)) from error


def _order_id(row: _Row, order: Order) -> str:
    if row.order_id not in {None, ""}:
        return str(row.order_id)
    if order.exchange_order_id is None:
        raise OddRowError("its order id is empty")
    return order.exchange_order_id
