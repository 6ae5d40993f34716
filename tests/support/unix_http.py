"""A client of the daemon's sockets that uses only the standard library."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))

    def ask(
        self, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> "Answer":
        """Make one request; a body of bytes is sent unchanged, anything else as JSON.

        Raises:
            OSError, http.client.HTTPException: there was no response.

        """
        payload = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        with suppress(BrokenPipeError):  # a server that refuses the connection answers before it reads
            self.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})
        return _read(self.getresponse())


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    raw: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.raw)


def ask(
    path: Path, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None
) -> Answer:
    """Make one request on a new connection, as :meth:`Connection.ask` does."""
    with closing(Connection(path)) as connection:
        return connection.ask(method, target, body, headers=headers)


def send_raw(path: Path, *parts: bytes) -> Answer:
    """Send bytes that can be invalid HTTP, and return the response.

    Raises:
        OSError, http.client.HTTPException: there was no response.

    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(os.fspath(path))
        for part in parts:
            connection.sendall(part)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return _read(response)


def _read(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, response.read())
