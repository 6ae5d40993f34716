"""The optional loopback listener: the same routes over TCP, for a browser or a bot that cannot use Unix sockets.

Every process on this machine may read. Every change needs the bearer token. The first start writes the token to a file
that only the daemon's user can read; its holder has an administrator's rights. The Host header must name the listener,
so that a foreign page cannot reach it under another name (DNS rebinding), and no other origin is allowed.
"""

import hmac
import os
import secrets
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import msgspec
from multidict import MultiMapping

from daemon.api.http.error_responses import HttpError
from daemon.errors import CannotCreate, NoPermission

AccessCheck = Callable[[str, str, MultiMapping[str]], None]
"""Takes a request's method, path and headers; raises :class:`HttpError` unless it may go on."""


class Loopback(msgspec.Struct, frozen=True):
    """The address to listen on, and the token that changes need."""

    host: str
    port: int
    token: str
    token_file: str
    is_default: bool = False  # not configured: without it trading goes on


def token_of(path: Path) -> str:
    """Read the token, or make one.

    Raises:
        NoPermission: others may read it.
        CannotCreate: it cannot be read or made.

    """
    try:
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as made:
                made.write(secrets.token_urlsafe(32) + "\n")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise NoPermission(f"{path} holds the token of [http] and others may read it: chmod 600 {path}")
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCreate(
            f"cannot read or make the token of [http], {path}: {error}; set [http] token_file"
        ) from error
    if not token:
        raise CannotCreate(f"{path} is to hold the token of [http] and is empty: remove it, and a new one is made")
    return token


def access_check(loopback: Loopback, port: int, reads: Collection[tuple[str, str]]) -> AccessCheck:
    """Make the check of Host and token.

    Args:
        loopback: the listener.
        port: the port that it has.
        reads: method and path of each POST that changes nothing.

    """
    names = {f"{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]", loopback.host)}
    expected = f"Bearer {loopback.token}".encode()

    def check(method: str, path: str, headers: MultiMapping[str]) -> None:
        if headers.get("Host", "").lower() not in names:
            raise HttpError(421)
        changes = method not in {"GET", "HEAD"} and (method, path) not in reads
        given = headers.get("Authorization", "").encode("utf-8", "replace")
        if changes and not hmac.compare_digest(given, expected):
            raise HttpError(401)

    return check
