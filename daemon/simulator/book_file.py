"""The book's file: its schema, its lock, and how it is opened.

Only one server can open a book. It locks a file next to the book, not the book itself: closing a second descriptor of
the book would drop SQLite's own locks.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from daemon.simulator.errors import BookCannotBeCreated, BookInUse, BookUnreadable

MEMORY = ":memory:"

_APPLICATION_ID = 0x4D585342
_VERSION = 1

_SCHEMA = f"""
BEGIN;

CREATE TABLE balances (
    asset   TEXT PRIMARY KEY,
    free    TEXT NOT NULL,
    locked  TEXT NOT NULL               -- by open orders
) STRICT, WITHOUT ROWID;

CREATE TABLE markets (
    name       TEXT PRIMARY KEY,        -- the symbol's
    symbol     TEXT NOT NULL,           -- JSON: rules, opening, behaviour of the simulated market
    price      TEXT NOT NULL,           -- of that market
    ticked_ms  INTEGER NOT NULL         -- its last tick; 0: none yet
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    sequence         INTEGER PRIMARY KEY,   -- order of acceptance
    order_id         TEXT NOT NULL UNIQUE,  -- the exchange's
    client_order_id  TEXT,                  -- the client's; neither mandatory nor unique
    symbol           TEXT NOT NULL,
    side             TEXT NOT NULL,
    type             TEXT NOT NULL,
    price            TEXT NOT NULL,         -- limit, in the quote asset
    quantity         TEXT NOT NULL,         -- requested, in the base asset
    stp_mode         TEXT NOT NULL,         -- self-trade prevention, as sent
    placed_ms        INTEGER NOT NULL,
    visible_ms       INTEGER NOT NULL,      -- queries show the order from this time on
    status           TEXT NOT NULL,
    executed         TEXT NOT NULL,         -- filled so far, in the base asset
    executed_value   TEXT NOT NULL,         -- the same, in the quote asset
    updated_ms       INTEGER                -- last fill or cancellation; NULL: neither
) STRICT;
CREATE INDEX orders_by_client_order_id ON orders (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE INDEX orders_by_time ON orders (symbol, placed_ms);
CREATE INDEX orders_open ON orders (sequence) WHERE status IN ('NEW', 'PARTIALLY_FILLED');

CREATE TABLE fills (
    sequence          INTEGER PRIMARY KEY,  -- order of execution
    order_sequence    INTEGER NOT NULL REFERENCES orders DEFERRABLE INITIALLY DEFERRED,
    trade_id          TEXT NOT NULL UNIQUE,
    price             TEXT NOT NULL,
    quantity          TEXT NOT NULL,
    commission        TEXT NOT NULL,
    commission_asset  TEXT NOT NULL,
    is_maker          INTEGER NOT NULL,
    is_self_trade     INTEGER NOT NULL,     -- both sides were the account's
    traded_ms         INTEGER NOT NULL
) STRICT;
CREATE INDEX fills_by_order ON fills (order_sequence);

PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};

COMMIT;
"""


def take_lock(path: str) -> int | None:
    """Lock a book and return the lock's descriptor; None for a book in memory, which cannot be shared.

    Raises:
        BookInUse: another server has the lock.
        BookCannotBeCreated: the lock file cannot be opened.
    """
    if path == MEMORY:
        return None
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BookCannotBeCreated(f"cannot open {path}.lock: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BookInUse(f"another server has the book {path} open") from None
    return lock


def connect(path: str) -> sqlite3.Connection:
    """Open a book, or create it.

    Raises:
        BookCannotBeCreated: the file cannot be opened for writing.
        BookUnreadable: the file is not a book, is damaged, or comes from a newer version.
    """
    is_new = path == MEMORY or not Path(path).exists() or Path(path).stat().st_size == 0
    try:
        if is_new and path != MEMORY:  # sets the file's mode; SQLite gives its other files the same mode
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise BookCannotBeCreated(f"cannot open {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        _prepare(connection, path, is_new=is_new)
    except sqlite3.OperationalError as error:
        connection.close()
        raise BookCannotBeCreated(f"cannot write {path}: {error}") from None
    except sqlite3.DatabaseError as error:
        connection.close()
        raise BookUnreadable(f"cannot read {path}: {error}") from None
    except BookUnreadable:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str, *, is_new: bool) -> None:
    if not is_new:
        _check(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if is_new:
        connection.executescript(_SCHEMA)


def _check(connection: sqlite3.Connection, path: str) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != _APPLICATION_ID:
        raise BookUnreadable(f"{path} is not a book of the simulated exchange")
    if version > _VERSION:
        raise BookUnreadable(f"{path} was written by a newer version ({version}; this one knows {_VERSION})")
    (problem,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if problem != "ok":
        raise BookUnreadable(f"{path} is damaged: {problem}")
