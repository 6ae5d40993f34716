"""The order's life: one table of (state, event) → state, and the value that a signal becomes.

::

                      ┌──────────── withdraw, expire ──────────▶ withdrawn │ expired
                      │       arm
    accept ─▶ queued ─┼──────────────▶ armed ──┐ fire
                ▲  ▲  │ send                   ▼
                │  │  └───────────────────▶ in_flight ── place ─▶ open ─▶ partially_filled ─▶ filled
                │  │      defer               │  │  │              └──────▶ canceled │ partially_canceled
                │  └──────────────────────────┘  │  └─ refuse ─▶ rejected │ dead_letter
                │ requeue                        │ doubt
            dead_letter                          ▼
                                              in_doubt ── see ─▶ open │ partially_filled │ filled │ …
                                                 │ lose     ▲
                                                 ▼          │ see (late)
                                                lost ───────┘       rule_out (a person) ─▶ rejected

Read it for what is *not* there. Nothing leads from ``in_doubt`` or ``lost`` back to ``queued``: after an unknown
outcome nothing is ever sent again by itself. Nothing leads from any state that may have reached the exchange to
``expired`` or ``withdrawn``: a clock or a wish cannot undo what was sent. Not drawn is the doubt of what is waiting
when a process begins: an armed order after a crash, a queued one after a restore (``verbs/restored``). Nor is the
doubt of an open order that the exchange answered with an id and that no complete search has ever found.

What the exchange shows is believed over what we concluded: an order report is an event in *every* state that a request
may have reached, ``rejected`` and ``canceled`` included, because MEXC's answers can be behind its books (a cancel may
answer with the state from before it; a fill may be reported after the cancel). The only order report that changes
nothing is one older than what is known (:mod:`daemon.core.rules.order_reports`).
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.values.decimals import ZERO, quotient
from daemon.errors import Impossible


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


class State(StrEnum):
    """Where an order stands, as stored and shown. Five of them are MEXC's own words."""

    QUEUED = "queued"  # durable, waits for its turn
    ARMED = "armed"  # durable as if sent, waits for its instant
    IN_FLIGHT = "in_flight"  # may be on the wire; no answer yet
    IN_DOUBT = "in_doubt"  # the answer is lost; only evidence or a person ends it
    OPEN = "open"  # MEXC: NEW
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"  # without a fill
    PARTIALLY_CANCELED = "partially_canceled"  # with fills
    REJECTED = "rejected"  # definitely not executed
    EXPIRED = "expired"  # its deadline passed before it was sent
    WITHDRAWN = "withdrawn"  # cancelled before it was sent
    LOST = "lost"  # looked for long and everywhere in vain; still believed if seen
    DEAD_LETTER = "dead_letter"  # definitely not executed, set aside for a person


class OrderEvent(StrEnum):
    """What can happen to an order."""

    ARM = "arm"  # made durable ahead of its instant
    DISARM = "disarm"  # its instant must not come (the kill switch); nothing was sent
    SEND = "send"  # handed to the exchange's client, or the instant of an armed order came
    DEFER = "defer"  # refused or not sent, and another attempt may follow
    PLACE = "place"  # the exchange answered with its order id
    REFUSE = "refuse"  # the exchange refused for good
    SET_ASIDE = "set_aside"  # the exchange refused, and a person must look
    DOUBT = "doubt"  # the outcome is unknown
    LOSE = "lose"  # long and everywhere in vain
    RULE_OUT = "rule_out"  # a person vouches that it was not placed
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    REQUEUE = "requeue"  # a person sends a dead letter back
    SEE_OPEN = "see_open"  # a look-up found it so
    SEE_PARTIALLY_FILLED = "see_partially_filled"
    SEE_FILLED = "see_filled"
    SEE_CANCELED = "see_canceled"
    SEE_PARTIALLY_CANCELED = "see_partially_canceled"


