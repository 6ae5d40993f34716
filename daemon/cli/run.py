"""``sniperd run``."""

from pathlib import Path

import click

from daemon.cli.client import Fail
from daemon.cli.options import config_option
from daemon.config.paths import environment


@click.command()
@config_option
def run(config_path: Path | None) -> None:
    """Run the daemon.

    Without a configuration file it trades on the paper exchange, which it starts itself, keeps everything under your
    own state and runtime directories, and shows its dashboard to this machine alone; a terminal is told the address,
    `sniperd dashboard` tells it again. Its log goes to standard output: JSON lines where a program reads, colours on a
    terminal. TERM or INT: take nothing new, finish what runs, end. HUP: read the configuration again;
    without a configuration file a closed terminal (HUP) ends it like TERM, unless it was started by nohup.
    """
    from daemon.app.main import refuse  # noqa: PLC0415  # what a daemon needs takes long to load
    from daemon.app.main import run as run_daemon  # noqa: PLC0415
    from daemon.config.loading import load, quick_start  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415
    from daemon.log import errors_are_lines  # noqa: PLC0415

    try:
        config = quick_start() if config_path is None else load(config_path)
    except BadConfig as error:
        if errors_are_lines():
            raise SystemExit(refuse(error)) from None
        raise Fail(str(error), error.exit_code) from None
    raise SystemExit(run_daemon(config, config_path, environment()))
