"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from daemon.cli.client import Fail
from daemon.config.paths import environment
from daemon.config.socket_record import socket_for_clients

Command = Callable[..., Any]
MAX_WAIT_S = 120.0


def config_option(command: Command) -> Command:
    """Add ``--config``."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="SNIPERD_CONFIG",
        help="Configuration file (also $SNIPERD_CONFIG). Without a file the defaults are used.",
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def wait_option(command: Command) -> Command:
    """Add ``--wait``."""
    about = f"Seconds to wait for the outcome, 0 to {MAX_WAIT_S:g}."
    return click.option("--wait", default=10.0, show_default=True, callback=_waitable, help=about)(command)


def _waitable(_context: click.Context, _parameter: click.Parameter, wait: float) -> float:
    if not 0 <= wait <= MAX_WAIT_S:  # click's range type accepts "nan"
        raise click.BadParameter(f"{wait} is not in the range 0<=x<={MAX_WAIT_S:g}.")
    return wait


def signals_socket(config_path: Path | None) -> Path:
    """Return the path of the socket that may change things."""
    return _socket(config_path, "signals")


def status_socket(config_path: Path | None) -> Path:
    """Return the path of the read-only socket."""
    return _socket(config_path, "status")


def _socket(config_path: Path | None, which: str) -> Path:
    configured = database = ""
    if config_path is not None:
        from daemon.config.loading import load  # noqa: PLC0415  # only with a file: it is a third of a short command's time
        from daemon.errors import BadConfig  # noqa: PLC0415

        try:
            config = load(config_path)
        except BadConfig as error:
            raise Fail(str(error), error.exit_code) from None
        configured, database = getattr(config.sockets, which), config.store.path
    return socket_for_clients(configured, which, environment(config_path), database)
