"""An order: the value that a signal becomes. Its states and their meaning are in :mod:`daemon.core.values.states`."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.values.decimals import ZERO, quotient
from daemon.core.values.states import PENDING, RESTING, State


class Side(StrEnum):
    """Which way the order trades."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """MEXC's order types. There is no ``timeInForce``: immediate-or-cancel and fill-or-kill are types (documented)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    IMMEDIATE_OR_CANCEL = "IMMEDIATE_OR_CANCEL"
    FILL_OR_KILL = "FILL_OR_KILL"

    @property
    def can_rest(self) -> bool:
        """Whether such an order can stay on the exchange's book for long."""
        return self in {OrderType.LIMIT, OrderType.LIMIT_MAKER}


def known_sum(quantity: Decimal, quote: Decimal) -> Decimal | None:
    """Return the quote units of a fill; ``None`` if the sum is not known.

    MEXC sometimes shows a filled quantity with a sum of 0, or without one. No fill has a sum of 0.
    """
    return None if quantity and not quote else quote


class Order(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """What a signal became. Times are Unix milliseconds of the daemon's clock, amounts are exact.

    Encoded, it is an array of its fields: the row of a table, or a few hundred bytes (``encoded``).
    """

    seq: int  # acceptance order, from 1, unique: "oldest first" is decided by it
    order_id: str
    state: State

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None  # base units; None where quote_quantity is set
    quote_quantity: Decimal | None  # quote units to spend or receive, MARKET only
    price: Decimal | None  # quote per base; None for MARKET
    last_price: Decimal | None = None  # on the exchange at acceptance, if a guard needed it

    owner_id: str
    target_id: str | None  # the bot's snipeTargetId
    resource: str  # of its lock
    priority: int  # 1 is most urgent
    skip_lock: bool = False  # an administrator's emergency SELL: skips queue and lock

    key: str  # idempotency key
    fingerprint: str  # SHA-256 of what would be traded
    key_bound: bool = True  # while True no other order can get this key
    key_until_ms: int | None = None  # until when a key that expires counts; the end of the order resets it

    accepted_ms: int
    deadline_ms: int  # the last instant at which it may be sent; by the exchange's clock if it has an instant
    execute_at_ms: int | None = None  # instant at which it is to be sent, by the exchange's clock
    not_before_ms: int = 0  # earliest next attempt
    timeout_ms: int  # lease of its lock

    attempts: int = 0  # attempts so far, sent or not; numbers the client order ids
    repriced: bool = False  # the price was changed once to the cap that the exchange stated
    lock_id: str | None = None  # the lock that it holds, or held last
    client_order_id: str | None = None  # of the last attempt
    sent_ms: int | None = None  # of the last attempt
    doubt_ms: int | None = None  # since when the outcome is unknown

    exchange_order_id: str | None = None
    executed_quantity: Decimal = ZERO  # base units filled, as last seen
    executed_quote: Decimal = ZERO  # quote units filled, as last seen; 0 beside a fill: not known, see executed_sum
    seen_ms: int | None = None  # when a query last found it

    reason: str | None = None  # why it is in its state, for the operator
    updated_ms: int
    finished_ms: int | None = None  # since when nothing more is to be done for it

    asked_quantity: Decimal | None = None  # in the signal, if it was rounded to the pair's rules
    asked_quote_quantity: Decimal | None = None  # the same
    asked_price: Decimal | None = None  # the same
    refitted: bool = False  # the amounts were rounded again, to rules that were queried after a refusal

    asked_execute_at_ms: int | None = None  # in the signal, if the order was moved to another instant
    instant_is_manual: bool = False  # the operator chose its instant: no listing moves it

    max_price: Decimal | None = None  # quote per base: the cap at which a MARKET order may be sent as a limit order
    slippage_percent: Decimal | None = None  # the same, in percent by which the price may be worse than the last one
    asked_type: OrderType | None = None  # in the signal, if the order is sent as another type
    market_refused: bool = False  # the exchange refused it as MARKET; it goes at its cap

    @property
    def asked(self) -> dict[str, Decimal]:
        """The amounts that were rounded to the pair's rules, as in the signal."""
        asked = {
            "quantity": self.asked_quantity,
            "quote_quantity": self.asked_quote_quantity,
            "price": self.asked_price,
        }
        return {name: amount for name, amount in asked.items() if amount is not None}

    @property
    def allowed_ms(self) -> int:
        """How long after its instant, or its acceptance, it may be sent."""
        return self.deadline_ms - (self.accepted_ms if self.execute_at_ms is None else self.execute_at_ms)

    @property
    def ended_empty(self) -> bool:
        """Whether the exchange cancelled it with nothing executed, and showed it again: no position, no live order."""
        return self.state is State.CANCELED and not self.executed_quantity and self.finished_ms is not None

    @property
    def outcome_known(self) -> bool:
        """Whether a caller that waits for the outcome can be answered.

        The outcome of a resting order is that a query shows it resting; that of a market or immediate order is its end.
        ``lost`` counts as an outcome: the caller must not wait for another one.
        """
        if self.state in PENDING:
            return False
        if self.state in RESTING:
            return self.type.can_rest and self.seen_ms is not None
        return True

    @property
    def executed_sum(self) -> Decimal | None:
        """Quote units filled; ``None`` if the exchange shows a fill without its sum."""
        return known_sum(self.executed_quantity, self.executed_quote)

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base of the fills; ``None`` if nothing is filled, or the sum is not known."""
        if not self.executed_quantity or not self.executed_quote:
            return None
        return quotient(self.executed_quote, self.executed_quantity)


encoded = msgspec.msgpack.Encoder().encode
decoded = msgspec.msgpack.Decoder(Order).decode
