"""The exchange: whether it can be reached, and how its clock stands to the machine's."""

import http.client
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from daemon.clock import wall_ms
from daemon.config import MEXC_URL, Config
from daemon.doctor.findings import Finding, failure, ok, warning

TIME = "/api/v3/time"
TIMEOUT_S = 10.0
MUCH_MS = 1_000
"""The daemon measures the difference and reckons with it; one so large says that the machine's clock is not kept."""


class _Time(msgspec.Struct):
    """MEXC's clock."""

    serverTime: int  # noqa: N815  # MEXC's name


def examine(config: Config) -> Iterator[Finding]:
    """Ask the exchange for its time."""
    if config.exchange.mode == "paper":
        yield ok("exchange", "the paper exchange, which the daemon starts itself")
        return
    url = config.exchange.base_url or MEXC_URL
    sent_ms = wall_ms()
    try:
        theirs_ms = _ask(url)
    except ssl.SSLError as error:
        yield failure("exchange", f"{url}: TLS fails: {error}", "set the machine's clock, and install ca-certificates")
        return
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        yield failure("exchange", f"{url} does not answer: {error}", "check name resolution, route and firewall")
        return
    took_ms = wall_ms() - sent_ms
    yield ok("exchange", f"{url} answers within {took_ms} ms")
    yield _clock(theirs_ms - sent_ms - took_ms // 2)


def _clock(offset_ms: int) -> Finding:
    text = f"the exchange's is {offset_ms:+d} ms from the machine's"
    if abs(offset_ms) > MUCH_MS:
        return warning("clock", text, "let the machine keep time: systemctl enable --now systemd-timesyncd")
    return ok("clock", text)


def _ask(url: str) -> int:
    server = urlsplit(url)
    host, port = server.hostname or "", server.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S)
        if server.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    )
    try:
        connection.request("GET", TIME)
        response = connection.getresponse()
        body = response.read(4_096)
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"HTTP {response.status}")
        return msgspec.json.decode(body, type=_Time).serverTime
    finally:
        connection.close()
