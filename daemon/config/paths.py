"""Default paths: the service manager's directories, else the user's.

The service may have instances, one for each further account. The instance NAME is the unit ``sniperd@NAME.service``,
with the configuration ``/etc/sniperd/NAME.toml``, the directories ``/var/lib/sniperd-NAME`` and ``/run/sniperd-NAME``,
and credentials like ``/etc/credstore/NAME.mexc_api_key``. A command recognises it by ``--config``.
"""

import os
import re
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

INSTANCE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What an instance may be called: a part of the names of units, directories and files."""


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
    """Return the database for a command: the configured one, the instance's, the user's, or the service's."""
    if configured:
        return Path(configured)
    own, system = state_directory(environ) / DATABASE, SYSTEM_STATE / DATABASE
    is_systems = not instance_in(environ) and not is_there(own) and is_there(system)
    return system if is_systems else own


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


def environment(config_path: Path | None = None) -> Mapping[str, str]:
    """Return the process's environment; for an instance's configuration, with that instance's directories."""
    name = instance_of(config_path)
    if not name:
        return os.environ
    own = {"STATE_DIRECTORY": SYSTEM_STATE, "RUNTIME_DIRECTORY": SYSTEM_RUNTIME}
    return os.environ | {variable: f"{directory}-{name}" for variable, directory in own.items()}


def instance_of(config_path: Path | None) -> str:
    """Return the instance of the service to which a configuration file belongs; empty for any other file."""
    if config_path is None:
        return ""
    path = config_path.absolute()
    is_one = path.parent == SYSTEM_CONFIG.parent and path.suffix == SYSTEM_CONFIG.suffix and path != SYSTEM_CONFIG
    return path.stem if is_one and INSTANCE_NAME.fullmatch(path.stem) else ""


def instance_at(runtime: Path) -> str:
    """Return the instance of the service that has this runtime directory; empty for any other directory."""
    begin = f"{SYSTEM_RUNTIME.name}-"
    is_one = runtime.parent == SYSTEM_RUNTIME.parent and runtime.name.startswith(begin)
    return runtime.name.removeprefix(begin) if is_one else ""


def instance_in(environ: Mapping[str, str]) -> str:
    """Return the instance of the service whose environment this is; empty for any other environment."""
    return instance_at(runtime_directory(environ)) if environ.get("RUNTIME_DIRECTORY") else ""


def unit_name(instance: str) -> str:
    """Return the name of an instance's units, without their type; an empty instance is the service itself."""
    return f"{NAME}@{instance}" if instance else NAME


def credential_file(instance: str, name: str) -> str:
    """Return the name of a credential's file in systemd's credential store."""
    return f"{instance}.{name}" if instance else name
