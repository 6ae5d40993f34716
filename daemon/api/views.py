"""The API's JSON shapes: camelCase names, amounts as strings, times as Unix milliseconds (``…AtMs``)."""

from decimal import Decimal
from typing import Any

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.decimals import plain
from daemon.core.values.events import Detail, Event, level_of
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.quote_assets import QuoteAsset
from daemon.core.values.states import OUTCOME_UNKNOWN, State
from daemon.core.views.countdown import Countdown
from daemon.core.views.explain import Outlook
from daemon.core.views.wording import asks
from daemon.engine.order_commands import Explanation
from daemon.exchange.port import Health

MAX_TEXT = 500
"""Characters of a text in a streamed event; `explain` has all of it."""

_encoder = msgspec.json.Encoder(decimal_format="string")


def encode(value: object) -> bytes:
    """Encode a value as JSON."""
    return _encoder.encode(value)


class View(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base class of the API's JSON shapes."""


class OrderView(View, frozen=True, kw_only=True):
    """An order."""

    id: str
    state: State
    symbol: str
    side: str
    type: str
    quantity: str | None
    quote_order_qty: str | None
    price: str | None
    asks: str  # what it asks for, in words, like BUY BTCUSDT for 25 USDT
    asked_quantity: str | None  # the signal's amount, if it was rounded to the pair's precision; else null
    asked_quote_order_qty: str | None  # the same
    asked_price: str | None  # the same
    asked_type: str | None  # the signal's type, if the order is sent as another; else null
    max_price: str | None  # the cap of a MARKET order, as the signal states it
    slippage_percent: str | None  # the same
    owner_id: str
    snipe_target_id: str | None
    resource: str
    priority: int
    idempotency_key: str
    client_order_id: str | None
    exchange_order_id: str | None
    executed_quantity: str
    executed_quote: str | None  # null: there was a fill, and its sum is not known yet
    average_price: str | None  # null: there was no fill, or its sum is not known
    attempts: int
    accepted_at_ms: int
    execute_at_ms: int | None
    asked_execute_at_ms: int | None  # the signal's instant, if the order was moved to another one; else null
    deadline_at_ms: int
    sent_at_ms: int | None
    in_doubt_since_ms: int | None
    updated_at_ms: int
    finished_at_ms: int | None
    reason: str | None


class AcceptedView(OrderView, frozen=True, kw_only=True):
    """An order as the answer to a signal."""

    replayed: bool


class PageView(View, frozen=True, kw_only=True):
    """A page of orders, newest first; ``next`` is the cursor of the page after it."""

    orders: list[OrderView]
    next: str | None


class ExchangeClockView(View, frozen=True, kw_only=True):
    """What is known of the exchange's clock; null before it was measured."""

    offset_ms: int | None  # the exchange's clock minus ours
    uncertainty_ms: float | None  # by how much the offset is wrong at most
    round_trip_ms: int | None  # of the best measurement


class FillView(View, frozen=True, kw_only=True):
    """A trade of an order, as the exchange states it. Amounts are plain decimal digits."""

    trade_id: str
    price: str  # quote per base unit
    quantity: str  # base units
    quote: str  # quote units
    fee: str  # units of its asset
    fee_asset: str
    is_maker: bool
    at: int  # Unix ms of the exchange's clock, truncated to the second


class ExplainView(View, frozen=True, kw_only=True):
    """Everything about an order."""

    order: OrderView
    attempts: list[dict[str, Any]]
    locks: list[dict[str, Any]]
    fills: list[FillView]  # the trades that are known so far
    fills_missing: str | None  # why they are not all that was executed
    events: list[msgspec.Raw]
    next: Outlook
    then: Outlook | None  # what follows if `next` changes nothing
    advice: str | None  # what the operator can do, with the command
    countdown: Countdown | None  # while it waits for its instant
    exchange_clock: ExchangeClockView | None  # by which it is sent, while it waits for its instant
    now_ms: int


class EventView(View, frozen=True, kw_only=True, omit_defaults=True):
    """An event. ``detail`` has the event's own keys, with long texts cut."""

    id: str
    name: str
    at_ms: int
    level: str  # debug, info, warning, error, critical
    actor: str
    order_id: str | None = None
    lock_id: str | None = None
    resource: str | None = None
    client_order_id: str | None = None
    state: State | None = None  # the order's, after the event
    detail: dict[str, Detail]


class PositionView(View, frozen=True, kw_only=True):
    """A position in the stream of events: the id of the last event before it."""

    position: str


class HelloView(PositionView, frozen=True, kw_only=True):
    """The process that streams events."""

    version: str
    started_ms: int


class ErrorView(View, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal: a code for programs, a message for people, the field, and what is allowed there."""

    error: str
    message: str
    field: str | None = None
    allowed: str | None = None
    guard: str | None = None  # the key of [guards], if a guard refused


def order_view(order: Order, quote_asset: QuoteAsset) -> OrderView:
    """Show an order."""
    return OrderView(**order_fields(order, quote_asset))


def accepted_view(order: Order, quote_asset: QuoteAsset, *, replayed: bool) -> AcceptedView:
    """Show an order as the answer to a signal."""
    return AcceptedView(**order_fields(order, quote_asset), replayed=replayed)


def explain_view(explanation: Explanation, quote_asset: QuoteAsset, events: list[msgspec.Raw]) -> ExplainView:
    """Show everything about an order; there may be thousands of events, which are written already."""
    history = explanation.history
    return ExplainView(
        order=order_view(history.order, quote_asset),
        attempts=[_attempt(attempt) for attempt in history.attempts],
        locks=[_lock(lock) for lock in history.locks],
        fills=[fill_view(fill) for fill in history.fills],
        fills_missing=explanation.fills_missing,
        events=events,
        next=explanation.outlook,
        then=explanation.then,
        advice=explanation.advice,
        countdown=explanation.countdown,
        exchange_clock=None if explanation.health is None else _clock(explanation.health),
        now_ms=explanation.now_ms,
    )


def fill_view(fill: Fill) -> FillView:
    """Show a fill."""
    return FillView(
        trade_id=fill.trade_id,
        price=plain(fill.price),
        quantity=plain(fill.quantity),
        quote=plain(fill.quote),
        fee=plain(fill.fee),
        fee_asset=fill.fee_asset,
        is_maker=fill.is_maker,
        at=fill.at_ms,
    )


def _clock(health: Health) -> ExchangeClockView:
    return ExchangeClockView(
        offset_ms=health.offset_ms, uncertainty_ms=health.uncertainty_ms, round_trip_ms=health.round_trip_ms
    )


def event_view(event_id: str, event: Event) -> EventView:
    """Show an event as the stream has it."""
    return EventView(
        id=event_id,
        name=event.name,
        at_ms=event.at_ms,
        level=level_of(event.name).name.lower(),
        actor=event.actor,
        order_id=event.order_id,
        lock_id=event.lock_id,
        resource=event.resource,
        client_order_id=event.client_order_id,
        state=event.state,
        detail={name: _short(value) for name, value in event.detail.items()},
    )


def _short(value: Detail) -> Detail:
    """Cut a long text, and escape what is not UTF-8, which a path or header may contain."""
    if not isinstance(value, str):
        return value
    text = value if len(value) <= MAX_TEXT else f"{value[: MAX_TEXT - 1]}…"
    return text.encode("utf-8", "backslashreplace").decode()


def order_fields(order: Order, quote_asset: QuoteAsset) -> dict[str, Any]:
    """Return the fields that every view of an order has."""
    return {
        "id": order.order_id,
        "state": order.state,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "quantity": _amount(order.quantity),
        "quote_order_qty": _amount(order.quote_quantity),
        "price": _amount(order.price),
        "asks": asks(order, quote_asset(order.symbol)),
        "asked_quantity": _amount(order.asked_quantity),
        "asked_quote_order_qty": _amount(order.asked_quote_quantity),
        "asked_price": _amount(order.asked_price),
        "asked_type": None if order.asked_type is None else order.asked_type.value,
        "max_price": _amount(order.max_price),
        "slippage_percent": _amount(order.slippage_percent),
        "owner_id": order.owner_id,
        "snipe_target_id": order.target_id,
        "resource": order.resource,
        "priority": order.priority,
        "idempotency_key": order.key,
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "executed_quantity": plain(order.executed_quantity),
        "executed_quote": _amount(order.executed_sum),
        "average_price": _amount(order.average_price),
        "attempts": order.attempts,
        "accepted_at_ms": order.accepted_ms,
        "execute_at_ms": order.execute_at_ms,
        "asked_execute_at_ms": order.asked_execute_at_ms,
        "deadline_at_ms": order.deadline_ms,
        "sent_at_ms": order.sent_ms,
        "in_doubt_since_ms": order.doubt_ms if order.state in OUTCOME_UNKNOWN else None,
        "updated_at_ms": order.updated_ms,
        "finished_at_ms": order.finished_ms,
        "reason": order.reason,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "clientOrderId": attempt.client_order_id,
        "state": attempt.state,
        "price": _amount(attempt.price),
        "startedAtMs": attempt.started_ms,
        "answeredAtMs": attempt.answered_ms,
        "code": attempt.code,
        "message": attempt.message,
        "exchangeOrderId": attempt.exchange_order_id,
        "asked": attempt.asked,
        "answered": attempt.answered,
    }


def _lock(lock: Lock) -> dict[str, Any]:
    return {
        "id": lock.lock_id,
        "resource": lock.resource,
        "fencingToken": lock.token,
        "ownerId": lock.owner_id,
        "state": lock.state,
        "acquiredAtMs": lock.acquired_ms,
        "expiresAtMs": lock.expires_ms,
        "releasedAtMs": lock.released_ms,
        "overdue": lock.overdue,
        "error": lock.error,
    }


def stored_event(event: Event) -> msgspec.Raw:
    """Write an event as the database has it."""
    return msgspec.Raw(
        encode(
            {
                "atMs": event.at_ms,
                "name": event.name,
                "actor": event.actor,
                "state": event.state,
                "clientOrderId": event.client_order_id,
                "detail": event.detail,
            }
        )
    )