SIGHTINGS = {
    State.OPEN: OrderEvent.SEE_OPEN,
    State.PARTIALLY_FILLED: OrderEvent.SEE_PARTIALLY_FILLED,
    State.FILLED: OrderEvent.SEE_FILLED,
    State.CANCELED: OrderEvent.SEE_CANCELED,
    State.PARTIALLY_CANCELED: OrderEvent.SEE_PARTIALLY_CANCELED,
}
"""The exchange's states, and the happening by which each is seen."""

MAYBE_SENT = frozenset(
    {State.IN_FLIGHT, State.IN_DOUBT, State.LOST, State.REJECTED, State.DEAD_LETTER} | SIGHTINGS.keys()
)
"""States in which a request may have reached the exchange, whatever was concluded since."""

TRANSITIONS: dict[State, dict[OrderEvent, State]] = {
    State.QUEUED: {
        OrderEvent.ARM: State.ARMED,
        OrderEvent.SEND: State.IN_FLIGHT,
        OrderEvent.EXPIRE: State.EXPIRED,
        OrderEvent.WITHDRAW: State.WITHDRAWN,
        OrderEvent.DOUBT: State.IN_DOUBT,
    },
    State.ARMED: {
        OrderEvent.SEND: State.IN_FLIGHT,
        OrderEvent.DISARM: State.QUEUED,
        OrderEvent.EXPIRE: State.EXPIRED,
        OrderEvent.WITHDRAW: State.WITHDRAWN,
        OrderEvent.DOUBT: State.IN_DOUBT,
    },
    State.IN_FLIGHT: {
        OrderEvent.PLACE: State.OPEN,
        OrderEvent.DEFER: State.QUEUED,
        OrderEvent.REFUSE: State.REJECTED,
        OrderEvent.SET_ASIDE: State.DEAD_LETTER,
        OrderEvent.DOUBT: State.IN_DOUBT,
    },
    State.IN_DOUBT: {
        OrderEvent.LOSE: State.LOST,
        OrderEvent.RULE_OUT: State.REJECTED,
    },
    State.LOST: {
        OrderEvent.RULE_OUT: State.REJECTED,
    },
    State.DEAD_LETTER: {
        OrderEvent.REQUEUE: State.QUEUED,
        OrderEvent.WITHDRAW: State.WITHDRAWN,
    },
    **{
        state: {}
        for state in (
            State.OPEN, State.PARTIALLY_FILLED, State.FILLED, State.CANCELED, State.PARTIALLY_CANCELED,
            State.REJECTED, State.EXPIRED, State.WITHDRAWN,
        )
    },
}  # fmt: skip
"""The order's life. A happening that stands not under a state is impossible there."""

TRANSITIONS[State.OPEN][OrderEvent.DOUBT] = State.IN_DOUBT  # placed by the exchange's word, and never seen

for _state in MAYBE_SENT:
    TRANSITIONS[_state].update({happening: seen for seen, happening in SIGHTINGS.items()})

KEY_FREE = frozenset({State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.DEAD_LETTER})
"""States in which nothing was placed, so that the same signal may become a new order."""

WAITING = frozenset({State.QUEUED, State.ARMED})
"""States in which nothing was sent: the order can be withdrawn."""

RESTING = frozenset({State.OPEN, State.PARTIALLY_FILLED})
"""States in which an order stands on the exchange's book, or may trade at once."""

UNRESOLVED = frozenset({State.IN_DOUBT, State.LOST})
"""States that only evidence or a person ends."""

PENDING = frozenset({State.QUEUED, State.ARMED, State.IN_FLIGHT, State.IN_DOUBT})
"""States whose outcome is still to come; ``lost`` is not among them, because nothing is expected to come by itself."""


def after(state: State, happening: OrderEvent) -> State:
    """Return the state that follows.

    Raises:
        Impossible: the table has no such transition; nothing was changed.

    """
    try:
        return TRANSITIONS[state][happening]
    except KeyError:
        raise Impossible(f"{happening.value} is impossible for an order that is {state.value}") from None


