"""When the power fails, what was acknowledged is there, and nothing is sent twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.day import Day
from tests.chaos.plan import Plan, plan
from tests.processes import Child, eventually
from tests.processes.stage import Stage

pytestmark = pytest.mark.needs("fuse", "root")

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
        """Let the power fail, in the middle of whatever is being written."""
        self._process.kill()

    def come_back(self) -> None:
        """Mount what is left."""
        self._unmount()
        self._mount()

    def close(self) -> None:
        """Let it go."""
        self._process.close()
        self._unmount()

    def _mount(self) -> None:
        command = [sys.executable, "-m", "tests.slow.lossy_disk", str(self._store), str(self.path)]
        self._process = self._stage.child(*command, environ=dict(os.environ), directory=SOURCES)
        eventually(self.path.is_mount, "the disk is mounted")

    def _unmount(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", self.path], check=True)


class DayOfPowerCuts(Day):
    """A day on which the power fails, and with it the daemon and what its disk has not synced."""

    send_again = frozenset({500, 503})  # the disk fails a moment before the daemon does

    def __init__(self, stage: Stage, what: Plan, disk: Disk) -> None:
        super().__init__(stage, what, print)
        self._disk = disk
        self.daemon.database = disk.path / "sniperd.db"
        self.daemon.configure({"store": {"path": str(self.daemon.database)}})

    def strike(self) -> None:
        """Let the power fail."""
        self._disk.fail()
        super().strike()
        self._disk.come_back()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_of_power_cuts_breaks_no_promise(own_stage: Stage, seed: int) -> None:
    disk = Disk(own_stage)
    try:
        outcome = DayOfPowerCuts(own_stage, plan(seed, signals=60, symbols=20, kills=8), disk).live()
    finally:
        disk.close()
    assert outcome.broken == []
    assert outcome.figures["acknowledged"] == 60
    assert outcome.figures["kills"] == 8
