"""How long the exchange keeps an idle connection: one is watched beside the other steps of the probe."""

import http.client
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from daemon.clock import monotonic_us
from daemon.exchange.mexc.single_requests import TIMEOUT_S

PING = "/api/v3/ping"
PROGRESS_S = 5.0


class IdleConnection:
    """A connection that carried one request, and is idle since."""

    def __init__(self, url: str, longest_s: float) -> None:
        """Open it, and watch it in a thread.

        Args:
            url: the exchange's address.
            longest_s: for how many seconds it is watched at most.

        Raises:
            OSError, http.client.HTTPException: the exchange does not answer.

        """
        server = urlsplit(url)
        kind = http.client.HTTPSConnection if server.scheme == "https" else http.client.HTTPConnection
        self.closed_s: float | None = None  # after how many seconds the exchange closed it
        self._connection = kind(server.hostname or "", server.port, timeout=TIMEOUT_S)
        self._connection.request("GET", PING)
        with self._connection.getresponse() as response:
            response.read()
        self._longest_s = longest_s
        self._began_s = _now_s()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self, report: Callable[[str], None]) -> float | None:
        """Wait until the exchange has closed it, or it was watched for long enough.

        Returns:
            After how many seconds the exchange closed it; ``None`` if it did not.

        """
        while self._thread.is_alive():
            self._thread.join(PROGRESS_S)
            if self._thread.is_alive():
                report(f"  still open after {_now_s() - self._began_s:.0f} s, of {self._longest_s:.0f} at most")
        self._connection.close()
        return self.closed_s

    def _watch(self) -> None:
        own = self._connection.sock
        if own is None:  # the answer closed it
            self.closed_s = 0.0
            return
        try:
            while (left_s := self._began_s + self._longest_s - _now_s()) > 0:
                own.settimeout(left_s)
                if not own.recv(1 << 12):  # what TLS sends by itself is not the end
                    break
            else:
                return
        except TimeoutError:
            return
        except OSError:  # a reset is an end too
            pass
        self.closed_s = _now_s() - self._began_s


def _now_s() -> float:
    """Return the monotonic clock, in seconds."""
    return monotonic_us() / 1_000_000
