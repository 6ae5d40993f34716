"""The orders of a period, as the report reads them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from daemon.core.state.changes import ChangeSet
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.views.results import Period, Traded
from daemon.store.store import Store, open_store
from daemon.store.traded_orders import traded_from
from tests.support import making

PERIOD = Period(making.NOW_MS, making.NOW_MS + 1_000, making.NOW_MS + 5_000)
TRADE = Fill(
    symbol="BTCUSDT", trade_id="7", order_id=f"{1:026d}", at_ms=making.NOW_MS, price=Decimal("90000.1"),
    quantity=Decimal("0.0002"), quote=Decimal("18.00002"), fee=Decimal("0.0000001"), fee_asset="BTC", is_maker=True,
)  # fmt: skip


def ended(number: int, at_ms: int | None, **changes: Any) -> Order:
    """Make an order that ended at an instant."""
    return making.order(number, state=State.FILLED, finished_ms=at_ms, **changes)


async def written(store: Store, *orders: Order, fills: list[Fill] | None = None) -> None:
    """Write orders and fills."""
    await store.commit(ChangeSet(orders={each.order_id: each for each in orders}, fills=fills or [])).durable()


async def read(store: Store, before_seq: int | None = None, limit: int = 10) -> list[Traded]:
    return [traded_from(row) for row in await store.traded_orders(PERIOD, before_seq, limit)]


async def test_an_order_is_read_as_it_was_written_with_its_fills(tmp_path: Path) -> None:
    order = ended(
        1, making.NOW_MS, executed_quantity=Decimal("0.0002"), executed_quote=Decimal("18.00002"), reason="why"
    )
    second = ended(2, making.NOW_MS)
    async with open_store(tmp_path / "x.db") as store:
        await written(store, order, second, fills=[TRADE])
        bare, found = await read(store)
    for name in Traded.__struct_fields__:
        if name != "fills":
            assert getattr(found, name) == getattr(order, name)
    assert (found.fills, bare.fills) == ([TRADE], [])


async def test_orders_that_ended_in_the_period_or_have_not_ended_are_read_newest_first(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await written(
            store,
            ended(1, making.NOW_MS - 1),
            ended(2, making.NOW_MS),
            ended(3, None),
            ended(4, making.NOW_MS + 2_000),
            ended(5, making.NOW_MS + 2_000, accepted_ms=making.NOW_MS + 1_000),
        )
        assert [each.seq for each in await read(store)] == [4, 3, 2]
        assert [each.seq for each in await read(store, limit=2)] == [4, 3]
        assert [each.seq for each in await read(store, before_seq=3)] == [2]
