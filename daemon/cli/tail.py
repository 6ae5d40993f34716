"""``sniperd tail``."""

import json
import sys
from pathlib import Path

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

    Times are local. Only --json has the events of level debug, and every key.

    It continues after a restart of the daemon and says so. It also says where events may be missing; `sniperd explain`
    has all events of an order, however old. With --json that line has `"name": "reset"`.

    Exit code: 130 after Ctrl-C.
    """
    if as_json:
        write = _write_json
    else:
        from daemon.cli.tail_text import TailText  # noqa: PLC0415  # slow to import

        write = TailText().write
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
