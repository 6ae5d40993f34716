"""A request that is under way: its answer is read later, or its caller goes away first."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.unix_http import Answer, Connection


class Pending:
    """A request whose answer nobody has read yet."""

    def __init__(
        self, path: Path, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self._connection = Connection(path)
        payload = None if body is None else json.dumps(body).encode()
        self._connection.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})

    def answer(self) -> Answer:
        """Wait for the answer.

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
        """Go away without the answer."""
        self._connection.close()

    def __del__(self) -> None:
        """Leave nothing open, also where a test failed before it came to the answer."""
        self._connection.close()
