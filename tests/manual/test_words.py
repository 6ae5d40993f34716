"""Commands, options and configuration keys that the pages name in a sentence are those that there are."""

import re
import shlex

import click
import pytest

from daemon.cli.main import sniperd
from daemon.config.tables import Config
from tests.manual.blocks import text

PROSE = re.sub(r"^ *```.*?^ *```$", "", text(), flags=re.MULTILINE | re.DOTALL)
"""Without blocks: those are executed."""

COMMANDS = sorted(set(re.findall(r"`(?:/opt/sniperd/bin/)?sniperd ([a-z][^`]*)`", PROSE)))
KEYS = sorted(set(re.findall(r"`\[(\w+)\] (\w+)[^`]*`", PROSE)))


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_and_its_options_are_there(line: str) -> None:
    words = shlex.split(line)
    command: click.Command = sniperd
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    assert command is not sniperd, f"there is no such command: sniperd {line}"
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_a_configuration_key_is_there(name: str, key: str) -> None:
    assert key in getattr(Config(), name).__struct_fields__


def test_there_are_texts_to_check() -> None:
    assert len(COMMANDS) > 20
    assert len(KEYS) > 10
