"""Error messages for a daemon that does not answer: the cause, and what this user can do about it."""

import grp
import os
import pwd
from pathlib import Path

from daemon.config.socket_record import unit_at


def not_there(path: Path) -> str:
    """Explain that no process listens on a socket."""
    if unit := unit_at(path):
        units = f"{unit}.socket {unit}.service"
        return (
            f"the service {unit} is down: nothing answers at {path}. `journalctl -u {unit} -n 20` says why; start it "
            f"with `systemctl start {units}`, after `systemctl reset-failed {units}` if systemd refuses because it "
            "failed too often"
        )
    return f"no daemon answers at {path}: start one with `sniperd run`, or name it with --config"


def not_open(path: Path) -> str:
    """Explain why this user cannot open a socket, and how to get access."""
    place = _closed_place(path)
    try:
        found = place.stat()
    except OSError:
        return f"{path} cannot be opened: join the group that owns it"
    user, group = _user(os.geteuid()), _group(found.st_gid)
    if found.st_gid == 0:
        return f"{path} cannot be opened by you ({user}): run it as {_user(found.st_uid)}, the owner of {place}"
    if _is_member(user, group):
        return (
            f"{path} cannot be opened by this session: {user} joined the group {group} after it began. Log in "
            f"again, or run it as `sg {group} -c '…'`"
        )
    return (
        f"{path} cannot be opened by you ({user}): join the group with `sudo usermod -aG {group} {user}`, then log "
        "in again"
    )


def _closed_place(path: Path) -> Path:
    """Return the directory on the path, or the socket itself, that this user may not enter."""
    for place in reversed(path.absolute().parents):
        if not os.access(place, os.X_OK, effective_ids=True):
            return place
    return path


def _is_member(user: str, group: str) -> bool:
    try:
        return user in grp.getgrnam(group).gr_mem
    except KeyError:
        return False


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
