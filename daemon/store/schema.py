"""The schema of the database: tables, columns, indices and triggers.

Times are Unix milliseconds of the daemon's clock. Amounts are plain decimal digits in TEXT, because SQLite has no exact
numeric type. ``NULL`` means "not applicable" or "not yet". ``transaction_locks`` and ``transaction_queue`` have the
columns that the bot knows; ``orders``, ``attempts``, ``events`` and ``fills`` are the daemon's own.

Every index adds a page to every commit that touches it, so there are only those that a promise or the start needs.
:mod:`daemon.store.cleaning` removes rows, and says which and when.

``user_version`` is the number of the schema. A start migrates a file of a number that :data:`MIGRATIONS` has, and
refuses any other. **To change the schema**: raise ``VERSION``, change ``SCHEMA``, and add to ``MIGRATIONS`` what makes
a file of the former number equal to a new one.

CHECK constraints are chains of comparisons: SQLite builds a list behind ``IN`` into a table for every statement that
writes, and writing a lock then took three times as long.
"""

from textwrap import fill, indent

from daemon.core.values.states import State

VERSION = 6
"""``PRAGMA user_version``: the number of this schema."""

APPLICATION_ID = 0x736E6970
"""``PRAGMA application_id`` of this program's files: "snip" in ASCII."""

_STATES = fill(" OR ".join(f"state = '{state.value}'" for state in State), 116)

FILLS = """
CREATE TABLE fills (
    symbol            TEXT NOT NULL,        -- BTCUSDT
    trade_id          TEXT NOT NULL,        -- the exchange's
    order_id          TEXT NOT NULL,
    at_ms             INTEGER NOT NULL,     -- by the exchange's clock, truncated to the second
    price             TEXT NOT NULL,        -- quote per base unit
    quantity          TEXT NOT NULL,        -- base units
    quote             TEXT NOT NULL,        -- quote units
    fee               TEXT NOT NULL,        -- units of fee_asset
    fee_asset         TEXT NOT NULL,        -- base, quote, or a third asset with which fees are paid
    is_maker          INTEGER NOT NULL CHECK (is_maker = 0 OR is_maker = 1),  -- it rested on the book
    PRIMARY KEY (symbol, trade_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_by_order ON fills (order_id);
"""

MIGRATIONS = {5: FILLS}
"""What makes a file of a former number one of the next number."""

