"""Requests and answers: times are Unix milliseconds, amounts exact decimals as text.

The daemon may be newer: unknown fields of an answer are ignored, and states are plain strings.
"""

from decimal import Decimal
from typing import Any

import msgspec

Amount = str | int | Decimal
"""An amount to trade. No float: it cannot hold most decimal numbers exactly."""

PHASES = {
    "queued": "queued",
    "armed": "under_way",
    "in_flight": "under_way",
    "in_doubt": "unknown",
    "open": "resting",
    "partially_filled": "resting",
    "filled": "ended",
    "canceled": "ended",
    "partially_canceled": "ended",
    "rejected": "not_placed",
    "expired": "not_placed",
    "withdrawn": "not_placed",
    "lost": "unknown",
    "dead_letter": "not_placed",
}
"""The phase of each state. The daemon's tests compare this with its table of states."""

_MAY_REST = frozenset({"LIMIT", "LIMIT_MAKER"})


class Signal(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A signal, with the fields of ``POST /v1/signals``; durations in ms."""

    symbol: str
    side: str  # BUY, SELL
    owner_id: str
    type: str = msgspec.field(default_factory=lambda: "MARKET")  # a factory: it is sent even where it is the default
    quantity: Amount | None = None  # base units
    quote_order_qty: Amount | None = None  # quote units; MARKET only
    price: Amount | None = None  # not with MARKET
    max_price: Amount | None = None  # BUY with MARKET only: the price at which it may go as a limit order at a launch
    slippage_percent: Amount | None = None  # the same, in percent by which the price may be worse than the last one
    snipe_target_id: str | None = None
    idempotency_key: str | None = None  # where absent, a BUY's follows from its target; else new for each submit
    priority: int | None = None  # 1 is most urgent
    execute_at: int | None = None  # Unix ms
    deadline_ms: int | None = None  # after acceptance, or after execute_at
    timeout_ms: int | None = None
    allow_repeat: bool = False
    skip_lock: bool = False


class Order(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An order."""

    id: str
    state: str
    symbol: str
    side: str
    type: str
    idempotency_key: str
    quantity: str | None = None  # base units, as the pair admits them
    quote_order_qty: str | None = None
    price: str | None = None
    asks: str | None = None  # what it asks for, in words, like BUY BTCUSDT for 25 USDT
    asked_quantity: str | None = None  # as the signal had it, where it was rounded; the same for the next two
    asked_quote_order_qty: str | None = None
    asked_price: str | None = None
    asked_type: str | None = None  # as the signal had it, where the order is sent as another type
    max_price: str | None = None
    slippage_percent: str | None = None
    client_order_id: str | None = None
    exchange_order_id: str | None = None
    executed_quantity: str = "0"  # base units
    executed_quote: str | None = "0"  # quote units; None where something was filled for a sum that is not known
    average_price: str | None = None  # None where nothing was filled, or its sum is not known
    accepted_at_ms: int | None = None
    deadline_at_ms: int | None = None
    updated_at_ms: int | None = None
    finished_at_ms: int | None = None
    reason: str | None = None
    replayed: bool = False  # an earlier submit with the same key made it

    @property
    def placed(self) -> bool:
        """Whether the exchange has the order, or had it."""
        return PHASES.get(self.state) in {"resting", "ended"}

    @property
    def not_placed(self) -> bool:
        """Whether it is certain that the order was not placed, and will not be without the operator."""
        return PHASES.get(self.state) == "not_placed"

    @property
    def unknown(self) -> bool:
        """Whether the outcome is unknown: do not repeat the order under another key."""
        return PHASES.get(self.state) == "unknown"

    @property
    def outcome_known(self) -> bool:
        """Whether the outcome is known; for a resting order it is that it rests."""
        phase = PHASES.get(self.state)
        if phase in {"queued", "under_way"} or self.state == "in_doubt":
            return False
        return phase != "resting" or self.type in _MAY_REST


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of orders, newest first: the answer of ``GET /v1/orders``."""

    orders: list[Order]
    next: str | None = None  # the next page's cursor


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an order: the answer of ``GET /v1/orders/{id}/explain``."""

    order: Order
    attempts: list[dict[str, Any]]
    locks: list[dict[str, Any]]
    events: list[dict[str, Any]]
    fills: list[dict[str, Any]] = []  # the trades that are known so far, with their fees
    next: dict[str, Any]  # what comes next, and when


class Status(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The daemon's status."""

    stage: str
    version: str
    halted: str | None = None  # the reason, while the kill switch is on
    mode: str = ""
    now_ms: int = 0
    uptime_ms: int = 0
    orders: dict[str, int] = {}  # not finished, by state
    queue_length: int = 0
    in_flight: int = 0
    in_doubt: int = 0
    lost: int = 0
    dead_letters: int = 0
    active_locks: int = 0


class Lease(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A lock."""

    lock_id: str
    resource_id: str
    owner_id: str
    fencing_token: int
    status: str
    timeout_ms: int
    expires_at: int
    result: Any = None
    error: str | None = None
