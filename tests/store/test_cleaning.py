"""Clean-up: finished rows leave after their retention, nothing else does."""

from pathlib import Path

from daemon.core.locks import LockState
from daemon.core.orders import State
from daemon.core.step import Step
from daemon.store.cleaning import Cleaned
from daemon.store.store import Store, open_store
from tests import making

NOW_MS = making.NOW_MS


async def tokens(store: Store) -> list[int]:
    found = await store._read(
        lambda connection: connection.execute(
            "SELECT fencing_token FROM transaction_locks ORDER BY fencing_token"
        ).fetchall()
    )
    return [row[0] for row in found]


async def test_finished_locks_past_their_retention_are_removed(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        locks = [
            making.lock(1, state=LockState.RELEASED, released_ms=NOW_MS - 1),
            making.lock(2, state=LockState.FAILED, released_ms=NOW_MS),
            making.lock(3, state=LockState.ACTIVE),
            making.lock(4, state=LockState.EXPIRED, released_ms=NOW_MS - 1),
            making.lock(5, state=LockState.RELEASED, released_ms=NOW_MS + 1),
        ]
        await store.commit(Step(locks={lock.lock_id: lock for lock in locks})).durable()
        assert await store.clean(NOW_MS) == Cleaned(locks=2, queue=0)
        assert await tokens(store) == [2, 3, 5]


async def test_the_last_fencing_token_is_never_forgotten(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        lock = making.lock(41, state=LockState.RELEASED, released_ms=1)
        await store.commit(Step(locks={lock.lock_id: lock})).durable()
        await store.clean(NOW_MS)
        assert (await store.remembered()).last_token == 41


async def test_queue_rows_go_and_their_orders_stay(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        orders = [making.order(seq, state=State.QUEUED) for seq in (1, 2, 3)]
        await store.commit(Step(orders={order.order_id: order for order in orders})).durable()
        orders = [
            making.order(1, state=State.FILLED, finished_ms=NOW_MS, updated_ms=NOW_MS),
            making.order(3, state=State.LOST),
        ]
        await store.commit(Step(orders={order.order_id: order for order in orders})).durable()
        assert await store.clean(NOW_MS + 1) == Cleaned(locks=0, queue=1)
        page = await store.page(state=None, symbol=None, before_seq=None, limit=10)
        assert [order.seq for order in page] == [3, 2, 1]


async def test_cleaning_twice_removes_nothing_more(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        order = making.order(1, state=State.FILLED, finished_ms=NOW_MS, updated_ms=NOW_MS)
        await store.commit(Step(orders={order.order_id: order})).durable()
        await store.clean(NOW_MS + 1)
        assert await store.clean(NOW_MS + 1) == Cleaned(locks=0, queue=0)
