"""``sniperd tail``."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from daemon.cli.following import Told, follow
from daemon.cli.options import config_option, status_socket
from daemon.exit_codes import INTERRUPTED


@click.command()
@click.option("--since", metavar="ID", help="Start after this event; 0 starts with the oldest that is still known.")
@click.option("--order", metavar="ORDER", help="Only events of this order.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line, for programs.")
def tail(since: str | None, order: str | None, config_path: Path | None, as_json: bool) -> None:
    """Follow events, line by line, until Ctrl-C.

    It continues over a restart of the daemon and says so. It also says where events may be missing; `sniperd explain`
    has all events of an order, however old. With --json such a line has `"name": "reset"`.

    Exit code: 130 after Ctrl-C.
    """
    tell = _tell_program if as_json else _tell_person
    try:
        for told in follow(status_socket(config_path), after=since, order_id=order):
            tell(told)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _tell_program(told: Told) -> None:
    if told.what == "event":
        click.echo(json.dumps(told.data, ensure_ascii=False))
    elif told.what == "reset":
        click.echo(json.dumps({"name": "reset", **told.data}))


def _tell_person(told: Told) -> None:
    if told.what == "event":
        click.echo(_line(told.data))
    elif told.what == "reset":
        _note("the daemon was restarted, or this is long ago: what comes next is the oldest that is still known")
    elif told.what == "lost":
        _note(f"connection lost: {told.data['why']}; waiting for the daemon")
    else:
        _note(f"connected to sniperd {told.data['version']}")


def _note(text: str) -> None:
    click.echo(click.style(f"-- {text}", dim=True), err=True)


def _line(told: dict[str, Any]) -> str:
    """Write an event as the log does."""
    from daemon.core.values.events import Event  # noqa: PLC0415  # and with the log come libraries that --json does without
    from daemon.log import text_line  # noqa: PLC0415

    event = Event(
        name=told["name"],
        at_ms=told["atMs"],
        actor=told["actor"],
        order_id=told.get("orderId"),
        lock_id=told.get("lockId"),
        resource=told.get("resource"),
        client_order_id=told.get("clientOrderId"),
        state=told.get("state"),
        detail=told["detail"],
    )
    return text_line(event, told["level"], colours=sys.stdout.isatty())
