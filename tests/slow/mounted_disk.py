"""The disk of :mod:`tests.slow.lossy_disk`, mounted: its power can fail."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import Child, eventually
from tests.support.stage import Stage

SOURCES = Path(__file__).parents[2]


class Disk:
    """A disk whose power can fail, mounted."""

    def __init__(self, stage: Stage) -> None:
        self.path = stage.subdirectory("mounted")
        self._store = stage.subdirectory("disk")
        self._stage = stage
        self._process: Child
        self._mount()

    def fail(self) -> None:
        """Let the power fail, even in the middle of a write."""
        self._process.kill()

    def come_back(self) -> None:
        """Mount what is left."""
        self._unmount()
        self._mount()

    def close(self) -> None:
        """Unmount it."""
        self._process.close()
        self._unmount()

    def _mount(self) -> None:
        command = [sys.executable, "-m", "tests.slow.lossy_disk", str(self._store), str(self.path)]
        self._process = self._stage.child(*command, environ=dict(os.environ), directory=SOURCES)
        eventually(self.path.is_mount, "the disk is mounted")

    def _unmount(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", self.path], check=True)
