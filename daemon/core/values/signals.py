"""Signals: what the bot requests, checked and brought into one form.

A :class:`SignalRequest` is the decoded JSON. A :class:`Signal` is its normal form, which the rest of the daemon uses:
symbol and side in upper case, amounts as ``Decimal`` without trailing zeros, every default filled in. Two requests that
mean the same have the same normal form. The rules of a pair (precision, minimum) are checked in
:mod:`daemon.core.values.symbols`.
"""

import re
from decimal import Decimal
from typing import Annotated

import msgspec

from daemon.config.tables import Config
from daemon.core.values.decimals import canonical
from daemon.core.values.fields import Amount, Text, any_case, shown, text, within
from daemon.core.values.orders import OrderType, Side
from daemon.errors import Invalid

MAX_DEADLINE_MS = 86_400_000
MAX_AHEAD_MS = 30 * 86_400_000
MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 100, 3_600_000
MAX_AMOUNT = Decimal("1e18")
MAX_DECIMALS = 64
"""More than any program writes for an amount, and what bounds the work on one. What a pair admits is cut to later."""

LOWEST_PRIORITY = 10

ALIASES = {"IOC": OrderType.IMMEDIATE_OR_CANCEL, "FOK": OrderType.FILL_OR_KILL}
_SIDES = {side.value: side for side in Side}
_TYPES = {order_type.value: order_type for order_type in OrderType} | ALIASES

_SYMBOL = re.compile(r"\w{2,40}")
_ABOVE_0 = {"exclusiveMinimum": 0, "maximum": float(MAX_AMOUNT)}


class SignalRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One signal, as JSON has it. Amounts may be JSON numbers or strings; both are read exactly."""

    symbol: Annotated[
        str,
        msgspec.Meta(
            description="trading pair, BTCUSDT: 2 to 40 letters and digits; case does not matter",
            extra_json_schema={"minLength": 2},
        ),
    ]
    side: Annotated[
        str,
        msgspec.Meta(
            description="BUY or SELL; case does not matter", extra_json_schema={"pattern": any_case("BUY", "SELL")}
        ),
    ]
    type: Annotated[
        str,
        msgspec.Meta(
            description="LIMIT, MARKET, LIMIT_MAKER, IMMEDIATE_OR_CANCEL (IOC) or FILL_OR_KILL (FOK)",
            extra_json_schema={"pattern": any_case(*OrderType, *ALIASES)},
        ),
    ]
    quantity: Annotated[Amount | None, msgspec.Meta(description="base units", extra_json_schema=_ABOVE_0)] = None
    quote_order_qty: Annotated[
        Amount | None,
        msgspec.Meta(description="quote units to spend or receive; MARKET only", extra_json_schema=_ABOVE_0),
    ] = None
    price: Annotated[
        Amount | None, msgspec.Meta(description="quote per base unit; not with MARKET", extra_json_schema=_ABOVE_0)
    ] = None
    max_price: Annotated[
        Amount | None,
        msgspec.Meta(
            description="quote per base unit, BUY with MARKET only: at a launch, or where MARKET is refused, the order "
            "goes as IMMEDIATE_OR_CANCEL at this price",
            extra_json_schema=_ABOVE_0,
        ),
    ] = None
    slippage_percent: Annotated[
        Amount | None,
        msgspec.Meta(
            description="the same, MARKET only, at a price that is worse than the last one by this percentage",
            extra_json_schema={"exclusiveMinimum": 0, "exclusiveMaximum": 100},
        ),
    ] = None
    owner_id: Annotated[Text, msgspec.Meta(description="who asks; stands in the lock and the audit trail")]
    snipe_target_id: Annotated[Text | None, msgspec.Meta(description="the bot's target; part of the resource")] = None
    idempotency_key: Annotated[
        Text | None, msgspec.Meta(description="what makes two signals the same; derived where absent")
    ] = None
    priority: Annotated[int | None, shown("1 (most urgent) to 10; default SELL 1, BUY 5", 1, LOWEST_PRIORITY)] = None
    execute_at: Annotated[
        int | None,
        shown(
            "Unix ms of the exchange's clock at which it is sent: at most 30 days ahead, or past by at most deadlineMs"
        ),
    ] = None
    deadline_ms: Annotated[
        int | None, shown("ms after acceptance, or after executeAt, in which it may be sent", 1, MAX_DEADLINE_MS)
    ] = None
    timeout_ms: Annotated[int | None, shown("lease of the order's lock, ms", MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)] = None
    allow_repeat: Annotated[bool, msgspec.Meta(description="a second BUY of the symbol is wanted")] = False
    skip_lock: Annotated[bool, msgspec.Meta(description="emergency SELL past queue and lock; administrators only")] = (
        False
    )


class Signal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A signal in normal form. Amounts are canonical, times are Unix milliseconds or durations in ms."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None
    quote_quantity: Decimal | None
    price: Decimal | None
    owner_id: str
    target_id: str | None
    idempotency_key: str | None
    priority: int
    execute_at_ms: int | None
    deadline_after_ms: int
    timeout_ms: int
    allow_repeat: bool
    skip_lock: bool
    last_price: Decimal | None = None  # the exchange's, as the signal is taken in, where a guard needs it
    max_price: Decimal | None = None  # of a MARKET order
    slippage_percent: Decimal | None = None  # the same

    def waits(self, now_ms: int) -> bool:
        """Whether its instant is still to come."""
        return self.execute_at_ms is not None and self.execute_at_ms > now_ms


def normalise(request: SignalRequest, config: Config, *, now_ms: int) -> Signal:
    """Bring a request into normal form; what it does not say comes from ``[queue]`` and ``[locks]``.

    ``now_ms`` is the exchange's time, because ``executeAt`` is.

    Raises:
        Invalid: a field is wrong; the error names the field and what is allowed.

    """
    queue = config.queue
    side = _side(request.side)
    order_type = _type(request.type)
    is_buy = side is Side.BUY
    signal = Signal(
        symbol=_symbol(request.symbol),
        side=side,
        type=order_type,
        quantity=_amount("quantity", request.quantity),
        quote_quantity=_amount("quoteOrderQty", request.quote_order_qty),
        price=_amount("price", request.price),
        owner_id=text("ownerId", request.owner_id),
        target_id=None if request.snipe_target_id is None else text("snipeTargetId", request.snipe_target_id),
        idempotency_key=(None if request.idempotency_key is None else text("idempotencyKey", request.idempotency_key)),
        priority=within(
            "priority",
            request.priority,
            queue.buy_priority if is_buy else queue.sell_priority,
            1,
            LOWEST_PRIORITY,
        ),
        execute_at_ms=_execute_at(request.execute_at, now_ms),
        deadline_after_ms=within(
            "deadlineMs",
            request.deadline_ms,
            queue.buy_deadline_ms if is_buy else queue.sell_deadline_ms,
            1,
            MAX_DEADLINE_MS,
        ),
        timeout_ms=within("timeoutMs", request.timeout_ms, config.locks.timeout_ms, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS),
        allow_repeat=request.allow_repeat,
        skip_lock=request.skip_lock,
        max_price=_amount("maxPrice", request.max_price),
        slippage_percent=_amount("slippagePercent", request.slippage_percent),
    )
    _check_amounts(signal)
    _check_cap(signal)
    if signal.skip_lock and is_buy:
        raise Invalid("skipLock is for emergency sells: this is a BUY", field="skipLock", allowed="false, or side SELL")
    return signal


def _symbol(text: str) -> str:
    symbol = text.strip().upper()
    if not _SYMBOL.fullmatch(symbol):
        raise Invalid(
            f"symbol {text[:60]!r} is not a trading pair",
            field="symbol",
            allowed="2 to 40 letters and digits without separator, like BTCUSDT",
        )
    return symbol


def _side(text: str) -> Side:
    side = _SIDES.get(text.strip().upper())
    if side is None:
        raise Invalid(f"side {text[:60]!r} is unknown", field="side", allowed="BUY or SELL")
    return side


def _type(text: str) -> OrderType:
    order_type = _TYPES.get(text.strip().upper())
    if order_type is None:
        raise Invalid(f"type {text[:60]!r} is unknown", field="type", allowed=", ".join(OrderType))
    return order_type


def _amount(field: str, amount: Decimal | None) -> Decimal | None:
    if amount is None:
        return None
    if not amount.is_finite() or not 0 < amount <= MAX_AMOUNT or _decimals(amount) > MAX_DECIMALS:
        raise Invalid(
            f"{field} {str(amount)[:40]} is out of range",
            field=field,
            allowed=f"a number above 0, at most 1e18, with at most {MAX_DECIMALS} decimals",
        )
    return canonical(amount)


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _execute_at(at_ms: int | None, now_ms: int) -> int | None:
    if at_ms is not None and at_ms > now_ms + MAX_AHEAD_MS:
        raise Invalid(f"executeAt {at_ms} is too far ahead", field="executeAt", allowed=_instants(now_ms))
    return at_ms


def check_instant(signal: Signal, now_ms: int) -> None:
    """Refuse a new signal whose instant and deadline are over: nothing is left of the time in which it may be sent.

    ``now_ms`` is the exchange's time, because the instant is.

    An instant that has just passed is taken while its deadline lies ahead: a signal takes time to arrive, clocks
    differ, and a client that sends again after a lost connection keeps the first instant, so that its deadline stays.

    Raises:
        Invalid: they are.

    """
    if signal.execute_at_ms is not None and now_ms > signal.execute_at_ms + signal.deadline_after_ms:
        raise Invalid(
            f"executeAt {signal.execute_at_ms} is {now_ms - signal.execute_at_ms} ms in the past and has expired: "
            f"its deadline was {signal.deadline_after_ms} ms after it; leave executeAt out to trade at once",
            field="executeAt",
            allowed=_instants(now_ms),
        )


def _instants(now_ms: int) -> str:
    return (
        f"Unix time in milliseconds (the exchange's clock shows {now_ms}): ahead by at most 30 days, or past by no "
        "more than deadlineMs"
    )


def _check_cap(signal: Signal) -> None:
    price, percent = signal.max_price, signal.slippage_percent
    if price is None and percent is None:
        return
    field = "slippagePercent" if price is None else "maxPrice"
    if signal.type is not OrderType.MARKET:
        raise Invalid(f"{field} is the cap of a MARKET order", field=field, allowed="type MARKET, or price alone")
    if price is not None and (percent is not None or signal.side is Side.SELL):
        raise Invalid("maxPrice is the cap of a BUY, and the only one", field=field, allowed="slippagePercent instead")
    if percent is not None and percent >= 100:  # noqa: PLR2004  # per cent
        raise Invalid(f"slippagePercent {percent} is out of range", field=field, allowed="above 0 and below 100")
    if signal.side is Side.SELL and signal.quote_quantity is not None:
        raise Invalid("a SELL with slippagePercent takes a quantity", field="quoteOrderQty", allowed="quantity instead")


def _check_amounts(signal: Signal) -> None:
    if signal.type is OrderType.MARKET:
        if (signal.quantity is None) == (signal.quote_quantity is None):
            raise Invalid(
                "a MARKET order takes either quantity or quoteOrderQty",
                field="quantity",
                allowed="exactly one of quantity (base units) and quoteOrderQty (quote units)",
            )
        if signal.price is not None:
            raise Invalid("a MARKET order has no price", field="price", allowed="no price, or another type")
        return
    if signal.quote_quantity is not None:
        raise Invalid(
            f"quoteOrderQty does not go with {signal.type}", field="quoteOrderQty", allowed="quantity and price"
        )
    if signal.quantity is None:
        raise Invalid(f"{signal.type} needs a quantity", field="quantity", allowed="base units, above 0")
    if signal.price is None:
        raise Invalid(f"{signal.type} needs a price", field="price", allowed="quote units per base unit, above 0")
