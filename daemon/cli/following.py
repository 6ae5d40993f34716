"""Following the daemon's events over its socket, over lost connections and restarts. Only the standard library."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from daemon.cli.client import UnixConnection, printable, refuse, unanswered
from daemon.exit_codes import UNAVAILABLE

SILENCE_S = 40.0
"""A connection is lost that is silent for so long: the daemon says every 15 s that it lives."""

PAUSE_S = 0.5
"""Between one try to connect again and the next."""


class Told(NamedTuple):
    """Something that came: an ``event``, ``reset``, ``hello``, or ``lost`` with the reason."""

    what: str
    data: dict[str, Any]


def follow(path: Path, *, after: str | None = None, order_id: str | None = None) -> Iterator[Told]:
    """Yield what happens, without end; a connection that was lost is made again, from where it ended.

    Raises:
        Fail: nobody answers at first, or the daemon refuses.

    """
    answered = is_lost = False
    while True:
        try:
            for told in _once(path, after, order_id):
                answered, is_lost = True, False
                after = told.data.get("id") or told.data.get("position")
                yield told
            why = "the daemon ended it"
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not answered:
                raise unanswered(path, error, UNAVAILABLE) from None
            why = printable(str(error)) or type(error).__name__
        if not is_lost:
            is_lost = True
            yield Told("lost", {"why": why})
        time.sleep(PAUSE_S)


def _once(path: Path, after: str | None, order_id: str | None) -> Iterator[Told]:
    """Yield what comes on one connection."""
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
                yield Told(name if name in {"hello", "reset"} else "event", json.loads(value))
    finally:
        connection.close()
