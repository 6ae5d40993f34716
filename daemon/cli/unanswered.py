"""Why there is no answer, and what to do about it, in words that are right for whoever asks."""

import grp
import os
import pwd
from pathlib import Path

from daemon.config.socket_record import is_services

START = "systemctl start sniperd.socket sniperd.service"
RESET = "systemctl reset-failed sniperd.socket sniperd.service"


def not_there(path: Path) -> str:
    """Say that nobody listens at a socket."""
    if is_services(path):
        return (
            f"the service sniperd is down: nobody answers at {path}. `journalctl -u sniperd -n 20` says why; start it "
            f"with `{START}`, after `{RESET}` where systemd refuses because it failed too often"
        )
    return f"no daemon answers at {path}: start one with `sniperd run`, or name it with --config"


def not_open(path: Path) -> str:
    """Say whose a socket is that is not open to this user, and how to be let in."""
    place = _closed_place(path)
    try:
        found = place.stat()
    except OSError:
        return f"{path} is not open to you: join the group that owns it"
    user, group = _user(os.geteuid()), _group(found.st_gid)
    if found.st_gid == 0:
        return f"{path} is not open to you ({user}): ask as {_user(found.st_uid)}, to whom {place} belongs"
    if _is_member(user, group):
        return (
            f"{path} is not open to this session, though {user} has joined the group {group} since it began: log in "
            f"again, or run it as `sg {group} -c '…'`"
        )
    return (
        f"{path} is not open to you ({user}): join the group {group} with `sudo usermod -aG {group} {user}`, then log "
        "in again"
    )


def _closed_place(path: Path) -> Path:
    """Return the directory on the way, or the socket itself, that keeps this user out."""
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
