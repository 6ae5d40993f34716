"""Decoding what a request carries: body, idempotency key, ``Prefer``, the query."""

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, get_args

import msgspec

from daemon.api.http.request import Request
from daemon.core.values.fields import AMOUNT_ALLOWED, Amount, Text, text, up_to, wire_type
from daemon.errors import Invalid

MAX_WAIT_S = 120.0
MAX_REASON = 500
MAX_DIGITS = 19
BATCH_LIMIT = 1 << 20
"""Bytes of the longest body that any route takes."""

Reason = Annotated[
    str,
    msgspec.Meta(description=f"why, for the record; 1 to {MAX_REASON} characters", extra_json_schema=up_to(MAX_REASON)),
]

_T = TypeVar("_T")
_WAIT = re.compile(r"\s*wait\s*=\s*(\d+(?:\.\d+)?)\s*", re.IGNORECASE)
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")
_EXPECTED = {"Expected `object`": "a JSON object", "Expected `array`": "a list of JSON objects"}
_WIRE_KINDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    Amount: AMOUNT_ALLOWED,
    msgspec.Raw: "any JSON",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b'""'
_BLANKS_BEFORE_COLON = re.compile(rb'"\s+:')
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")


class BodyLimits(msgspec.Struct, frozen=True):
    """How long a body may be, in bytes, and how long it may take."""

    size: int
    timeout_s: float


class Body(Generic[_T]):
    """What a route takes: it decodes bodies, and its ``shape`` describes them."""

    def __init__(
        self,
        shape: Any,  # noqa: ANN401  # a type, maybe annotated
        struct: type[msgspec.Struct] | None = None,
        *,
        blank_is_absent: bool = False,
        is_batch: bool = False,
    ) -> None:
        """Describe a body.

        Args:
            shape: the type that a body is read into.
            struct: the objects in the body, where ``shape`` is not that struct itself.
            blank_is_absent: a field with ``""`` counts as absent.
            is_batch: the body may have the largest size limit.

        """
        self.shape = shape
        self._decoder: msgspec.json.Decoder[_T] = msgspec.json.Decoder(shape, dec_hook=wire_type, float_hook=str)
        self._fields = _described_fields(shape if struct is None else struct)
        self._blank_is_absent = blank_is_absent
        self._is_batch = is_batch

    def size_limit(self, limits: BodyLimits) -> int:
        """Return the size limit of the body, in bytes."""
        return BATCH_LIMIT if self._is_batch else limits.size

    def decode(self, raw: bytes) -> _T:
        """Decode JSON into a value. A byte order mark before it is ignored.

        Raises:
            Invalid: not JSON, of the wrong shape, or with a repeated field; the error names the place.

        """
        raw = raw.removeprefix(_BYTE_ORDER_MARK)
        try:
            value = self._decoder.decode(_without_blanks(raw) if self._blank_is_absent and _BLANK in raw else raw)
            if not _is_flat(raw):
                json.loads(raw, object_pairs_hook=_no_field_twice, parse_int=_unread, parse_float=_unread)
        except msgspec.ValidationError as error:
            raise _invalid(str(error), self._fields) from None
        except msgspec.DecodeError as error:
            raise Invalid(f"the body is not JSON: {error}", field="body", allowed="a JSON object") from None
        except UnicodeDecodeError as error:
            raise Invalid(
                f"the body is not UTF-8: {error.reason}", field="body", allowed="a JSON object in UTF-8"
            ) from None
        except RecursionError:
            raise Invalid("the body is nested too deeply", field="body", allowed="a JSON object") from None
        return value


def _without_blanks(raw: bytes) -> bytes:
    fields = _fields_of.decode(raw)
    return msgspec.json.encode({name: value for name, value in fields.items() if bytes(value) != _BLANK})


def _is_flat(raw: bytes) -> bool:
    """Whether valid JSON is an object with as many different fields as names: then no field is repeated.

    Each name is followed by a colon, directly or after blanks, and no other colon follows a quote that is not escaped.
    This takes a fifth of the time of a parser in Python. A list, another script, or a text with an escaped quote and a
    colon behind it is left to that.
    """
    return (
        raw.isascii()
        and b"[" not in raw
        and raw.count(b'":') == len(_fields_of.decode(raw))
        and _BLANKS_BEFORE_COLON.search(raw) is None
    )


