"""Each fault has its effect, on its endpoint, `count` times; and one seed gives one run."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.simulator.errors import Code, ConfigurationInvalid
from daemon.simulator.faults import Fault, parse_fault, read_faults
from daemon.simulator.launch import read_faults_file
from daemon.simulator.messages import Reply
from tests.simulator.trader import Trader, order


def place_with(trader: Trader, *faults: Fault) -> Reply:
    """Set faults and place an order."""
    trader.exchange.set_faults(faults)
    return trader.send("POST", "order", **order())


def placed(trader: Trader) -> int:
    return len(trader.exchange.orders())


def test_a_lost_reply_belongs_to_an_order_that_was_placed(trader: Trader) -> None:
    assert place_with(trader, Fault("reply_lost")).drop_reply
    assert placed(trader) == 1


def test_a_lost_request_places_nothing(trader: Trader) -> None:
    assert place_with(trader, Fault("request_lost")).drop_reply
    assert placed(trader) == 0


@pytest.mark.parametrize(("kind", "orders"), [("error_before", 0), ("error_after", 1)])
def test_a_server_error_comes_before_or_after_the_order_was_placed(trader: Trader, kind: Any, orders: int) -> None:
    reply = place_with(trader, Fault(kind, status=502))
    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (502, 502)
    assert placed(trader) == orders


def test_a_server_error_can_have_a_code_and_status_400(trader: Trader) -> None:
    reply = place_with(trader, Fault("error_after", status=400, code=20002))
    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (400, 20002)
    assert placed(trader) == 1


@pytest.mark.parametrize(("kind", "orders"), [("forbidden", 0), ("forbidden_after", 1)])
def test_a_forbidden_request_is_answered_with_a_page(trader: Trader, kind: Any, orders: int) -> None:
    reply = place_with(trader, Fault(kind))
    assert (reply.status, reply.headers["Content-Type"]) == (403, "text/html")
    assert reply.body.startswith(b"<html>")
    assert placed(trader) == orders


def test_a_429_has_the_retry_after_header(trader: Trader) -> None:
    reply = place_with(trader, Fault("rate_limited", retry_after_s=7))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert placed(trader) == 0


@pytest.mark.parametrize("code", Code)
def test_every_code_of_the_table_can_be_injected(trader: Trader, code: Code) -> None:
    reply = place_with(trader, Fault("refused", code=code.value))
    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (code.status, code.value)
    assert placed(trader) == 0


def test_a_refusal_has_the_code_of_a_closed_listing_by_default(trader: Trader) -> None:
    reply = place_with(trader, Fault("refused"))
    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (400, 30001)


def test_a_fraction_of_the_orders_is_turned_away(trader: Trader) -> None:
    """As when other programs use up the limit."""
    trader.exchange.set_faults([Fault("rate_limited", probability=0.25)])
    statuses = [trader.send("POST", "order", **order()).status for _ in range(400)]
    assert 60 < statuses.count(429) < 140
    assert statuses.count(200) == 400 - statuses.count(429) == placed(trader)


def test_a_junk_body_cannot_be_read(trader: Trader) -> None:
    reply = place_with(trader, Fault("junk_body"))
    assert reply.status == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(reply.body)
    assert placed(trader) == 1


def test_a_reply_can_lack_the_order_id(trader: Trader) -> None:
    reply = place_with(trader, Fault("no_order_id"))
    assert reply.status == 200
    assert "orderId" not in msgspec.json.decode(reply.body)
    assert placed(trader) == 1


def test_the_reply_to_a_batch_can_lack_the_order_ids(trader: Trader) -> None:
    fault = Fault("no_order_id", endpoint="POST /api/v3/batchOrders")
    trader.exchange.set_faults([fault])
    reply = trader.send("POST", "batchOrders", batchOrders=json.dumps([order(), order()]))
    assert [list(item) for item in msgspec.json.decode(reply.body)] == [["symbol", "orderListId"]] * 2


def test_a_slow_reply_is_delayed_after_the_order_was_placed(trader: Trader) -> None:
    reply = place_with(trader, Fault("slow_after", delay_ms=250))
    assert (reply.status, reply.delay_ms) == (200, 250)
    assert placed(trader) == 1


def test_a_slow_request_is_admitted_now_and_placed_later(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("slow_before", delay_ms=90_000)])
    later = trader.later("POST", "order", **order(recvWindow=1_000))
    assert later.delay_ms == 90_000
    assert placed(trader) == 0
    trader.now_ms += 90_000
    reply = trader.exchange.resume(later, trader.now_ms)
    assert msgspec.json.decode(reply.body)["transactTime"] == trader.now_ms
    assert placed(trader) == 1


def test_a_slow_request_can_be_refused_after_its_delay(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("slow_before")])
    later = trader.later("POST", "order", **order())
    trader.change(status="2")
    assert b"30000" in trader.exchange.resume(later, trader.now_ms).body


def test_a_request_can_have_several_faults(trader: Trader) -> None:
    """The worst case: the order is placed, no query shows it, and the reply is lost."""
    reply = place_with(trader, Fault("invisible", delay_ms=2_000), Fault("reply_lost"))
    assert reply.drop_reply
    assert placed(trader) == 1
    assert trader.code("GET", "order", symbol="BTCUSDT", orderId=trader.exchange.orders()[0]["orderId"]) == -2013


def test_a_request_that_is_not_executed_gets_no_further_fault(trader: Trader) -> None:
    place_with(trader, Fault("request_lost", count=1), Fault("reply_lost", count=1))
    assert [fault["struck"] for fault in trader.exchange.faults()] == [1, 0]


def test_two_faults_of_a_kind_are_injected_one_after_the_other(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("refused", code=30001, count=2), Fault("refused", code=30016, count=1)])
    assert [trader.refused()[0] for _ in range(3)] == [30001, 30001, 30016]
    assert trader.place()


def test_a_request_gets_one_fault_of_a_kind(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("slow_after", delay_ms=1, count=1), Fault("slow_after", delay_ms=2, count=1)])
    assert [trader.send("POST", "order", **order()).delay_ms for _ in range(3)] == [1, 2, 0]


def test_a_fault_is_injected_at_most_count_times(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("reply_lost", count=2)])
    assert [trader.send("POST", "order", **order()).drop_reply for _ in range(3)] == [True, True, False]


def test_a_fault_applies_only_to_its_endpoint(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("error_before", endpoint="GET /api/v3/order")])
    order_id = trader.place()
    assert trader.send("GET", "order", symbol="BTCUSDT", orderId=order_id).status == 503
    assert trader.ask("GET", "openOrders", symbol="BTCUSDT")


def test_a_fault_can_apply_to_every_endpoint(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("error_before", endpoint="*")])
    assert trader.send("GET", "time").status == 503
    assert trader.send("GET", "account").status == 503
    assert trader.control("GET", "faults")[0] == 200


def test_a_fault_applies_only_to_requests_that_passed_the_gateway(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("reply_lost", count=1)])
    assert trader.code("POST", "order", **order(recvWindow=60_001)) == 700005
    assert trader.send("POST", "order", **order()).drop_reply


def test_a_refusal_can_be_lost_too(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("reply_lost")])
    assert trader.send("POST", "order", **order(quantity="30")).drop_reply
    assert placed(trader) == 0


def outcomes(seed: int) -> list[bool]:
    trader = Trader(seed=seed, faults=[Fault("reply_lost", probability=0.5)])
    lost = [trader.send("POST", "order", **order()).drop_reply for _ in range(64)]
    trader.book.close()
    return lost


def test_one_seed_gives_one_run() -> None:
    assert outcomes(1) == outcomes(1) != outcomes(2)
    assert 16 < sum(outcomes(1)) < 48


@pytest.mark.parametrize(("probability", "injections"), [(0.0, 0), (1.0, 20)])
def test_the_probabilities_0_and_1_are_certain(trader: Trader, probability: float, injections: int) -> None:
    trader.exchange.set_faults([Fault("reply_lost", probability=probability)])
    assert sum(trader.send("POST", "order", **order()).drop_reply for _ in range(20)) == injections


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("reply_lost", Fault("reply_lost")),
        ("reply_lost:count=3", Fault("reply_lost", count=3)),
        (
            "slow_after:probability=0.25,delay_ms=500,endpoint=GET /api/v3/order",
            Fault("slow_after", endpoint="GET /api/v3/order", probability=0.25, delay_ms=500),
        ),
    ],
)
def test_a_fault_is_read_from_the_command_line(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gremlins",
        "reply_lost:often=1",
        "reply_lost:count",
        "reply_lost:count=-1",
        "reply_lost:probability=2",
        "slow_after:delay_ms=-1",
        "error_after:status=99",
        "refused:code=12345",
    ],
)
def test_a_malformed_fault_is_refused_with_the_list_of_kinds(text: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="kinds: request_lost, error_before") as caught:
        parse_fault(text)
    assert text in str(caught.value)


def test_faults_are_read_from_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[faults]]\nkind = "reply_lost"\ncount = 1\n\n[[faults]]\nkind = "invisible"\nprobability = 0.5\n')
    assert read_faults_file(str(file)) == [Fault("reply_lost", count=1), Fault("invisible", probability=0.5)]


def test_faults_are_read_from_a_json_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"faults": [{"kind": "reply_lost", "count": 1}]}')
    assert read_faults_file(str(file)) == [Fault("reply_lost", count=1)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", b"[[faults"),
        ("a.json", b"{"),
        ("a.toml", b"\xff"),
        ("a.toml", b'[[faults]]\nkind = "gremlins"'),
        ("a.toml", b"other = 1"),
        ("a.json", b"[]"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ConfigurationInvalid):
        read_faults_file(str(file))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="No such file"):
        read_faults_file(str(tmp_path / "missing.toml"))


def test_a_plan_needs_the_key_faults() -> None:
    with pytest.raises(ConfigurationInvalid):
        read_faults({"fault": []})


def test_the_sum_and_the_fills_of_a_filled_order_can_be_hidden(trader: Trader) -> None:
    order_id = trader.place(type="MARKET", quantity="0.01")
    trader.exchange.set_faults([Fault("no_sum"), Fault("no_sum", endpoint="GET /api/v3/myTrades")])
    shown = trader.query(order_id)
    assert (shown["status"], shown["executedQty"], shown["cummulativeQuoteQty"]) == ("FILLED", "0.01", "0")
    assert trader.ask("GET", "myTrades", symbol="BTCUSDT") == []
    trader.exchange.set_faults([])
    assert trader.query(order_id)["cummulativeQuoteQty"] != "0"
    assert len(trader.ask("GET", "myTrades", symbol="BTCUSDT")) == 1
