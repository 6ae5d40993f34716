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

    Without a configuration file it trades on the paper exchange, which it starts itself. It keeps everything under your
    own state and runtime directories, and serves its dashboard to this machine only. It prints the dashboard's address
    at a terminal; `sniperd dashboard` prints it again. The log goes to standard output: JSON lines for programs,
    colours on a terminal.

    TERM or INT: accept nothing new, finish the requests that were sent, end. HUP: reload the configuration. Without a
    configuration file a closed terminal (HUP) ends the daemon like TERM, unless it was started by nohup.
    """
    from daemon.app.main import refuse  # noqa: PLC0415  # slow to import
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
