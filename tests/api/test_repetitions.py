"""Repeated signals: one order, which every caller gets."""

from itertools import pairwise
from typing import Any

import pytest

from tests.support import Answer, Daemon, Exchange, at_once, wall_ms
from tests.support.signals import market_buy, resting_buy


def test_a_repetition_gets_the_first_order(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy()
    first = daemon.submit(signal, wait_s=10)
    again = daemon.submit(signal)
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json == first.json | {"replayed": True}
    assert "location" not in again.headers
    assert len(exchange.orders(first.json["id"])) == 1


@pytest.mark.parametrize("wait_s", [None, 10.0], ids=["without waiting", "waiting"])
def test_fifty_times_at_once_is_one_order_on_the_exchange(
    daemon: Daemon, exchange: Exchange, wait_s: float | None
) -> None:
    signal = market_buy(symbol="XRPUSDT", idempotencyKey=f"fifty-{wait_s}")
    answers = at_once(50, lambda _number: daemon.submit(signal, wait_s=wait_s))
    [order_id] = {answer.json["id"] for answer in answers}
    assert sum(_is_replay(answer) for answer in answers) == 49
    assert {answer.status for answer in answers} <= {200, 202}
    daemon.until(order_id, "filled")
    assert len(exchange.orders(order_id)) == len(exchange.arrivals(order_id)) == 1
    listed = [order for order in daemon.get("/v1/orders?limit=1000")["orders"] if order["symbol"] == "XRPUSDT"]
    assert [order["idempotencyKey"] for order in listed].count(signal["idempotencyKey"]) == 1


def test_fifty_orders_of_one_resource_with_different_keys_run_one_after_another(daemon: Daemon) -> None:
    signals = [market_buy(symbol="ADAUSDT", snipeTargetId="hot", idempotencyKey=f"turn-{n}") for n in range(50)]
    answers = at_once(50, lambda number: daemon.submit(signals[number], wait_s=20))
    assert {answer.json["state"] for answer in answers} == {"filled"}
    locks = [daemon.explain(answer.json["id"])["locks"] for answer in answers]
    turns = sorted((lock["fencingToken"], lock["acquiredAtMs"], lock["releasedAtMs"]) for [lock] in locks)
    assert len({token for token, _, _ in turns}) == 50
    assert all(end_ms <= begin_ms for (_, _, end_ms), (_, begin_ms, _) in pairwise(turns))


@pytest.mark.parametrize(
    "other",
    [{"quoteOrderQty": "26"}, {"symbol": "ETHUSDT"}, {"ownerId": "another"}, {"snipeTargetId": "another"}],
    ids=lambda change: next(iter(change)),
)
def test_a_key_with_another_payload_is_a_conflict(daemon: Daemon, exchange: Exchange, other: dict[str, str]) -> None:
    signal = market_buy(idempotencyKey=f"taken-{next(iter(other))}")
    order = daemon.submit(signal, wait_s=10).json
    refused = daemon.submit(signal | other)
    assert (refused.status, refused.json["error"]) == (422, "key_conflict")
    assert order["id"] in refused.json["message"]
    assert daemon.order(order["id"])["updatedAtMs"] == order["updatedAtMs"]
    assert len(exchange.orders(order["id"])) == 1


SPELLINGS: list[dict[str, Any]] = [
    {"quantity": 1},
    {"quantity": "1.0"},
    {"quantity": 1.0},
    {"quantity": "1e0"},
    {"price": 50},
    {"side": "buy"},
    {"symbol": " ltcusdt "},
    {"type": "limit"},
    {"ownerId": 7},
    {"priority": 2, "timeoutMs": 5_000, "deadlineMs": 60_000},
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
@pytest.mark.parametrize("has_key", [False, True], ids=["derived key", "given key"])
def test_two_spellings_of_a_signal_are_one_order(daemon: Daemon, spelling: dict[str, Any], has_key: bool) -> None:
    signal = resting_buy(symbol="LTCUSDT", quantity="1", price="50", ownerId="7")
    signal |= {"idempotencyKey": f"spelling-{spelling}"} if has_key else {}
    order_id = daemon.accept(signal)
    again = daemon.submit(signal | spelling)
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, order_id, True)


@pytest.mark.parametrize(
    "changed",
    [{"price": "50001"}, {"quantity": "0.0011"}, {"side": "SELL", "price": "150000"}, {"ownerId": "another"}],
    ids=lambda change: next(iter(change)),
)
def test_without_a_given_key_a_different_signal_is_another_order(daemon: Daemon, changed: dict[str, str]) -> None:
    signal = resting_buy()
    assert daemon.accept(signal) != daemon.accept(signal | changed)


def test_a_repetition_with_a_new_execute_at_is_the_same_order(daemon: Daemon) -> None:
    signal = market_buy(executeAt=wall_ms() + 60_000)
    order_id = daemon.accept(signal)
    assert daemon.submit(signal | {"executeAt": wall_ms() + 61_000}).json["id"] == order_id


def test_the_key_may_come_in_its_header(daemon: Daemon) -> None:
    signal = market_buy()
    first = daemon.submit(signal, headers={"Idempotency-Key": "from the header"})
    assert first.json["idempotencyKey"] == "from the header"
    again = daemon.submit(
        signal | {"idempotencyKey": "from the header"}, headers={"Idempotency-Key": "from the header"}
    )
    assert (again.json["id"], again.json["replayed"]) == (first.json["id"], True)


@pytest.mark.parametrize("key", ["", "   ", "k" * 129, "tab\tin it"], ids=["empty", "blank", "too long", "control"])
def test_an_invalid_key_in_the_header_is_refused(daemon: Daemon, key: str) -> None:
    refused = daemon.submit(market_buy(), headers={"Idempotency-Key": key})
    assert (refused.status, refused.json["field"]) == (400, "idempotencyKey")


@pytest.mark.parametrize("again", ['"in quotes"', "in quotes", ' "in quotes" '], ids=["quoted", "bare", "with spaces"])
@pytest.mark.parametrize("first", ['"in quotes"', "in quotes"], ids=["quoted", "bare"])
def test_a_key_in_quotes_is_the_same_key(daemon: Daemon, first: str, again: str) -> None:
    """As a string of RFC 8941, which the draft of this header requires."""
    number = len(daemon.get("/v1/orders?limit=1000")["orders"])
    signal, first, again = market_buy(), *(key.replace("in", f"in {number}") for key in (first, again))
    order = daemon.submit(signal, headers={"Idempotency-Key": first}).json
    assert order["idempotencyKey"] == f"in {number} quotes"
    replayed = daemon.submit(signal, headers={"Idempotency-Key": again})
    assert (replayed.json["id"], replayed.json["replayed"]) == (order["id"], True)
    in_body = daemon.submit(signal | {"idempotencyKey": f"in {number} quotes"}, headers={"Idempotency-Key": first})
    assert in_body.json["id"] == order["id"]


def test_a_quoted_key_may_hold_quotes(daemon: Daemon) -> None:
    order = daemon.submit(market_buy(), headers={"Idempotency-Key": r'"a \"b\" \\ c"'}).json
    assert order["idempotencyKey"] == r'a "b" \ c'


def test_two_keys_that_differ_are_refused(daemon: Daemon) -> None:
    refused = daemon.submit(market_buy(idempotencyKey="a"), headers={"Idempotency-Key": "b"})
    assert (refused.status, refused.json["field"]) == (400, "idempotencyKey")
    assert "differ" in refused.json["message"]


@pytest.mark.parametrize("code", [30004, 30002], ids=["rejected", "dead_letter"])
def test_after_a_definite_refusal_the_same_signal_may_be_placed(daemon: Daemon, exchange: Exchange, code: int) -> None:
    exchange.inject({"kind": "refused", "code": code, "count": 1})
    signal = market_buy()
    refused = daemon.submit(signal, wait_s=10).json
    assert refused["state"] == {30004: "rejected", 30002: "dead_letter"}[code]
    placed = daemon.submit(signal, wait_s=10).json
    assert (placed["state"], placed["replayed"]) == ("filled", False)
    assert placed["id"] != refused["id"]
    assert exchange.orders(refused["id"]) == []


def test_a_repetition_while_the_outcome_is_unknown_places_nothing(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    signal = market_buy()
    order_id = daemon.accept(signal)
    daemon.until(order_id, "in_doubt")
    again = daemon.submit(signal)
    assert (again.status, again.json["id"], again.json["state"]) == (200, order_id, "in_doubt")
    exchange.inject()
    assert daemon.submit(signal, wait_s=10).json["state"] == "filled"
    assert len(exchange.arrivals(order_id)) == 1


def _is_replay(answer: Answer) -> bool:
    marked = answer.headers.get("idempotent-replayed") == "true"
    assert marked is bool(answer.json["replayed"])
    return marked
