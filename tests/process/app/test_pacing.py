"""Pacing: the exchange counts requests as they arrive, and never counts too many."""

from tests.support import Stage, wall_ms
from tests.support.edge import edge_before
from tests.support.signals import market_buy

ORDERS_ONLY = ("--weight-per-ip=0", "--weight-per-account=0", "--requests-per-s=0")
"""Of MEXC's limits, 12 orders per second alone."""


def test_twenty_orders_for_one_instant_one_by_one_meet_no_429_on_an_irregular_way(own_stage: Stage) -> None:
    exchange = own_stage.exchange(*ORDERS_ONLY, is_limited=True)
    with edge_before(exchange.url, longest_ms=80) as edge:
        daemon = own_stage.daemon(
            exchange,
            {"exchange": {"base_url": edge.url, "order_rate_per_s": 12}, "launch": {"batch_orders": False}},
        )
        daemon.start(with_rules=True)
        instant_ms = wall_ms() + 1_500
        orders = [daemon.accept(market_buy(executeAt=instant_ms, deadlineMs=30_000)) for _ in range(20)]
        for order in orders:
            daemon.until(order, "filled")
    arrivals = exchange.arrivals()
    assert [arrival["status"] for arrival in arrivals] == [200] * 20
    received_ms = [arrival["receivedMs"] for arrival in arrivals]
    assert received_ms[11] < instant_ms + 1_000 <= received_ms[12], "the whole limit is used in the first second"
