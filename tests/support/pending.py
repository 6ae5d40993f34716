"""A request whose response is read later, or whose client disconnects first."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.unix_http import Answer, Connection


class Pending:
    """A sent request whose response has not been read yet."""

    def __init__(
        self, path: Path, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self._connection = Connection(path)
        payload = None if body is None else json.dumps(body).encode()
        self._connection.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})

    def answer(self) -> Answer:
        """Wait for the response.

        Raises:
            OSError, http.client.HTTPException: there was none.

        """
        try:
            response = self._connection.getresponse()
            headers = {name.lower(): text for name, text in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            self._connection.close()

    def leave(self) -> None:
        """Disconnect without reading the response."""
        self._connection.close()

    def __del__(self) -> None:
        """Close the connection, also if the test failed before the response."""
        self._connection.close()
