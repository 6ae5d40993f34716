"""Opens that are announced and moved: the order waits for the open, and buys once at it."""

import pytest

from tests.api.snipes import AHEAD_MS, bought_once_at, snipe
from tests.support import Daemon, Exchange, wall_ms


@pytest.mark.parametrize("early_ms", [300, 3_000])
def test_an_order_that_is_early_by_the_announced_open_waits_for_it(
    daemon: Daemon, exchange: Exchange, early_ms: int
) -> None:
    symbol, opens_ms = f"EARLY{early_ms}USDT", wall_ms() + 5_000
    exchange.list_symbol(symbol, opens_ms, cap="0.05")
    order_id = daemon.accept(snipe(symbol, opens_ms - early_ms))
    bought_once_at(daemon, exchange, order_id, opens_ms)
    assert daemon.order(order_id)["askedExecuteAtMs"] == opens_ms - early_ms


def test_a_listing_that_is_postponed_twice_and_moved_forward_again_is_bought_once(
    daemon: Daemon, exchange: Exchange
) -> None:
    at_ms = wall_ms() + AHEAD_MS
    exchange.list_symbol("MOVEDUSDT", at_ms, cap="0.05")
    signal = snipe("MOVEDUSDT", at_ms)
    order_id = daemon.accept(signal)
    for later_ms in (300_000, 600_000, 6_000):
        exchange.change_listing("MOVEDUSDT", opensAt=at_ms + later_ms)
        moved = daemon.wait_for("order.rescheduled", order_id=order_id, to_ms=at_ms + later_ms)
        assert moved["deadline_ms"] == at_ms + later_ms + 5_000
    again = daemon.submit(signal)
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, order_id, True)
    bought_once_at(daemon, exchange, order_id, at_ms + 6_000)
    assert daemon.order(order_id)["askedExecuteAtMs"] == at_ms


def test_an_instant_that_the_operator_chose_is_not_moved_by_the_listing(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + 3_600_000
    exchange.list_symbol("FIXEDUSDT", at_ms, cap="0.05")
    order_id = daemon.accept(snipe("FIXEDUSDT", at_ms))
    body = {"reason": "I know better", "executeAt": at_ms + 60_000}
    assert daemon.ask("POST", f"/v1/orders/{order_id}/reschedule", body).status == 200
    exchange.change_listing("FIXEDUSDT", opensAt=at_ms + 300_000)
    another = daemon.accept(snipe("FIXEDUSDT", wall_ms() + AHEAD_MS))  # the exchange is asked soon
    daemon.wait_for("order.rescheduled", order_id=another, to_ms=at_ms + 300_000)
    assert daemon.order(order_id)["executeAtMs"] == at_ms + 60_000


def test_an_order_for_a_pair_that_the_api_does_not_show_is_moved_by_the_calendar(
    daemon: Daemon, exchange: Exchange
) -> None:
    at_ms = wall_ms() + 3_600_000
    exchange.list_symbol("CALENDARUSDT", at_ms + 60_000, shownFrom=at_ms)
    own = daemon.accept(snipe("CALENDARUSDT", at_ms))
    moved = daemon.wait_for("order.rescheduled", order_id=own, to_ms=at_ms + 60_000)
    assert "calendar" in moved["reason"]
