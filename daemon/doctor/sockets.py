"""The sockets: where they are, and who may open them."""

import grp
import os
import pwd
import stat
from pathlib import Path

from daemon.doctor.findings import Finding, failure, ok, warning

WHAT = {"signals": "trade", "status": "read"}


def examine(name: str, path: Path) -> Finding:
    """Report who may open a socket."""
    check = f"{name}.sock"
    try:
        found = path.stat()
    except PermissionError:
        return warning(check, f"you may not see {path}", "run `sniperd doctor` as root, or join the group sniperd")
    except OSError:
        return warning(check, f"there is none at {path}", "start the daemon, or name its configuration with --config")
    if not stat.S_ISSOCK(found.st_mode):
        return failure(check, f"{path} is not a socket", "move it away, or set [sockets] to another path")
    mode = stat.S_IMODE(found.st_mode)
    if mode & stat.S_IWOTH and _passable(path.parent):
        return failure(check, f"every user may {WHAT[name]} at {path} (mode {mode:04o})", f"chmod 0660 {path}")
    who = _who(found.st_uid, found.st_gid, group=bool(mode & stat.S_IWGRP))
    return ok(check, f"{path}: {who} may {WHAT[name]}")


def _passable(directory: Path) -> bool:
    """Return whether every user may enter the directory."""
    places = (directory, *directory.absolute().parents)
    return all(place.stat().st_mode & stat.S_IXOTH for place in places)


def _who(uid: int, gid: int, *, group: bool) -> str:
    """Name who may open it; services that get the group from their unit are not known here."""
    names = ["root"] + ([] if uid == 0 else [_user(uid)])
    if group:
        try:
            entry = grp.getgrgid(gid)
        except KeyError:
            return f"{', '.join(names)} and the group {gid}"
        members = {*entry.gr_mem, *(user.pw_name for user in pwd.getpwall() if user.pw_gid == gid)} - set(names)
        names.append(f"the group {entry.gr_name}" + (f" ({', '.join(sorted(members))})" if members else ""))
    return ", ".join(names)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def may_connect(path: Path) -> bool:
    """Return whether this user may connect."""
    return os.access(path, os.R_OK | os.W_OK)
