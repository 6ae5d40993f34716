"""Reasons to refuse an installation: the service could not run here, so the command says it before a unit fails."""

import re
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from daemon.errors import BadConfig, CannotCreate

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # named, not used
"""Directories that are empty for the service because of ProtectHome= and PrivateTmp=."""

PACKAGE_UNITS = ("usr/lib/systemd/system", "lib/systemd/system")
OLDEST_SYSTEMD = 252
"""Debian 12's; the units use its credential store and directives."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


class Program(msgspec.Struct, frozen=True):
    """The installed program."""

    command: Path  # what ExecStart= names
    parts: tuple[Path, ...]  # directories that it needs: its environment, its Python, its own code


def check_machine(root: Path, systemd: str) -> None:
    """Refuse a machine without a running systemd of a supported version.

    Args:
        root: root of the file system.
        systemd: output of ``systemctl --version``; empty if there is none.

    Raises:
        CannotCreate: the service cannot be installed here.

    """
    if not (root / "run/systemd/system").is_dir():
        raise CannotCreate("systemd does not run on this machine; `sniperd run` works without it, under any supervisor")
    found = re.match(r"systemd (\d+)", systemd)
    if found is None or int(found[1]) < OLDEST_SYSTEMD:
        version = "cannot be asked for its version" if found is None else f"is version {found[1]}"
        raise CannotCreate(f"systemd {version}; the units need {OLDEST_SYSTEMD} or newer: use Debian 12 or newer")


def check_package(root: Path) -> None:
    """Refuse a machine where the package has installed the service.

    Raises:
        CannotCreate: it has.

    """
    for directory in PACKAGE_UNITS:
        unit = root / directory / "sniperd.service"
        if unit.exists():
            raise CannotCreate(f"{unit} exists: the package sniperd has installed the service; there is nothing to do")


def check_template(root: Path) -> None:
    """Refuse an instance of a service that is not installed.

    Raises:
        CannotCreate: there is no template of instances.

    """
    places = ("etc/systemd/system", *PACKAGE_UNITS)
    if not any((root / directory / "sniperd@.service").exists() for directory in places):
        raise CannotCreate(
            "the service is not installed here; run `sniperd install --system` first, without --instance, or install "
            "the package"
        )


def check_program(program: Program) -> None:
    """Refuse a program that the unit could not start.

    Raises:
        BadConfig: the service cannot see or read the program.

    """
    if not program.command.is_file():
        raise BadConfig(
            f"{program.command} is missing; install the package with pip, then run its own `sniperd install`"
        )
    for part in _resolved([program.command, *program.parts]):
        hidden = next((place for place in HIDDEN if part.is_relative_to(place)), None)
        if hidden is not None:
            raise BadConfig(
                f"{part} is below {hidden}, which the service cannot see (ProtectHome=, PrivateTmp=); create the "
                "environment elsewhere, with the system's Python: /usr/bin/python3 -m venv /opt/sniperd"
            )
        for place in [part, *part.parents]:
            if not place.stat().st_mode & (stat.S_IXOTH if place.is_dir() else stat.S_IROTH):
                raise BadConfig(f"the service's user may not enter {place}; chmod o+rx {place}, or install elsewhere")
    if not _PLAIN_PATH.fullmatch(str(program.command)):
        raise BadConfig(f"{program.command} has characters that have another meaning in a unit; install it elsewhere")


def _resolved(paths: Iterable[Path]) -> list[Path]:
    """Return each path as given and with its links resolved."""
    return list(dict.fromkeys(each for path in paths for each in (path, path.resolve())))
