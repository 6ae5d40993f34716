"""Copies named by their time, of which the newest are kept."""

from pathlib import Path

import pytest

from daemon.errors import BadDatabase, CannotCreate
from daemon.store.backup_rotation import backup_into
from daemon.store.store import open_store

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    async with open_store(tmp_path / "x.db"):
        pass
    (tmp_path / "copies").mkdir()
    return tmp_path / "x.db"


async def test_the_newest_are_kept(database: Path) -> None:
    copies = database.parent / "copies"
    made = [backup_into(copies, database, keep=3, now_ms=NOW_MS + hour * 3_600_000).path for hour in range(5)]
    assert sorted(map(str, copies.iterdir())) == made[2:]
    assert Path(made[0]).name == "sniperd-20260921T141320.000Z.db"


async def test_nothing_else_is_removed(database: Path) -> None:
    copies = database.parent / "copies"
    others = {"notes.txt", "sniperd-before-the-upgrade.db", "sniperd-20200101T000000.000Z.db.partial"}
    for name in others:
        (copies / name).write_text("precious")
    for hour in range(3):
        backup_into(copies, database, keep=1, now_ms=NOW_MS + hour * 3_600_000)
    assert {path.name for path in copies.iterdir()} - others == {"sniperd-20260921T161320.000Z.db"}


async def test_a_database_that_cannot_be_copied_costs_no_copy(database: Path) -> None:
    copies = database.parent / "copies"
    kept = [backup_into(copies, database, keep=2, now_ms=NOW_MS + number).path for number in range(2)]
    database.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    with pytest.raises(BadDatabase):
        backup_into(copies, database, keep=1, now_ms=NOW_MS + 2)
    assert sorted(map(str, copies.iterdir())) == kept


async def test_a_directory_that_is_not_there_is_named(database: Path) -> None:
    with pytest.raises(CannotCreate, match="is not a directory"):
        backup_into(database.parent / "nowhere", database, keep=1, now_ms=NOW_MS)
