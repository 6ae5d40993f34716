"""The orders in memory: one that waits is read like any other, and takes little memory."""

import gc
import tracemalloc
from decimal import Decimal
from unittest.mock import ANY

from daemon.core.values.orders import OrderType
from daemon.core.values.states import State
from tests.core.bench import Bench
from tests.core.making import placed, rules

ORDERS = 2_000
MOST_BYTES = 900
"""Per queued order, in everything that the trading state has: order, key, queue, timers, guards."""


def full(bench: Bench) -> Bench:
    """Let one order be in flight, so that the others wait."""
    bench.submit(snipe_target_id="first")
    bench.settle()
    return bench


def test_a_queued_order_is_read_as_it_was_written() -> None:
    bench = full(Bench(rules(queue={"max_in_flight": 1})))
    asked = bench.submit(
        snipe_target_id="7", type="LIMIT", quantity=Decimal("0.000000010"), price=Decimal("67000.5"), execute_at=None
    )
    before = bench.state.orders[asked.order_id]
    bench.settle()
    after = bench.state.orders[asked.order_id]
    assert after is not before, "it is kept in another form once its row is on disk"
    assert after == before == bench.disk.orders[asked.order_id]
    assert (after.type, after.state) == (OrderType.LIMIT, State.QUEUED)
    assert str(after.quantity) == str(before.quantity)


def test_a_repeated_signal_finds_an_order_that_waits() -> None:
    bench = full(Bench(rules(queue={"max_in_flight": 1})))
    first = bench.submit(snipe_target_id="7")
    bench.settle()
    assert bench.submit(snipe_target_id="7") == first


def test_an_order_that_waited_is_sent_like_any_other() -> None:
    bench = full(Bench(rules(queue={"max_in_flight": 1})))
    waiting = bench.submit(snipe_target_id="7")
    bench.settle()
    (first,) = (order for order in bench.state.orders.not_queued())
    bench.answer(first, placed())
    assert bench.order(waiting).state is State.IN_FLIGHT
    bench.settle()
    assert [order.order_id for order in bench.state.orders.not_queued()] == [ANY, waiting.order_id]


def test_a_queued_order_takes_little_memory() -> None:
    """Very many may wait for a long time, and a machine for a bot is small."""
    bench = full(Bench(rules(queue={"max_in_flight": 1})))
    submit(bench, "warm", 50)
    gc.collect()
    tracemalloc.start()
    try:
        submit(bench, "queued", ORDERS)
        forget_disk(bench)
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / ORDERS < MOST_BYTES, f"{used / ORDERS:.0f} bytes"


def test_a_start_has_each_queued_order_in_memory_once() -> None:
    bench = full(Bench(rules(queue={"max_in_flight": 1})))
    submit(bench, "queued", ORDERS)
    gc.collect()
    tracemalloc.start()
    try:
        bench.crash()
        used, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bench.state.queue) == ORDERS
    assert peak < used * 1.1, f"{peak / ORDERS:.0f} bytes, then {used / ORDERS:.0f}"


def submit(bench: Bench, name: str, orders: int) -> None:
    for number in range(orders):
        bench.submit(snipe_target_id=f"{name}-{number}", idempotency_key=f"{name}-{number}")
    bench.settle()


def forget_disk(bench: Bench) -> None:
    """Free what the disk of the tests has: dictionaries in this process."""
    bench.disk.orders.clear()
    bench.disk.events.clear()
    bench.latest.clear()
