"""A database with very many finished orders, as a daemon would have written them in the last months.

Locks of finished orders are not there: the daemon removes them after a day. Nor may times and numbers disagree, so the
orders that are still queued must be accepted after this.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench.contestants import Exchange, Tables, daemon
from tests.support.unix_http import ask
from tests.support.waiting import eventually

TARGET = "bulk-template"
TABLES = {"orders": "seq", "attempts": "", "events": "event_id"}
"""Where an order has rows, each with the column that numbers them."""

SPAN_MS = 300 * 86_400_000
"""The orders are spread over so long; the daemon keeps them for a year."""

UNIX_MS = 1_000_000_000_000
"""An integer above this is an instant, and not a duration."""


def trade_one(directory: Path, exchange: Exchange, more: Tables) -> None:
    """Let the daemon trade one order to its end: the template of the others."""
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quoteOrderQty": "25",
        "ownerId": "bench",
        "snipeTargetId": TARGET,
    }
    with daemon(directory, exchange, more) as ours:
        order_id = ask(ours.signals, "POST", "/v1/signals", order).json["id"]
        eventually(
            lambda: ask(ours.signals, "GET", f"/v1/orders/{order_id}").json["state"] == "filled", "the order is filled"
        )


def multiply(database: Path, count: int) -> None:
    """Copy the rows of the template this many times, under other ids, keys and targets. No daemon may be running."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        template: str = db.execute("SELECT order_id FROM orders WHERE target_id = ?", (TARGET,)).fetchone()[0]
        values = {"count": count, "template": template, "target": TARGET, "span_ms": SPAN_MS}
        db.execute("BEGIN")
        for table, numbered_by in TABLES.items():
            _multiply(db, table, numbered_by, values)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")


def _multiply(db: sqlite3.Connection, table: str, numbered_by: str, values: dict[str, object]) -> None:
    """Copy the template's rows of one table: texts with other ids and targets, instants spread over the span."""
    columns = [(row[1], row[2]) for row in db.execute(f"PRAGMA table_xinfo ({table})") if row[6] == 0]
    names = ", ".join(name for name, _ in columns)
    copies = ", ".join(_copy(name, kind, numbered_by) for name, kind in columns)
    last = f"coalesce(max({numbered_by}), 0)" if numbered_by else "0"
    statements = f"""
        CREATE TEMP TABLE copied AS SELECT row_number() OVER () AS row, * FROM {table} WHERE order_id = :template;
        CREATE TEMP TABLE sizes AS SELECT {last} AS last, (SELECT count(*) FROM copied) AS rows FROM {table};
        WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
            INSERT INTO {table} ({names}) SELECT {copies} FROM numbers CROSS JOIN copied CROSS JOIN sizes;
        DROP TABLE copied;
        DROP TABLE sizes
    """  # noqa: S608  # names of the schema
    for statement in statements.split(";"):
        db.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})


def _copy(column: str, kind: str, numbered_by: str) -> str:
    if column == numbered_by:
        return "last + (n - 1) * rows + row"
    if kind == "TEXT":
        order_id = "substr(:template, 1, 14) || printf('%012d', n)"
        return f"replace(replace({column}, :template, {order_id}), :target, 'bulk-' || n)"
    return f"CASE WHEN {column} > {UNIX_MS} THEN {column} - (:count - n) * :span_ms / :count ELSE {column} END"
