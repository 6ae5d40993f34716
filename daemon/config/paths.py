"""Default paths: the service manager's directories, else the user's."""

import os
from collections.abc import Mapping
from pathlib import Path

NAME = "sniperd"
DATABASE = f"{NAME}.db"
SYSTEM_STATE = Path("/var/lib") / NAME
"""The directory of the service's database (systemd: ``StateDirectory=sniperd``)."""

SYSTEM_RUNTIME = Path("/run") / NAME
"""The directory of the service's sockets (systemd: ``RuntimeDirectory=sniperd``)."""

SYSTEM_CONFIG = Path("/etc") / NAME / "config.toml"
"""The service's configuration file."""


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return the directory of the database, which must survive a restart of the machine."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return (_xdg(environ, "XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local" / "state") / NAME


def runtime_directory(environ: Mapping[str, str]) -> Path:
    """Return the directory of the sockets, which need not survive the process."""
    if given := environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    base = _xdg(environ, "XDG_RUNTIME_DIR")
    return base / NAME if base else state_directory(environ) / "run"


def state_variable(environ: Mapping[str, str]) -> str:
    """Return the name of the environment's variable that decides :func:`state_directory`."""
    if environ.get("STATE_DIRECTORY"):
        return "STATE_DIRECTORY"
    return "XDG_STATE_HOME" if _xdg(environ, "XDG_STATE_HOME") else "HOME"


def runtime_variable(environ: Mapping[str, str]) -> str:
    """Return the name of the environment's variable that decides :func:`runtime_directory`."""
    if environ.get("RUNTIME_DIRECTORY"):
        return "RUNTIME_DIRECTORY"
    return "XDG_RUNTIME_DIR" if _xdg(environ, "XDG_RUNTIME_DIR") else state_variable(environ)


def config_directory(environ: Mapping[str, str]) -> Path:
    """Return the directory of the user's configuration file."""
    return (_xdg(environ, "XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config") / NAME


def _xdg(environ: Mapping[str, str], name: str) -> Path | None:
    """Return a base directory. The XDG specification says to ignore a relative one."""
    base = Path(environ.get(name, ""))
    return base if base.is_absolute() else None


def database_for_commands(configured: str, environ: Mapping[str, str]) -> Path:
    """Return the database for a command: the configured one, the user's, or the service's."""
    if configured:
        return Path(configured)
    own, system = state_directory(environ) / DATABASE, SYSTEM_STATE / DATABASE
    return system if not is_there(own) and is_there(system) else own


def config_of_service(environ: Mapping[str, str]) -> Path | None:
    """Return the service's configuration file, unless the user has a database."""
    own = state_directory(environ) / DATABASE
    return SYSTEM_CONFIG if not is_there(own) and is_there(SYSTEM_CONFIG) else None


def is_there(path: Path) -> bool:
    """Return whether a file exists; one in a directory that this user may not search counts as existing."""
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
