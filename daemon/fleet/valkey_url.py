"""The address of a Valkey or Redis server: ``valkeys://USER@HOST:PORT/DATABASE``, or its Sentinels'."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from daemon.errors import BadConfig

SCHEMES = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
"""Whether the connection is encrypted, by the URL's scheme."""

PORT, SENTINEL_PORT = 6379, 26379

_FILES = {"sslrootcert": "ssl_ca_certs", "sslcert": "ssl_certfile", "sslkey": "ssl_keyfile"}
"""The parameters that name files, as in PostgreSQL's URLs, and what redis-py calls them."""

_ALLOWED = (
    "allowed: valkeys://USER@HOST:PORT/DATABASE (also valkey, redis, rediss), valkey:///PATH/OF/SOCKET, or "
    "valkeys://USER@SENTINEL1,SENTINEL2,SENTINEL3/DATABASE?sentinel=NAME; parameters: sentinel, " + ", ".join(_FILES)
)


class Address(NamedTuple):
    """Where the server is, without a password."""

    hosts: Sequence[tuple[str, int]]  # of the server, or of the Sentinels; none: a socket of this machine
    socket: str
    sentinel: str  # the name by which the Sentinels know the server; empty: there are none
    user: str
    database: int
    is_encrypted: bool
    files: dict[str, str]  # of certificates and keys, by redis-py's names

    def __str__(self) -> str:
        if self.socket:
            return self.socket
        places = ", ".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{self.sentinel} of Sentinels {places}" if self.sentinel else places


def address(url: str) -> Address:
    """Read a URL.

    Raises:
        BadConfig: it is none of a Valkey or Redis server, or it holds a password. The message does not repeat it.

    """
    try:
        return _address(url)
    except ValueError as error:
        raise BadConfig(f"[fleet] url: {error}; {_ALLOWED}") from None


def _address(url: str) -> Address:
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    if ":" in user:
        raise ValueError("it holds a password, and the configuration is not secret")
    if parts.scheme not in SCHEMES or parts.fragment:
        raise ValueError("it is no address of a Valkey or Redis server")
    asked = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    sentinel = asked.pop("sentinel", "")
    if strange := sorted(asked.keys() - _FILES.keys()):
        raise ValueError(f"{strange[0]} is no parameter")
    if "," in hosts and not sentinel:
        raise ValueError("it names several servers, and no Sentinel's name for them")
    if sentinel and not hosts:
        raise ValueError("it names no Sentinel's address")
    return Address(
        hosts=[_host(host, SENTINEL_PORT if sentinel else PORT) for host in hosts.split(",") if hosts],
        socket="" if hosts else _socket(parts.path),
        sentinel=sentinel,
        user=unquote(user),
        database=_database(parts.path) if hosts else 0,
        is_encrypted=SCHEMES[parts.scheme],
        files={_FILES[name]: path for name, path in asked.items()},
    )


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host's name is empty")
    return parts.hostname, parts.port or port


def _socket(path: str) -> str:
    if len(path) <= 1:
        raise ValueError("it names no host")
    return unquote(path)


def _database(path: str) -> int:
    name = path.strip("/") or "0"
    if not name.isdecimal():
        raise ValueError("the database is a number")
    return int(name)
