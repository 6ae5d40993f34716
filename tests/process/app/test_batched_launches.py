"""More orders of one pair for one instant than the rate has room for: they leave together, each of them once."""

import time
from typing import Any

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.edge import edge_before
from tests.support.placing import placed_by
from tests.support.signals import market_buy
from tests.support.stage import Stage

ORDERS_ONLY = ("--weight-per-ip=0", "--weight-per-account=0", "--requests-per-s=0")
"""Of MEXC's limits, those of orders alone."""
RATE = 10
COUNT = 20
IN_BATCH = COUNT - RATE + 1
AHEAD_MS = 2_500
BATCH = "POST /api/v3/batchOrders"
LATE_MS = 700
"""What a busy machine may add. The orders that the rate would hold back come 1.1 s after the others."""


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    return own_stage.exchange(*ORDERS_ONLY, is_limited=True)


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    return started(own_stage, exchange)


def started(stage: Stage, exchange: Exchange, **exchange_table: Any) -> Daemon:
    """Start a daemon that sends ten orders per second."""
    daemon = stage.daemon(exchange, {"exchange": {"order_rate_per_s": RATE} | exchange_table})
    daemon.start(with_rules=True)
    return daemon


def armed(daemon: Daemon, count: int = COUNT, **changes: Any) -> tuple[int, list[str]]:
    """Send signals for one instant; return it, and the orders' ids, when all are armed."""
    at_ms = wall_ms() + AHEAD_MS
    orders = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=30_000, **changes)) for _ in range(count)]
    for order in orders:
        daemon.wait_for("order.armed", order_id=order)
    return at_ms, orders


def requests(exchange: Exchange) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the requests that placed orders, each with its orders' ids."""
    found = [(each, placed_by(each["method"], each["path"], each["query"])) for each in exchange.requests()]
    return [(each, [one.rpartition("-")[0] for one in placed]) for each, placed in found if placed]


def in_a_batch(exchange: Exchange) -> list[str]:
    """Return the ids of the orders that a batch has carried."""
    return [order for _, orders in requests(exchange) if len(orders) > 1 for order in orders]


def test_twenty_orders_arrive_at_their_instant_without_a_429(daemon: Daemon, exchange: Exchange) -> None:
    at_ms, orders = armed(daemon)
    for order in orders:
        assert daemon.until(order, "filled")["attempts"] == 1
        assert len(exchange.orders(order)) == 1
    sent = requests(exchange)
    assert sorted(len(of) for _, of in sent) == [1] * (RATE - 1) + [IN_BATCH]
    assert {each["status"] for each, _ in sent} == {200}
    assert max(each["receivedMs"] for each, _ in sent) < at_ms + LATE_MS
    last = daemon.ask("GET", f"/v1/orders/{orders[-1]}").json
    assert last["clientOrderId"] in str(daemon.ask("GET", f"/v1/orders/{orders[-1]}/explain").raw)


def test_a_batch_meets_no_429_on_an_irregular_way(own_stage: Stage, exchange: Exchange) -> None:
    with edge_before(exchange.url, longest_ms=80) as edge:
        daemon = started(own_stage, exchange, base_url=edge.url)
        _, orders = armed(daemon, 40)
        for order in orders:
            daemon.until(order, "filled")
    assert {each["status"] for each, _ in requests(exchange)} == {200}
    assert len(exchange.orders()) == 40


def test_an_order_that_the_exchange_refuses_in_a_batch_ends_and_the_others_are_bought(own_stage: Stage) -> None:
    """The balance is enough for eighteen."""
    exchange = own_stage.exchange(*ORDERS_ONLY, "--balance", "USDT=450.9", is_limited=True)
    daemon = started(own_stage, exchange)
    _, orders = armed(daemon)
    states = [daemon.until(order, "filled", "rejected", "dead_letter")["state"] for order in orders]
    assert states.count("filled") == len(exchange.orders()) == 18
    refused = [order for order, state in zip(orders, states, strict=True) if state != "filled"]
    assert len(refused) == 2
    assert all("30004" in str(daemon.ask("GET", f"/v1/orders/{order}").json["reason"]) for order in refused)


@pytest.mark.parametrize("fault", ["reply_lost", "error_after", "junk_body", "no_order_id"])
def test_a_batch_without_a_clear_answer_is_an_unknown_outcome_of_each_order_which_is_found(
    daemon: Daemon, exchange: Exchange, fault: str
) -> None:
    exchange.inject({"kind": fault, "endpoint": BATCH, "count": 1})
    _, orders = armed(daemon)
    for order in orders:
        assert daemon.until(order, "filled")["attempts"] == 1
        assert len(exchange.orders(order)) == 1
    carried = in_a_batch(exchange)
    assert len(carried) == IN_BATCH
    for order in carried:
        daemon.wait_for("order.in_doubt", order_id=order)


