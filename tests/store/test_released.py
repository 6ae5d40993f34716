"""Every schema that was released can be brought to this one, with every row as it was; and none is ever changed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.values.states import State
from daemon.store.schema import APPLICATION_ID, MIGRATIONS
from daemon.store.store import open_store
from tests.store.released import released

RELEASED = released()
Rows = dict[str, list[dict[str, object]]]

every_schema = pytest.mark.parametrize("schema", RELEASED)


def made(schema: int, path: Path) -> Path:
    """Make the database that a released version left."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(RELEASED[schema].read_text(encoding="utf-8"))
    return path


def shape(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Tell the tables, indices and triggers, but for the way in which they are written."""
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    return [(name, " ".join(sql.split())) for name, sql in found]


def rows(path: Path) -> Rows:
    """Read everything."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}  # noqa: S608  # ours


def test_there_is_a_database_of_every_schema() -> None:
    """A change of the schema is a new migration and a new database: ``python -m tests.store.released``."""
    assert sorted(RELEASED) == list(range(1, len(MIGRATIONS) + 1))


@every_schema
def test_a_released_schema_is_never_changed(schema: int, tmp_path: Path) -> None:
    with closing(sqlite3.connect(made(schema, tmp_path / "x.db"))) as connection:
        left = shape(connection)
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in MIGRATIONS[:schema]:
            connection.executescript(script)
        assert shape(connection) == left


@every_schema
async def test_it_is_brought_to_this_schema_with_every_row_as_it_was(schema: int, tmp_path: Path) -> None:
    path = made(schema, tmp_path / "x.db")
    before = rows(path)
    async with open_store(path):
        pass
    after = rows(path)
    for table, left in before.items():
        kept = [{name: row[name] for name in was} for was, row in zip(left, after[table], strict=True)]
        assert kept == left, table
    with closing(sqlite3.connect(path)) as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        assert pragmas == [APPLICATION_ID, len(MIGRATIONS)]
        found = shape(connection)
    async with open_store(tmp_path / "new.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert found == shape(connection)


@every_schema
async def test_the_daemon_reads_all_that_it_needs_to_go_on(schema: int, tmp_path: Path) -> None:
    path = made(schema, tmp_path / "x.db")
    async with open_store(path) as store:
        remembered = await store.remembered()
        dead = await store.dead_letters()
    states = {order.state for order in remembered.orders}
    assert states >= {State.QUEUED, State.OPEN, State.LOST, State.IN_DOUBT}
    assert remembered.halted == "the end of the day"
    assert {lock.resource for lock in remembered.locks} >= {"wallet:42"}
    assert dead == 1
