"""Where things stand by default: the service manager's directories, else the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path

NAME = "sniperd"
DATABASE = f"{NAME}.db"
SYSTEM_STATE = Path("/var/lib") / NAME
"""Where the service's database stands (systemd: ``StateDirectory=sniperd``)."""

SYSTEM_RUNTIME = Path("/run") / NAME
"""Where the service's sockets stand (systemd: ``RuntimeDirectory=sniperd``)."""

SYSTEM_CONFIG = Path("/etc") / NAME / "config.toml"
"""Where the service's configuration stands."""


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return where the database stands: what must survive a restart of the machine."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return (_xdg(environ, "XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local" / "state") / NAME


def runtime_directory(environ: Mapping[str, str]) -> Path:
    """Return where the sockets stand: what need not survive the process."""
    if given := environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    base = _xdg(environ, "XDG_RUNTIME_DIR")
    return base / NAME if base else state_directory(environ) / "run"


def _xdg(environ: Mapping[str, str], name: str) -> Path | None:
    """Return a base directory. A relative one is invalid and to be ignored, says the XDG specification."""
    base = Path(environ.get(name, ""))
    return base if base.is_absolute() else None


def database_for_commands(configured: str, environ: Mapping[str, str]) -> Path:
    """Find the database that a command looks at: the configured one, the user's own, or the service's."""
    if configured:
        return Path(configured)
    own, system = state_directory(environ) / DATABASE, SYSTEM_STATE / DATABASE
    return system if not is_there(own) and is_there(system) else own


def config_of_service(environ: Mapping[str, str]) -> Path | None:
    """Find the service's configuration, where there is no database of the user's own to look at instead."""
    own = state_directory(environ) / DATABASE
    return SYSTEM_CONFIG if not is_there(own) and is_there(SYSTEM_CONFIG) else None


def is_there(path: Path) -> bool:
    """Tell whether a file is there; one that is out of sight in a directory of somebody else's is."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def environment() -> Mapping[str, str]:
    """Return the process's environment."""
    return os.environ
