"""``sniperd socket``: where a bot sends its signals."""

from pathlib import Path

import click

from daemon.cli.options import config_option, signals_socket, status_socket


@click.command()
@click.option("--status", "reads_only", is_flag=True, help="The socket that only reads, for monitoring.")
@config_option
def socket(reads_only: bool, config_path: Path | None) -> None:
    """Print the path of the socket that takes signals.

    It is where the running daemon listens, or where one would: /run/sniperd/signals.sock for the installed service.

    \b
    curl --unix-socket "$(sniperd socket)" http://sniperd/v1/signals -d '{"side":"BUY","symbol":"BTCUSDT", …}'
    """  # noqa: D301  # click's mark, no backslash
    click.echo(status_socket(config_path) if reads_only else signals_socket(config_path))
