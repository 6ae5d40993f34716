"""Orders in doubt at a start: callers are served before the exchange's limits have sufficed for every search."""

from daemon.simulator.symbols import default_symbols
from tests.support import Exchange, Stage
from tests.support.signals import market_buy

DOUBTS = 24
REAL_WEIGHT = {"weight_per_10s": 250, "requests_per_s": 60}
PATIENT = {"startup_s": 3_600, "negatives": 100}


def test_a_start_with_many_orders_in_doubt_serves_callers_before_all_searches_are_done(
    own_stage: Stage, exchange: Exchange
) -> None:
    """A complete search costs a weight of 25 per pair; a query for one order costs 2."""
    daemon = own_stage.daemon(exchange, {"reconcile": PATIENT})
    daemon.start(with_rules=True)
    exchange.inject({"kind": "request_lost"})
    pairs = list(default_symbols())[:DOUBTS]
    orders = [daemon.send(market_buy(symbol=pair)) for pair in pairs]
    for order_id in orders:
        daemon.until(order_id, "in_doubt")
    exchange.inject()
    daemon.kill()
    daemon.configure({"exchange": REAL_WEIGHT})
    daemon.start()
    assert daemon.submit(market_buy()).status == 202
    assert {daemon.order(order_id)["state"] for order_id in orders} == {"in_doubt"}


def test_a_start_asks_for_the_rules_before_its_searches_take_all_requests_of_the_second(
    own_stage: Stage, exchange: Exchange
) -> None:
    """A signal waits for the rules of its pair. Eight orders in flight are more searches than a second permits."""
    daemon = own_stage.daemon(exchange, {"reconcile": PATIENT, "exchange": {"requests_per_s": 8}})
    daemon.start(with_rules=True)
    with exchange.frozen():
        for pair in list(default_symbols())[:8]:
            daemon.send(market_buy(symbol=pair))
        daemon.kill()
    before = len(exchange.requests())
    daemon.start(with_rules=True)
    asked = [f"{each['method']} {each['path']}" for each in exchange.requests()[before:]]
    assert asked.index("GET /api/v3/exchangeInfo") < asked.index("GET /api/v3/order"), asked
