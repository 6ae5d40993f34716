"""``sniperd dashboard``."""

from pathlib import Path

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask
from daemon.cli.options import config_option, json_option, status_socket
from daemon.exit_codes import NO_PERMISSION, REFUSED


@click.command()
@config_option
@json_option
def dashboard(config_path: Path | None, as_json: bool) -> None:
    """Print the dashboard's address, with the token that lets it make changes.

    That address grants an administrator's rights on this machine: keep it secret. Without the token (the part from
    the # on), the page is read-only.
    """
    status = ask(status_socket(config_path), "GET", "/v1/status")
    address, file = status["http"], status["httpTokenFile"]
    if address is None:
        raise Fail(
            "the daemon serves no dashboard: set [http] listen, for example 127.0.0.1:8808, and restart it", REFUSED
        )
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except PermissionError:
        raise Fail(f"you may not read {file}: run the command as the daemon's user or as root", NO_PERMISSION) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Fail(f"cannot read the token of [http], {file}: {error}; restart the daemon", REFUSED) from None
    url = f"{address}/#token={token}"
    if as_json:
        show.print_json({"url": url, "address": address})
    else:
        click.echo(url)
