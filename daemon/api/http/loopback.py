"""The optional loopback listener: the same routes over TCP, for a browser or a bot that speaks no Unix sockets.

Whoever is on this machine may read. Every change needs the bearer token, which is made at the first start and stands in
a file that only the daemon's user can read; whoever holds it may do what an administrator may. The Host header must
name the listener, so that a page from elsewhere cannot reach it by a name of its own, and no origin is let in.
"""

import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from daemon.errors import CannotCreate, NoPermission

READS = frozenset({("GET", ""), ("HEAD", ""), ("POST", "/api/transaction-locks")})
"""What changes nothing: a method, and the path where it is not all of them. The last one is the bot's check."""


class Loopback(msgspec.Struct, frozen=True):
    """Where to listen, and the token that changes ask for."""

    host: str
    port: int
    token: str
    token_file: str
    is_default: bool = False  # nobody asked for it: trading goes on where it cannot be had


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


def guard(loopback: Loopback, port: int) -> Middleware:
    """Make the middleware that checks Host and token. ``port`` is the one that is listened on."""
    names = {f"{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]", loopback.host)}
    expected = f"Bearer {loopback.token}".encode()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "").lower() not in names:
            raise web.HTTPMisdirectedRequest
        changes = not READS & {(request.method, ""), (request.method, request.path)}
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if changes and not hmac.compare_digest(given, expected):
            raise web.HTTPUnauthorized
        return await handler(request)

    return middleware
