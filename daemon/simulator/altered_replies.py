"""Altered replies: each function takes a reply's body and returns one with wrong contents.

The exchange has executed the request correctly; only the reply is wrong. A field is changed everywhere in the reply:
in an order, in every row of a list, in `symbols` of exchangeInfo, in `balances` of the account.
"""

from collections.abc import Callable
from typing import Any

import msgspec

_Item = dict[str, Any]

ANOTHER: _Item = {
    "symbol": "BTCUSDT",
    "orderId": "C02__1",
    "clientOrderId": "web_1",
    "id": "1",
    "price": "1",
    "origQty": "1",
    "executedQty": "1",
    "cummulativeQuoteQty": "1",
    "qty": "1",
    "quoteQty": "1",
    "status": "FILLED",
    "type": "LIMIT",
    "side": "BUY",
    "isBuyer": True,
}
"""A row for an order of another program, with the fields of an order and of a fill."""


def with_field(body: bytes, name: str, value: str) -> bytes:
    """Replace a field's value: by the text's JSON value if it is JSON, otherwise by the text."""
    shown = _json_or_text(value)

    def change(item: _Item) -> None:
        if name in item:
            item[name] = shown

    return _everywhere(body, change)


def without_field(body: bytes, name: str) -> bytes:
    """Remove a field."""
    return _everywhere(body, lambda item: item.pop(name, None))


def without_sums(body: bytes) -> bytes:
    """Set the sum of orders to 0, and remove fills."""
    content = msgspec.json.decode(body)
    if isinstance(content, list):
        body = msgspec.json.encode([row for row in content if "quoteQty" not in row])
    return with_field(body, "cummulativeQuoteQty", '"0"')


def with_odd_row(body: bytes, name: str, value: str) -> bytes:
    """Insert another program's order with an odd field as the first row of a list; without a name, an empty row."""
    rows = _list(body)
    odd = {**ANOTHER, name: _json_or_text(value)} if name else {}
    return msgspec.json.encode([odd, *rows])


def twice(body: bytes) -> bytes:
    """Repeat every row of a list."""
    rows = _list(body)
    return msgspec.json.encode([row for row in rows for _ in range(2)])


def _list(body: bytes) -> list[Any]:
    content = msgspec.json.decode(body)
    return content if isinstance(content, list) else [content]


def _everywhere(body: bytes, change: Callable[[_Item], object]) -> bytes:
    content = msgspec.json.decode(body)
    _walk(content, change)
    return msgspec.json.encode(content)


def _walk(content: object, change: Callable[[_Item], object]) -> None:
    if isinstance(content, list):
        for item in content:
            _walk(item, change)
    elif isinstance(content, dict):
        change(content)
        for item in content.values():
            _walk(item, change)


def _json_or_text(value: str) -> object:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
