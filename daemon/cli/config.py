"""``sniperd config``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.cli import show
from daemon.cli.client import Fail
from daemon.cli.options import config_option, json_option
from daemon.config.paths import config_of_service, environment
from daemon.core.values.texts import printable

if TYPE_CHECKING:
    from daemon.config.tables import Config


@click.group()
def config() -> None:
    """Check or show the configuration."""


@config.command()
@config_option
@json_option
def check(config_path: Path | None, as_json: bool) -> None:
    """Check a configuration file; print every key with its effective value, defaults included.

    A comment says where a value comes from: the file or the default. If an empty text means a default path or
    address, the comment names it. Without a file the command prints what `sniperd run` would use.

    Exit code: 0 valid; 78 invalid: the message names the key, its value and what is allowed.
    """
    import msgspec  # noqa: PLC0415  # slow to import

    from daemon.config.origins import origins, places  # noqa: PLC0415

    found = _loaded(config_path)
    if as_json:
        show.print_json(msgspec.to_builtins(found))
        return
    environ = environment(config_path)
    empty = places(found, config_path, environ)
    for name, keys in origins(found, config_path, environ).items():
        click.echo(f"[{name}]")
        for key, each in keys.items():
            value = getattr(getattr(found, name), key)
            place = f": {each.value}" if value == "" and (name, key) in empty else ""
            origin = str(config_path) if each.source == "file" else "default"
            click.echo(f"{key} = {json.dumps(value)}  # {printable(origin + place)}")


@config.command("show")
@config_option
@json_option
def show_values(config_path: Path | None, as_json: bool) -> None:
    """Print every value that counts, and where it comes from.

    The comment behind a value names its origin: the default, the file with its line, or the environment. Default paths
    are written out. The last lines name where each secret is read from: a credential, a file or the environment. No
    secret is printed. Without --config the command shows the service's configuration, unless you run a daemon of your
    own.

    Exit code: 0 valid; 78 invalid: the message names the key, its value and what is allowed.
    """
    import msgspec  # noqa: PLC0415  # slow to import

    from daemon.config.origins import is_of_service, origins, secrets  # noqa: PLC0415
    from daemon.doctor.keys import stored  # noqa: PLC0415

    config_path = config_path or config_of_service(environment())
    found = _loaded(config_path)
    environ = environment(config_path)
    tables = origins(found, config_path, environ)
    kept = secrets(found, environ)
    if is_of_service(config_path):
        kept = {name: stored(name, environ) if each.source == "none" else each for name, each in kept.items()}
    if as_json:
        named = None if config_path is None else str(config_path)
        show.print_json(msgspec.to_builtins({"file": named, "tables": tables, "secrets": kept}))
        return
    for table, keys in tables.items():
        click.echo(f"[{table}]")
        for key, each in keys.items():
            click.echo(f"{key} = {json.dumps(each.value)}  # {_origin(each.source, each.where)}")
    click.echo("# secrets, which are not printed:")
    for name, secret in kept.items():
        click.echo(f"# {name}: {_origin(secret.source, secret.where)}")


def _origin(source: str, where: str) -> str:
    if source == "file":
        return printable(where)
    return printable(f"{source}: {where}" if where else source)


def _loaded(config_path: Path | None) -> "Config":
    from daemon.config.loading import load, quick_start  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415

    try:
        return quick_start() if config_path is None else load(config_path)
    except BadConfig as error:
        raise Fail(str(error), error.exit_code) from None
