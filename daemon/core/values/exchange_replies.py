"""What the exchange's answers mean, as values.

An answer to an order request is exactly one of three: *placed*, *refused* (definitely not executed) or *unknown*
(anything may have happened). A fourth value says that nothing was asked at all. Which of MEXC's codes is which stands
in :mod:`daemon.exchange.mexc.replies`; what follows from each in :mod:`daemon.core.rules.retries` and the verbs.
"""

from decimal import Decimal
from enum import Enum, StrEnum, auto

import msgspec

from daemon.core.values.states import State


class Advice(StrEnum):
    """What a refusal calls for."""

    RETRY = "retry"  # not open yet, suspended, unreachable: again soon, within the deadline
    WAIT = "wait"  # the exchange's gate is shut for a stated while
    RESYNC = "resync"  # our clock is off: measure it, then again
    REPRICE = "reprice"  # above the exchange's price cap: once more at the cap
    STOP = "stop"  # this order cannot be had
    CHECK_FUNDS = "check_funds"  # insufficient balance: this order cannot be had
    ALERT = "alert"  # permissions or risk limits: this order cannot be had, and a person should know
    DEAD_LETTER = "dead_letter"  # a bug or a bad signal: a person must look
    HALT = "halt"  # the key does not work: nothing can be had until a person acts


UNREACHABLE = "unreachable"
"""Code of a refusal of our own: the exchange cannot have read the request."""


class Placed(msgspec.Struct, frozen=True, tag=True):
    """The exchange took the order. Whether it filled is not said: MEXC's reply has no status (observed)."""

    exchange_order_id: str
    asked: str  # the request without its signature
    answered: str  # the raw answer, bounded


class Refused(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Definitely not executed."""

    advice: Advice
    code: str  # MEXC's code, or our word for a failure to connect
    message: str
    asked: str
    answered: str
    retry_after_ms: int | None = None  # stated by the exchange
    price_cap: Decimal | None = None  # stated by the exchange
    doubts_rules: bool = False  # it speaks of what the pair admits: what is known of that may be wrong


class Unclear(msgspec.Struct, frozen=True, tag=True):
    """The outcome is unknown: the order may exist."""

    why: str
    asked: str
    answered: str
    retry_after_ms: int | None = None  # the exchange said to send nothing for so long
    turned_away: bool = False  # by a page of the exchange's edge: the next order would meet the same


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """No request was made: between decision and wire the order went stale or the kill switch was set."""

    why: str


Answer = Placed | Refused | Unclear | NotSent


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the exchange shows it."""

    client_order_id: str | None
    exchange_order_id: str
    state: State  # one of the five that MEXC reports
    executed_quantity: Decimal
    executed_quote: Decimal
    quantity: Decimal | None = None  # what was asked, where the exchange may show another quantity than was sent


class Source(StrEnum):
    """A place on the exchange where an order can be seen."""

    ORDER_ID = "order_id"  # GET order by the exchange's order id, where that is known
    ORDER = "order"  # GET order by client order id
    OPEN_ORDERS = "open_orders"
    ALL_ORDERS = "all_orders"
    MY_TRADES = "my_trades"


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one source: evidence. ``order report`` is ``None`` for a negative; a failed look is no evidence."""

    source: Source
    at_ms: int
    asked: str
    answered: str  # raw, bounded
    failed: bool = False
    reached: bool = True  # False: the exchange gave no answer at all
    retry_after_ms: int | None = None  # the exchange said to keep still for so long
    report: OrderReport | None = None
    odd: str | None = None  # what in the answer about this order contradicts what was sent, or is not understood
    passed_over: tuple[str, ...] = ()  # rows of other orders that could not be read


class CancelAnswer(msgspec.Struct, frozen=True):
    """The answer to a cancel. It proves nothing (observed): what became of the order is for looks to tell."""

    outcome: str  # "accepted", "refused", "unknown"
    asked: str
    answered: str


class PreflightVerdict(Enum):
    """What was found out."""

    FIT = auto()
    UNFIT = auto()  # the exchange said so; asking again does not help
    UNKNOWN = auto()  # it gave no answer


class PreflightResult(msgspec.Struct, frozen=True):
    """Whether the exchange can be traded on, and why not."""

    verdict: PreflightVerdict
    what: str = ""  # what speaks against it; empty where it is fit
    advice: str = ""  # what the operator can do, where it is unfit

    @property
    def why(self) -> str:
        """What speaks against it, and what to do before the next start."""
        return f"{self.what}; {self.advice}, then start again" if self.advice else self.what


FIT = PreflightResult(PreflightVerdict.FIT)
