"""What MEXC's answers to an order request mean.

An order is *refused* only if the table of codes (:mod:`.codes`) lists the code as a refusal. Everything else, unlisted
codes included, is an unknown outcome: MEXC documents that the execution status is unknown after a server error, and
undocumented answers count as the worst case. An answer that names an order is never a refusal, whatever its status and
code.
"""

import re
from collections.abc import Collection
from decimal import Decimal

import msgspec

from daemon.core.values.exchange_replies import Advice, Answer, Placed, Refused, Unclear
from daemon.exchange.mexc.codes import ABOUT_RULES, ADVICE, NO_MARKET, NOT_OPEN

MAX_RAW = 600
"""The number of characters of a raw answer that are kept as evidence."""

SUCCESS = frozenset({None, 0, 200})
"""The values of the code that mean success."""

GATEWAY = {429: 2_000, 418: 120_000}
"""HTTP statuses, and codes, of the gateway's own refusal, and the wait in ms if there is no ``Retry-After``.

MEXC documents that a 429 has the header. Its FAQ says that access resumes after ten minutes. The first wait is short
all the same: a limit that counts one second, such as that of orders, has room again at once, and ten minutes would lose
a launch. The waits double while the gateway refuses, up to a minute (:mod:`daemon.core.rules.backoff` for orders,
:mod:`.requests` for queries), and one order tries for all. So in the FAQ's ten minutes about fifteen orders are
refused. A ban lasts from two minutes to three days (documented).
"""

BAN = 418
LONGEST_LIMIT_MS = 600_000
"""The longest wait after a 429, in ms: MEXC's limits count ten seconds. A longer wait is a ban, which is a 418."""

FORBIDDEN, SERVER_ERROR = 403, 500

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of msgspec for an unreadable answer: the last two for text that is not UTF-8, and for too deep nesting."""

_SIGNATURE = re.compile(r"(signature(?:=|%3D|&#61;|&#x3D;))[0-9a-f]+", re.IGNORECASE)
_DUPLICATE = re.compile(r"duplicat|already (?:been|exist|in use|used)|repeat|unique|重复", re.IGNORECASE)
_CAP = re.compile(r"cannot exceed\s+([0-9]+(?:\.[0-9]+)?)(?![.,]?[0-9]|e[-+]?[0-9])", re.IGNORECASE)
_ORDER_ID = re.compile(rb'\\*"orderId\\*"\s*:\s*(?:\\*"(?P<text>[^\\"]+)|(?P<number>-?[0-9]+))', re.IGNORECASE)
"""An order's id anywhere in an answer, also if the answer is cut off, nested, or JSON quoted within JSON."""
_CODE = re.compile(r"-?[0-9]{1,12}")
_SCALE = re.compile(r"scale is invalid", re.IGNORECASE)
"""Code 400 has two meanings (observed): the key is missing, or an amount of this one order has too many decimals."""


class _Envelope(msgspec.Struct):
    """The fields that any JSON answer may have."""

    code: int | str | None = None
    msg: str | None = None
    orderId: str | int | None = None  # noqa: N815  # MEXC's spelling


_decode = msgspec.json.Decoder(_Envelope, strict=False).decode


class Envelope(msgspec.Struct, frozen=True):
    """A JSON answer's code and message, if it has them; the message without our signature, like :func:`raw`."""

    code: int | None
    message: str
    order_id: str | None


def envelope(body: bytes) -> Envelope | None:
    """Read a JSON answer; ``None`` if it is not one."""
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
    """Return the beginning of a raw answer, without the signature, which a gateway's page may quote from our URL."""
    text = _unsigned(body[: MAX_RAW * 4].decode("utf-8", errors="replace"))
    return text if len(text) <= MAX_RAW else text[:MAX_RAW] + "…"


def _unsigned(text: str) -> str:
    if text.isascii() and "signature" not in text.lower():  # nearly always; the pattern takes ten times as long
        return text
    return _SIGNATURE.sub(r"\1***", text)


