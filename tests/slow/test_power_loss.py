"""After a power failure, everything acknowledged is there, and nothing is sent twice."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.day import Day
from tests.chaos.plan import Plan, plan
from tests.slow.mounted_disk import Disk
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("fuse", "root")


@pytest.fixture
def disk(own_stage: Stage) -> Iterator[Disk]:
    """A disk, mounted."""
    disk = Disk(own_stage)
    yield disk
    disk.close()


def test_the_disk_loses_only_what_was_not_synced(disk: Disk) -> None:
    blocks = [bytes([number]) * 4_096 for number in range(1, 101)]
    kept, nameless = disk.path / "kept", disk.path / "nameless"
    with kept.open("wb", buffering=0) as file:
        file.writelines(blocks[:50])
        os.fsync(file.fileno())
        sync_directory(disk.path)
        file.writelines(blocks[50:])
        with nameless.open("wb") as other:
            other.write(b"synced, under a name that is not")
            other.flush()
            os.fsync(other.fileno())
            assert kept.read_bytes() == b"".join(blocks)
            assert nameless.exists()
            disk.fail()
    disk.come_back()
    left = kept.read_bytes()
    assert left.startswith(b"".join(blocks[:50]))
    assert 0 < sum(block in left for block in blocks[50:]) < 50
    assert not nameless.exists()


def sync_directory(path: Path) -> None:
    """Sync a directory's names to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DayOfPowerCuts(Day):
    """A day on which the power fails: the daemon ends, and its disk loses what was not synced."""

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
def test_a_day_of_power_cuts_breaks_no_promise(own_stage: Stage, disk: Disk, seed: int) -> None:
    what = plan(seed, signals=60, symbols=20, kills=8)
    outcome = DayOfPowerCuts(own_stage, what, disk).live()
    assert outcome.broken == []
    assert 55 <= len(what.sure) <= outcome.figures["acknowledged"] <= 60
    assert outcome.figures["kills"] == 8
