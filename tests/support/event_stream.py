"""A reader of ``/v1/events`` that uses only the standard library."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.support.unix_http import Connection
from tests.support.waiting import PATIENCE_S, Deadline


class Message(NamedTuple):
    """One message of a stream."""

    id: str
    event: str
    data: dict[str, Any]


class EventStream:
    """An open stream: its messages, in order."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.hello = next(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        """Read the next message.

        Raises:
            StopIteration: the daemon closed the stream.
            TimeoutError: no message came.

        """
        fields: dict[str, str] = {}
        while line := self.response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                return Message(fields["id"], fields["event"], json.loads(fields["data"]))
            else:
                fields = {}  # a comment, or an id alone
        raise StopIteration

    def wait_for(self, event: str, **wanted: Any) -> Message:
        """Read messages until one has this event and these fields."""
        deadline = Deadline(PATIENCE_S)
        for message in self:
            if message.event == event and message.data.items() >= wanted.items():
                return message
            assert deadline.left_s(), f"no {event} with {wanted} came"
        raise AssertionError(f"the stream ended before {event} with {wanted}")


@contextmanager
def following(path: Path, query: str = "", headers: Mapping[str, str] | None = None) -> Iterator[EventStream]:
    """Follow the events of a daemon."""
    connection = Connection(path, PATIENCE_S)
    try:
        connection.request("GET", f"/v1/events{query}", headers=dict(headers or {}))
        response = connection.getresponse()
        assert response.status == http.client.OK, response.read()
        yield EventStream(response)
    finally:
        connection.close()
