"""A session of the library ``requests`` over a Unix socket, for tools that have their own client."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

URL = "http://localhost"


class _Adapter(HTTPAdapter):
    """Sends everything to one socket, whatever the host."""

    def __init__(self, path: Path) -> None:
        super().__init__()

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.settimeout(30)
                connection.connect(os.fspath(path))
                return connection

        self._pool = HTTPConnectionPool("localhost", maxsize=1)
        self._pool.ConnectionCls = Connection

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        del request, verify, proxies, cert
        return self._pool

    def close(self) -> None:
        self._pool.close()


def session(path: Path) -> requests.Session:
    """Make a session whose requests to :data:`URL` go to a socket."""
    made = requests.Session()
    made.trust_env = False
    made.mount(URL, _Adapter(path))
    return made
