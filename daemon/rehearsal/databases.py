"""The database of a rehearsal: Debian's PostgreSQL, or a Valkey or Redis, in a directory that is thrown away."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from daemon.errors import CannotCreate

POSTGRESQL, VALKEY = "postgresql", "valkey"
DATABASES = (POSTGRESQL, VALKEY)

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version."""

VALKEY_PROGRAMS = ("valkey-server", "redis-server")

INSTALL = (
    "no database server is installed for the rehearsal; on Debian one of these is enough: apt-get install postgresql, "
    "or apt-get install valkey-server"
)
DRIVERS = "the drivers of the fleet's databases are missing: pip install 'sniperd[fleet]'"


class Database(NamedTuple):
    """A database that can be started here."""

    name: str  # for people
    url: str  # of the fleet
    prepare: Sequence[str]  # a command that makes it; none where it is empty
    command: Sequence[str]
    answers: Sequence[str]  # a command that succeeds once it answers; none: it answers once its socket is there
    socket: Path


def find(wanted: str | None, directory: Path) -> Database:
    """Return the wanted database, or the first one that can be started.

    Raises:
        CannotCreate: none can; the message says what to install.

    """
    finders: Mapping[str, tuple[str, Callable[[Path], Database | None]]] = {
        POSTGRESQL: ("asyncpg", _postgresql),
        VALKEY: ("redis", _valkey),
    }
    chosen = [finders[name] for name in (DATABASES if wanted is None else (wanted,))]
    usable = [finder for driver, finder in chosen if find_spec(driver) is not None]
    if not usable:
        raise CannotCreate(DRIVERS)
    found = next((program for finder in usable if (program := finder(directory)) is not None), None)
    if found is None:
        raise CannotCreate(INSTALL)
    return found


def _postgresql(directory: Path) -> Database | None:
    programs = _postgresql_programs()
    if programs is None:
        return None
    data, user = directory / "data", "sniperd"
    settings = {
        "unix_socket_directories": directory,
        "listen_addresses": "",
        "shared_buffers": "16MB",
        "logging_collector": "off",
    }
    return Database(
        name=f"PostgreSQL {programs.parent.name}" if programs.is_relative_to(DEBIAN) else "PostgreSQL",
        url=f"postgresql://{user}@/postgres?host={directory}",
        prepare=[f"{programs}/initdb", "-N", "-D", str(data), "-U", user, "--auth=trust"],
        command=[f"{programs}/postgres", "-D", str(data), *(f"-c{name}={value}" for name, value in settings.items())],
        answers=[f"{programs}/pg_isready", "-q", "-h", str(directory), "-U", user, "-d", "postgres"],
        socket=directory / ".s.PGSQL.5432",
    )


def _postgresql_programs() -> Path | None:
    """Return the directory of the newest server that Debian installed, or of the one in the path."""
    installed = [path.parent for path in DEBIAN.glob("*/bin/postgres") if path.parts[-3].isdecimal()]
    if installed:
        return max(installed, key=lambda path: int(path.parts[-2]))
    in_path = shutil.which("postgres")
    return None if in_path is None else Path(in_path).resolve().parent


def _valkey(directory: Path) -> Database | None:
    program = next(filter(None, map(shutil.which, VALKEY_PROGRAMS)), None)
    if program is None:
        return None
    socket = directory / "valkey.sock"
    settings = {
        "port": "0", "unixsocket": str(socket), "dir": str(directory), "save": "", "appendonly": "yes",
        "appendfsync": "always", "maxmemory-policy": "noeviction", "daemonize": "no",
    }  # fmt: skip
    return Database(
        name=Path(program).name,
        url=f"valkey://{socket}",
        prepare=[],
        command=[program, *(word for name, value in settings.items() for word in (f"--{name}", value))],
        answers=[],
        socket=socket,
    )
