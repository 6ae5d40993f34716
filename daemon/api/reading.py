"""Reading requests: bounded in size and time, every complaint a clear one."""

import asyncio
import re
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from aiohttp import web

from daemon.api.asked import Asked, Request
from daemon.core.fields import up_to
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
_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")


class BodyLimits(msgspec.Struct, frozen=True):
    """How long a body may be, in bytes, and how long it may take."""

    size: int
    timeout_s: float

    def for_batch(self) -> "BodyLimits":
        """Return the limits of a route that takes many signals at once."""
        return msgspec.structs.replace(self, size=BATCH_LIMIT)


async def body(request: Request, limits: BodyLimits) -> bytes:
    """Read a request's body.

    Raises:
        web.HTTPRequestTimeout: it did not come in time; the connection is closed.
        web.HTTPRequestEntityTooLarge: it is longer than the limit; the connection is closed.
        Invalid: the caller went away before its end; nobody hears it, and nothing of ours has failed.

    """
    if isinstance(request, Asked):
        return _short(request.raw, limits)
    announced = request.content_length or 0
    if announced <= limits.size:
        try:
            if request.content.is_eof():  # it came with the head, as nearly all do: a timer costs more than the reading
                raw = await request.read()
            else:
                async with asyncio.timeout(limits.timeout_s):
                    raw = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (RuntimeError, ConnectionError):  # which of the two, aiohttp leaves to chance
            raise Invalid("the connection ended within the body") from None
        return _short(raw, limits)
    raise web.HTTPRequestEntityTooLarge(max_size=limits.size, actual_size=announced)


def _short(raw: bytes, limits: BodyLimits) -> bytes:
    if len(raw) > limits.size:
        raise web.HTTPRequestEntityTooLarge(max_size=limits.size, actual_size=len(raw))
    return raw


class Body(Generic[_T]):
    """What a route takes: it reads bodies, and its ``shape`` describes them."""

    def __init__(self, shape: Any, allowed: str | None = None) -> None:  # noqa: ANN401  # a type, maybe annotated
        """With ``allowed``, the field names for the complaint about an unknown one; a struct knows its own."""
        self.shape = shape
        self._decoder: msgspec.json.Decoder[_T] = msgspec.json.Decoder(shape)
        self._allowed = field_names(shape) if allowed is None else allowed

    async def read(self, request: Request, limits: BodyLimits) -> _T:
        """Read a request's body.

        Raises:
            web.HTTPException: too long, or too late.
            Invalid: not JSON, or not of the right shape; the error says where.

        """
        return decode(await body(request, limits), self._decoder, self._allowed)


def decode(raw: bytes, decoder: "msgspec.json.Decoder[_T]", allowed: str) -> _T:
    """Read JSON into a value.

    Args:
        allowed: the field names, for the complaint about one that is unknown.

    Raises:
        Invalid: not JSON, or not of the right shape; the error says where.

    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), allowed) from None
    except msgspec.DecodeError as error:
        raise Invalid(f"the body is not JSON: {error}", allowed="a JSON object") from None
    except UnicodeDecodeError as error:
        raise Invalid(f"the body is not UTF-8: {error.reason}", allowed="a JSON object in UTF-8") from None
    except RecursionError:
        raise Invalid("the body is nested too deeply", allowed="a JSON object") from None


def field_names(struct: type[msgspec.Struct]) -> str:
    """List the names that a JSON object may hold."""
    return ", ".join(struct.__struct_encode_fields__)


def checked_reason(reason: str) -> str:
    """Return the reason that a person gives.

    Raises:
        Invalid: there is none, or it is too long.

    """
    text = reason.strip()
    if not text or len(text) > MAX_REASON:
        raise Invalid("a reason is needed", field="reason", allowed=f"1 to {MAX_REASON} characters")
    return text


def number(text: str | None, field: str, default: int, highest: int) -> int:
    """Read a number of a query, from 1 on.

    Raises:
        Invalid: it is none, or out of range.

    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= highest):
        raise Invalid(f"{field} {text[:40]!r} is out of range", field=field, allowed=f"1 to {highest}")
    return int(text)


def wait_s(request: Request) -> float | None:
    """Read ``Prefer: wait=SECONDS`` (RFC 7240); ``None`` where the caller does not wait."""
    for preference in ",".join(request.headers.getall("Prefer", [])).split(","):
        match = _WAIT.fullmatch(preference)
        if match:
            return min(float(match[1]), MAX_WAIT_S)
    return None


def _invalid(message: str, allowed: str) -> Invalid:
    where = _WHERE.search(message)
    field = where[1] if where else None
    text = _WHERE.sub("", message)
    unknown = _UNKNOWN_FIELD.search(message)
    if unknown:
        return Invalid(f"field {unknown[1]!r} is unknown", field=unknown[1], allowed=allowed)
    return Invalid(text, field=field or None, allowed=None)
