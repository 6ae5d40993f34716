"""``sniperd backup``."""

from pathlib import Path

import click

from daemon.cli import show
from daemon.cli.client import Fail
from daemon.cli.options import config_option, json_option
from daemon.paths import environment, state_directory


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N", help="TARGET is a directory: keep its newest N copies only."
)
@click.option(
    "--database", type=click.Path(path_type=Path, dir_okay=False), help="Database, if not the configured one."
)
@config_option
@json_option
def backup(target: Path, keep: int | None, database: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Copy the database to TARGET and check the copy; the daemon may run meanwhile.

    With --keep the copy is named by its time, and the oldest are removed once it is checked and on disk.

    To restore: stop the daemon, move the database and its -wal and -shm files away, put the copy in its place, start.
    """
    from daemon.clock import wall_ms  # noqa: PLC0415  # loaded when needed
    from daemon.config import load  # noqa: PLC0415
    from daemon.errors import StartupError  # noqa: PLC0415
    from daemon.store.backup import backup as copy  # noqa: PLC0415
    from daemon.store.retention import backup_into  # noqa: PLC0415

    try:
        configured = "" if config_path is None else load(config_path).store.path
        source = database or (Path(configured) if configured else state_directory(environment()) / "sniperd.db")
        done = backup_into(target, source, keep=keep, now_ms=wall_ms()) if keep else copy(source, target)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json({"path": done.path, "bytes": done.bytes, "orders": done.orders, "schema": done.schema})
    else:
        click.echo(f"{done.path}: {done.orders} orders, {done.bytes / 1e6:.1f} MB, checked")
