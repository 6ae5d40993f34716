"""Wrong or unreadable answers of the exchange: real processes, and an exchange with one injected fault."""

from typing import Any

import pytest

from tests.support import Daemon, Exchange
from tests.support.daemon_process import Tables
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage

LOOK_UP = "GET /api/v3/order"
FOREVER_MS = 3_600_000
EVEN: Tables = {"reconcile": {"first_ms": 100, "factor": 1.0}}
"""Queries at even intervals, so that an order is lost soon after its grace."""


def shown_as(field: str, value: str, endpoint: str = LOOK_UP, **more: Any) -> dict[str, Any]:
    return {"kind": "shown_as", "endpoint": endpoint, "field": field, "value": value, **more}


def events(daemon: Daemon, order_id: str, name: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in daemon.explain(order_id)["events"] if event["name"] == name]


# --- an order has two names


@pytest.mark.parametrize("wish", [market_buy(), market_sell()], ids=["buy", "sell"])
def test_an_order_that_only_the_exchanges_id_finds_is_tracked_to_its_end(
    daemon: Daemon, exchange: Exchange, wish: dict[str, Any]
) -> None:
    exchange.inject({"kind": "client_id_hidden"})
    order = daemon.submit(wish | {"snipeTargetId": f"hidden-{wish['side']}"}, wait_s=10).json
    assert (order["state"], len(exchange.arrivals(order["id"]))) == ("filled", 1)


def test_an_order_that_only_the_exchanges_id_finds_is_cancelled_by_it(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "client_id_hidden"}, {"kind": "client_id_hidden", "endpoint": "DELETE /api/v3/order"})
    order = daemon.submit(resting_buy(), wait_s=10).json
    assert order["state"] == "open"
    daemon.ask("DELETE", f"/v1/orders/{order['id']}", {"reason": "enough"})
    daemon.until(order["id"], "canceled")
    (cancel,) = [
        arrival["parameters"]
        for arrival in exchange.arrivals(endpoint="DELETE /api/v3/order")
        if arrival["parameters"].get("orderId") == order["exchangeOrderId"]
    ]
    assert "origClientOrderId" not in cancel


# --- rows of other orders


@pytest.mark.parametrize(
    ("field", "value"),
    [("executedQty", ""), ("executedQty", "1,000.5"), ("status", "null"), ("orderId", "null"), ("", "")],
    ids=["amount empty", "thousands set apart", "state null", "id null", "an empty row"],
)
def test_an_unreadable_row_of_another_order_does_not_stop_a_search(
    daemon: Daemon, exchange: Exchange, field: str, value: str
) -> None:
    odd = [
        {"kind": "odd_row", "endpoint": f"GET /api/v3/{path}", "field": field, "value": value}
        for path in ("openOrders", "allOrders", "myTrades")
    ]
    exchange.inject("reply_lost", {"kind": "client_id_hidden", "endpoint": LOOK_UP}, *odd)
    order_id = daemon.accept(market_buy())
    assert daemon.until(order_id, "filled")["exchangeOrderId"] == exchange.orders(order_id)[0]["orderId"]


def test_an_unreadable_row_is_reported_once(own_stage: Stage) -> None:
    exchange = own_stage.exchange("--fault", "odd_row:value=odd")
    daemon = own_stage.daemon(exchange, EVEN)
    daemon.start()
    exchange.inject("request_lost", {"kind": "odd_row", "value": "odd"})
    daemon.until(daemon.accept(market_buy()), "lost")
    (event,) = daemon.process.events("exchange.odd_row")
    assert (event["witness"], event["symbol"]) == ("all_orders", "BTCUSDT")
    assert '"executedQty":"odd"' in event["row"]


def test_an_odd_row_of_ours_does_not_count_as_not_found(daemon: Daemon, exchange: Exchange) -> None:
    """The order is in doubt while the row is unreadable, and never lost."""
    exchange.inject(
        "reply_lost", *[shown_as("executedQty", "much", f"GET /api/v3/{path}") for path in ("order", "allOrders")]
    )
    order_id = daemon.accept(resting_buy())
    daemon.until(order_id, "open")  # the list of open orders shows it
    exchange.inject()


# --- contradictions


EARLY = {"kind": "filled_early", "endpoint": LOOK_UP, "delay_ms": 1_500}
NO_FILLS = {"kind": "error_before", "endpoint": "GET /api/v3/myTrades"}


