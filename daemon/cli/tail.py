"""``sniperd tail``."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from daemon.cli.following import Received, follow
from daemon.cli.options import config_option, status_socket
from daemon.exit_codes import INTERRUPTED


@click.command()
@click.option("--since", metavar="ID", help="Start after this event; 0 starts with the oldest event still available.")
@click.option("--order", metavar="ORDER", help="Only events of this order.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line, for programs.")
def tail(since: str | None, order: str | None, config_path: Path | None, as_json: bool) -> None:
    """Follow events, line by line, until Ctrl-C.

    It continues after a restart of the daemon and says so. It also says where events may be missing; `sniperd explain`
    has all events of an order, however old. With --json that line has `"name": "reset"`.

    Exit code: 130 after Ctrl-C.
    """
    write = _write_json if as_json else _write_text
    try:
        for received in follow(status_socket(config_path), after=since, order_id=order):
            write(received)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _write_json(received: Received) -> None:
    if received.kind == "event":
        click.echo(json.dumps(received.data, ensure_ascii=False))
    elif received.kind == "reset":
        click.echo(json.dumps({"name": "reset", **received.data}))


def _write_text(received: Received) -> None:
    if received.kind == "event":
        click.echo(_line(received.data))
    elif received.kind == "reset":
        _note("the daemon was restarted, or that event is too old: continuing with the oldest event still available")
    elif received.kind == "lost":
        _note(f"connection lost: {received.data['why']}; waiting for the daemon")
    else:
        _note(f"connected to sniperd {received.data['version']}")


def _note(text: str) -> None:
    click.echo(click.style(f"-- {text}", dim=True), err=True)


def _line(event: dict[str, Any]) -> str:
    """Format an event like the log."""
    from daemon.core.values.events import Event  # noqa: PLC0415  # slow to import, and not needed for --json
    from daemon.log import text_line  # noqa: PLC0415

    found = Event(
        name=event["name"],
        at_ms=event["atMs"],
        actor=event["actor"],
        order_id=event.get("orderId"),
        lock_id=event.get("lockId"),
        resource=event.get("resource"),
        client_order_id=event.get("clientOrderId"),
        state=event.get("state"),
        detail=event["detail"],
    )
    return text_line(found, event["level"], colours=sys.stdout.isatty())
