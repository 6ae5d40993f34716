"""Which orders lack fills, by the tables alone."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules.fills import MONTH_MS
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.store.fill_queries import RESTED_MS
from daemon.store.store import open_store
from tests.support import making

NOW_MS = making.NOW_MS
SINCE_MS = NOW_MS - MONTH_MS


def filled(number: int = 1, **changes: Any) -> Order:
    """Make an order that has ended with something executed."""
    given: dict[str, Any] = {
        "state": State.FILLED,
        "executed_quantity": Decimal("0.003"),
        "executed_quote": Decimal(192),
        "finished_ms": NOW_MS,
    }
    return making.order(number, **given | changes)


@pytest.mark.parametrize(
    ("order", "fills", "events", "is_found"),
    [
        pytest.param(filled(), 0, [], True, id="it has none"),
        pytest.param(filled(), 2, [], True, id="one is missing"),
        pytest.param(filled(), 3, [], False, id="it has all"),
        pytest.param(filled(state=State.PARTIALLY_CANCELED), 0, [], True, id="cancelled after a part was executed"),
        pytest.param(filled(executed_quantity=Decimal(0)), 0, [], False, id="nothing was executed"),
        pytest.param(filled(finished_ms=None), 0, [], False, id="it has not ended"),
        pytest.param(filled(finished_ms=SINCE_MS - 1), 0, [], False, id="MEXC does not show its trades any more"),
        pytest.param(filled(), 0, [NOW_MS], False, id="it was given up"),
        pytest.param(filled(), 0, [NOW_MS - 1], True, id="it was given up, and executed more since"),
    ],
)
async def test_an_order_lacks_fills_until_they_add_up_to_what_was_executed(
    tmp_path: Path, order: Order, fills: int, events: list[int], is_found: bool
) -> None:
    known = [making.fill(order, number) for number in range(fills)]
    given_up = [Event(name="order.fills_unknown", at_ms=at_ms, order_id=order.order_id) for at_ms in events]
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={"1": order}, fills=known, events=given_up)).durable()
        found, before_seq = await store.orders_lacking_fills(order.seq + 1, SINCE_MS, 10)
    assert found == ([(order, known)] if is_found else [])
    assert before_seq is None


async def test_orders_are_looked_at_in_slices_from_the_newest_back(tmp_path: Path) -> None:
    orders = [filled(number) for number in range(1, 8)]
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
        found: list[int] = []
        before_seq: int | None = 8
        sizes = []
        while before_seq is not None:
            some, before_seq = await store.orders_lacking_fills(before_seq, SINCE_MS, 3)
            sizes.append(len(some))
            found += [order.seq for order, _ in some]
    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert sizes == [3, 3, 1]


async def test_a_look_that_fails_is_repeated(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={"1": filled()})).durable()
        await store._listing(lambda connection: connection.set_progress_handler(lambda: 1, 1))
        assert await store.orders_lacking_fills(2, SINCE_MS, 10) == ([], 2)
        await store._listing(lambda connection: connection.set_progress_handler(None, 1))
        assert await store.orders_lacking_fills(2, SINCE_MS, 10) == ([(filled(), [])], None)


async def test_the_look_ends_where_orders_are_too_old_to_have_fills_that_can_be_read(tmp_path: Path) -> None:
    old = filled(1, accepted_ms=SINCE_MS - RESTED_MS - 1)
    rested = filled(2, accepted_ms=SINCE_MS - RESTED_MS)
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={"1": old, "2": rested, "3": filled(3)})).durable()
        assert (await store.orders_lacking_fills(4, SINCE_MS, 1))[1] == 3
        assert (await store.orders_lacking_fills(3, SINCE_MS, 1))[1] is None
