"""Many doubts at a start: whoever calls is served before the exchange's weight has sufficed to look everywhere."""

from daemon.simulator.symbols import default_symbols
from tests.support import Exchange, Stage
from tests.support.signals import market_buy

DOUBTS = 24
REAL_WEIGHT = {"weight_per_10s": 250, "requests_per_s": 60}
PATIENT = {"startup_s": 3_600, "negatives": 100}


def test_a_start_with_many_doubts_serves_callers_though_the_weight_does_not_suffice_to_look_everywhere(
    own_stage: Stage, exchange: Exchange
) -> None:
    """Looking everywhere takes 25 of the weight for each pair; asking for an order itself takes 2."""
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
