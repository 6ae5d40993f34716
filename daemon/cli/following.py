"""The daemon's events over its socket; reconnects after lost connections and restarts. Only the standard library."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from daemon.cli.client import UnixConnection, refuse, unanswered
from daemon.core.values.texts import printable
from daemon.exit_codes import UNAVAILABLE

SILENCE_S = 40.0
"""A connection without data for this long is lost: the daemon sends a keep-alive every 15 s."""

PAUSE_S = 0.5
"""Pause between two attempts to reconnect."""


class Received(NamedTuple):
    """One message: an ``event``, ``reset``, ``hello``, or ``lost`` with the reason."""

    kind: str
    data: dict[str, Any]


def follow(path: Path, *, after: str | None = None, order_id: str | None = None) -> Iterator[Received]:
    """Yield messages without end; after a lost connection, continue after the last event received.

    Raises:
        Fail: the first connection fails, or the daemon refuses.

    """
    answered = is_lost = False
    while True:
        try:
            for received in _once(path, after, order_id):
                answered, is_lost = True, False
                after = received.data.get("id") or received.data.get("position")
                yield received
            why = "the daemon closed it"
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not answered:
                raise unanswered(path, error, UNAVAILABLE) from None
            why = printable(str(error)) or type(error).__name__
        if not is_lost:
            is_lost = True
            yield Received("lost", {"why": why})
        time.sleep(PAUSE_S)


def _once(path: Path, after: str | None, order_id: str | None) -> Iterator[Received]:
    """Yield the messages of one connection."""
    query = urlencode({name: value for name, value in (("after", after), ("orderId", order_id)) if value})
    connection = UnixConnection(path, SILENCE_S)
    try:
        connection.request("GET", f"/v1/events?{query}")
        response = connection.getresponse()
        if response.status >= http.client.BAD_REQUEST:
            refuse(response.status, json.loads(response.read()), UNAVAILABLE)
        name = ""
        while line := response.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield Received(name if name in {"hello", "reset"} else "event", json.loads(value))
    finally:
        connection.close()
