"""Leases and orders share the lock table: each waits for the other, in the order of service."""

from collections.abc import Callable

import pytest

from tests.process.locks.asking import acquire, enqueue, force, granted, lease_request, release, take, waiting
from tests.support import Daemon, Exchange
from tests.support.signals import market_buy
from tests.support.tables import locks_of


def resource_of(signal: dict[str, str]) -> str:
    """Return the resource that a signal's order locks."""
    return f"trade:{signal['symbol']}:{signal['side']}:{signal['snipeTargetId']}"


def test_an_order_waits_for_a_lease_on_its_resource(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy()
    lease = take(daemon, resourceId=resource_of(signal))
    order_id = daemon.accept(signal)
    assert (
        lease["lockId"] in daemon.explain(order_id)["next"]["what"]
        or "anna" in daemon.explain(order_id)["next"]["what"]
    )
    assert (daemon.order(order_id)["state"], exchange.arrivals(order_id)) == ("queued", [])
    ended = release(daemon, lease).json
    daemon.until(order_id, "filled")
    assert daemon.explain(order_id)["attempts"][0]["startedAtMs"] >= ended["releasedAt"]
    assert len(exchange.arrivals(order_id)) == 1


@pytest.mark.parametrize("spelling", [str.upper, str.title], ids=["TRADE", "Trade"])
def test_an_order_waits_for_a_lease_in_any_letter_case(
    daemon: Daemon, exchange: Exchange, spelling: Callable[[str], str]
) -> None:
    signal = market_buy(symbol="ETHUSDT")
    kind, _, rest = resource_of(signal).partition(":")
    lease = take(daemon, resourceId=f"{spelling(kind)}:{rest}")
    order_id = daemon.accept(signal)
    assert (daemon.order(order_id)["state"], exchange.arrivals(order_id)) == ("queued", [])
    release(daemon, lease)
    daemon.until(order_id, "filled")


def test_an_order_waits_for_a_lease_on_its_whole_symbol(daemon: Daemon, exchange: Exchange) -> None:
    lease = take(daemon, resourceId="trade:XRPUSDT")
    order_id = daemon.accept(market_buy(symbol="XRPUSDT"))
    assert (daemon.order(order_id)["state"], exchange.arrivals(order_id)) == ("queued", [])
    release(daemon, lease)
    daemon.until(order_id, "filled")


def test_a_lease_waits_for_the_order_that_holds_its_resource(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy()
    with exchange.frozen():
        order_id = daemon.send(signal)
        refused = acquire(daemon, lease_request(resourceId=resource_of(signal)))
        assert (refused.status, refused.json["holder"]["orderId"]) == (409, order_id)
        pending = enqueue(daemon, lease_request(resourceId=resource_of(signal)))
        stolen = release(daemon, refused.json["holder"])
        assert (stolen.status, stolen.json["error"]) == (409, "wrong_state")
    lease = granted(pending)
    order_lock, mine = locks_of(daemon.database, resource_of(signal))
    assert (order_lock["order_id"], order_lock["status"], mine["fencing_token"]) == (
        order_id,
        "released",
        lease["fencingToken"],
    )
    assert mine["acquired_at"] >= order_lock["released_at"]
    assert len(exchange.orders(order_id)) == 1


def test_after_a_forced_release_of_a_lease_the_order_is_sent(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy()
    lease = take(daemon, resourceId=resource_of(signal))
    order_id = daemon.accept(signal)
    assert force(daemon, lease).status == 200
    daemon.until(order_id, "filled")
    assert len(exchange.orders(order_id)) == 1


def test_a_lock_with_an_unknown_outcome_is_released_only_with_exchange_checked(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    signal = market_buy(timeoutMs=200)
    order_id = daemon.accept(signal)
    daemon.until(order_id, "in_doubt")
    resource = resource_of(signal)
    [lock] = [each for each in daemon.get("/v1/locks")["locks"] if each["resourceId"] == resource]
    refused = force(daemon, lock)
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert daemon.order(order_id)["clientOrderId"] in refused.json["message"]
    pending = enqueue(daemon, lease_request(resourceId=resource))
    daemon.wait_for("lock.overdue", lock_id=lock["lockId"])
    assert len(waiting(daemon, resource)) == 1, "its lease has ended, its outcome is unknown: it is held"
    assert force(daemon, lock, exchangeChecked=True).status == 200
    assert granted(pending)["ownerId"] == "anna"
    assert daemon.order(order_id)["state"] == "in_doubt", "the order stays in doubt after the release"
    exchange.inject()
    daemon.until(order_id, "filled")
    assert len(exchange.orders(order_id)) == 1
