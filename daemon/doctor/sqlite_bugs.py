"""SQLite's known bugs, for the version that is linked: which it has, and whether this program's use meets them.

Read from SQLite's own change log and its page on WAL. A distribution may mend one without another version number.
"""

import msgspec

from daemon.doctor.findings import Finding, failure, ok, warning

Version = tuple[int, ...]

CHECK = "sqlite"
OLDEST: Version = (3, 37, 0)
"""STRICT tables."""


class Bug(msgspec.Struct, frozen=True):
    """A bug, where it is mended, and what it has to do with this program."""

    name: str
    first: Version
    fixed: tuple[Version, ...]
    """The version that mends it in each branch that has such a one, the main line last."""
    meets: bool
    """Whether this program does what the bug needs."""
    why: str

    def is_in(self, version: Version) -> bool:
        """Whether a version has it."""
        *branches, main = self.fixed
        mended = any(version[:2] == fix[:2] and version >= fix for fix in branches)
        return self.first <= version < main and not mended


BUGS = (
    Bug(
        "the WAL-reset bug, which can corrupt a database",
        (3, 7, 0),
        ((3, 44, 6), (3, 50, 7), (3, 51, 3)),
        meets=False,
        why="it needs two connections that write or checkpoint, and only the daemon's one does: open the database with "
        "nothing else that can write (sqlite3 -readonly)",
    ),
    Bug(
        "wrong old.* values in triggers behind an upsert",
        (3, 24, 0),
        ((3, 45, 3),),
        meets=False,
        why="no trigger of this database reads them",
    ),
    Bug(
        "CVE-2025-6965, memory corruption by a crafted query",
        (3, 0, 0),
        ((3, 50, 2),),
        meets=False,
        why="no query comes from outside",
    ),
)


def examine(text: str, bugs: tuple[Bug, ...] = BUGS) -> Finding:
    """Judge a version, like ``3.40.1``."""
    version = tuple(int(part) for part in text.split("."))
    if version < OLDEST:
        return failure(CHECK, f"{text} is too old", "install SQLite 3.37 or newer")
    found = [bug for bug in bugs if bug.is_in(version)]
    if not found:
        return ok(CHECK, f"{text} has none of the known bugs that could concern the database")
    named = "; ".join(f"{bug.name} ({bug.why})" for bug in found)
    if any(bug.meets for bug in found):
        newest = ".".join(map(str, max(bug.fixed[-1] for bug in found if bug.meets)))
        return warning(CHECK, f"{text} has {named}", f"install SQLite {newest} or newer")
    return ok(CHECK, f"{text} has {named}")
