"""Authentication of a request: key, signature, time, content type.

Documented: `signature` is the lower-case hex of HMAC-SHA256 over query string + body, with no separator;
`timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow`; recvWindow defaults to 5000, with a maximum
of 60000; percent escapes are in upper case. Observed: a request other than GET without
`Content-Type: application/json` is refused with 700013, whatever its body. Unknown: the order of MEXC's checks, and
what it does with a wrong content type on a GET (refused here too).

This shares no code with the client's signing on purpose: an error in one must not hide the same error in the other.
"""

import hmac
import re
from dataclasses import dataclass, field

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.messages import Parameters, Request

AHEAD_MS = 1_000
DEFAULT_RECV_WINDOW_MS = 5_000
MAX_RECV_WINDOW_MS = 60_000

_KEY_FORMAT = re.compile(r"[0-9A-Za-z_-]{8,64}")
_ESCAPE = re.compile(r"\+|%[0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The account's key pair. The repr hides the secret."""

    access_key: str
    secret_key: str = field(repr=False)
    symbols: frozenset[str] | None = None
    """The pairs that this key can trade; None: all of them."""
    reads_only: bool = False
    """Whether the key can neither place nor cancel orders."""

    def may_trade(self, symbol: str) -> bool:
        """Return whether the key's pairs include this one."""
        return self.symbols is None or symbol in self.symbols


EXAMPLE_KEYS = KeyPair("mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5")
"""The pair in MEXC's documentation; it belongs to no real account."""


def authenticate(request: Request, keys: KeyPair, now_ms: int) -> Parameters:
    """Check a signed request and return its parameters.

    Raises:
        Refusal: the key, the content type, the time or the signature is wrong.
    """
    _check_key(request.header("X-MEXC-APIKEY"), keys)
    _check_content_type(request)
    parameters = Parameters.of(request)
    _check_time(parameters, now_ms)
    expected = sign(keys.secret_key, request.query, request.body.decode("utf-8", "replace"))
    given = parameters.require("signature")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise Refusal(Code.SIGNATURE_NOT_VALID)
    return parameters


def sign(secret_key: str, query: str, body: str = "") -> str:
    """Return the signature of a query string and a body, without a `signature` parameter in them."""
    signed = without_signature(query) + without_signature(body)
    return hmac.new(secret_key.encode(), signed.encode("utf-8", "replace"), "sha256").hexdigest()


def without_signature(text: str) -> str:
    """Drop the signature, and write escapes as MEXC does: a client that signs another spelling fails the check."""
    if not text:
        return ""
    kept = "&".join([pair for pair in text.split("&") if not pair.startswith("signature=")])
    return _ESCAPE.sub(lambda found: "%20" if found[0] == "+" else found[0].upper(), kept)


def _check_key(key: str, keys: KeyPair) -> None:
    if not key:
        raise Refusal(Code.BAD_REQUEST)
    if not _KEY_FORMAT.fullmatch(key):
        raise Refusal(Code.API_KEY_FORMAT_INVALID)
    if key != keys.access_key:
        raise Refusal(Code.INVALID_ACCESS_KEY)


def _check_content_type(request: Request) -> None:
    sent = request.header("Content-Type")
    if not sent and request.method == "GET":
        return
    if sent.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(Code.INVALID_CONTENT_TYPE)


def _check_time(parameters: Parameters, now_ms: int) -> None:
    window_ms = parameters.integer("recvWindow", DEFAULT_RECV_WINDOW_MS)
    if window_ms > MAX_RECV_WINDOW_MS:
        raise Refusal(Code.RECV_WINDOW_TOO_LARGE)
    timestamp_ms = parameters.integer("timestamp")
    if not (timestamp_ms < now_ms + AHEAD_MS and now_ms - timestamp_ms <= window_ms):
        raise Refusal(Code.OUTSIDE_RECV_WINDOW)
