"""Writes a configuration file that holds what differs from the defaults, and nothing else."""

import json
from collections.abc import Iterator

import msgspec

from daemon.config.paths import SYSTEM_CONFIG
from daemon.config.tables import Config

HEADER = """\
# sniperd's configuration: what differs from the defaults. Every key: `sniperd manual reference-configuration`.
# What counts, and where it comes from: `sniperd config show --config FILE`.
"""


def written(config: Config) -> str:
    """Return the text of the file."""
    return HEADER + "".join(_tables(config))


def service_file() -> str:
    """Return the text of the file with which the service is installed: it sets nothing."""
    return (
        f"{written(Config())}"
        "# After a change: `systemctl reload sniperd`; the log names what needs a restart.\n"
        "#\n"
        "# Nothing is set, so the service trades on the paper exchange. As root,\n"
        f"# `sniperd init --config {SYSTEM_CONFIG} --force` asks for the mode, the limits, the key, the dashboard,\n"
        "# a webhook and the bot's address, and replaces this file.\n"
    )


def _tables(config: Config) -> Iterator[str]:
    defaults = msgspec.to_builtins(Config())
    for table, keys in msgspec.to_builtins(config).items():
        changed = {key: value for key, value in keys.items() if value != defaults[table][key]}
        if changed:
            yield f"\n[{table}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in changed.items())


def _toml(value: object) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if is_whole else value, ensure_ascii=False)  # type: ignore[call-overload]
