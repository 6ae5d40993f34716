"""The book on disk: everything that must survive the server, in one SQLite file.

Each request writes in one transaction, which commits before the reply is sent: killing the server loses nothing that
was reported to a client. The file uses WAL with `synchronous=NORMAL`: a power cut can lose the last commits, which is
acceptable for a simulated exchange.

This module holds rows and queries, no rules. Decimals are stored as plain text, times as Unix milliseconds.
"""

import os
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from daemon.simulator.accounts import Balance
from daemon.simulator.book_file import MEMORY, connect, take_lock
from daemon.simulator.errors import CannotStart
from daemon.simulator.money import plain
from daemon.simulator.orders import Fill, Order
from daemon.simulator.symbols import Symbol

# The columns of both tables have the same order as the fields of these structs.
_ORDER_FIELDS, _FILL_FIELDS = Order.__struct_fields__, Fill.__struct_fields__
_ORDER_COLUMNS = ", ".join(f"orders.{name}" for name in _ORDER_FIELDS)
_FILL_COLUMNS = ", ".join(f"fills.{name}" for name in _FILL_FIELDS)

_SAVE_ORDER = f"""
    INSERT INTO orders VALUES ({", ".join("?" * len(_ORDER_FIELDS))})
    ON CONFLICT (sequence) DO UPDATE SET status = excluded.status, executed = excluded.executed,
        executed_value = excluded.executed_value, updated_ms = excluded.updated_ms
"""  # noqa: S608 - question marks
_SAVE_FILL = f"INSERT INTO fills VALUES ({', '.join('?' * len(_FILL_FIELDS))})"  # noqa: S608 - the same
_IS_OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"


class SavedMarket(msgspec.Struct, frozen=True):
    """A symbol with the state of its market."""

    symbol: Symbol
    price: Decimal
    ticked_ms: int


