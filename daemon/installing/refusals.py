"""What would keep the service from running where it is to be installed; better said now than by a unit that fails."""

import re
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from daemon.errors import BadConfig, CannotCreate

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # named, not used
"""What the unit does not see: ProtectHome= and PrivateTmp= leave these empty for it."""

UNIT_DIRECTORIES = ("usr/lib/systemd/system", "lib/systemd/system")
OLDEST_SYSTEMD = 252
"""Debian 12's, whose credential store and directives the units name."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


class Program(msgspec.Struct, frozen=True):
    """The installed program."""

    command: Path  # what ExecStart= names
    parts: tuple[Path, ...]  # directories that it needs: its environment, its Python, its own code


def check_machine(root: Path, systemd: str) -> None:
    """Refuse a machine without a running systemd of a known version, or with the package's units.

    Args:
        root: where the file system begins.
        systemd: what ``systemctl --version`` says; empty where there is none.

    Raises:
        CannotCreate: the service cannot be put in place here.

    """
    if not (root / "run/systemd/system").is_dir():
        raise CannotCreate("no systemd runs on this machine; `sniperd run` works without, under any supervisor")
    found = re.match(r"systemd (\d+)", systemd)
    if found is None or int(found[1]) < OLDEST_SYSTEMD:
        version = "cannot be asked for its version" if found is None else f"is version {found[1]}"
        raise CannotCreate(f"systemd {version}; the units need {OLDEST_SYSTEMD} or newer: use Debian 12 or newer")
    for directory in UNIT_DIRECTORIES:
        unit = root / directory / "sniperd.service"
        if unit.exists():
            raise CannotCreate(f"{unit} is there: the package sniperd has the service in place; there is nothing to do")


def check_program(program: Program) -> None:
    """Refuse a program that the unit could not start.

    Raises:
        BadConfig: it stands where a service does not see it, or may not read it.

    """
    if not program.command.is_file():
        raise BadConfig(
            f"{program.command} is missing; install the package with pip, then run its own `sniperd install`"
        )
    for part in _resolved([program.command, *program.parts]):
        hidden = next((place for place in HIDDEN if part.is_relative_to(place)), None)
        if hidden is not None:
            raise BadConfig(
                f"{part} lies under {hidden}, which the service does not see (ProtectHome=, PrivateTmp=); make the "
                "environment elsewhere, of the system's Python: /usr/bin/python3 -m venv /opt/sniperd"
            )
        for place in [part, *part.parents]:
            if not place.stat().st_mode & (stat.S_IXOTH if place.is_dir() else stat.S_IROTH):
                raise BadConfig(f"the service's user may not enter {place}; chmod o+rx {place}, or install elsewhere")
    if not _PLAIN_PATH.fullmatch(str(program.command)):
        raise BadConfig(f"{program.command} has characters that a unit would read as something else; install elsewhere")


def _resolved(paths: Iterable[Path]) -> list[Path]:
    """Return each path as named and as it really is."""
    return list(dict.fromkeys(each for path in paths for each in (path, path.resolve())))
