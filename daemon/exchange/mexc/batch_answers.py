"""What MEXC's answer to a batch means for each of its orders.

The answer is a list with an item for each order (documented): the order's id, or a code and a message as in a refusal.
An item belongs to the order whose ``newClientOrderId`` it names. The documented examples show items without one, so an
item without it belongs to the order at its place, if the list has an item for each order, and no item names an order
at another place. An order to which no item belongs, or several, has an unknown outcome.

An answer that is no list is about the request: it means for each order what it would mean for one alone. If it names
an order, that is nobody's.
"""

from collections.abc import Collection, Mapping

import msgspec

from daemon.core.values.exchange_replies import Answer, Placed, Unclear
from daemon.exchange.mexc.replies import UNREADABLE, placed_or_not, raw


class _Item(msgspec.Struct):
    """The field that names an item's order."""

    newClientOrderId: str | int | None = None  # noqa: N815  # MEXC's spelling


_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_item = msgspec.json.Decoder(_Item).decode


def each_answer(
    status: int,
    body: bytes,
    retry_after_ms: int | None,
    asked: Mapping[str, str],
    duplicate_codes: Collection[int] = frozenset(),
) -> dict[str, Answer]:
    """Read the answer to each order of a batch, by client order id.

    Args:
        status: of HTTP.
        body: the answer.
        retry_after_ms: as the exchange asked.
        asked: what was asked for each order, by client order id, in the order of the request.
        duplicate_codes: codes that refuse a client order id that was used before.

    """
    try:
        items = [bytes(item) for item in _items(body)]
        named = [_name(item) for item in items]
    except UNREADABLE:
        of_all = {
            each: placed_or_not(status, body, retry_after_ms, of_order, duplicate_codes)
            for each, of_order in asked.items()
        }
        return {each: _nobodys(answer) if isinstance(answer, Placed) else answer for each, answer in of_all.items()}
    own = _assigned(items, named, list(asked))
    return {
        each: placed_or_not(status, own[each], retry_after_ms, of_order, duplicate_codes)
        if each in own
        else Unclear("the answer to the batch does not say which item is this order's", of_order, raw(body))
        for each, of_order in asked.items()
    }


def _nobodys(answer: Placed) -> Unclear:
    return Unclear("the answer to the batch names one order", answer.asked, answer.answered)


def _name(item: bytes) -> str | None:
    name = _item(item).newClientOrderId
    return None if name is None else str(name)


def _assigned(items: list[bytes], named: list[str | None], order_ids: list[str]) -> dict[str, bytes]:
    """Return the item of each order that has exactly one."""
    in_order = len(items) == len(order_ids) and all(
        name in (None, own) for name, own in zip(named, order_ids, strict=True)
    )
    if in_order:
        return dict(zip(order_ids, items, strict=True))
    return {name: item for name, item in zip(named, items, strict=True) if name is not None and named.count(name) == 1}
