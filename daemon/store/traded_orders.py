"""The orders of a period with their fills, for the report.

SQLite writes them as one JSON text, as it does pages of orders (:mod:`daemon.store.order_pages`). No index serves the
query: each would cost every commit a page. The table is scanned from the newest order on, in the reading thread and in
SQLite alone, which does not hold the interpreter.
"""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from daemon.core.views.results import Period, Traded

_FILL = """json_object(
    'symbol', symbol, 'trade_id', trade_id, 'order_id', order_id, 'at_ms', at_ms, 'price', price, 'quantity', quantity,
    'quote', quote, 'fee', fee, 'fee_asset', fee_asset, 'is_maker', json(iif(is_maker, 'true', 'false')))"""
_FILLS = f"json((SELECT json_group_array({_FILL}) FROM fills WHERE fills.order_id = orders.order_id))"  # noqa: S608  # constants
_COLUMNS = ", ".join(name for name in Traded.__struct_fields__ if name != "fills")
_FOUND = "seq < ? AND accepted_ms < ? AND (finished_ms IS NULL OR finished_ms >= ?) ORDER BY seq DESC LIMIT ?"
_QUERY = f"""
SELECT CAST(json_group_array(json_array({_COLUMNS}, {_FILLS})) AS BLOB)
FROM (SELECT * FROM orders WHERE {_FOUND}) orders
"""  # noqa: S608  # constants
_EVER = 1 << 62

traded_from = msgspec.json.Decoder(Traded).decode
"""Make a value of an order's JSON."""

_rows = msgspec.json.Decoder(list[msgspec.Raw])


def traded_orders(
    period: Period, before_seq: int | None, limit: int
) -> Callable[[sqlite3.Connection], Sequence[msgspec.Raw]]:
    """Return a function that reads the orders that a period may count, newest first, each as JSON."""
    until_ms = _EVER if period.until_ms is None else period.until_ms
    values = (_EVER if before_seq is None else before_seq, until_ms, period.since_ms, limit)

    def read(connection: sqlite3.Connection) -> Sequence[msgspec.Raw]:
        (found,) = connection.execute(_QUERY, values).fetchone()
        return _rows.decode(found)

    return read
