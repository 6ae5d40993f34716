"""Validates addresses of the configuration: loopback addresses and servers."""

import re
from urllib.parse import urlsplit

from daemon.errors import BadConfig

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
MAX_PORT, MAX_PORT_DIGITS = 65_535, 5

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_SERVER = re.compile(rf"https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?/?", re.IGNORECASE)


def address(listen: str) -> tuple[str, int]:
    """Parse ``[http] listen`` into host and port.

    Raises:
        BadConfig: it is not a loopback address with a port.

    """
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and len(port) <= MAX_PORT_DIGITS and int(port) <= MAX_PORT
    if host not in LOOPBACK or not is_port:
        raise BadConfig(
            f"[http] listen = {listen!r}; allowed: empty, or a loopback address and a port, like 127.0.0.1:8808, "
            "because other machines must not reach it"
        )
    return host, int(port)


def is_loopback(url: str) -> bool:
    """Whether a server is on this machine: then it is a test server."""
    return urlsplit(url).hostname in LOOPBACK


def is_server(url: str) -> bool:
    """Whether a URL has only scheme, host and port, so that the client can append path and query."""
    if not _SERVER.fullmatch(url):
        return False
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
