"""Opening the database: one instance, a checked file, a known version."""

import os
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.errors import AlreadyRunning, BadDatabase, CannotCreate, CommitFailed, Locked, StartupError
from daemon.store import connection, rows
from daemon.store.opening import WAL_BYTES
from daemon.store.schema import APPLICATION_ID, FILLS, MIGRATIONS, SCHEMA, VERSION
from daemon.store.store import open_store
from tests.support import making


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sniperd.db"


async def opening_fails(path: Path, kind: type[StartupError]) -> str:
    """Open a database that cannot be opened, or is found to be damaged then; return what it says."""
    with pytest.raises((kind, ExceptionGroup)) as caught:
        async with open_store(path) as store:
            await store.trusted()
            pytest.fail("it was opened")
    error: BaseException = caught.value
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    assert isinstance(error, kind)
    return str(error)


async def written(path: Path) -> None:
    """Make a database that holds an order."""
    async with open_store(path) as store:
        await store.commit(ChangeSet(orders={"a": making.order()})).durable()


def pragma(name: str, connection: sqlite3.Connection) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def edit(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_a_new_database_is_made_with_its_directory_for_the_owner_alone(path: Path) -> None:
    await written(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_commit_is_synced_and_the_file_says_whose_it_is(path: Path) -> None:
    async with open_store(path) as store:
        names = ("journal_mode", "synchronous", "user_version", "application_id")
        pragmas = {name: store._write.here(partial(pragma, name)) for name in names}
    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "user_version": VERSION,
        "application_id": APPLICATION_ID,
    }


async def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    await written(path)
    async with open_store(path) as store:
        assert list((await store.remembered()).orders.take()) == [making.order()]


async def test_a_second_instance_is_refused_with_the_pid_of_the_first(path: Path) -> None:
    async with open_store(path):
        message = await opening_fails(path, AlreadyRunning)
    assert f"pid {os.getpid()}" in message
    assert "stop it first" in message


async def test_a_database_is_free_again_after_its_process(path: Path) -> None:
    await written(path)
    await written(path)


@pytest.mark.parametrize(("version", "said"), [(VERSION + 1, "a newer sniperd"), (4, "an older sniperd")])
async def test_a_file_of_another_schema_is_refused_and_left_as_it_is(path: Path, version: int, said: str) -> None:
    await written(path)
    edit(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    assert f"{said} (schema {version}; this one knows {VERSION})" in await opening_fails(path, BadDatabase)
    assert path.read_bytes() == before


def made_by_former(path: Path) -> None:
    """Make a database of schema 5 that holds an order."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(SCHEMA.replace(FILLS, ""))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 5")
        connection.execute(rows.UPSERT_ORDER, rows.order_row(making.order()))


def tables(path: Path) -> list[tuple[str, str]]:
    """Return the version, and every table, index and trigger with its text."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
        return [("version", str(pragma("user_version", connection))), *found]


async def test_a_file_of_the_former_schema_becomes_one_of_this_schema_with_its_content(path: Path) -> None:
    made_by_former(path)
    fill = making.fill(making.order())
    async with open_store(path) as store:
        assert await store.order(making.order().order_id) == making.order()
        await store.commit(ChangeSet(fills=[fill])).durable()
    async with open_store(path) as store:
        history = await store.history(fill.order_id)
        assert history is not None
        assert history.fills == [fill]
    await written(path.with_name("new.db"))
    assert tables(path) == tables(path.with_name("new.db"))


async def test_a_migration_that_fails_changes_nothing_and_a_later_start_makes_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by_former(path)
    before = tables(path)
    with monkeypatch.context() as patch:
        patch.setitem(MIGRATIONS, 5, FILLS * 2)
        assert "already exists" in await opening_fails(path, CannotCreate)
    assert tables(path) == before
    await written(path)
    assert tables(path)[0] == ("version", str(VERSION))


async def test_a_process_that_is_killed_in_a_migration_has_changed_nothing(path: Path) -> None:
    made_by_former(path)
    before = tables(path)
    code = (
        "import os, sqlite3, sys; from daemon.store.schema import FILLS\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA journal_mode = WAL')\n"
        "connection.executescript(f'BEGIN IMMEDIATE; {FILLS} PRAGMA user_version = 6;')\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = await anyio.run_process([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert tables(path) == before
    await written(path)
    assert tables(path)[0] == ("version", str(VERSION))


async def test_a_file_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    edit(path, "CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    assert "another program" in await opening_fails(path, BadDatabase)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "junk", [b"no database at all, but long enough to have a header " * 40, b"SQLite format 3\0" + b"\xff" * 4096]
)
async def test_a_file_that_is_no_database_is_refused_with_what_to_do(path: Path, junk: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(junk)
    assert "restore the last backup" in await opening_fails(path, BadDatabase)
    assert path.read_bytes() == junk


async def test_a_damaged_page_is_found_at_start(path: Path) -> None:
    await written(path)
    damage(path, "orders")
    assert "is damaged" in await opening_fails(path, BadDatabase)


async def test_one_flipped_bit_in_an_index_is_found_at_start(path: Path) -> None:
    """Nothing but a comparison with the table finds it; a known key would be a new one."""
    async with open_store(path) as store:
        await store.commit(ChangeSet(orders={"a": making.order(1, key="a1"), "b": making.order(2, key="b2")})).durable()
    flip(path, "one_order_per_key", b"a1")
    said = await opening_fails(path, BadDatabase)
    assert "one_order_per_key" in said
    assert "restore the last backup" in said


async def test_damage_outside_the_decisive_tables_ends_the_daemon_a_little_later(path: Path) -> None:
    async with open_store(path) as store:
        event = Event(name="order.accepted", at_ms=1, order_id="01ABC")
        await store.commit(ChangeSet(orders={"a": making.order(1)}, events=[event])).durable()
    flip(path, "events_by_order", b"01ABC")
    with pytest.raises(ExceptionGroup) as caught:
        async with open_store(path) as store:
            await store.trusted()
            await anyio.sleep_forever()
    assert caught.group_contains(BadDatabase, match="events_by_order")


def flip(path: Path, name: str, word: bytes) -> None:
    """Flip one bit of a word on the first page of an index or a table."""
    with closing(sqlite3.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        there = file.read(size).rindex(word)
        file.seek((page - 1) * size + there + len(word) - 1)
        file.write(bytes([word[-1] ^ 0b0100_0000]))


async def test_an_interrupted_start_does_not_hinder_the_next(path: Path) -> None:
    await written(path)
    edit(path, "CREATE TABLE ballast (bytes BLOB) STRICT")
    await written(path)


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = await opening_fails(tmp_path / "file" / "sniperd.db", CannotCreate)
    assert str(tmp_path / "file") in message
    assert "[store] path" in message


async def test_the_wal_has_its_working_size_before_the_first_order(path: Path) -> None:
    async with open_store(path):
        assert path.with_name("sniperd.db-wal").stat().st_size >= 4 << 20


async def test_what_a_killed_process_left_in_the_wal_does_not_make_it_grow(path: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed" / "sniperd.db"
    killed.parent.mkdir()
    async with open_store(path) as store:
        order = making.order(1, reason="x" * WAL_BYTES)
        await store.commit(ChangeSet(orders={order.order_id: order})).durable()
        for suffix in ("", "-wal"):
            killed.with_name(killed.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    log = killed.with_name("sniperd.db-wal")
    left = log.stat().st_size
    async with open_store(killed) as store:
        assert len([*(await store.remembered()).orders.take()]) == 1
        assert log.stat().st_size <= left + WAL_BYTES // 4


async def test_a_lock_that_stays_ends_the_start_with_a_failure_that_can_pass(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(path)
    monkeypatch.setattr(connection, "LOCK_WAIT_S", 0.0)
    emitted: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked, match="fuser") as caught:
            async with open_store(path, emit=emitted.append):
                pytest.fail("it was opened")
    assert caught.value.exit_code == 75
    await written(path)


async def test_what_cannot_be_read_back_ends_the_store(path: Path) -> None:
    await written(path)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_store(path) as store:
            await store.trusted()
            damage(path, "one_order_per_key")
            with pytest.raises(CommitFailed, match="cannot be read"):
                store.recall(["key-1"])
            await anyio.sleep_forever()
    assert caught.group_contains(CommitFailed)


def damage(path: Path, name: str) -> None:
    """Overwrite the first page of an index or a table."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
