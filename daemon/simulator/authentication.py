"""Who asks: key, signature, time, content type.

Documented: `signature` is the lower-case hex of HMAC-SHA256 over query string + body, nothing between the two;
`timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow`; recvWindow 5000 unless sent, 60000 at
most; percent escapes in upper case. Observed: a request that changes something and does not carry
`Content-Type: application/json` is refused with 700013, whatever its body. Unknown: in which order MEXC makes
these tests, and what it does with a wrong content type on a GET (refused here too).

Written apart from the client's signing on purpose: one error must not be able to cancel another.
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
    """The account's key. The secret shows in no repr."""

    access_key: str
    secret_key: str = field(repr=False)
    symbols: frozenset[str] | None = None
    """The pairs that this key may trade; None: all of them."""
    reads_only: bool = False
    """Whether it may place and cancel nothing."""

    def may_trade(self, symbol: str) -> bool:
        """Whether the key is not limited to other pairs."""
        return self.symbols is None or symbol in self.symbols


EXAMPLE_KEYS = KeyPair("mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5")
"""The pair of MEXC's own documentation: it opens nothing."""


def authenticate(request: Request, keys: KeyPair, now_ms: int) -> Parameters:
    """Admit a signed request and return its parameters.

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
    """Return the signature of a query string and a body; a `signature` in them is left out."""
    signed = without_signature(query) + without_signature(body)
    return hmac.new(secret_key.encode(), signed.encode("utf-8", "replace"), "sha256").hexdigest()


def without_signature(text: str) -> str:
    """Drop the signature, and write escapes as MEXC does: who signs another spelling signs something else."""
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
