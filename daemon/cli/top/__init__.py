"""``sniperd top``: a live view with keys to act."""

import sys
from pathlib import Path

import click

from daemon.cli.client import Fail, ask
from daemon.cli.options import config_option, signals_socket, status_socket
from daemon.cli.top.keys import LINES, REASON
from daemon.cli.top.kinds import TITLES
from daemon.exit_codes import REFUSED, USAGE

_HELP = "\n\n".join([f"Show everything live: {TITLES}.", "\n".join(["\b", *LINES]), REASON])


@click.command(help=_HELP)
@config_option
def top(config_path: Path | None) -> None:
    """Run the view."""
    try:
        from daemon.cli.top.app import Top  # noqa: PLC0415  # only here: it takes longer to load than most commands run
    except ModuleNotFoundError as error:
        raise Fail(f"{error}: `sh .ci/setup` installs it, so does `pip install 'sniperd[top]'`", REFUSED) from None

    status = status_socket(config_path)
    ask(status, "GET", "/healthz")  # without a daemon, fail like every other command
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Fail("top needs a terminal; without one use `sniperd status`, `orders` and `tail`", USAGE)
    app = Top(status, signals_socket(config_path))
    app.run()
    raise SystemExit(app.return_code or 0)
