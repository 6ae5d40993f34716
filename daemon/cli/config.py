"""``sniperd config``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.cli import show
from daemon.cli.client import Fail
from daemon.cli.options import config_option, json_option
from daemon.config.paths import (
    SYSTEM_CONFIG,
    SYSTEM_RUNTIME,
    SYSTEM_STATE,
    environment,
    runtime_directory,
    state_directory,
)

if TYPE_CHECKING:
    from daemon.config.tables import Config


@click.group()
def config() -> None:
    """Check the configuration."""


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

    from daemon.config.loading import load, quick_start  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415

    try:
        found = quick_start() if config_path is None else load(config_path)
    except BadConfig as error:
        raise Fail(str(error), error.exit_code) from None
    tables = msgspec.to_builtins(found)
    if as_json:
        show.print_json(tables)
        return
    given, places = _given(config_path), _places(found, config_path)
    for name, keys in tables.items():
        click.echo(f"[{name}]")
        for key, value in keys.items():
            origin = str(config_path) if key in given.get(name, {}) else "default"
            place = f": {places[name, key]}" if value == "" and (name, key) in places else ""
            click.echo(f"{key} = {json.dumps(value)}  # {show.escaped(origin + place)}")


def _given(config_path: Path | None) -> Mapping[str, Any]:
    """Return the keys that the file sets."""
    import tomllib  # noqa: PLC0415

    return {} if config_path is None else tomllib.loads(config_path.read_text(encoding="utf-8"))


def _places(found: "Config", config_path: Path | None) -> dict[tuple[str, str], Path | str]:
    """Return the defaults of empty paths and addresses; for the service's configuration, the service's own."""
    is_service = config_path is not None and config_path.absolute() == SYSTEM_CONFIG
    environ = environment()
    state = SYSTEM_STATE if is_service else state_directory(environ)
    sockets = SYSTEM_RUNTIME if is_service else runtime_directory(environ)
    database = Path(found.store.path) if found.store.path else state / "sniperd.db"
    book = "shadow-exchange.db" if found.exchange.shadow else "paper-exchange.db"
    places: dict[tuple[str, str], Path | str] = {
        ("store", "path"): database,
        ("sockets", "signals"): sockets / "signals.sock",
        ("sockets", "status"): sockets / "status.sock",
        ("exchange", "facts_file"): database.with_name("exchange-facts.toml"),
        ("http", "token_file"): database.with_name("http-token"),
    }
    if found.exchange.mode == "paper":
        places["exchange", "paper_db"] = database.with_name(book)
    if found.exchange.mode == "live" or found.exchange.shadow:
        places["exchange", "base_url"] = found.exchange.market
    return places
