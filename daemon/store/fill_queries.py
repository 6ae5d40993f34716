"""The queries of fills, as functions over a connection."""

import sqlite3

from daemon.core.rules.fills import is_complete
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order
from daemon.store import rows

_ENDED = """
SELECT * FROM orders WHERE seq >= ? AND seq < ? AND finished_ms >= ? AND executed_quantity <> '0'
AND NOT EXISTS (
    SELECT 1 FROM events WHERE order_id = orders.order_id AND name = 'order.fills_unknown' AND at_ms >= finished_ms)
ORDER BY seq DESC
"""

RESTED_MS = 30 * 24 * 3_600_000
"""How long before its end an order may have been accepted to be found here."""


def fills_of(connection: sqlite3.Connection, order_id: str) -> list[Fill]:
    """Read an order's fills, in the order of their times; of one second, in the order of their numbers."""
    found = connection.execute(
        "SELECT * FROM fills WHERE order_id = ? ORDER BY at_ms, length(trade_id), trade_id", (order_id,)
    )
    return [rows.fill_from(row) for row in found]


def orders_lacking_fills(
    connection: sqlite3.Connection, before_seq: int, since_ms: int, limit: int
) -> tuple[list[tuple[Order, list[Fill]]], int | None]:
    """Find the orders that ended with executions since an instant, and whose fills do not add up to that.

    Orders whose fills were given up are left out. This looks at the ``limit`` rows before a number, because there is no
    index: it would cost a page in the commit of every order.

    Returns:
        The orders, newest first, each with the fills that it has; and the number before which to go on, if there may be
        more.

    """
    from_seq = max(0, before_seq - limit)
    found = [rows.order_from(row) for row in connection.execute(_ENDED, (from_seq, before_seq, since_ms))]
    with_fills = [(order, fills_of(connection, order.order_id)) for order in found]
    lacking = [
        (order, fills)
        for order, fills in with_fills
        if not is_complete(order.executed_quantity, (fill.quantity for fill in fills))
    ]
    older = connection.execute("SELECT accepted_ms FROM orders WHERE seq < ? ORDER BY seq DESC LIMIT 1", (from_seq,))
    row = older.fetchone()
    return lacking, None if row is None or row[0] < since_ms - RESTED_MS else from_seq
