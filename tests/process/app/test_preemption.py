"""A lock that was released, an order that was withdrawn and a reserved rate slot block no other order."""

from tests.support import Daemon, Exchange, Stage, wall_ms
from tests.support.signals import market_buy, market_sell
from tests.support.tables import read

LONG_AHEAD = {"queue": {"arm_ahead_ms": 60_000}}


def test_a_forced_release_under_a_lost_order_lets_the_resources_next_order_go(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject("request_lost")
    lost = daemon.send(market_sell(snipeTargetId="one"))
    daemon.until(lost, "lost")
    waiting = daemon.accept(market_sell(snipeTargetId="one", quantity="0.002"))
    release(daemon, lost)
    daemon.until(waiting, "filled")
    later = daemon.submit(market_sell(snipeTargetId="one", quantity="0.003"), wait_s=10)
    assert later.json["state"] == "filled"
    assert len(exchange.arrivals(waiting)) == 1
    assert daemon.order(lost)["state"] == "lost"


def test_a_forced_release_after_a_restart_lets_the_resources_next_order_go(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject("request_lost")
    lost = daemon.send(market_sell(snipeTargetId="one"))
    daemon.until(lost, "lost")
    daemon.restart()
    waiting = daemon.accept(market_sell(snipeTargetId="one", quantity="0.002"))
    release(daemon, lost)
    daemon.until(waiting, "filled")


def test_an_armed_order_that_is_withdrawn_releases_its_resource_before_its_instant(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange, LONG_AHEAD)
    daemon.start(with_rules=True)
    armed = daemon.accept(market_buy(snipeTargetId="one", executeAt=wall_ms() + 50_000))
    daemon.wait_for("order.armed", order_id=armed)
    assert daemon.ask("DELETE", f"/v1/orders/{armed}").json["state"] == "withdrawn"
    bought = daemon.submit(market_buy(snipeTargetId="one", quoteOrderQty="26"), wait_s=10)
    assert bought.json["state"] == "filled"
    assert exchange.arrivals(armed) == []


def test_a_sell_goes_at_once_although_armed_buys_reserve_the_whole_second(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(
        exchange, {"exchange": {"order_rate_per_s": 3}, "launch": {"batch_orders": False}, **LONG_AHEAD}
    )
    daemon.start(with_rules=True)
    instant_ms = wall_ms() + 900
    buys = [daemon.accept(market_buy(executeAt=instant_ms, deadlineMs=30_000)) for _ in range(3)]
    for buy in buys:
        daemon.wait_for("order.armed", order_id=buy)
    sold = daemon.send(market_sell())
    daemon.until(sold, "filled")
    assert daemon.wait_for("order.disarmed")["order_id"] == buys[-1]
    (arrival,) = exchange.wait_for_arrivals(sold)
    for buy in buys:
        daemon.until(buy, "filled")
        (bought,) = exchange.arrivals(buy)
        assert bought["receivedMs"] > arrival["receivedMs"]


def release(daemon: Daemon, order_id: str) -> None:
    """Force-release the lock of an order that the operator has checked on the exchange."""
    lock_id = read(daemon.database, "SELECT lock_id FROM orders WHERE order_id = ?", order_id)[0]["lock_id"]
    body = {"reason": "looked at the exchange", "exchangeChecked": True}
    released = daemon.ask("POST", f"/v1/admin/locks/{lock_id}/force-release", body)
    assert released.status == 200, released.raw