def _no_field_twice(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object with a repeated field: two parsers could read two different requests."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"field {name[:40]!r} is there twice", field=name[:40], allowed="each field once")


def _unread(_figure: str) -> None:
    """Skip a number."""


def _described_fields(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """Describe the allowed values of each field, by its JSON name."""
    described = {}
    for field in msgspec.structs.fields(struct):
        about = [part.description for part in get_args(field.type) if isinstance(part, msgspec.Meta)]
        words = [" or ".join(_kinds_of(field.type)), *(word for word in about if word)]
        described[field.encode_name] = ": ".join(word for word in words if word)
    return described


def _kinds_of(kind: Any) -> list[str]:  # noqa: ANN401  # a type
    """Describe the JSON values of a type."""
    if kind in _WIRE_KINDS:
        return [_WIRE_KINDS[kind]]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [", ".join(kind)]
    parts = [] if isinstance(kind, msgspec.Meta) else get_args(kind)
    return list(dict.fromkeys(word for part in parts for word in _kinds_of(part)))


def checked_reason(reason: str) -> str:
    """Return a reason, without blanks around it.

    Raises:
        Invalid: the reason is empty or too long.

    """
    text = reason.strip()
    if not text or len(text) > MAX_REASON:
        raise Invalid("reason is empty or too long", field="reason", allowed=f"1 to {MAX_REASON} characters")
    return text


def number(text: str | None, field: str, default: int, highest: int) -> int:
    """Read a number of a query, from 1 on.

    Raises:
        Invalid: it is not a number, or out of range.

    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= highest):
        raise Invalid(f"{field} {text[:40]!r} is out of range", field=field, allowed=f"1 to {highest}")
    return int(text)


def check_query(request: Request, known: Iterable[str]) -> None:
    """Refuse a query parameter that a route does not have.

    Raises:
        Invalid: the query holds one that is not among ``known``.

    """
    names = list(known)
    unknown = set(request.query).difference(names)
    if unknown:
        name = min(unknown)[:40]
        raise Invalid(f"query parameter {name!r} is unknown", field=name, allowed=", ".join(names))


def key_of(request: Request, in_body: Text | None) -> str | None:
    """Return the idempotency key of a request, from its header and its body; ``None`` where there is none.

    The header's value is a quoted string of RFC 8941, as in the IETF's draft of that header. Quotes may be left out.

    Raises:
        Invalid: it is not a valid key, or the request has two keys that differ.

    """
    found = [_unquoted(value) for value in request.headers.getall("Idempotency-Key", [])]
    keys = {text("idempotencyKey", value) for value in [*found, *([] if in_body is None else [in_body])]}
    if len(keys) > 1:
        raise Invalid(
            "the request holds idempotency keys that differ, in the Idempotency-Key header or in idempotencyKey",
            field="idempotencyKey",
            allowed="one of them, or all the same",
        )
    return keys.pop() if keys else None


def _unquoted(value: str) -> str:
    match = _QUOTED.fullmatch(value.strip())
    return re.sub(r"\\(.)", r"\1", match[1]) if match else value


def wait_s(request: Request) -> float | None:
    """Read ``Prefer: wait=SECONDS`` (RFC 7240); ``None`` where the caller does not wait."""
    preferences = request.headers.getall("Prefer", None)
    if preferences is None:
        return None
    for preference in ",".join(preferences).split(","):
        match = _WAIT.fullmatch(preference)
        if match:
            return min(float(match[1]), MAX_WAIT_S)
    return None


def _invalid(message: str, fields: Mapping[str, str]) -> Invalid:
    """Return msgspec's error with the field and its allowed values."""
    where = _WHERE.search(message)
    place = where[1] if where else ""
    complaint = _WHERE.sub("", message)
    if unknown := _UNKNOWN_FIELD.search(message):
        return Invalid(f"field {unknown[1]!r} is unknown", field=_inside(place, unknown[1]), allowed=", ".join(fields))
    if missing := _MISSING_FIELD.search(message):
        return Invalid(complaint, field=_inside(place, missing[1]), allowed=fields.get(missing[1]))
    allowed = fields.get(place.rpartition(".")[2])
    return Invalid(complaint, field=place or "body", allowed=allowed or _EXPECTED.get(complaint.partition(",")[0]))


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