def test_a_batch_that_the_exchange_never_got_is_never_sent_again(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "request_lost", "endpoint": BATCH, "count": 1})
    _, orders = armed(daemon)
    ends = {order: daemon.until(order, "filled", "lost")["state"] for order in orders}
    carried = in_a_batch(exchange)
    assert len(carried) == IN_BATCH
    for order, state in ends.items():
        assert state == ("lost" if order in carried else "filled")
        assert len(exchange.orders(order)) == (0 if order in carried else 1)


def test_a_cancelled_order_leaves_its_batch_and_the_others_arrive(daemon: Daemon, exchange: Exchange) -> None:
    _, orders = armed(daemon)
    gone = orders[-3:]
    for order in gone:
        assert daemon.ask("DELETE", f"/v1/orders/{order}?reason=no").json["state"] == "withdrawn"
    for order in orders[:-3]:
        assert daemon.until(order, "filled")["attempts"] == 1
    assert sorted(len(of) for _, of in requests(exchange)) == [1] * (RATE - 1) + [IN_BATCH - 3]
    assert not any(exchange.orders(order) for order in gone)


def test_all_orders_of_a_batch_but_one_can_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    _, orders = armed(daemon, 12)
    for order in orders[-2:]:
        assert daemon.ask("DELETE", f"/v1/orders/{order}?reason=no").json["state"] == "withdrawn"
    for order in orders[:-2]:
        daemon.until(order, "filled")
    assert {len(of) for _, of in requests(exchange)} == {1}


@pytest.mark.parametrize("after_ms", [-200.0, -2.0, -0.5, 0.0, 0.5])
def test_a_halt_takes_a_batch_back_or_comes_too_late_for_all_of_it(
    daemon: Daemon, exchange: Exchange, after_ms: float
) -> None:
    at_ms, orders = armed(daemon)
    sleep_until_ms(at_ms + after_ms)
    assert daemon.ask("POST", "/v1/admin/halt", {"reason": "race"}).status == 200
    for order in orders:
        state = daemon.until(order, "filled", "queued")["state"]
        assert len(exchange.orders(order)) == (1 if state == "filled" else 0)
    assert len(in_a_batch(exchange)) in {0, IN_BATCH}


@pytest.mark.parametrize("after_ms", [-300.0, -5.0, -0.5, 0.3, 1.0, 2.0, 4.0, 8.0])
def test_a_kill_at_any_moment_places_no_order_twice(daemon: Daemon, exchange: Exchange, after_ms: float) -> None:
    at_ms, orders = armed(daemon)
    sleep_until_ms(at_ms + after_ms)
    daemon.kill()
    daemon.start(with_rules=True)
    for order in orders:
        state = daemon.until(order, "filled", "lost")["state"]
        assert len(exchange.orders(order)) == (1 if state == "filled" else 0)
    assert len(in_a_batch(exchange)) in {0, IN_BATCH}


def test_an_order_that_comes_while_the_others_are_armed_joins_them(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + AHEAD_MS
    early = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=30_000)) for _ in range(RATE)]
    for order in early:
        daemon.wait_for("order.armed", order_id=order)
    late = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=30_000)) for _ in range(3)]
    for order in [*early, *late]:
        assert daemon.until(order, "filled")["attempts"] == 1
    assert set(late) < set(in_a_batch(exchange))


def test_orders_of_other_pairs_and_without_batches_wait_for_the_rate(own_stage: Stage, exchange: Exchange) -> None:
    tables: dict[str, dict[str, Any]] = {"exchange": {"order_rate_per_s": RATE}, "launch": {"batch_orders": False}}
    daemon = own_stage.daemon(exchange, tables)
    daemon.start(with_rules=True)
    at_ms = wall_ms() + AHEAD_MS
    orders = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=30_000)) for _ in range(COUNT)]
    for order in orders:
        daemon.until(order, "filled")
    received = [each["receivedMs"] for each, _ in requests(exchange)]
    assert len(received) == COUNT
    assert sum(each < at_ms + 1_000 for each in received) == RATE


def sleep_until_ms(at_ms: float) -> None:
    """Wait for an instant of the wall clock: a race begins there, so nothing can be awaited instead."""
    while (left_ms := at_ms - wall_ms()) > 0:
        time.sleep(max(0, left_ms - 2) / 1_000)
