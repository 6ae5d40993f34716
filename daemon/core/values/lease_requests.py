"""A caller's request for a lease: decoded from JSON, and in normal form."""

from typing import Annotated

import msgspec

from daemon.core.values.fields import Text, Word, shown, text, within
from daemon.core.values.locks import OwnerType, TransactionType
from daemon.core.values.resources import one_spelling
from daemon.core.values.waiters import LeaseRequest
from daemon.errors import Invalid

MAX_TIMEOUT_MS = 3_600_000
DEFAULT_PRIORITY, LOWEST_PRIORITY = 5, 10


class AcquireRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One request for a lease, as JSON has it."""

    resource_id: Annotated[
        Word, msgspec.Meta(description="what is to be held, 1 to 128 printable; a trade's is trade:SYMBOL:SIDE:TARGET")
    ]
    owner_id: Annotated[Text, msgspec.Meta(description="who holds it; renewal and release ask for the same")]
    owner_type: Annotated[OwnerType, msgspec.Meta(description="user, system or workflow")] = OwnerType.USER
    transaction_type: Annotated[TransactionType, msgspec.Meta(description="trade, cancel or update")] = (
        TransactionType.TRADE
    )
    transaction_data: Annotated[
        msgspec.Raw | msgspec.UnsetType, msgspec.Meta(description="any JSON, kept with the lock")
    ] = msgspec.UNSET
    timeout_ms: Annotated[int | None, shown("length of the lease, ms", 1, MAX_TIMEOUT_MS)] = None
    priority: Annotated[int | None, shown("1 (most urgent) to 10, in line; default 5", 1, LOWEST_PRIORITY)] = None
    idempotency_key: Annotated[
        Text | None, msgspec.Meta(description="makes a repeated request the same one; its result is kept")
    ] = None


def normalise(request: AcquireRequest, default_timeout_ms: int) -> LeaseRequest:
    """Bring a request into normal form.

    Raises:
        Invalid: a field is wrong; the error names the field and what is allowed.

    """
    data = request.transaction_data
    return LeaseRequest(
        resource=resource_id(request.resource_id),
        owner_id=text("ownerId", request.owner_id),
        owner_type=request.owner_type,
        transaction_type=request.transaction_type,
        transaction_data=None if isinstance(data, msgspec.UnsetType) else compact("transactionData", data),
        timeout_ms=within("timeoutMs", request.timeout_ms, default_timeout_ms, 1, MAX_TIMEOUT_MS),
        priority=within("priority", request.priority, DEFAULT_PRIORITY, 1, LOWEST_PRIORITY),
        key=None if request.idempotency_key is None else text("idempotencyKey", request.idempotency_key),
    )


def resource_id(name: str) -> str:
    """Return the normal form of a resource's name: ``TRADE:btcusdt:buy:7`` is the resource of that trade's orders.

    Raises:
        Invalid: it is empty, too long, or not printable.

    """
    return one_spelling(text("resourceId", name))


def compact(field: str, raw: msgspec.Raw) -> str:
    """Return JSON in one form, so that equal values give equal strings.

    Raises:
        Invalid: it is nested too deeply, or contains a number that other JSON readers cannot read.

    """
    try:
        return msgspec.json.encode(msgspec.json.decode(raw), order="deterministic").decode()
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"the JSON in {field} cannot be read: {error}", field=field, allowed="any JSON value") from None
