"""What ``sniperd tail`` prints for people. Slow to import, and not needed for --json."""

import sys
from typing import Any

import click

from daemon.cli.following import Received
from daemon.core.values.events import Event, Level
from daemon.core.views.event_text import shown_level
from daemon.event_lines import EventLines, has_colours


class TailText:
    """Prints events as the log does at a terminal, and what happens to the connection on standard error."""

    def __init__(self) -> None:
        self._lines = EventLines(colours=has_colours(sys.stdout))

    def write(self, received: Received) -> None:
        """Print a message; events of level debug are for programs."""
        data = received.data
        if received.kind == "reset":
            _note("the daemon was restarted, or that event is too old: continuing with the oldest one available")
        elif received.kind == "lost":
            _note(f"connection lost: {data['why']}; waiting for the daemon")
        elif received.kind == "hello":
            _note(f"connected to sniperd {data['version']}")
        elif shown_level(data["name"], level := Level[data["level"].upper()]) > Level.DEBUG:
            click.echo(self._lines.line(_event(data), level))


def _note(text: str) -> None:
    click.echo(click.style(f"-- {text}", dim=True), err=True)


def _event(sent: dict[str, Any]) -> Event:
    return Event(
        name=sent["name"],
        at_ms=sent["atMs"],
        actor=sent["actor"],
        order_id=sent.get("orderId"),
        lock_id=sent.get("lockId"),
        resource=sent.get("resource"),
        client_order_id=sent.get("clientOrderId"),
        state=sent.get("state"),
        detail=sent["detail"],
    )
