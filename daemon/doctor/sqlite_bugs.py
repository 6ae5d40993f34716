"""SQLite's known bugs: which of them the linked version has, and whether they affect this program.

From SQLite's change log and its page on WAL. A distribution may fix a bug without changing the version number.
"""

import msgspec

from daemon.doctor.findings import Finding, failure, ok, warning

Version = tuple[int, ...]

CHECK = "sqlite"
OLDEST: Version = (3, 37, 0)
"""For STRICT tables."""


class Bug(msgspec.Struct, frozen=True):
    """A bug, the versions that fix it, and whether it affects this program."""

    name: str
    first: Version
    fixed: tuple[Version, ...]
    """The fixing version of each branch that has one, the main line last."""
    affects: bool
    """Whether this program does what triggers the bug."""
    why: str

    def is_in(self, version: Version) -> bool:
        """Return whether a version has the bug."""
        *branches, main = self.fixed
        fixed = any(version[:2] == fix[:2] and version >= fix for fix in branches)
        return self.first <= version < main and not fixed


BUGS = (
    Bug(
        "the WAL-reset bug, which can corrupt a database",
        (3, 7, 0),
        ((3, 44, 6), (3, 50, 7), (3, 51, 3)),
        affects=False,
        why="it needs two connections that write or checkpoint, and only the daemon's one does: open the database with "
        "nothing else that can write (sqlite3 -readonly)",
    ),
    Bug(
        "wrong old.* values in triggers behind an upsert",
        (3, 24, 0),
        ((3, 45, 3),),
        affects=False,
        why="no trigger of this database reads them",
    ),
    Bug(
        "CVE-2025-6965, memory corruption by a crafted query",
        (3, 0, 0),
        ((3, 50, 2),),
        affects=False,
        why="no query comes from outside",
    ),
)


def examine(text: str, bugs: tuple[Bug, ...] = BUGS) -> Finding:
    """Check a version, like ``3.40.1``."""
    version = tuple(int(part) for part in text.split("."))
    if version < OLDEST:
        return failure(CHECK, f"{text} is too old", "install SQLite 3.37 or newer")
    found = [bug for bug in bugs if bug.is_in(version)]
    if not found:
        return ok(CHECK, f"{text} has no known bug that concerns the database")
    named = "; ".join(f"{bug.name} ({bug.why})" for bug in found)
    if any(bug.affects for bug in found):
        newest = ".".join(map(str, max(bug.fixed[-1] for bug in found if bug.affects)))
        return warning(CHECK, f"{text} has {named}", f"install SQLite {newest} or newer")
    return ok(CHECK, f"{text} has {named}")
