"""The trade route's answers, checked against the exchange's book at the time of the answer."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Any, TypeVar

import msgspec

from daemon.simulator.faults import Fault

_Signal = TypeVar("_Signal", bound=Hashable)

STALE_MS = 10_000
"""How old an answer about a resting order may be: the daemon queries fills at intervals."""

ROUNDING = Decimal("1e-9")
"""Share of the quote sum by which price times quantity may differ from it."""

EARLY_SHARE = Fault("filled_early").share

ENDED = frozenset({"FILLED", "CANCELED", "PARTIALLY_CANCELED"})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the trade route."""

    wish: int
    asked_ms: int
    told_ms: int
    status: int  # of HTTP
    succeeded: bool
    queued: bool = False
    order_id: str | None = None  # the daemon's, if the answer is no success
    exchange_order_id: str | None = None  # this and what follows, if it is one
    quantity: Decimal | None = None
    price: Decimal | None = None
    state: str | None = None  # as MEXC calls it


class Fill(msgspec.Struct, frozen=True):
    """A trade of an order in the exchange's book."""

    time: int
    price: Decimal
    qty: Decimal


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """An order in the exchange's book."""

    symbol: str
    client_order_id: str
    orig_qty: Decimal
    executed_qty: Decimal
    cummulative_quote_qty: Decimal  # MEXC's spelling
    status: str
    order_id: str
    price: Decimal
    time: int  # when it was placed
    update_time: int | None  # when it was last filled or cancelled
    fills: list[Fill]

    @property
    def ended_without_a_fill(self) -> bool:
        """Return whether nothing was bought or sold, so that the same signal may become another order."""
        return self.status == "CANCELED" and not self.executed_qty

    def rested_at(self, at_ms: int) -> bool:
        """Return whether it rested on the book at an instant or later."""
        if self.status not in ENDED:
            return True
        return self.update_time is not None and self.update_time > max(self.time, at_ms)

    def executed_by(self, at_ms: int) -> Decimal:
        """Return the quantity executed by an instant."""
        return sum((fill.qty for fill in self.fills if fill.time <= at_ms), Decimal(0))

    def sums(self) -> dict[Decimal, Decimal]:
        """Return each quantity that was ever executed or shown as executed, with its quote sum."""
        quantities = accumulate((fill.qty for fill in self.fills), initial=Decimal(0))
        quotes = accumulate((fill.qty * fill.price for fill in self.fills), initial=Decimal(0))
        return self.early() | dict(zip(quantities, quotes, strict=True))

    def early(self) -> dict[Decimal, Decimal]:
        """Return the quantity, with its sum, that a filled order shows first (fault ``filled_early``)."""
        if self.status != "FILLED":
            return {}
        return {self.executed_qty * EARLY_SHARE: self.cummulative_quote_qty * EARLY_SHARE}


def read_answer(wish: int, status: int, answer: dict[str, Any], *, asked_ms: int, told_ms: int) -> Told:
    """Parse an answer of the trade route."""
    common = {"wish": wish, "asked_ms": asked_ms, "told_ms": told_ms, "status": status, "succeeded": answer["success"]}
    if not answer["success"]:
        order_id = answer.get("orderId") or answer.get("queueId")
        return Told(**common, queued=answer.get("queued", False), order_id=order_id)
    order = answer["order"]
    quantity, price = (None if order[name] is None else Decimal(order[name]) for name in ("quantity", "price"))
    return Told(**common, exchange_order_id=order["orderId"], quantity=quantity, price=price, state=order["status"])


def mistold(
    answers: list[Told], book: list[Entry], sizes: dict[int, tuple[str, Decimal]], stale_ms: int = STALE_MS
) -> Iterator[str]:
    """Yield every answer that the book contradicts; ``sizes`` are each wish's symbol and quantity."""
    by_exchange_id = {entry.order_id: entry for entry in book}
    of_order: dict[str, list[Entry]] = defaultdict(list)
    for each in book:
        of_order[each.client_order_id.rpartition("-")[0]].append(each)
    for told in answers:
        said = f"trade {told.wish} was answered with {told.status}"
        if told.succeeded:
            entry = by_exchange_id.get(told.exchange_order_id or "")
            if entry is None or (entry.symbol, entry.orig_qty) != sizes[told.wish]:
                yield f"{said}, success, and order {told.exchange_order_id}, which is not its order on the book"
            else:
                yield from (f"{said}, success, and {wrong}" for wrong in _wrong_success(told, entry, stale_ms))
        elif told.order_id is None:
            yield f"{said}, and the answer names no order"
        else:
            yield from (f"{said}, and {wrong}" for wrong in _wrong_failure(told, of_order[told.order_id]))


def _wrong_success(told: Told, entry: Entry, stale_ms: int) -> Iterator[str]:
    """No success without a fill or a resting order; no quantity that was not executed; no invented price."""
    if told.status != 200:
        yield "another status than 200"
    quantity = told.quantity
    if quantity is None:
        yield "no quantity"
        return
    executed = entry.executed_by(told.told_ms)
    if quantity > executed:
        yield f"{quantity} executed; the book had {executed}"
    elif not quantity and (told.state in ENDED or not (executed or entry.rested_at(told.asked_ms - stale_ms))):
        yield "nothing executed; it did not rest on the book"
    elif quantity < entry.executed_by(told.asked_ms - stale_ms):
        yield f"{quantity} executed; the book had more {stale_ms} ms before"
    elif told.state in ENDED and (told.state != entry.status or quantity not in {entry.executed_qty, *entry.early()}):
        yield f"{told.state} with {quantity}; the book has {entry.status} with {entry.executed_qty}"
    elif quantity not in entry.sums():
        yield f"{quantity} executed; the book never had just that"
    elif told.price is not None and not _is_price_of(entry, told.price, quantity):
        yield f"the price {told.price}, which is not the book's"


def _is_price_of(entry: Entry, price: Decimal, quantity: Decimal) -> bool:
    """Return whether a price is the average of the fills, or the limit of a resting order."""
    if not quantity:
        return price == entry.price
    quote = entry.sums()[quantity]
    return abs(price * quantity - quote) <= quote * ROUNDING


def _wrong_failure(told: Told, entries: list[Entry]) -> Iterator[str]:
    """If the answer says that nothing was executed, nothing was; if it says queued, nothing was sent yet."""
    if told.status == 400:
        for entry in entries:
            if entry.executed_qty or not entry.ended_without_a_fill:
                yield f"nothing executed; the book has {entry.status} with {entry.executed_qty}"
    if told.queued:
        yield from ("queued; it was on the book" for entry in entries if entry.time < told.asked_ms)


def orders_per_signal(book: Iterable[Entry], signal_of: Callable[[Entry], _Signal]) -> "Counter[_Signal]":
    """Count each signal's orders on the book; more than one means that the signal was traded twice.

    An order that ended without a fill does not count: after it the same signal may become another order.
    """
    return Counter(signal_of(entry) for entry in book if not entry.ended_without_a_fill)
