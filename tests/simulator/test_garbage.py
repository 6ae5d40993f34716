"""Arbitrary input causes no internal error: no request is answered with 500, and the server keeps working."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.simulator.endpoints import ENDPOINTS
from daemon.simulator.messages import Reply, Request
from tests.simulator.trader import HEADERS, NOW_MS, Trader

NAMES = [
    *("symbol", "symbols", "side", "type", "quantity", "quoteOrderQty", "price", "newClientOrderId", "stpMode"),
    *("orderId", "origClientOrderId", "startTime", "endTime", "limit", "interval", "batchOrders", "listenKey"),
]
SENSIBLE = [
    *("BTCUSDT", "BTCUSDT,ETHUSDT", "BUY", "SELL", "LIMIT", "MARKET", "FILL_OR_KILL", "0.01", "90000", "1m", "10"),
    *("1e9", "NaN", "-1", "0", "9" * 30, "0." + "0" * 25 + "1", "[]", '[{"symbol":"BTCUSDT"}]', "[[]]", "[{}]"),
]
values = st.one_of(st.sampled_from(SENSIBLE), st.text(max_size=20))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), values), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
CONTROL_NAMES = ["symbol", "price", "bids", "asks", "status", "opensAt", "cap", "faults", "depthValue", "volatility"]


@settings(max_examples=400, deadline=None)
@given(
    endpoint=st.sampled_from(sorted(ENDPOINTS)),
    parameters=st.dictionaries(st.sampled_from(NAMES), values, max_size=8),
)
def test_no_parameters_make_an_endpoint_fail(endpoint: tuple[str, str], parameters: dict[str, str]) -> None:
    method, path = endpoint
    assert TRADER.send(method, path, **parameters).status in {200, 400}


@settings(max_examples=200, deadline=None)
@given(
    route=st.sampled_from([("PUT", "faults"), ("POST", "listings"), ("POST", "market")]),
    content=st.dictionaries(st.sampled_from(CONTROL_NAMES), json_values, max_size=5),
)
def test_no_content_makes_a_control_route_fail(route: tuple[str, str], content: dict[str, Any]) -> None:
    method, path = route
    assert TRADER.control(method, path, content)[0] in {200, 400}
    assert TRADER.ask("GET", "ticker/24hr", symbol="BTCUSDT")


@settings(max_examples=200, deadline=None)
@given(
    method=st.text(max_size=8),
    path=st.text(max_size=30),
    query=st.text(max_size=40),
    body=st.binary(max_size=40),
)
def test_no_bytes_make_the_exchange_fail(method: str, path: str, query: str, body: bytes) -> None:
    for full_path in (path, f"/api/v3/{path}", f"/simulator/{path}"):
        reply = TRADER.exchange.handle(Request(method, full_path, query, HEADERS, body), NOW_MS)
        assert isinstance(reply, Reply)
        assert reply.status == 404
    arrivals = msgspec.json.encode(TRADER.exchange.requests()[-1:])
    assert arrivals


TRADER = Trader()
"""One exchange for all examples, so that each example starts from the state that the previous ones left."""
