"""Pages of orders as the API shows them, written by SQLite.

SQLite writes a whole page as one text, in the reading thread, and does not hold the interpreter meanwhile. A thread
that made values of the rows would hold it, and the event loop would wait for it again and again: several times for each
order that it sends. Only average prices, by :class:`~decimal.Decimal`, and the words for an order are made here.

The names are those of :class:`daemon.api.views.OrderView`. A test compares the two.
"""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from daemon.core.values.decimals import plain, quotient
from daemon.core.values.quote_assets import QuoteAsset
from daemon.core.values.states import OUTCOME_UNKNOWN
from daemon.core.views.wording import request
from daemon.store.queries import OrderFilter

_IN_DOUBT = " OR ".join(f"state = '{state}'" for state in sorted(OUTCOME_UNKNOWN))
_FIELDS = {
    "id": "order_id",
    "state": "state",
    "symbol": "symbol",
    "side": "side",
    "type": "type",
    "quantity": "quantity",
    "quoteOrderQty": "quote_quantity",
    "price": "price",
    "askedQuantity": "asked_quantity",
    "askedQuoteOrderQty": "asked_quote_quantity",
    "askedPrice": "asked_price",
    "askedType": "asked_type",
    "maxPrice": "max_price",
    "slippagePercent": "slippage_percent",
    "ownerId": "owner_id",
    "snipeTargetId": "target_id",
    "resource": "resource",
    "priority": "priority",
    "idempotencyKey": "key",
    "clientOrderId": "client_order_id",
    "exchangeOrderId": "exchange_order_id",
    "executedQuantity": "executed_quantity",
    "executedQuote": "CASE WHEN executed_quantity = '0' OR executed_quote <> '0' THEN executed_quote END",
    "attempts": "attempts",
    "acceptedAtMs": "accepted_ms",
    "executeAtMs": "execute_at_ms",
    "askedExecuteAtMs": "asked_execute_at_ms",
    "deadlineAtMs": "deadline_ms",
    "sentAtMs": "sent_ms",
    "inDoubtSinceMs": f"CASE WHEN {_IN_DOUBT} THEN doubt_ms END",
    "updatedAtMs": "updated_ms",
    "finishedAtMs": "finished_ms",
    "reason": "reason",
}
_OBJECT = ", ".join(f"'{name}', {column}" for name, column in _FIELDS.items())
_ASKED = "side, symbol, type, quantity, quote_quantity, price"
_ROW = f"json_array(seq, executed_quantity, executed_quote, {_ASKED}, json_object({_OBJECT}))"
_PAGE = f"CAST(json_group_array({_ROW}) AS BLOB)"  # bytes: Python would copy a text once more


class OrderRow(msgspec.Struct, frozen=True, array_like=True):
    """An order of a page: what is still to be computed of it, and the JSON of the rest."""

    seq: int
    executed_quantity: str
    executed_quote: str
    side: str
    symbol: str
    type: str
    quantity: str | None
    quote_quantity: str | None
    price: str | None
    shown: msgspec.Raw

    def json(self, quote_asset: QuoteAsset) -> bytes:
        """Return the JSON of the whole order; ``quote_asset`` names that of a pair, if it is known."""
        average = "null"
        if self.executed_quantity != "0" and self.executed_quote != "0":
            average = f'"{plain(quotient(Decimal(self.executed_quote), Decimal(self.executed_quantity)))}"'
        words = request(
            self.side,
            self.symbol,
            order_type=self.type,
            quantity=self.quantity,
            quote_quantity=self.quote_quantity,
            price=self.price,
            asset=quote_asset(self.symbol),
        )
        asks = msgspec.json.encode(words)
        return b'%b,"averagePrice":%b,"asks":%b}' % (bytes(self.shown)[:-1], average.encode(), asks)


_rows = msgspec.json.Decoder(list[OrderRow])


def order_page(wanted: OrderFilter, limit: int) -> Callable[[sqlite3.Connection], Sequence[OrderRow]]:
    """Return a function that reads a page, newest first."""
    where, values = wanted.where()
    query = f"SELECT {_PAGE} FROM (SELECT * FROM orders WHERE {where} ORDER BY seq DESC LIMIT ?)"  # noqa: S608  # constants

    def read(connection: sqlite3.Connection) -> Sequence[OrderRow]:
        (page,) = connection.execute(query, (*values, limit)).fetchone()
        return _rows.decode(page)

    return read
