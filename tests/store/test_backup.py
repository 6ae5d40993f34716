"""A verified copy of the database."""

import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.errors import BadDatabase, CannotCreate
from daemon.store.backup import backup
from daemon.store.store import Store, open_store
from tests.support import making


async def fill(store: Store, first: int, last: int) -> None:
    for number in range(first, last + 1):
        order = making.order(number)
        await store.commit(ChangeSet(orders={order.order_id: order})).durable()


async def test_a_copy_made_while_orders_are_written_is_one_moment_of_them(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store, anyio.create_task_group() as tasks:
        await fill(store, 1, 50)
        tasks.start_soon(fill, store, 51, 400)
        done = await anyio.to_thread.run_sync(partial(backup, tmp_path / "x.db", tmp_path / "copy.db"))
    assert done.orders >= 50
    async with open_store(tmp_path / "copy.db") as copy:
        found = list((await copy.remembered()).orders.take())
    assert found == [making.order(number) for number in range(1, done.orders + 1)]


async def test_a_copy_is_for_its_owner_alone_and_needs_no_file_beside_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await fill(store, 1, 3)
        backup(tmp_path / "x.db", tmp_path / "copies.db")
    assert stat.S_IMODE((tmp_path / "copies.db").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("copies.db*")] == ["copies.db"]


async def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db"):
        pass
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(CannotCreate, match="exists"):
        backup(tmp_path / "x.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_without_a_database_there_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(BadDatabase, match="there is no database"):
        backup(tmp_path / "none.db", tmp_path / "copy.db")


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db"):
        pass
    with pytest.raises(CannotCreate, match="cannot write"):
        backup(tmp_path / "x.db", tmp_path / "nowhere" / "copy.db")


def test_a_damaged_database_gives_no_copy_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    with pytest.raises(BadDatabase):
        backup(tmp_path / "x.db", tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.db"]


def test_a_database_of_another_program_gives_no_copy(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE orders (x TEXT)")
    with pytest.raises(BadDatabase, match="failed its check"):
        backup(tmp_path / "x.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
