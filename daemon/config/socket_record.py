"""The daemon's record of its sockets, and the choice of the socket that a command uses.

The default path of the sockets depends on ``$XDG_RUNTIME_DIR``, which may differ between shells. So a daemon records
the paths of its sockets beside its database, or in the service's runtime directory, which its group can read. A command
reads that record first.

A command uses the user's own daemon if it answers, and otherwise the service, if it is installed, whether it runs or
not: the command must report that the service is down, and must not lead the operator to start a second daemon on the
same account. The module uses only the standard library, because every import delays a command.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.config import paths

RECORD = "sockets.json"
MODE = 0o640
UNIT = "sniperd.service"
UNIT_DIRECTORIES = [
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/usr/local/lib/systemd/system"),
    Path("/usr/lib/systemd/system"),
    Path("/lib/systemd/system"),
]


@contextmanager
def recorded(database: Path, environ: Mapping[str, str], *, signals: Path, status: Path) -> Iterator[None]:
    """Record the paths of the sockets while the context lasts. A failure does not stop trading."""
    directory = paths.runtime_directory(environ) if environ.get("RUNTIME_DIRECTORY") else database.parent
    path, new = directory / RECORD, directory / f"{RECORD}.{os.getpid()}"
    text = json.dumps({"pid": os.getpid(), "signals": str(signals.absolute()), "status": str(status.absolute())})
    with suppress(OSError):
        new.write_text(text + "\n", encoding="utf-8")
        new.chmod(MODE)
        new.replace(path)
    try:
        yield
    finally:
        with suppress(OSError):
            if _read(directory).get("pid") == os.getpid():
                path.unlink()


def socket_for_clients(configured: str, which: str, environ: Mapping[str, str], database: str = "") -> Path:
    """Return the socket for a command.

    Args:
        configured: the path that ``[sockets]`` names, if it does.
        which: ``signals`` or ``status``.
        environ: the process's environment.
        database: the path that ``[store]`` names, if it does.

    """
    if configured:
        return Path(configured)
    if paths.instance_in(environ):  # never another account's daemon, whether this one runs or not
        runtime = paths.runtime_directory(environ)
        return _recorded(runtime, which) or runtime / f"{which}.sock"
    home = Path(database).parent if database else paths.state_directory(environ)
    name = f"{which}.sock"
    own = _recorded(home, which) or paths.runtime_directory(environ) / name
    service = _recorded(paths.SYSTEM_RUNTIME, which) or paths.SYSTEM_RUNTIME / name
    has_service = service_is_installed() or paths.is_there(service)
    return service if has_service and not _is_answered(own) else own


def unit_at(path: Path) -> str:
    """Return the unit, without its type, whose socket this is, running or not; empty for any other socket."""
    instance = paths.instance_at(path.parent)
    places = {_recorded(paths.SYSTEM_RUNTIME, which) for which in ("signals", "status")}
    is_services = instance or path.parent == paths.SYSTEM_RUNTIME or path in places
    return paths.unit_name(instance) if is_services else ""


def would_start(path: Path) -> bool:
    """Whether a connection to a socket would start the service: systemd holds it, and no daemon has recorded it."""
    return bool(unit_at(path)) and not (path.parent / RECORD).exists()


def service_is_installed() -> bool:
    """Whether the service manager of this machine knows the service."""
    return any((directory / UNIT).exists() for directory in UNIT_DIRECTORIES)


def _recorded(directory: Path, which: str) -> Path | None:
    found = _read(directory).get(which)
    return Path(found) if isinstance(found, str) and found.startswith("/") else None


def _read(directory: Path) -> dict[str, object]:
    try:
        found = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_answered(path: Path) -> bool:
    """Whether a process listens there, or may: a socket that this user may not open counts as answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (PermissionError, TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False
    return True