def known_sum(quantity: Decimal, quote: Decimal) -> Decimal | None:
    """Return the quote units of a fill; ``None`` where it is not known what it came to.

    MEXC shows a sum of 0 beside a filled quantity at times, or none. Nothing is bought for nothing.
    """
    return None if quantity and not quote else quote


class Order(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a signal became. Times are Unix milliseconds of the daemon's clock, amounts are exact."""

    seq: int  # acceptance order, from 1, unique: "oldest first" is decided by it
    order_id: str
    state: State

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None  # base units; None where quote_quantity is set
    quote_quantity: Decimal | None  # quote units to spend or receive, MARKET only
    price: Decimal | None  # quote per base; None for MARKET
    last_price: Decimal | None = None  # the exchange's at acceptance, where a guard asked for it

    owner_id: str
    target_id: str | None  # the bot's snipeTargetId
    resource: str  # what its lock is for
    priority: int  # 1 is most urgent
    skip_lock: bool = False  # an administrator's emergency sell: passes queue and lock

    key: str  # idempotency key
    fingerprint: str  # SHA-256 of what would be traded
    key_bound: bool = True  # while True no other order can have this key
    key_until_ms: int | None = None  # when a key that ends stops counting, if the order is finished by then

    accepted_ms: int
    deadline_ms: int  # last instant at which it may be sent
    execute_at_ms: int | None = None  # instant at which it is to be sent
    not_before_ms: int = 0  # earliest next attempt
    timeout_ms: int  # lease of its lock

    attempts: int = 0  # requests so far that may have reached the exchange; numbers the client order ids
    repriced: bool = False  # the price was moved once to the exchange's stated cap
    lock_id: str | None = None  # the lock it holds, or held last
    client_order_id: str | None = None  # of the last attempt
    sent_ms: int | None = None  # of the last attempt
    doubt_ms: int | None = None  # since when the outcome is unknown

    exchange_order_id: str | None = None
    executed_quantity: Decimal = ZERO  # base units filled, as last seen
    executed_quote: Decimal = ZERO  # quote units filled, as last seen; 0 beside a fill: not known, see executed_sum
    seen_ms: int | None = None  # when a look-up last found it

    reason: str | None = None  # why it stands where it does, for a person
    updated_ms: int
    finished_ms: int | None = None  # since when nothing more is to be done for it

    asked_quantity: Decimal | None = None  # as the signal had it, where it was rounded to what the pair admits
    asked_quote_quantity: Decimal | None = None  # the same
    asked_price: Decimal | None = None  # the same
    refitted: bool = False  # the amounts were rounded once more, to rules read anew after a refusal

    @property
    def asked(self) -> dict[str, Decimal]:
        """The amounts that were rounded to what the pair admits, as the signal had them."""
        asked = {
            "quantity": self.asked_quantity,
            "quote_quantity": self.asked_quote_quantity,
            "price": self.asked_price,
        }
        return {name: amount for name, amount in asked.items() if amount is not None}

    @property
    def ended_empty(self) -> bool:
        """Whether the exchange cancelled it with nothing executed, and showed so again: no position, no live order."""
        return self.state is State.CANCELED and not self.executed_quantity and self.finished_ms is not None

    @property
    def outcome_known(self) -> bool:
        """Whether a caller that waits for the outcome can be told.

        A resting order's outcome is that it rests (seen by a look-up); a market or immediate order's is its end.
        ``lost`` counts as told: whoever waits must not believe that something is still coming.
        """
        if self.state in PENDING:
            return False
        if self.state in {State.OPEN, State.PARTIALLY_FILLED}:
            return self.type.can_rest and self.seen_ms is not None
        return True

    @property
    def executed_sum(self) -> Decimal | None:
        """Quote units filled; ``None`` where the exchange shows a fill and not what it came to."""
        return known_sum(self.executed_quantity, self.executed_quote)

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base of what was filled; ``None`` where nothing was, or where its sum is not known."""
        if not self.executed_quantity or not self.executed_quote:
            return None
        return quotient(self.executed_quote, self.executed_quantity)
