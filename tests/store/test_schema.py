"""The constraints of the schema, which hold for every program."""

import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.states import State
from daemon.store.commit import Commit
from daemon.store.opening import prepare
from daemon.store.schema import SCHEMA, VERSION
from daemon.store.writer import write
from tests.support import making

BOT_LOCK_COLUMNS = """
    lock_id resource_id idempotency_key owner_id owner_type acquired_at expires_at released_at status lock_type
    transaction_type transaction_data max_retries current_retries timeout_ms result error_message created_at updated_at
    """
BOT_QUEUE_COLUMNS = """
    queue_id lock_id resource_id priority transaction_type transaction_data idempotency_key status queued_at
    processing_started_at completed_at result error_message attempts owner_id owner_type created_at updated_at
    """


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as connection:
        prepare(connection, tmp_path / "x.db")
        yield connection


def written(connection: sqlite3.Connection, step: ChangeSet) -> None:
    group = Commit()
    group.join(step)
    write(connection, group)


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(f"PRAGMA table_xinfo({table})")]


@pytest.mark.parametrize(
    ("table", "expected"), [("transaction_locks", BOT_LOCK_COLUMNS), ("transaction_queue", BOT_QUEUE_COLUMNS)]
)
def test_the_bots_tables_have_the_bots_columns(connection: sqlite3.Connection, table: str, expected: str) -> None:
    assert set(expected.split()) <= set(columns(connection, table))


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    tables = connection.execute("PRAGMA table_list").fetchall()
    loose = [row["name"] for row in tables if not row["strict"] and not row["name"].startswith("sqlite_")]
    assert loose == []


def test_a_resource_cannot_have_two_active_locks(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        written(connection, ChangeSet(locks={n: making.lock(int(n), resource="same") for n in "12"}))
    assert connection.execute("SELECT count(*) FROM transaction_locks").fetchone()[0] == 0
    assert not connection.in_transaction


def test_a_key_cannot_have_two_orders(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        written(connection, ChangeSet(orders={n: making.order(int(n), key="same") for n in "12"}))


def test_a_key_that_was_let_go_can_have_another_order(connection: sqlite3.Connection) -> None:
    written(connection, ChangeSet(orders={"1": making.order(1, key="same")}))
    done = making.order(1, key="same", state=State.REJECTED, key_bound=False)
    written(connection, ChangeSet(orders={"1": done, "2": making.order(2, key="same")}))


def test_the_audit_trail_cannot_be_changed_or_shortened(connection: sqlite3.Connection) -> None:
    written(connection, ChangeSet(events=[Event(name="trading.halted", at_ms=1)]))
    for statement in ("UPDATE events SET actor = 'nobody'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)


def removed(connection: sqlite3.Connection, before_ms: int, statement: str) -> int:
    """Remove rows as the clean-up does: what ended before an instant may go."""
    connection.execute("BEGIN")
    try:
        connection.execute("INSERT INTO retention VALUES (?)", (before_ms,))
        return connection.execute(statement).rowcount
    finally:
        connection.execute("ROLLBACK")


END_MS = 1_000


@pytest.mark.parametrize(
    ("changes", "before_ms", "is_removed"),
    [
        pytest.param({"key_bound": False}, END_MS + 1, True, id="its key is free"),
        pytest.param({"key_until_ms": END_MS}, END_MS + 1, True, id="its key's window is over"),
        pytest.param({"key_until_ms": END_MS + 1}, END_MS + 1, False, id="its key's window is not over"),
        pytest.param({}, END_MS + 1, False, id="its key counts for ever"),
        pytest.param({"key_bound": False}, END_MS, False, id="it ended too late"),
        pytest.param({"key_bound": False, "finished_ms": None}, END_MS + 1, False, id="it has not ended"),
    ],
)
def test_an_order_is_removed_only_when_its_key_does_not_count(
    connection: sqlite3.Connection, changes: dict[str, int | None], before_ms: int, is_removed: bool
) -> None:
    order = making.order(1, **{"state": State.FILLED, "finished_ms": END_MS, **changes})
    written(connection, ChangeSet(orders={"1": order}))
    with pytest.raises(sqlite3.IntegrityError, match="while its key counts"):
        connection.execute("DELETE FROM orders")
    if is_removed:
        assert removed(connection, before_ms, "DELETE FROM orders") == 1
    else:
        with pytest.raises(sqlite3.IntegrityError, match="while its key counts"):
            removed(connection, before_ms, "DELETE FROM orders")


@pytest.mark.parametrize(
    ("finished_ms", "at_ms", "is_removed"),
    [(END_MS, END_MS, True), (END_MS + 1, END_MS, False), (None, END_MS, False), (END_MS, END_MS + 1, False)],
    ids=["both are past", "the order ended later", "the order has not ended", "the event came later"],
)
def test_an_event_is_removed_only_with_its_order_past_retention(
    connection: sqlite3.Connection, finished_ms: int | None, at_ms: int, is_removed: bool
) -> None:
    order = making.order(1, state=State.FILLED, finished_ms=finished_ms)
    event = Event(name="order.filled", at_ms=at_ms, order_id=order.order_id)
    written(connection, ChangeSet(orders={"1": order}, events=[event]))
    if is_removed:
        assert removed(connection, END_MS + 1, "DELETE FROM events") == 1
    else:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            removed(connection, END_MS + 1, "DELETE FROM events")


def test_a_lock_is_named_by_its_fencing_token(connection: sqlite3.Connection) -> None:
    written(connection, ChangeSet(locks={"lock-7": making.lock(7)}))
    assert connection.execute("SELECT lock_id FROM transaction_locks").fetchone()[0] == "lock-7"


def test_an_unknown_state_is_refused(connection: sqlite3.Connection) -> None:
    written(connection, ChangeSet(orders={"1": making.order(1)}))
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE orders SET state = 'perhaps'")


def test_the_columns_of_orders_are_the_fields_of_the_value(connection: sqlite3.Connection) -> None:
    assert columns(connection, "orders") == list(making.order().__struct_fields__)


def test_a_column_says_what_it_holds_unless_its_name_does() -> None:
    spoken = re.compile(r"^    (?P<name>\w+) +(TEXT|INTEGER)(?P<rest>.*)$", re.MULTILINE)
    silent = {match["name"] for match in spoken.finditer(SCHEMA) if "--" not in match["rest"]}
    plain = {
        "order_id", "state", "side", "type", "accepted_ms", "updated_ms", "repriced", "exchange_order_id", "message",
        "answered_ms", "at_ms", "lock_id", "resource", "client_order_id", "resource_id", "owner_id", "owner_type",
        "acquired_at", "released_at", "status", "lock_type", "transaction_type", "current_retries", "error_message",
        "created_at", "updated_at", "priority", "idempotency_key", "queued_at", "processing_started_at",
        "completed_at", "attempts",
    }  # fmt: skip
    assert silent <= plain


def test_a_schema_of_other_columns_has_a_number_of_its_own(connection: sqlite3.Connection) -> None:
    """A file of an older schema is refused at the start by its number; otherwise its first commit fails.

    After a change, raise ``VERSION`` and write the new sum here.
    """
    tables = re.findall(r"^CREATE TABLE (\w+)", SCHEMA, re.MULTILINE)
    rows = [(table, *row[1:4]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]
    assert (VERSION, zlib.crc32(repr(rows).encode())) == (6, 960386413)