SCHEMA = f"""
CREATE TABLE orders (
    seq               INTEGER PRIMARY KEY,  -- order of acceptance, from 1
    order_id          TEXT NOT NULL UNIQUE,
    state             TEXT NOT NULL CHECK (
{indent(_STATES, " " * 8)}),
    symbol            TEXT NOT NULL,        -- BTCUSDT
    side              TEXT NOT NULL CHECK (side = 'BUY' OR side = 'SELL'),
    type              TEXT NOT NULL CHECK (
        type = 'LIMIT' OR type = 'MARKET' OR type = 'LIMIT_MAKER' OR type = 'IMMEDIATE_OR_CANCEL'
        OR type = 'FILL_OR_KILL'),
    quantity          TEXT,                 -- base units asked
    quote_quantity    TEXT,                 -- quote units asked (MARKET)
    price             TEXT,                 -- quote per base unit; changes once when re-priced to a cap
    last_price        TEXT,                 -- the exchange's at acceptance, where a guard asked for it
    owner_id          TEXT NOT NULL,        -- who asked
    target_id         TEXT,                 -- the bot's snipeTargetId
    resource          TEXT NOT NULL,        -- what its lock is for
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- 1 is most urgent
    skip_lock         INTEGER NOT NULL CHECK (skip_lock = 0 OR skip_lock = 1),        -- emergency sell
    key               TEXT NOT NULL,        -- idempotency key
    fingerprint       TEXT NOT NULL,        -- SHA-256 of what would be traded
    key_bound         INTEGER NOT NULL CHECK (  -- 1 while no other order can have the key
        key_bound = 0 OR key_bound = 1),
    key_until_ms      INTEGER,              -- until when a derived key counts against a finished order
    accepted_ms       INTEGER NOT NULL,
    deadline_ms       INTEGER NOT NULL,     -- last instant at which it may be sent, by the clock from which it counts
    execute_at_ms     INTEGER,              -- instant of the exchange's clock at which it is to be sent
    not_before_ms     INTEGER NOT NULL,     -- earliest next attempt
    timeout_ms        INTEGER NOT NULL,     -- lease of its lock
    attempts          INTEGER NOT NULL,     -- requests so far that may have reached the exchange
    repriced          INTEGER NOT NULL CHECK (repriced = 0 OR repriced = 1),
    lock_id           TEXT,                 -- the lock it holds, or held last
    client_order_id   TEXT,                 -- of the last attempt
    sent_ms           INTEGER,              -- of the last attempt
    doubt_ms          INTEGER,              -- since when the outcome is unknown
    exchange_order_id TEXT,                 -- the exchange's id
    executed_quantity TEXT NOT NULL,        -- base units filled, as last seen
    executed_quote    TEXT NOT NULL,        -- quote units filled, as last seen
    seen_ms           INTEGER,              -- when a query last showed something new
    reason            TEXT,                 -- why it has its state
    updated_ms        INTEGER NOT NULL,
    finished_ms       INTEGER,              -- since when nothing more is to be done
    asked_quantity    TEXT,                 -- base units as the signal had them, where they were rounded
    asked_quote_quantity TEXT,              -- quote units, the same
    asked_price       TEXT,                 -- quote per base unit, the same
    refitted          INTEGER NOT NULL DEFAULT 0 CHECK (refitted = 0 OR refitted = 1),  -- rounded again
    asked_execute_at_ms INTEGER,            -- the signal's instant, where the order was moved to another
    instant_is_manual INTEGER NOT NULL DEFAULT 0 CHECK (  -- the operator chose the instant: no listing moves it
        instant_is_manual = 0 OR instant_is_manual = 1),
    max_price         TEXT,                 -- quote per base unit: the cap of a MARKET order, where one is stated
    slippage_percent  TEXT,                 -- by which its price may be worse than the last one
    asked_type        TEXT CHECK (asked_type = 'MARKET'),  -- the signal's, where it is sent as another type
    market_refused    INTEGER NOT NULL DEFAULT 0 CHECK (  -- the exchange refused MARKET: it goes at its cap
        market_refused = 0 OR market_refused = 1)
) STRICT;
CREATE UNIQUE INDEX one_order_per_key ON orders (key) WHERE key_bound = 1;
CREATE INDEX orders_unfinished ON orders (seq) WHERE finished_ms IS NULL;
CREATE INDEX orders_set_aside ON orders (seq) WHERE state = 'dead_letter';

CREATE TABLE attempts (
    client_order_id   TEXT PRIMARY KEY,     -- what the exchange knows it by
    order_id          TEXT NOT NULL,
    number            INTEGER NOT NULL,     -- from 1
    state             TEXT NOT NULL CHECK (
        state = 'in_flight' OR state = 'placed' OR state = 'refused' OR state = 'unknown' OR state = 'not_sent'),
    price             TEXT,                 -- as sent
    started_ms        INTEGER NOT NULL,     -- when it was decided and made durable, before any byte was sent
    answered_ms       INTEGER,
    code              TEXT,                 -- the exchange's code, or our word for a failure to connect
    message           TEXT,
    exchange_order_id TEXT,
    asked             TEXT,                 -- the request without its signature
    answered          TEXT                  -- the raw answer, bounded
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    event_id          INTEGER PRIMARY KEY,  -- order of writing
    at_ms             INTEGER NOT NULL,
    name              TEXT NOT NULL,        -- dotted, as in the log
    actor             TEXT NOT NULL,        -- who caused it
    order_id          TEXT,
    lock_id           TEXT,
    resource          TEXT,
    client_order_id   TEXT,
    state             TEXT,                 -- the order's, after the event
    detail            TEXT NOT NULL         -- JSON object
) STRICT;
CREATE INDEX events_by_order ON events (order_id, event_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;

CREATE TABLE retention (
    before_ms         INTEGER NOT NULL      -- what ended before may be removed; there is a row only during a removal
) STRICT;
CREATE TRIGGER events_are_removed_past_retention_only BEFORE DELETE ON events WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.at_ms < before_ms AND NOT EXISTS (
        SELECT 1 FROM orders WHERE order_id = old.order_id AND (finished_ms IS NULL OR finished_ms >= before_ms)))
BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE TRIGGER orders_are_removed_past_retention_only BEFORE DELETE ON orders WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.finished_ms < before_ms AND (old.key_bound = 0 OR old.key_until_ms < before_ms))
BEGIN
    SELECT RAISE (ABORT, 'an order stays while its key counts');
END;

CREATE TABLE transaction_locks (
    fencing_token     INTEGER PRIMARY KEY,  -- only grows
    lock_id           TEXT NOT NULL GENERATED ALWAYS AS ('lock-' || fencing_token) VIRTUAL,
    resource_id       TEXT NOT NULL,
    idempotency_key   TEXT NOT NULL,        -- of what it is held for
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    order_id          TEXT,                 -- the order it is held for; NULL for a caller's own lease
    acquired_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,     -- end of the lease
    released_at       INTEGER,
    status            TEXT NOT NULL CHECK (
        status = 'active' OR status = 'released' OR status = 'expired' OR status = 'failed'),
    lock_type         TEXT NOT NULL CHECK (lock_type = 'exclusive'),
    transaction_type  TEXT NOT NULL CHECK (
        transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT,                 -- JSON
    max_retries       INTEGER NOT NULL,     -- the bot's column; attempts are counted in orders
    current_retries   INTEGER NOT NULL,
    timeout_ms        INTEGER NOT NULL,     -- length of the lease
    result            TEXT,                 -- JSON
    error_message     TEXT,
    overdue           INTEGER NOT NULL CHECK (  -- the lease ended with an outcome outstanding
        overdue = 0 OR overdue = 1),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_active_lock_per_resource ON transaction_locks (resource_id) WHERE status = 'active';
CREATE INDEX leases_by_key ON transaction_locks (idempotency_key) WHERE order_id IS NULL;
CREATE INDEX transaction_locks_finished ON transaction_locks (released_at) WHERE status <> 'active';

CREATE TABLE transaction_queue (
    queue_id          TEXT PRIMARY KEY,     -- the order's id, or of who waits for a lease: wait-…
    lock_id           TEXT,                 -- the lock it was served under
    resource_id       TEXT NOT NULL,
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    transaction_type  TEXT NOT NULL CHECK (
        transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT NOT NULL,        -- JSON
    idempotency_key   TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (
        status = 'pending' OR status = 'processing' OR status = 'completed' OR status = 'failed'
        OR status = 'cancelled'),
    queued_at         INTEGER NOT NULL,
    processing_started_at INTEGER,
    completed_at      INTEGER,
    result            TEXT,                 -- JSON
    error_message     TEXT,
    attempts          INTEGER NOT NULL,
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX transaction_queue_pending ON transaction_queue (priority, queued_at) WHERE status = 'pending';
CREATE INDEX transaction_queue_completed ON transaction_queue (completed_at) WHERE completed_at IS NOT NULL;

CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
{FILLS}"""  # noqa: S608  # constants
