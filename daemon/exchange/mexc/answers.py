"""What MEXC's answers to an order request mean: one table.

*Refused* is only what stands in the table as refused. Everything else, an unlisted code included, is an unknown
outcome: MEXC documents that execution status is unknown after a server error, and what is not documented is taken for
the worst. The grades: the codes are documented or observed in maintained client libraries and their issue threads;
what a sniper does about each is this project's choice.
"""

import re
from decimal import Decimal

import msgspec

from daemon.core.answers import Advice, Answer, Placed, Refused, Unclear

MAX_RAW = 600
"""So many characters of a raw answer are kept as evidence."""

REFUSALS: dict[Advice, frozenset[int]] = {
    Advice.RETRY: frozenset({
        30001,  # direction not allowed: the usual "not open yet" (observed)
        10007,  # symbol not supported by the API: before the open, or never for this key
        30016, 30000,  # trading disabled, suspended
        30014, 30021, -1121, 730001,  # invalid symbol: before the open, also a name that is not known yet
    }),
    Advice.REPRICE: frozenset({30010, 30087}),  # price out of range, percent band
    Advice.STOP: frozenset({30018, 30019, 30051, 30041}),  # market orders or this type not now
    Advice.CHECK_FUNDS: frozenset({30004, 10101, 30005}),  # insufficient balance, oversold
    Advice.DEAD_LETTER: frozenset({
        30002, 88013,  # below the minimum
        30003,  # above the maximum
        10095, 10096, 10097, 10102, 33333, 44444, -1128, 700004, 700008, 730002,  # parameters
    }),
    Advice.ALERT: frozenset({
        30020, 70011,  # no permission for the symbol
        30027, 30028, 30029, 30032,  # position and risk limits
        26, 10098, 60005, 10001,
    }),
    Advice.RESYNC: frozenset({700003, 10073}),  # timestamp
    Advice.HALT: frozenset({
        700001, 700002, 700005, 700006, 700007, 602, 10072, 400, 401,  # key, signature
        700013,  # content type: every request of this program would be refused
    }),
}  # fmt: skip

ADVICE = {code: advice for advice, codes in REFUSALS.items() for code in codes}

SUCCESS = frozenset({None, 0, 200})
"""What stands for the code where nothing failed."""

UNKNOWN_CODES = frozenset({500, 503, 504, 20002, 10203})
"""Documented as "execution status unknown". No row of the table above."""

GATEWAY = {429: 2_000, 418: 120_000}
"""HTTP statuses of the gateway's own refusal, and how long to wait where ``Retry-After`` does not say (ms).

A ban lasts from two minutes to three days (documented).
"""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at an unreadable answer: the last two for text that is no UTF-8, and for endless nesting."""

_SIGNATURE = re.compile(r"(signature(?:=|%3D|&#61;|&#x3D;))[0-9a-f]+", re.IGNORECASE)
_DUPLICATE = re.compile(r"duplicat|already (?:been|exist|in use|used)|repeat|unique|重复", re.IGNORECASE)
_CAP = re.compile(r"cannot exceed\s+([0-9]+(?:\.[0-9]+)?)(?![.,]?[0-9]|e[-+]?[0-9])", re.IGNORECASE)
_CODE = re.compile(r"-?[0-9]{1,12}")
_SCALE = re.compile(r"scale is invalid", re.IGNORECASE)
"""Code 400 has two meanings (observed): the key is missing, or an amount of this one order has too many decimals."""


class _Envelope(msgspec.Struct):
    """What any JSON answer may hold."""

    code: int | str | None = None
    msg: str | None = None
    orderId: str | int | None = None  # noqa: N815  # MEXC's spelling


_decode = msgspec.json.Decoder(_Envelope, strict=False).decode


class Envelope(msgspec.Struct, frozen=True):
    """A JSON answer's code and message, where it has them; the message without our signature, like :func:`raw`."""

    code: int | None
    message: str
    order_id: str | None


def envelope(body: bytes) -> Envelope | None:
    """Read a JSON answer; ``None`` where it is none."""
    try:
        found = _decode(body)
    except UNREADABLE:
        return None
    code = found.code
    if isinstance(code, str):
        if not _CODE.fullmatch(code):
            return None
        code = int(code)
    return Envelope(code, _unsigned(found.msg or ""), None if found.orderId is None else str(found.orderId))


def raw(body: bytes) -> str:
    """Keep the beginning of a raw answer, without the signature that a gateway's page may quote from our address."""
    text = _unsigned(body[: MAX_RAW * 4].decode("utf-8", errors="replace"))
    return text if len(text) <= MAX_RAW else text[:MAX_RAW] + "…"


def _unsigned(text: str) -> str:
    return _SIGNATURE.sub(r"\1***", text)


def placed_or_not(
    status: int, body: bytes, retry_after_ms: int | None, asked: str, duplicate_codes: frozenset[int] = frozenset()
) -> Answer:
    """Read the answer to an order request; ``duplicate_codes`` are known to refuse an id that was used."""
    answered = f"HTTP {status} {raw(body)}"
    if status in GATEWAY:
        return Refused(
            advice=Advice.WAIT,
            code=str(status),
            message="the exchange's gateway limits our requests",
            asked=asked,
            answered=answered,
            retry_after_ms=GATEWAY[status] if retry_after_ms is None else retry_after_ms,
        )
    if status == 403 or status // 100 not in (2, 4):  # noqa: PLR2004  # HTTP's own classes
        return Unclear(f"HTTP {status} says nothing about execution", asked, answered)
    found = envelope(body)
    if found is None:
        return Unclear(f"the answer (HTTP {status}) cannot be read", asked, answered)
    if found.code in SUCCESS and 200 <= status < 300:  # noqa: PLR2004  # HTTP's own classes
        if found.order_id:
            return Placed(found.order_id, asked, answered)
        return Unclear("the answer names no order", asked, answered)
    return _refused_or_unknown(found, asked, answered, duplicate_codes)


def _refused_or_unknown(found: Envelope, asked: str, answered: str, duplicate_codes: frozenset[int]) -> Answer:
    if found.order_id:
        return Unclear(f"code {found.code} beside an order: {found.order_id[:60]}", asked, answered)
    advice = ADVICE.get(found.code) if found.code is not None else None
    if advice is Advice.HALT and _SCALE.search(found.message):
        advice = Advice.DEAD_LETTER
    if advice is None:
        return Unclear(f"code {found.code} is not known as a refusal: {found.message[:200]}", asked, answered)
    if found.code in duplicate_codes or _DUPLICATE.search(found.message):
        # Whether MEXC refuses a client order id that was used is undocumented: an order of ours may exist.
        return Unclear(f"code {found.code} speaks of a duplicate: {found.message[:200]}", asked, answered)
    return Refused(
        advice=advice,
        code=str(found.code),
        message=found.message[:300],
        asked=asked,
        answered=answered,
        price_cap=_cap(found.message) if advice is Advice.REPRICE else None,
    )


def advice_of(body: bytes) -> Advice | None:
    """Read what a refusal calls for; ``None`` where it is not in the table."""
    found = envelope(body)
    if found is None or found.code is None:
        return None
    advice = ADVICE.get(found.code)
    return Advice.DEAD_LETTER if advice is Advice.HALT and _SCALE.search(found.message) else advice


def _cap(message: str) -> Decimal | None:
    """Read the price cap out of a message such as "Order price cannot exceed 0.05USDT" (observed).

    A number written otherwise, with thousands set apart or with an exponent, is not read: the beginning of it would be
    another price.
    """
    match = _CAP.search(message)
    cap = Decimal(match[1]) if match else None
    return cap or None