def test_an_order_reported_filled_too_early_gets_its_quantity_from_its_fills(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject(EARLY)
    order = daemon.until(daemon.accept(resting_buy(price="110000")), "filled")
    assert (order["executedQuantity"], order["quantity"]) == ("0.001", "0.001")


def test_an_order_by_quote_amount_reported_filled_too_early_is_corrected(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(EARLY, NO_FILLS)
    order_id = daemon.accept(market_buy())
    first = daemon.until(order_id, "filled")
    (placed,) = exchange.orders(order_id)
    assert first["executedQuantity"] != placed["executedQty"]
    assert first["finishedAtMs"] is None
    daemon.wait_for("order.seen", order_id=order_id, was="filled")
    last = daemon.order(order_id)
    assert (last["executedQuantity"], last["finishedAtMs"] is None) == (placed["executedQty"], False)


def test_an_order_reported_filled_too_early_is_queried_again_and_recorded(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject(EARLY, NO_FILLS)
    order_id = daemon.accept(resting_buy(price="110000"))
    order = daemon.until(order_id, "filled")
    assert (order["executedQuantity"], order["quantity"]) == ("0.001", "0.001")
    (told,) = events(daemon, order_id, "order.contradicted")
    assert "shown as filled with 0.0006 executed, 0.001 were asked" in told["reason"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("symbol", "ETHUSDT"), ("side", "SELL"), ("origQty", '"999"'), ("orderId", "C02__999")],
)
def test_a_query_answer_about_another_order_is_ignored_and_reported_once(
    daemon: Daemon, exchange: Exchange, field: str, value: str
) -> None:
    exchange.inject(shown_as(field, value))
    order_id = daemon.accept(resting_buy())
    daemon.wait_for("order.contradicted", order_id=order_id)
    order = daemon.order(order_id)
    assert (order["state"], order["executedQuantity"]) == ("open", "0")
    assert order["exchangeOrderId"] == exchange.orders(order_id)[0]["orderId"]
    struck = exchange.injections()
    while exchange.injections() < struck + 2:
        daemon.get("/v1/status")
    assert len(events(daemon, order_id, "order.contradicted")) == 1
    exchange.inject()
    daemon.ask("DELETE", f"/v1/orders/{order_id}", {"reason": "enough"})
    daemon.until(order_id, "canceled")


@pytest.mark.parametrize("status", [429, 418, 400])
def test_a_refusal_that_names_an_order_is_an_unknown_outcome(daemon: Daemon, exchange: Exchange, status: int) -> None:
    exchange.inject({"kind": "refusal_with_order", "status": status, "code": 30001, "count": 1})
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "filled")
    assert len(exchange.arrivals(order_id)) == len(exchange.orders(order_id)) == 1
    assert daemon.explain(order_id)["attempts"][0]["state"] == "unknown"


def test_a_placed_order_that_is_never_reported_goes_in_doubt_with_an_alert(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, EVEN)
    daemon.start(with_rules=True)
    exchange.inject({"kind": "invisible", "delay_ms": FOREVER_MS, "count": 1})
    order_id = daemon.accept(market_buy())
    order = daemon.until(order_id, "in_doubt", "lost")
    assert order["exchangeOrderId"] == exchange.orders(order_id)[0]["orderId"]
    assert daemon.until(order_id, "lost")["state"] == "lost"
    daemon.wait_for("alert.firing", alert="order_lost")
    (told,) = events(daemon, order_id, "order.in_doubt")
    assert order["exchangeOrderId"] in told["reason"]
    assert daemon.submit(market_buy(snipeTargetId=order["snipeTargetId"])).json["id"] == order_id, "never bought twice"


# --- unknown words


@pytest.mark.parametrize(("word", "state"), [("SETTLED", "filled"), ("EXPIRED", "canceled"), ("PENDING_NEW", "open")])
def test_an_undocumented_state_is_recorded_and_may_end_the_order(
    daemon: Daemon, exchange: Exchange, word: str, state: str
) -> None:
    exchange.inject(shown_as("status", word))
    order_id = daemon.accept(resting_buy(price="110000" if state == "filled" else "50000"))
    daemon.wait_for("order.contradicted", order_id=order_id)
    daemon.until(order_id, state)
    (told,) = events(daemon, order_id, "order.contradicted")
    assert repr(word) in told["reason"]
    exchange.inject()
