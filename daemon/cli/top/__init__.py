"""``sniperd top``: all of it, live, with keys to act."""

import sys
from pathlib import Path

import click

from daemon.cli.client import Fail, ask
from daemon.cli.options import config_option, signals_socket, status_socket
from daemon.exit_codes import REFUSED, USAGE


@click.command()
@config_option
def top(config_path: Path | None) -> None:
    """Show all of it, live: what is in doubt, what waits, what is held, what happens.

    \b
    arrows, Tab  choose an order or a lock      r  requeue the dead letter, release the lock
    e            explain it, live               h  halt: nothing new is sent      R  resume
    c            cancel it                      q  quit

    Whatever changes something asks for the reason first, and needs the rights that its command needs.
    """  # noqa: D301  # click's mark, no backslash
    try:
        from daemon.cli.top.app import Top  # noqa: PLC0415  # only here: it takes longer to load than most commands run
    except ModuleNotFoundError as error:
        raise Fail(f"{error}: `sh .ci/setup` installs it, so does `pip install 'sniperd[top]'`", REFUSED) from None

    status = status_socket(config_path)
    ask(status, "GET", "/healthz")  # without a daemon it ends as every command does
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Fail("top needs a terminal; without one `sniperd status`, `orders` and `tail` tell the same", USAGE)
    shown = Top(status, signals_socket(config_path))
    shown.run()
    raise SystemExit(shown.return_code or 0)
