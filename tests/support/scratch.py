"""Where tests keep their files: in memory, where there is room.

The suite syncs thousands of times, and a busy disk takes milliseconds for each. What a power failure leaves is
tested on a disk of its own (``tests/slow``).
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # each test makes a directory of its own in it
ROOM_BYTES = 2 << 30
"""Four times what the fast suite needs at once. A container may have 64 MB there."""


def scratch() -> Path:
    """Return where temporary directories are made: ``TMPDIR`` if it is set, memory, or the system's place."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        return MEMORY
    return Path(tempfile.gettempdir())


def _has_room(directory: Path) -> bool:
    """Return whether a directory is there, has room, and lets tests execute what they write."""
    if not os.access(directory, os.W_OK | os.X_OK) or os.statvfs(directory).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(directory).free >= ROOM_BYTES
