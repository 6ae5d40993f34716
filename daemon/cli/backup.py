"""``sniperd backup`` and ``sniperd restore``."""

from pathlib import Path

import click

from daemon.cli import show
from daemon.cli.client import Fail
from daemon.cli.options import Command, config_option, json_option
from daemon.config.paths import database_for_commands, environment


def database_option(command: Command) -> Command:
    """Add ``--database``."""
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("--database", type=path, help="Database instead of the configured one.")(command)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N", help="TARGET is a directory: keep only its newest N copies."
)
@database_option
@config_option
@json_option
def backup(target: Path, keep: int | None, database: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Copy the database to TARGET and check the copy. The daemon may be running.

    With --keep the copy is named after the time. The oldest copies are removed once the new one is checked and on disk.

    The copy is marked as a backup: a daemon that starts from it is halted (see `sniperd restore --help`).
    """
    from daemon.clock import wall_ms  # noqa: PLC0415  # slow to import
    from daemon.errors import StartupError  # noqa: PLC0415
    from daemon.store.backup import backup as copy  # noqa: PLC0415
    from daemon.store.backup_rotation import backup_into  # noqa: PLC0415

    try:
        source = database or configured_database(config_path)
        done = backup_into(target, source, keep=keep, now_ms=wall_ms()) if keep else copy(source, target)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json({"path": done.path, "bytes": done.bytes, "orders": done.orders, "schema": done.schema})
    else:
        click.echo(f"{done.path}: {done.orders} orders, {done.bytes / 1e6:.1f} MB, checked")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@config_option
@json_option
def restore(source: Path, database: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Replace the database with a copy of SOURCE, a backup. The daemon must be stopped.

    The copy is checked first. The previous database is kept next to it; its name contains the time.

    The backup does not know the orders that were placed after it. So the next start is halted: nothing is sent, no
    signal is accepted, and the daemon searches the exchange for the orders that were queued in the backup. Compare
    `sniperd orders` with the exchange's list since then, make sure that those signals are not sent again, then run
    `sniperd resume`.

    The file that a daemon saved because its database was deleted (`….saved-…`) is complete. If you restore it before
    any other, the next start continues with it and is not halted.

    To move a database to another machine, stop the daemon and move its files instead: they are complete.
    """
    from daemon.clock import wall_ms  # noqa: PLC0415  # slow to import
    from daemon.errors import StartupError  # noqa: PLC0415
    from daemon.store.restore import restore as put_in_place  # noqa: PLC0415

    try:
        done = put_in_place(source, database or configured_database(config_path), now_ms=wall_ms())
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json(
            {
                "path": done.path,
                "bytes": done.bytes,
                "orders": done.orders,
                "schema": done.schema,
                "kept": done.kept,
                "halted": done.halted,
            }
        )
        return
    click.echo(f"{done.path}: {done.orders} orders, {done.bytes / 1e6:.1f} MB, checked")
    if done.kept is not None:
        click.echo(f"the previous database is kept as {done.kept}")
    if done.halted:
        click.echo("the daemon will start halted: compare the orders since the backup with the exchange, then resume")
    else:
        click.echo("it holds everything that the daemon acknowledged: the next start continues with it, not halted")


def configured_database(config_path: Path | None) -> Path:
    """Return the database that the configuration names, or the one that exists."""
    from daemon.config.loading import load  # noqa: PLC0415  # slow to import

    configured = "" if config_path is None else load(config_path).store.path
    return database_for_commands(configured, environment(config_path))
