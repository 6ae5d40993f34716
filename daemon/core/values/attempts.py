"""An attempt: one request that may reach the exchange."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class AttemptState(StrEnum):
    """What is known of a request."""

    IN_FLIGHT = "in_flight"  # durable; may have been sent
    PLACED = "placed"
    REFUSED = "refused"  # definitely not executed
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"  # taken back before it was sent


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One request. Times are Unix milliseconds."""

    client_order_id: str  # pure function of order and number
    order_id: str
    number: int  # from 1
    state: AttemptState = AttemptState.IN_FLIGHT
    price: Decimal | None  # as sent; differs from the signal's after a re-pricing
    started_ms: int  # when it was decided and made durable; of an armed one, whose instant has come, that instant
    answered_ms: int | None = None
    code: str | None = None
    message: str | None = None
    exchange_order_id: str | None = None
    asked: str | None = None  # the request, without its signature
    answered: str | None = None  # the raw answer, bounded
