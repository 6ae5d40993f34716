"""Restore: the backup is checked before and marked as a copy after; nothing of the former database remains in use."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.errors import AlreadyRunning, BadDatabase, CannotCreate
from daemon.store.backup import backup
from daemon.store.restore import restore
from daemon.store.schema import VERSION
from daemon.store.store import open_store
from tests.support import making

AT_MS = 1_790_000_000_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sniperd.db"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


async def fill(database: Path, first: int, last: int) -> None:
    async with open_store(database) as store:
        for number in range(first, last + 1):
            order = making.order(number)
            await store.commit(ChangeSet(orders={order.order_id: order})).durable()


async def backed_up(database: Path, copy: Path) -> None:
    """Make a backup of three orders; two more come after it."""
    await fill(database, 1, 3)
    backup(database, copy)
    await fill(database, 4, 5)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_what_the_backup_holds_is_there_again_and_known_to_be_a_copy(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    done = restore(copy, database, now_ms=AT_MS)
    assert (done.path, done.orders, done.schema) == (str(database), 3, VERSION)
    async with open_store(database) as store:
        remembered = await store.remembered()
    assert list(remembered.orders.take()) == [making.order(number) for number in range(1, 4)]
    assert remembered.copied is not None


async def test_a_backup_of_the_former_schema_is_restored_and_the_next_start_migrates_it(
    database: Path, copy: Path
) -> None:
    await backed_up(database, copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.executescript("DROP TABLE fills; PRAGMA user_version = 5;")
    assert restore(copy, database, now_ms=AT_MS).schema == 5
    async with open_store(database) as store:
        history = await store.history(making.order(1).order_id)
        assert history is not None
        assert history.fills == []
        assert len([*(await store.remembered()).orders.take()]) == 3


async def test_the_former_database_can_be_opened_where_it_is_kept(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    kept = restore(copy, database, now_ms=AT_MS).kept
    assert kept == f"{database}.20260921T141320Z"
    async with open_store(Path(kept)) as store:
        assert len([*(await store.remembered()).orders.take()]) == 5


async def test_a_wal_of_the_former_database_is_not_written_into_the_restored_one(database: Path, copy: Path) -> None:
    await fill(database, 1, 3)
    backup(database, copy)
    with closing(sqlite3.connect(database)) as left_open:  # as after kill -9: the log of changes stays
        left_open.execute("UPDATE orders SET symbol = 'GONE'")
        left_open.commit()
        assert database.with_name("sniperd.db-wal").stat().st_size
        restore(copy, database, now_ms=AT_MS)
    async with open_store(database) as store:
        assert {order.symbol for order in (await store.remembered()).orders.take()} == {making.order().symbol}


async def test_without_a_database_it_is_put_there_for_its_owner_alone(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    elsewhere = database.parent.with_name("new") / "sniperd.db"
    assert restore(copy, elsewhere, now_ms=AT_MS).kept is None
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert names(elsewhere.parent) == ["sniperd.db", "sniperd.db.lock"]


async def test_a_wal_without_its_database_is_removed(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    database.unlink()
    database.with_name("sniperd.db-wal").write_bytes(b"stale")
    restore(copy, database, now_ms=AT_MS)
    assert "sniperd.db-wal" not in names(database.parent)


async def test_a_daemon_that_runs_is_left_alone(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    async with open_store(database):
        with pytest.raises(AlreadyRunning, match="stop it first"):
            restore(copy, database, now_ms=AT_MS)
    async with open_store(database) as store:
        assert len([*(await store.remembered()).orders.take()]) == 5


PRAGMAS = {
    "foreign": "application_id = 7",
    "newer": f"user_version = {VERSION + 1}",
    "older": "user_version = 4",
}


@pytest.mark.parametrize("what", ["missing", "damaged", *PRAGMAS])
async def test_what_is_no_backup_of_ours_changes_nothing(database: Path, copy: Path, what: str) -> None:
    await backed_up(database, copy)
    if what == "missing":
        copy.unlink()
    elif what == "damaged":
        copy.write_bytes(copy.read_bytes()[:8192] + b"\xff" * 8192)
    else:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(f"PRAGMA {PRAGMAS[what]}")
    before = names(database.parent)
    with pytest.raises(BadDatabase):
        restore(copy, database, now_ms=AT_MS)
    assert names(database.parent) == before
    async with open_store(database) as store:
        assert len([*(await store.remembered()).orders.take()]) == 5


async def test_an_interrupted_restore_keeps_the_daemon_from_starting_until_it_is_run_again(
    database: Path, copy: Path
) -> None:
    await backed_up(database, copy)
    backup(copy, database.with_name("sniperd.db.restoring"))
    database.unlink()
    with pytest.raises(BadDatabase, match="was interrupted; run `sniperd restore` again"):
        await fill(database, 6, 6)
    restore(copy, database, now_ms=AT_MS)
    async with open_store(database) as store:
        assert len([*(await store.remembered()).orders.take()]) == 3


async def test_nothing_that_was_kept_is_overwritten(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    restore(copy, database, now_ms=AT_MS)
    with pytest.raises(CannotCreate, match="in a second"):
        restore(copy, database, now_ms=AT_MS)


async def test_a_copy_of_a_copy_knows_no_more_than_the_first(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    restore(copy, database, now_ms=AT_MS)
    with closing(sqlite3.connect(copy)) as connection:
        first = connection.execute("SELECT value FROM facts WHERE name = 'copied'").fetchall()
    backup(database, copy.with_name("second.db"))
    with closing(sqlite3.connect(copy.with_name("second.db"))) as connection:
        assert connection.execute("SELECT value FROM facts WHERE name = 'copied'").fetchall() == first


@pytest.mark.needs("root")
async def test_what_root_restores_belongs_to_the_owner_of_the_directory(database: Path, copy: Path) -> None:
    await backed_up(database, copy)
    database.with_name("sniperd.db.lock").unlink()
    os.chown(database.parent, 65_534, 65_534)
    restore(copy, database, now_ms=AT_MS)
    owners = {path.name: path.stat().st_uid for path in database.parent.iterdir() if ".2026" not in path.name}
    assert owners == {"sniperd.db": 65_534, "sniperd.db.lock": 65_534}