def placed_or_not(
    status: int, body: bytes, retry_after_ms: int | None, asked: str, duplicate_codes: Collection[int] = frozenset()
) -> Answer:
    """Read the answer to an order request; ``duplicate_codes`` refuse an id that was used before."""
    answered = f"HTTP {status} {raw(body)}"
    found = envelope(body)
    if found is not None and found.order_id and _is_success(status, found):
        return Placed(found.order_id, asked, answered)
    wait_ms = waiting_ms(status, None if found is None else found.code, retry_after_ms)
    why = _why_unknown(status, body, found, duplicate_codes)
    if why is not None:
        is_page = status == FORBIDDEN or (status >= SERVER_ERROR and found is None)
        return Unclear(why, asked, answered, wait_ms, is_page)
    if found is None or wait_ms is not None:
        code = str(status if found is None or status in GATEWAY else found.code)
        return Refused(
            advice=Advice.WAIT,
            code=code,
            message="the exchange's gateway limits our requests",
            asked=asked,
            answered=answered,
            retry_after_ms=wait_ms,
        )
    advice = _advice(found)
    assert advice is not None
    return Refused(
        advice=advice,
        code=str(found.code),
        message=found.message[:300],
        asked=asked,
        answered=answered,
        price_cap=_cap(found.message) if advice is Advice.REPRICE else None,
        doubts_rules=found.code in ABOUT_RULES or _SCALE.search(found.message) is not None,
        no_market=found.code in NO_MARKET,
        not_open=found.code in NOT_OPEN,
    )


def waiting_ms(status: int, code: int | None, retry_after_ms: int | None) -> int | None:
    """Return how long an answer asks to send nothing, in ms; ``None`` if it does not ask.

    The gateway asks by its HTTP status, or by the code 429 in the body of another answer.
    """
    limit = status if status in GATEWAY else code
    if limit not in GATEWAY or (status not in GATEWAY and status // 100 not in (2, 4)):
        return None
    wait_ms = GATEWAY[limit] if retry_after_ms is None else retry_after_ms
    return wait_ms if limit == BAN else min(wait_ms, LONGEST_LIMIT_MS)


def _is_success(status: int, found: Envelope) -> bool:
    return 200 <= status < 300 and found.code in SUCCESS  # noqa: PLR2004  # HTTP's own class


def _why_unknown(status: int, body: bytes, found: Envelope | None, duplicate_codes: Collection[int]) -> str | None:
    """Return why an answer that does not confirm an order does not refuse it either; ``None`` if it refuses it."""
    if status not in GATEWAY and (status == FORBIDDEN or status // 100 not in (2, 4)):  # HTTP's own classes
        return f"HTTP {status} says nothing about execution"
    named = _ORDER_ID.search(body)
    order_id = None if found is None else found.order_id  # its JSON may begin with an escape, which no scan reads
    if named is not None:
        order_id = (named["text"] or named["number"]).decode("utf-8", errors="replace")
    if order_id:
        code = None if found is None else found.code
        return f"HTTP {status}, code {code}, with an order: {order_id[:60]}"
    if status in GATEWAY:
        return None
    if found is None:
        return f"the answer (HTTP {status}) cannot be read"
    return "the answer names no order" if _is_success(status, found) else _why_no_refusal(found, duplicate_codes)


def _why_no_refusal(found: Envelope, duplicate_codes: Collection[int]) -> str | None:
    if _advice(found) is None:
        return f"code {found.code} is not known as a refusal: {found.message[:200]}"
    if found.code in duplicate_codes or _DUPLICATE.search(found.message):
        # Whether MEXC refuses a client order id that was used before is undocumented: an order of ours may exist.
        return f"code {found.code} speaks of a duplicate: {found.message[:200]}"
    return None


def advice_of(body: bytes) -> Advice | None:
    """Return the advice for a refusal; ``None`` if its code is not in the table."""
    found = envelope(body)
    return None if found is None else _advice(found)


def _advice(found: Envelope) -> Advice | None:
    advice = None if found.code is None else ADVICE.get(found.code)
    return Advice.DEAD_LETTER if advice is Advice.HALT and _SCALE.search(found.message) else advice


def _cap(message: str) -> Decimal | None:
    """Read the price cap from a message such as "Order price cannot exceed 0.05USDT" (observed).

    A number with thousands separators or an exponent is not read: its first digits would be another price.
    """
    match = _CAP.search(message)
    cap = Decimal(match[1]) if match else None
    return cap or None