class Book:
    """The book's file, locked by this server."""

    def __init__(self, path: str = MEMORY) -> None:
        """Open the book, or create it.

        Raises:
            CannotStart: it cannot be created or read, or another server has it open.
        """
        self._lock = take_lock(path)
        try:
            self._connection = connect(path)
        except CannotStart:
            self._unlock()
            raise

    def close(self) -> None:
        """Close the file and release its lock."""
        self._connection.close()
        self._unlock()

    def commit(self) -> None:
        """Make everything written since the last commit durable."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Discard everything written since the last commit."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    # Read at the start.

    def balances(self) -> dict[str, Balance]:
        """Return all balances by asset."""
        rows = self._connection.execute("SELECT asset, free, locked FROM balances ORDER BY asset")
        return {asset: Balance(Decimal(free), Decimal(locked)) for asset, free, locked in rows}

    def markets(self) -> list[SavedMarket]:
        """Return the symbols whose market has moved or was changed."""
        rows = self._connection.execute("SELECT symbol, price, ticked_ms FROM markets ORDER BY name")
        return [
            SavedMarket(msgspec.json.decode(symbol, type=Symbol), Decimal(price), ticked_ms)
            for symbol, price, ticked_ms in rows
        ]

    def open_orders(self) -> list[Order]:
        """Return the open orders, oldest first."""
        return self._orders(f"WHERE {_IS_OPEN} ORDER BY sequence")

    def last_sequences(self) -> tuple[int, int]:
        """Return the newest sequence of an order and of a fill; 0: none."""
        row = self._connection.execute(
            "SELECT (SELECT coalesce(max(sequence), 0) FROM orders), coalesce(max(sequence), 0) FROM fills"
        ).fetchone()
        return row[0], row[1]

    def has_client_order_id(self, client_order_id: str | None) -> bool:
        """Return whether an order, visible or not, has this client order id."""
        return bool(self._orders("WHERE client_order_id = ? LIMIT 1", client_order_id))

    # Written by a request.

    def save_order(self, order: Order) -> None:
        """Write an order, new or changed."""
        self._write(_SAVE_ORDER, _values(order))

    def save_fill(self, fill: Fill) -> None:
        """Write a trade of an order."""
        self._write(_SAVE_FILL, _values(fill))

    def save_balance(self, asset: str, balance: Balance) -> None:
        """Write the balance of an asset."""
        self._write("REPLACE INTO balances VALUES (?, ?, ?)", (asset, plain(balance.free), plain(balance.locked)))

    def save_market(self, market: SavedMarket) -> None:
        """Write a symbol and the state of its market."""
        symbol = msgspec.json.encode(market.symbol).decode()
        self._write(
            "REPLACE INTO markets VALUES (?, ?, ?, ?)",
            (market.symbol.symbol, symbol, plain(market.price), market.ticked_ms),
        )

    # Queried by a client: only orders that are visible at `now_ms`.

    def by_order_id(self, order_id: str, now_ms: int) -> list[Order]:
        """Return the order with this order id, as a list of one or none."""
        return self._orders("WHERE order_id = ? AND visible_ms <= ?", order_id, now_ms)

    def by_client_order_id(self, client_order_id: str, now_ms: int) -> list[Order]:
        """Return the orders with this client order id, newest first."""
        return self._orders(
            "WHERE client_order_id = ? AND visible_ms <= ? ORDER BY sequence DESC", client_order_id, now_ms
        )

    def placed_between(self, symbol: str, start_ms: int, end_ms: int, limit: int, now_ms: int) -> list[Order]:
        """Return a symbol's orders between two times, both inclusive, newest first."""
        return self._orders(
            "WHERE symbol = ? AND placed_ms BETWEEN ? AND ? AND visible_ms <= ? ORDER BY sequence DESC LIMIT ?",
            *(symbol, start_ms, end_ms, now_ms, limit),
        )

    def traded_between(
        self, symbol: str, order_id: str, start_ms: int, end_ms: int, limit: int, now_ms: int
    ) -> list[tuple[Order, Fill]]:
        """Return a symbol's trades between two times, newest first: of one order or, with "", of all."""
        rows = self._connection.execute(
            f"SELECT {_ORDER_COLUMNS}, {_FILL_COLUMNS} FROM fills"  # noqa: S608 - columns
            " JOIN orders ON orders.sequence = order_sequence"
            " WHERE symbol = ? AND ? IN (order_id, '') AND traded_ms BETWEEN ? AND ? AND visible_ms <= ?"
            " ORDER BY fills.sequence DESC LIMIT ?",
            (symbol, order_id, start_ms, end_ms, now_ms, limit),
        )
        return [(_order(row), _fill(row[len(_ORDER_FIELDS) :])) for row in rows]

    # Queried by a test: everything, visible or not.

    def everything(self) -> list[tuple[Order, list[Fill]]]:
        """Return every order with its fills, oldest first."""
        fills: dict[int, list[Fill]] = {}
        for row in self._connection.execute("SELECT * FROM fills ORDER BY sequence"):
            fill = _fill(row)
            fills.setdefault(fill.order_sequence, []).append(fill)
        return [(order, fills.get(order.sequence, [])) for order in self._orders("ORDER BY sequence")]

    def _orders(self, condition: str, *values: object) -> list[Order]:
        rows = self._connection.execute(f"SELECT * FROM orders {condition}", values)  # noqa: S608 - ours
        return [_order(row) for row in rows]

    def _write(self, statement: str, values: Sequence[object]) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")
        self._connection.execute(statement, values)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)


def _values(row: Order | Fill) -> list[object]:
    return [plain(value) if isinstance(value, Decimal) else value for value in msgspec.structs.astuple(row)]


def _order(row: Sequence[object]) -> Order:
    return msgspec.convert(dict(zip(_ORDER_FIELDS, row, strict=False)), Order)


def _fill(row: Sequence[object]) -> Fill:
    """Read a row of `fills`. SQLite has no booleans: `strict=False` reads its numbers as such."""
    return msgspec.convert(dict(zip(_FILL_FIELDS, row, strict=True)), Fill, strict=False)
