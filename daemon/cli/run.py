"""``sniperd run``."""

from pathlib import Path

import click

from daemon.cli.client import Fail
from daemon.cli.options import config_option
from daemon.config.paths import environment


@click.command()
@config_option
@click.option("--json/--text", "as_json", default=None, help="Form of the log, instead of `[log] format`.")
def run(config_path: Path | None, as_json: bool | None) -> None:
    """Run the daemon.

    Without a configuration file it trades on the paper exchange, which it starts itself. It keeps everything under your
    own state and runtime directories, and serves its dashboard to this machine only. It prints the dashboard's address
    at a terminal; `sniperd dashboard` prints it again. The log goes to standard output: lines of words at a terminal,
    with local times, and lines of JSON elsewhere.

    TERM or INT: accept nothing new, finish the requests that were sent, end. HUP: reload the configuration. Without a
    configuration file a closed terminal (HUP) ends the daemon like TERM, unless it was started by nohup.
    """
    from daemon.app.main import refuse  # noqa: PLC0415  # slow to import
    from daemon.app.main import run as run_daemon  # noqa: PLC0415
    from daemon.config.loading import load, quick_start  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415
    from daemon.log import Form, errors_are_lines  # noqa: PLC0415

    try:
        config = quick_start() if config_path is None else load(config_path)
    except BadConfig as error:
        if errors_are_lines():
            raise SystemExit(refuse(error)) from None
        raise Fail(str(error), error.exit_code) from None
    form: Form = config.log.format if as_json is None else "json" if as_json else "text"
    raise SystemExit(run_daemon(config, config_path, environment(), form))
