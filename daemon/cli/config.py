"""``sniperd config``."""

import json
from pathlib import Path

import click

from daemon.cli import show
from daemon.cli.client import Fail
from daemon.cli.options import config_option, json_option


@click.group()
def config() -> None:
    """Check the configuration."""


@config.command()
@config_option
@json_option
def check(config_path: Path | None, as_json: bool) -> None:
    """Check a configuration file; print every key as it counts, defaults included.

    Exit code: 0 right, 78 wrong; the message names the key, its value and what is allowed.
    """
    import msgspec  # noqa: PLC0415  # loaded when needed

    from daemon.config import Config, load  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415

    try:
        found = Config() if config_path is None else load(config_path)
    except BadConfig as error:
        raise Fail(str(error), error.exit_code) from None
    tables = msgspec.to_builtins(found)
    if as_json:
        show.print_json(tables)
        return
    for name, keys in tables.items():
        click.echo(f"[{name}]")
        for key, value in keys.items():
            click.echo(f"{key} = {json.dumps(value)}")
