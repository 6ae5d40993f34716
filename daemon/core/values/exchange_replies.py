"""What the exchange's answers mean, as values.

An answer to an order request is *placed*, *refused* (definitely not executed) or *unclear* (the outcome is unknown). A
fourth value says that no request was made. :mod:`daemon.exchange.mexc.replies` decides which of MEXC's answers is
which; :mod:`daemon.core.rules.retries` and the verbs decide what follows.
"""

from decimal import Decimal
from enum import Enum, StrEnum, auto

import msgspec

from daemon.core.values.fills import Fill
from daemon.core.values.states import State


class Advice(StrEnum):
    """What a refusal calls for."""

    RETRY = "retry"  # not open yet, suspended, unreachable: send again soon, within the deadline
    WAIT = "wait"  # the exchange asks to wait for a time
    RESYNC = "resync"  # our clock differs: measure the difference, then send again
    REPRICE = "reprice"  # above the exchange's price cap: send once more at the cap
    STOP = "stop"  # this order will never be accepted
    CHECK_FUNDS = "check_funds"  # insufficient balance: the order ends
    ALERT = "alert"  # permissions or risk limits: the order ends, and the operator should know
    DEAD_LETTER = "dead_letter"  # a bug or a bad signal: the operator must decide
    HALT = "halt"  # the key does not work: no order is accepted until the operator acts


UNREACHABLE = "unreachable"
"""Our own code for a failure to connect: the exchange cannot have read the request."""


class Placed(msgspec.Struct, frozen=True, tag=True):
    """The exchange accepted the order. Whether it is filled is not known: MEXC's reply has no status (observed)."""

    exchange_order_id: str
    asked: str  # the request without its signature
    answered: str  # the raw answer, bounded


class Refused(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Definitely not executed."""

    advice: Advice
    code: str  # MEXC's code, or :data:`UNREACHABLE`
    message: str
    asked: str
    answered: str
    retry_after_ms: int | None = None  # stated by the exchange
    price_cap: Decimal | None = None  # stated by the exchange
    doubts_rules: bool = False  # it concerns the pair's rules: the known ones may be outdated
    no_market: bool = False  # it concerns the type: MARKET is not accepted
    not_open: bool = False  # the pair is not open yet, or not any more


class Unclear(msgspec.Struct, frozen=True, tag=True):
    """The outcome is unknown: the order may exist."""

    why: str
    asked: str
    answered: str
    retry_after_ms: int | None = None  # the exchange asked to send nothing for this time
    turned_away: bool = False  # by a page of the exchange's edge: the next order would get the same


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """No request was made: in the meantime the deadline passed, trading was halted, or a wait began."""

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
    """A place on the exchange where an order can be queried."""

    ORDER_ID = "order_id"  # GET order by the exchange's order id, if it is known
    ORDER = "order"  # GET order by client order id
    OPEN_ORDERS = "open_orders"
    ALL_ORDERS = "all_orders"
    MY_TRADES = "my_trades"


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one query. Without a ``report`` the order was not found; a failed query is no evidence."""

    source: Source
    at_ms: int
    asked: str
    answered: str  # raw, bounded
    failed: bool = False
    cut: bool = False  # a full list, which may lack a part of the order
    reached: bool = True  # False: the exchange gave no answer at all
    retry_after_ms: int | None = None  # the exchange asked to send nothing for this time
    report: OrderReport | None = None
    fills: tuple[Fill, ...] = ()  # of the order, as far as the answer has them
    odd: str | None = None  # the part of the answer that contradicts what was sent, or is not understood
    passed_over: tuple[str, ...] = ()  # rows of other orders that cannot be read


class CancelAnswer(msgspec.Struct, frozen=True):
    """The answer to a cancel. It proves nothing (observed): only a query shows what became of the order."""

    outcome: str  # "accepted", "refused", "unknown"
    asked: str
    answered: str


class PreflightVerdict(Enum):
    """The result of the preflight."""

    FIT = auto()
    UNFIT = auto()  # the exchange refuses this account; asking again does not help
    UNKNOWN = auto()  # it gave no answer


class PreflightResult(msgspec.Struct, frozen=True):
    """Whether this account can trade on the exchange, and why not."""

    verdict: PreflightVerdict
    what: str = ""  # what prevents trading; empty if it is fit
    advice: str = ""  # what the operator can do, if it is unfit

    @property
    def why(self) -> str:
        """What prevents trading, and what to do before the next start."""
        return f"{self.what}; {self.advice}, then start again" if self.advice else self.what


FIT = PreflightResult(PreflightVerdict.FIT)
