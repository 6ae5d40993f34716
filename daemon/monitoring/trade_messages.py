"""Messages about trades: which events they come from, and what they say, in one line of plain English.

::

    FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT, 8 ms after its instant
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from daemon.config.tables import Notified
from daemon.core.values.decimals import plain
from daemon.core.values.events import Event
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.views.wording import asks, fill

SUMMARY = "summary"
LIVE = "live"
MAX_REASON = 300

_ENDS: Mapping[State, Notified] = {
    State.FILLED: "filled",
    State.PARTIALLY_CANCELED: "filled",
    State.CANCELED: "canceled",
}
"""Ends on the exchange."""

_WITHOUT_REASON: Mapping[str, str] = {
    "canceled": "nothing was filled",
    "rejected": "it was definitely not executed",
    "expired": "its deadline passed before it was sent",
    "missed": "its instant passed and it was not sent in time",
    "lost": "no source shows it; `sniperd orders --state lost` names it",
}
_LEFT: frozenset[str] = frozenset({"filled", "canceled"})
"""Messages about an order that was certainly sent; they say how long after its instant."""


class TradeMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One message. Amounts are texts in plain digits; a field that is not known or not shown is left out."""

    notification: str
    line: str
    at_ms: int
    symbol: str | None = None
    side: str | None = None
    quantity: str | None = None  # base units
    price: str | None = None  # quote per base: of the fills, on average, or as asked
    value: str | None = None  # quote units
    quote_asset: str | None = None
    after_instant_ms: int | None = None
    reason: str | None = None
    more: dict[str, int] = msgspec.field(default_factory=dict)  # of a summary: how many of each

    @property
    def name(self) -> str:
        """What it is about."""
        return self.notification

    def text(self, mode: str) -> str:
        """Return the line; only trades with money have no word for the mode."""
        return self.line if mode == LIVE else f"{self.line} ({mode})"

    def fields(self) -> dict[str, Any]:
        """Return every field but the time."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        del found["atMs"]
        return found


class OrderFacts(msgspec.Struct, frozen=True):
    """The order that a message is about, and what is known beside it."""

    order: Order
    instant_ms: int | None  # when it was to be sent, by the clock of its other times
    quote_asset: str | None


class Amounts(msgspec.Struct, frozen=True):
    """The amounts of a message, in plain digits, and the words of the line for them and the order."""

    line: str
    quantity: str | None = None
    price: str | None = None
    value: str | None = None
    quote_asset: str | None = None


def word_of(event: Event) -> Notified | None:  # noqa: PLR0911  # a case each
    """Return what an event is about, for messages; ``None`` if it is nothing that they can be about."""
    match event.name:
        case "order.seen" | "order.seen_late":
            if event.state is None or event.state == event.detail.get("was"):
                return None  # a query reports a known end again
            return _ENDS.get(event.state)
        case "order.rejected" | "order.dead_letter":
            return "rejected"
        case "order.expired":
            return "expired" if event.detail.get("execute_at_ms") is None else "missed"
        case "order.lost":
            return "lost"
        case "trading.halted":
            return "halted"
        case _:
            return None


def about_order(word: Notified, event: Event, facts: OrderFacts, *, amounts: bool) -> TradeMessage:
    """Return the message about an order; ``amounts`` is whether it shows amounts and reasons."""
    order, has_left = facts.order, word in _LEFT
    shown = _amounts(facts, is_fill=word == "filled") if amounts else Amounts(f"{order.side} {order.symbol}")
    reason = _one_line(event.detail.get("reason")) if amounts and word != "lost" else ""
    after_ms = _after_ms(facts) if has_left else None
    title = "PARTLY FILLED" if word == "filled" and order.state is State.PARTIALLY_CANCELED else word.upper()
    line = f"{title} {shown.line}{_after(after_ms)}"
    why = reason or _WITHOUT_REASON.get(word)
    return TradeMessage(
        notification=word,
        line=f"{line}: {why}" if why else line,
        at_ms=event.at_ms,
        symbol=order.symbol,
        side=order.side.value,
        quantity=shown.quantity,
        price=shown.price,
        value=shown.value,
        quote_asset=shown.quote_asset,
        after_instant_ms=after_ms,
        reason=reason or None,
    )


def about_halt(event: Event) -> TradeMessage:
    """Return the message about the kill switch."""
    reason = _one_line(event.detail.get("reason"))
    line = "HALTED: the kill switch is on, nothing new is sent" + (f": {reason}" if reason else "")
    return TradeMessage(notification="halted", line=line, at_ms=event.at_ms, reason=reason or None)


def summary(more: Mapping[str, int], at_ms: int) -> TradeMessage:
    """Return the message about what was above the limit."""
    listed = ", ".join(f"{count} more {word}" for word, count in sorted(more.items()))
    return TradeMessage(notification=SUMMARY, line=f"and {listed}", at_ms=at_ms, more=dict(more))


def _amounts(facts: OrderFacts, *, is_fill: bool) -> Amounts:
    """Return what was filled, or else what was asked."""
    order, asset = facts.order, facts.quote_asset
    if not is_fill:
        quantity, value, price = (
            None if amount is None else plain(amount) for amount in (order.quantity, order.quote_quantity, order.price)
        )
        return Amounts(asks(order, asset), quantity, price, value, asset)
    average, spent = order.average_price, order.executed_sum
    filled = fill(order.executed_quantity, spent, asset)
    return Amounts(
        f"{order.side} {order.symbol} {filled}",
        plain(order.executed_quantity),
        None if average is None else plain(average),
        None if average is None or spent is None else plain(spent),
        asset,
    )


def _after_ms(facts: OrderFacts) -> int | None:
    sent_ms = facts.order.sent_ms
    return None if facts.instant_ms is None or sent_ms is None else sent_ms - facts.instant_ms


def _after(after_ms: int | None) -> str:
    if after_ms is None:
        return ""
    return f", {after_ms} ms after its instant" if after_ms >= 0 else f", {-after_ms} ms before its instant"


def _one_line(reason: object) -> str:
    return " ".join(str(reason or "").split())[:MAX_REASON]
