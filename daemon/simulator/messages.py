"""Requests and replies: a request as its bytes were received, a reply with instructions for the server.

Nothing here waits, cuts a connection or reads a clock. A reply describes its delay, or that it is dropped; the server,
or a simulation under virtual time, applies that.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from daemon.simulator.errors import Code, Refusal

JSON_HEADERS: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json;charset=utf-8"})

_MAX_FIELDS = 100  # no endpoint has more than a dozen parameters; a whole batch is one parameter


class Request(msgspec.Struct, frozen=True):
    """One HTTP request."""

    method: str
    path: str
    query: str = ""
    """As sent: percent-encoded, without the question mark, because the signature covers these bytes."""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    remote: str = "127.0.0.1"
    """The sender's address; some limits count per address."""

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string; the case of the name does not matter."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


class Reply(msgspec.Struct, frozen=True):
    """One HTTP reply, with instructions for its sender."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON_HEADERS
    delay_ms: int = 0
    """Delay the reply by this time. The request has already been executed."""
    drop_reply: bool = False
    """Cut the connection instead of answering."""

    @classmethod
    def of(cls, content: object, status: int = 200) -> "Reply":
        """Build a JSON reply."""
        return cls(status, msgspec.json.encode(content))

    @classmethod
    def refusing(cls, refusal: Refusal) -> "Reply":
        """Build the reply for a refusal."""
        reply = cls.of(refusal.envelope(), refusal.status)
        if not refusal.retry_after_s:
            return reply
        return msgspec.structs.replace(reply, headers={**reply.headers, "Retry-After": str(refusal.retry_after_s)})


class Parameters:
    """A request's parameters, decoded. The query takes precedence over the body (documented)."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: Request) -> "Parameters":
        """Decode query and body, both in the form `a=1&b=2`.

        Raises:
            Refusal: there are too many fields.
        """
        values: dict[str, str] = {}
        for text in (request.query, request.body.decode("utf-8", "replace")):
            try:
                pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS)
            except ValueError:
                raise Refusal(Code.PARAMETER_ERROR) from None
            for name, value in pairs:
                values.setdefault(name, value)
        return cls(values)

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> "Parameters":
        """Read the members of a JSON object as parameters: an item of a batch can contain numbers or strings."""
        return cls({name: str(value) for name, value in item.items() if value is not None})

    def get(self, name: str) -> str:
        """Return a parameter, or an empty string: an empty parameter counts as missing."""
        return self._values.get(name, "")

    def require(self, name: str) -> str:
        """Return a parameter.

        Raises:
            Refusal: the parameter is missing or empty.
        """
        value = self.get(name)
        if not value:
            raise Refusal(Code.PARAMETER_MISSING, name)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a non-negative integer.

        Raises:
            Refusal: it is missing without a default, or malformed.
        """
        text = self.get(name)
        if not text and default is not None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004 - fits a JSON number
            raise Refusal(Code.PARAMETER_MISSING, name)
        return int(text)
