"""Signed requests: exactly the bytes that are sent are signed.

MEXC's signature is the lower-case hexadecimal HMAC-SHA256 of query string and body, without a separator (documented).
All parameters are in the query string, in UTF-8 with upper-case percent escapes and ``%20`` for a space, and the body
is empty. The ``Content-Type`` must be ``application/json`` nevertheless (observed: error 700013).
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from daemon.config.credentials import Credentials

Parameters = Iterable[tuple[str, str]]
_SIGNATURE = "&signature="
_NEEDS_NO_ESCAPE = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


def encode(parameters: Parameters) -> str:
    """Return a query string."""
    return "&".join([f"{name}={escaped(value)}" for name, value in parameters])


def escaped(value: str) -> str:
    """Return a value as it is written in a query string. Nearly all need no escape."""
    return value if _NEEDS_NO_ESCAPE(value) else quote(value, safe="")


def signed(credentials: Credentials, query: str) -> str:
    """Append the signature of a query string to it."""
    return f"{query}{_SIGNATURE}{credentials.sign(query.encode('ascii'))}"


def redacted(answer: bytes, credentials: Credentials, target: str) -> bytes:
    """Return an answer without the keys and the signature of its request, in upper or lower case.

    The values themselves are searched for, because an answer may quote a request in any notation. An answer without
    them is returned unchanged.
    """
    secrets = [credentials.api_key.reveal(), credentials.api_secret.reveal(), target.partition(_SIGNATURE)[2]]
    shown = answer.lower()
    for secret in (secret.encode() for secret in secrets if secret):
        if secret.lower() in shown:
            answer = re.sub(re.escape(secret), b"***", answer, flags=re.IGNORECASE)
    return answer
