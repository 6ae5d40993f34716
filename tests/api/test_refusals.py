"""Certain refusals of the exchange, and what follows: another attempt, an end, a dead letter, or a halt."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from daemon.core.values.exchange_replies import Advice
from daemon.exchange.mexc.codes import ADVICE
from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.signals import market_buy, resting_buy

RULES = "GET /api/v3/exchangeInfo"


def codes(*advices: Advice) -> Iterable[int]:
    """Return the exchange's codes with this meaning: a new code needs a test here."""
    return sorted(code for code, advice in ADVICE.items() if advice in advices)


def refuse(exchange: Exchange, code: int) -> None:
    """Let the exchange refuse the next order with a code."""
    exchange.inject({"kind": "refused", "code": code, "count": 1})


@pytest.mark.parametrize("code", codes(Advice.RETRY, Advice.RESYNC))
def test_a_passing_refusal_is_followed_by_another_attempt(daemon: Daemon, exchange: Exchange, code: int) -> None:
    refuse(exchange, code)
    order = daemon.submit(market_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("filled", 2)
    names = [arrival["parameters"]["newClientOrderId"] for arrival in exchange.arrivals(order["id"])]
    assert names == [f"{order['id']}-1", f"{order['id']}-2"]
    assert [placed["clientOrderId"] for placed in exchange.orders(order["id"])] == names[1:]
    first, second = daemon.explain(order["id"])["attempts"]
    assert (first["state"], first["code"], second["state"]) == ("refused", str(code), "placed")


@pytest.mark.parametrize("code", codes(Advice.STOP, Advice.CHECK_FUNDS, Advice.ALERT))
def test_a_final_refusal_ends_the_order(daemon: Daemon, exchange: Exchange, code: int) -> None:
    refuse(exchange, code)
    answer = daemon.submit(market_buy(), wait_s=10)
    order = answer.json
    assert (answer.status, order["state"], order["attempts"]) == (200, "rejected", 1)
    assert f"refused ({code})" in order["reason"]
    assert (len(exchange.arrivals(order["id"])), exchange.orders(order["id"])) == (1, [])
    found = daemon.explain(order["id"])
    assert [lock["state"] for lock in found["locks"]] == ["failed"]
    assert found["next"]["what"].startswith("nothing")


@pytest.mark.parametrize("code", codes(Advice.DEAD_LETTER))
def test_a_refusal_that_needs_the_operator_makes_a_dead_letter(daemon: Daemon, exchange: Exchange, code: int) -> None:
    refuse(exchange, code)
    order = daemon.submit(market_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("dead_letter", 1)
    assert f"refused ({code})" in order["reason"]
    assert (len(exchange.arrivals(order["id"])), exchange.orders(order["id"])) == (1, [])


@pytest.mark.parametrize("code", codes(Advice.HALT))
def test_a_key_that_is_refused_halts_trading(daemon: Daemon, exchange: Exchange, code: int) -> None:
    refuse(exchange, code)
    order = daemon.submit(market_buy(), wait_s=10).json
    assert order["state"] == "dead_letter"
    status = daemon.get("/v1/status")
    assert f"refused ({code})" in status["halted"]
    refused = daemon.submit(market_buy())
    assert (refused.status, refused.json["error"]) == (409, "halted")
    assert "sniperd resume" in refused.json["message"]
    resumed = daemon.ask("POST", "/v1/admin/resume", {"reason": "the key works again"})
    assert (resumed.status, resumed.json["halted"]) == (200, None)
    requeued = daemon.ask("POST", f"/v1/admin/orders/{order['id']}/requeue", {"reason": "the key works again"})
    assert requeued.json["state"] in {"queued", "in_flight"}
    assert daemon.until(order["id"], "filled")["attempts"] == 2


def test_an_order_that_waits_during_a_halt_is_sent_after_the_resume(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        first = daemon.send(market_buy(snipeTargetId="halted", deadlineMs=60_000))
        second = daemon.accept(market_buy(snipeTargetId="halted", quoteOrderQty="26", deadlineMs=60_000))
        daemon.ask("POST", "/v1/admin/halt", {"reason": "a look around"})
    daemon.until(first, "filled")
    found = daemon.explain(second)
    assert (found["order"]["state"], found["next"]["what"]) == (
        "queued",
        "it waits for `sniperd resume` (a look around), or expires",
    )
    assert daemon.submit(market_buy()).status == 409
    daemon.ask("POST", "/v1/admin/resume", {"reason": "all is well"})
    daemon.until(second, "filled")


def test_a_repetition_is_answered_also_while_halted(daemon: Daemon) -> None:
    signal = market_buy()
    order = daemon.submit(signal, wait_s=10).json
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    again = daemon.submit(signal)
    assert (again.status, again.json["id"], again.json["state"]) == (200, order["id"], "filled")


def test_a_dead_letter_can_be_discarded(daemon: Daemon, exchange: Exchange) -> None:
    refuse(exchange, 30002)
    order = daemon.submit(market_buy(), wait_s=10).json
    assert daemon.explain(order["id"])["next"]["what"].startswith("nothing by itself: you decide")
    discarded = daemon.ask("DELETE", f"/v1/orders/{order['id']}?reason=too+small")
    assert (discarded.status, discarded.json["state"], discarded.json["reason"]) == (200, "withdrawn", "too small")
    assert daemon.ask("POST", f"/v1/admin/orders/{order['id']}/requeue", {"reason": "again"}).status == 409
    assert len(exchange.arrivals(order["id"])) == 1


def test_a_dead_letter_that_was_replaced_cannot_be_requeued(daemon: Daemon, exchange: Exchange) -> None:
    refuse(exchange, 30002)
    signal = market_buy()
    dead = daemon.submit(signal, wait_s=10).json
    successor = daemon.submit(signal, wait_s=10).json
    refused = daemon.ask("POST", f"/v1/admin/orders/{dead['id']}/requeue", {"reason": "once more"})
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert successor["id"] in refused.json["message"]
    assert len(exchange.arrivals(dead["id"])) == 1


def test_an_order_waits_for_the_end_of_a_rate_limit(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 1})
    limited, after = market_buy(), market_buy()
    first = daemon.accept(limited)
    daemon.wait_for("order.deferred", order_id=first)
    second = daemon.accept(after)
    for order_id in (first, second):
        daemon.until(order_id, "filled")
    refused_ms = exchange.arrivals(first)[0]["receivedMs"]
    assert (
        min(exchange.arrivals(first)[1]["receivedMs"], exchange.arrivals(second)[0]["receivedMs"]) >= refused_ms + 999
    )


def test_a_rate_limit_longer_than_the_deadline_ends_the_order(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 1})
    order = daemon.submit(market_buy(deadlineMs=500), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("rejected", 1)
    assert "the next attempt would come after the deadline" in order["reason"]
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled", "the limit is over, and trading goes on"


def test_a_price_above_the_cap_is_lowered_to_it_once_and_buys_as_much_as_was_to_be_spent(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.list_symbol("CAPUSDT", wall_ms() - 1_000, cap="0.05")
    order = daemon.submit(resting_buy(symbol="CAPUSDT", quantity="100", price="0.06"), wait_s=10).json
    assert (order["state"], order["price"], order["attempts"]) == ("filled", "0.05", 2)
    prices = [arrival["parameters"]["price"] for arrival in exchange.arrivals(order["id"])]
    assert prices == ["0.06", "0.05"]
    assert (order["quantity"], order["askedQuantity"], order["askedPrice"]) == ("120", "100", "0.06")
    [deferred] = [event for event in daemon.explain(order["id"])["events"] if event["name"] == "order.deferred"]
    assert (deferred["detail"]["price"], "at the cap" in deferred["detail"]["reason"]) == ("0.05", True)


def test_a_price_outside_the_band_is_lowered_to_its_limit_and_buys_as_much_as_was_to_be_spent(
    daemon: Daemon, exchange: Exchange
) -> None:
    order = daemon.submit(resting_buy(quantity="0.001", price="250000"), wait_s=10).json
    assert (order["state"], order["attempts"], order["askedPrice"]) == ("filled", 2, "250000")
    assert [attempt["code"] for attempt in daemon.explain(order["id"])["attempts"]] == ["30087", None]
    price, quantity = Decimal(order["price"]), Decimal(order["quantity"])
    assert 100_000 < price < 150_000, "a fifth above the last price"
    assert 249 < price * quantity <= 250
    assert len(exchange.orders(order["id"])) == 1


@pytest.mark.parametrize("code", codes(Advice.REPRICE))
def test_a_price_out_of_range_without_a_cap_ends_the_order(daemon: Daemon, exchange: Exchange, code: int) -> None:
    refuse(exchange, code)
    order = daemon.submit(resting_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("rejected", 1)


def test_missing_funds_end_the_order(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("POORUSDT", 0)
    signal = resting_buy(symbol="POORUSDT", side="SELL", quantity="100", price="2")
    order = daemon.submit(signal, wait_s=10).json
    assert order["state"] == "rejected"
    assert "nsufficient" in order["reason"] or "ersold" in order["reason"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 404), (400, 10203), (200, 20002), (403, 403), (500, 30001), (504, 504)],
    ids=["uncatalogued", "listed as unknown", "with 200", "an HTML page", "a refusal's code in a 500", "a gateway's"],
)
def test_an_unlisted_answer_is_no_refusal(daemon: Daemon, exchange: Exchange, status: int, code: int) -> None:
    fault = {"kind": "error_after", "status": status, "code": code, "count": 1}
    exchange.inject({"kind": "forbidden_after", "count": 1} if status == 403 else fault)
    order = daemon.submit(market_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("filled", 1)
    assert [attempt["state"] for attempt in daemon.explain(order["id"])["attempts"]] == ["unknown"]
    assert len(exchange.arrivals(order["id"])) == 1


def test_an_amount_is_rounded_again_after_the_rules_have_changed(daemon: Daemon, exchange: Exchange) -> None:
    now_ms = wall_ms()
    exchange.list_symbol("SCALEUSDT", now_ms - 3_600_000, price="1.2345")
    signal = resting_buy(symbol="SCALEUSDT", quantity="10", price="1.1111")
    assert daemon.submit(signal, wait_s=10).json["state"] == "open"
    exchange.list_symbol("SCALEUSDT", now_ms - 3_600_000, price="1")
    order = daemon.submit(signal | {"price": "1.1112", "quantity": "10.55"}, wait_s=10).json
    assert (order["state"], order["attempts"]) == ("filled", 2)
    assert (order["price"], order["askedPrice"], order["quantity"], order["askedQuantity"]) == (
        "1.11", "1.1112", "10.55", None,
    )  # fmt: skip
    assert [arrival["parameters"]["price"] for arrival in exchange.arrivals(order["id"])] == ["1.1112", "1.11"]
    told = {event["name"]: event["detail"] for event in daemon.explain(order["id"])["events"]}
    assert "scale is invalid" in told["order.deferred"]["reason"]
    assert told["order.refitted"] == {"price": "1.11", "asked_price": "1.1112"}
    assert daemon.get("/v1/status")["halted"] is None


def test_rules_that_have_not_changed_send_no_order_again(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 10096, "count": 1})
    order = daemon.submit(resting_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("dead_letter", 1)
    assert len(exchange.arrivals(order["id"])) == 1


def test_an_order_ends_as_refused_while_its_pairs_rules_cannot_be_read(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 10096, "count": 1}, {"kind": "maintenance", "endpoint": RULES})
    order = daemon.submit(resting_buy(), wait_s=10).json
    assert (order["state"], order["attempts"]) == ("dead_letter", 1)
    exchange.inject()


@pytest.mark.parametrize("code", [10007, 30041], ids=["symbol", "type"])
def test_a_refusal_about_the_pair_queries_its_rules_again(daemon: Daemon, exchange: Exchange, code: int) -> None:
    symbol = f"ANEW{code}USDT"
    exchange.list_symbol(symbol, wall_ms() - 7_200_000, price="1")
    exchange.inject({"kind": "refused", "code": code, "count": 1})
    order = daemon.submit(resting_buy(symbol=symbol, quantity="10", price="1"), wait_s=10).json
    refused_ms = exchange.arrivals(order["id"])[0]["receivedMs"]

    def asked_again() -> bool:
        asked = exchange.arrivals(endpoint=RULES)
        return any(each["parameters"].get("symbol") == symbol and each["receivedMs"] >= refused_ms for each in asked)

    eventually(asked_again, "the rules are read anew")
