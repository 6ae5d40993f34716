"""``sniperd reset-clock``."""

import os
from pathlib import Path

import click

from daemon.cli import show
from daemon.cli.admin import reason_option
from daemon.cli.backup import configured_database, database_option
from daemon.cli.client import Fail
from daemon.cli.options import config_option, json_option


@click.command("reset-clock")
@reason_option
@database_option
@config_option
@json_option
def reset_clock(reason: str, database: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Set recorded times that are ahead back to this machine's clock; the daemon must be stopped.

    The daemon's clock never goes back, not over a restart either. So times that were recorded while the machine's
    clock was ahead keep the daemon ahead. When this machine's clock is right (`sniperd doctor` compares it with the
    exchange's), this command lets the daemon start from it again.

    Orders that wait to be sent expire at the next start, because their age is unknown. Those with an executeAt keep it:
    it is an instant of the exchange's clock. Unknown outcomes, keys and locks stay. The audit trail keeps every time as
    it was, and records who ran this command and why.
    """
    from daemon.clock import read_anchor  # noqa: PLC0415  # slow to import
    from daemon.errors import StartupError  # noqa: PLC0415
    from daemon.store import clock_reset  # noqa: PLC0415

    if not reason.strip():
        raise click.UsageError("--reason is empty; say why")
    try:
        path = database or configured_database(config_path)
        done = clock_reset.reset_clock(path, reason=reason.strip(), actor=f"uid:{os.getuid()}", now=read_anchor())
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json(
            {
                "path": done.path,
                "wasMs": done.was_ms,
                "nowMs": done.now_ms,
                "waiting": done.waiting,
                "changed": done.changed,
            }
        )
        return
    if not done.changed:
        click.echo(f"{done.path}: no recorded time is ahead of this machine's clock; nothing was changed")
        return
    click.echo(f"{done.path}: from {show.at(done.was_ms)} to {show.at(done.now_ms)}")
    click.echo(f"{done.waiting} orders that wait to be sent without an executeAt expire at the next start")
