"""Single requests to an exchange, one at a time, for the doctor and the probe; not for trading.

Answers are kept without key, secret and signature, which a gateway may quote.
"""

import http.client
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from daemon.clock import wall_ms
from daemon.config.credentials import Credentials
from daemon.exchange.mexc import views
from daemon.exchange.mexc.replies import raw
from daemon.exchange.mexc.signing import encode, redacted, signed

TIME = "/api/v3/time"
TIMEOUT_S = 10.0
WINDOW_MS = 5_000
MAX_BODY = 16 << 20

Parameters = Sequence[tuple[str, str]]


class SingleAnswer(msgspec.Struct, frozen=True):
    """An answer, and its request without the signature."""

    status: int
    body: bytes
    asked: str

    @property
    def said(self) -> str:
        """The answer in one bounded line."""
        return f"HTTP {self.status} {raw(self.body)}"


class Unanswered(Exception):
    """There was no answer: it is unknown whether the request arrived."""


class Server:
    """An exchange."""

    def __init__(self, url: str, keys: Credentials | None = None) -> None:
        self.url = url
        self.keys = keys
        self.offset_ms = 0
        """Its clock minus the machine's, once :meth:`measure` has run."""
        self.certificate_days: int | None = None
        """How long its certificate is valid; ``None`` without TLS."""

    def measure(self) -> int:
        """Measure its clock; return how long that took, in milliseconds.

        Raises:
            Unanswered, ssl.SSLError, views.UnreadableError: it cannot be measured.

        """
        sent_ms = wall_ms()
        answer = self.public(TIME, [])
        took_ms = wall_ms() - sent_ms
        if answer.status != http.client.OK:
            raise Unanswered(answer.said)
        self.offset_ms = views.server_time(answer.body) - sent_ms - took_ms // 2
        return took_ms

    def public(self, path: str, parameters: Parameters) -> SingleAnswer:
        """Send a request that needs no key.

        Raises:
            Unanswered, ssl.SSLError: there was no answer.

        """
        query = encode(parameters)
        target = f"{path}?{query}" if query else path
        return self._ask("GET", target, f"GET {target}", {})

    def private(self, method: str, path: str, parameters: Parameters) -> SingleAnswer:
        """Send a signed request.

        Raises:
            Unanswered, ssl.SSLError: there was no answer.

        """
        assert self.keys is not None
        timestamp = str(wall_ms() + self.offset_ms)
        query = encode([*parameters, ("recvWindow", str(WINDOW_MS)), ("timestamp", timestamp)])
        headers = {"X-MEXC-APIKEY": self.keys.api_key.reveal()}
        return self._ask(method, f"{path}?{signed(self.keys, query)}", f"{method} {path}?{encode(parameters)}", headers)

    def _ask(self, method: str, target: str, asked: str, headers: dict[str, str]) -> SingleAnswer:
        server = urlsplit(self.url)
        kind = http.client.HTTPSConnection if server.scheme == "https" else http.client.HTTPConnection
        connection = kind(server.hostname or "", server.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, target, headers={"Content-Type": "application/json", **headers})
            if isinstance(connection.sock, ssl.SSLSocket):
                self.certificate_days = _days_left(connection.sock)
            response = connection.getresponse()
            return SingleAnswer(response.status, self._redacted(response.read(MAX_BODY), target), asked)
        except ssl.SSLError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(self._redacted(f"{type(error).__name__}: {error}".encode(), target).decode()) from None
        finally:
            connection.close()

    def _redacted(self, body: bytes, target: str) -> bytes:
        return body if self.keys is None else redacted(body, self.keys, target)


def _days_left(connection: ssl.SSLSocket) -> int | None:
    certificate = connection.getpeercert()
    if not certificate or "notAfter" not in certificate:
        return None
    ends_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return int((ends_s - datetime.now(UTC).timestamp()) // 86_400)
