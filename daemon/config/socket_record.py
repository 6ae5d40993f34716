"""Where a daemon's sockets stand, as it records it itself, and whom a command speaks to.

The default place of the sockets depends on ``$XDG_RUNTIME_DIR``, which is set in one shell and not in another. So a
daemon writes down where its sockets are: beside its database, or in the service's runtime directory, which its group
can read. A command looks at that first.

It speaks to the user's own daemon where that one answers, and otherwise to the service where one is installed, running
or not: that a service is down must be said, and must not lead anybody to start a second daemon on the same account.
Only the standard library, because every import delays a command's answer.
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
    """Record where the sockets are, for as long as the context lasts; where that cannot be done, trading goes on."""
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
    """Find the socket that a command speaks to.

    Args:
        configured: the path that ``[sockets]`` names, if it does.
        which: ``signals`` or ``status``.
        environ: the process's environment.
        database: the path that ``[store]`` names, if it does.

    """
    if configured:
        return Path(configured)
    home = Path(database).parent if database else paths.state_directory(environ)
    name = f"{which}.sock"
    own = _recorded(home, which) or paths.runtime_directory(environ) / name
    service = _recorded(paths.SYSTEM_RUNTIME, which) or paths.SYSTEM_RUNTIME / name
    has_service = service_is_installed() or paths.is_there(service)
    return service if has_service and not _is_answered(own) else own


def is_services(path: Path) -> bool:
    """Whether a socket is that of the service, or would be."""
    places = {_recorded(paths.SYSTEM_RUNTIME, which) for which in ("signals", "status")}
    return path.parent == paths.SYSTEM_RUNTIME or path in places


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
    """Whether somebody listens there, or may: a socket that is not open to this user is somebody's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (PermissionError, TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False
    return True
