"""An invalid signal is refused with its field and what is allowed, and changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import Daemon, wall_ms
from tests.support.signals import market_buy, resting_buy

DAY_MS = 86_400_000
LONG = "x" * 129


@pytest.fixture(autouse=True)
def _nothing_changes(daemon: Daemon) -> Iterator[None]:
    newest = daemon.get("/v1/orders?limit=1")["orders"]
    mark = daemon.process.mark()
    yield
    assert daemon.get("/v1/orders?limit=1")["orders"] == newest
    assert daemon.process.is_running()
    daemon.wait_for("request.refused", since=mark)
    assert "request.failed" not in {event["event"] for event in daemon.process.events()}


BODIES = {
    "nothing": b"",
    "no JSON": b"BUY BTCUSDT",
    "half of it": json.dumps(market_buy()).encode()[:-5],
    "not UTF-8": b'{"symbol": "\xff\xfe", "side": "BUY"}',
    "half a surrogate": b'{"symbol": "\\ud800", "side": "BUY", "type": "MARKET", "quantity": 1, "ownerId": "\\ud800"}',
    "a list": json.dumps([market_buy()]).encode(),
    "a word": b'"BUY"',
    "null": b"null",
    "no number": json.dumps(market_buy()).replace('"25"', "NaN").encode(),
    "two objects": json.dumps(market_buy()).encode() * 2,
    "nested without end": b"[" * 60_000,
    "nested objects": b'{"symbol":' * 6_000,
    "a number without end": json.dumps(market_buy()).replace('"25"', "9" * 50_000).encode(),
    "an owner without end": json.dumps(market_buy()).replace('"bot"', "9" * 50_000).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_signal_is_refused(daemon: Daemon, body: bytes) -> None:
    refused = daemon.submit(body)
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert len(refused.json["message"]) > 10
    assert refused.json["field"]
    assert refused.json["allowed"]


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": (market_buy(qty="1"), "qty"),
    "no symbol": (market_buy(symbol=None), "symbol"),
    "no side": (market_buy(side=None), "side"),
    "no type": (market_buy(type=None), "type"),
    "no owner": (market_buy(ownerId=None), "ownerId"),
    "a wrong side": (market_buy(side="HOLD"), "side"),
    "a number for a side": (market_buy(side=1), "side"),
    "a wrong type": (market_buy(type="STOP"), "type"),
    "an unknown symbol": (market_buy(symbol="NOSUCHUSDT"), "symbol"),
    "a symbol with a separator": (market_buy(symbol="BTC/USDT"), "symbol"),
    "a symbol without end": (market_buy(symbol="X" * 50_000), "symbol"),
    "an empty symbol": (market_buy(symbol=""), "symbol"),
    "a symbol that escapes": (market_buy(symbol="BTC&side=SELL"), "symbol"),
    "an empty owner": (market_buy(ownerId=" "), "ownerId"),
    "a long owner": (market_buy(ownerId=LONG), "ownerId"),
    "an owner with a line break": (market_buy(ownerId="a\nb"), "ownerId"),
    "a long target": (market_buy(snipeTargetId=LONG), "snipeTargetId"),
    "a long key": (market_buy(idempotencyKey=LONG), "idempotencyKey"),
    "both amounts": (market_buy(quantity="1"), "quantity"),
    "no amount": (market_buy(quoteOrderQty=None), "quantity"),
    "a market order with a price": (market_buy(price="1"), "price"),
    "a limit order without a price": (resting_buy(price=None), "price"),
    "a limit order without a quantity": (resting_buy(quantity=None), "quantity"),
    "a limit order by value": (resting_buy(quantity=None, quoteOrderQty="25"), "quoteOrderQty"),
    "a negative amount": (market_buy(quoteOrderQty="-25"), "quoteOrderQty"),
    "nothing to buy": (market_buy(quoteOrderQty=0), "quoteOrderQty"),
    "NaN": (market_buy(quoteOrderQty="NaN"), "quoteOrderQty"),
    "a signalling NaN": (market_buy(quoteOrderQty="sNaN"), "quoteOrderQty"),
    "infinity": (market_buy(quoteOrderQty="Infinity"), "quoteOrderQty"),
    "a huge amount": (market_buy(quoteOrderQty="1e999999"), "quoteOrderQty"),
    "a tiny amount": (market_buy(quoteOrderQty="1e-999999"), "quoteOrderQty"),
    "a word for an amount": (market_buy(quoteOrderQty="all"), "quoteOrderQty"),
    "true for an amount": (market_buy(quoteOrderQty=True), "quoteOrderQty"),
    "an underscore in an amount": (market_buy(quoteOrderQty="2_5"), "quoteOrderQty"),
    "digits of another script": (market_buy(quoteOrderQty="٢٥"), "quoteOrderQty"),
    "no digits": (market_buy(quoteOrderQty=""), "quoteOrderQty"),
    "more digits than anybody writes": (market_buy(quoteOrderQty="25." + "1" * 200), "quoteOrderQty"),
    "an instant that has passed with its deadline": (market_buy(executeAt=wall_ms() - 60_000), "executeAt"),
    "an instant of yesterday": (market_buy(executeAt=wall_ms() - DAY_MS - 1_000), "executeAt"),
    "a decimal comma": (market_buy(quoteOrderQty="2,5"), "quoteOrderQty"),
    "below the minimum": (market_buy(quoteOrderQty="0.5"), "quoteOrderQty"),
    "above the maximum": (market_buy(quoteOrderQty="100001"), "quoteOrderQty"),
    "a limit order below the minimum": (resting_buy(quantity="0.000001"), "quantity"),
    "less than the smallest step": (resting_buy(quantity="0.0000001"), "quantity"),
    "a price less than the smallest step": (resting_buy(price="0.001"), "price"),
    "a priority out of range": (market_buy(priority=0), "priority"),
    "a priority of eleven": (market_buy(priority=11), "priority"),
    "a broken priority": (market_buy(priority=1.5), "priority"),
    "no patience": (market_buy(deadlineMs=0), "deadlineMs"),
    "too much patience": (market_buy(deadlineMs=DAY_MS + 1), "deadlineMs"),
    "a lease too short": (market_buy(timeoutMs=99), "timeoutMs"),
    "an instant in seconds": (market_buy(executeAt=wall_ms() // 1_000), "executeAt"),
    "an instant too far ahead": (market_buy(executeAt=wall_ms() + 31 * DAY_MS), "executeAt"),
    "an instant beyond numbers": (market_buy(executeAt=10**30), "executeAt"),
    "skipLock for a buy": (market_buy(skipLock=True), "skipLock"),
    "skipLock in words": (market_buy(skipLock="yes"), "skipLock"),
}


@pytest.mark.parametrize(("signal", "field"), FIELDS.values(), ids=FIELDS.keys())
def test_a_wrong_field_is_named(daemon: Daemon, signal: dict[str, Any], field: str) -> None:
    refused = daemon.submit(signal)
    assert (refused.status, refused.json["error"]) == (400, "invalid"), refused.raw
    assert refused.json["field"] == field, refused.raw
    assert refused.json["allowed"], refused.raw
    assert len(refused.raw) < 1_000


TWICE = {
    "side": ('"side": "BUY"', '"side": "BUY", "side": "SELL"'),
    "quoteOrderQty": ('"quoteOrderQty": "25"', '"quoteOrderQty": "25", "quoteOrderQty": 250'),
    "ownerId": ('"ownerId": "bot"', '"ownerId": "bot", "owner\\u0049d": "bot"'),
}


@pytest.mark.parametrize(("field", "once", "twice"), [(field, *texts) for field, texts in TWICE.items()], ids=TWICE)
@pytest.mark.parametrize("target", ["/v1/signals", "/v1/signals/batch"])
def test_a_repeated_field_is_refused(daemon: Daemon, field: str, once: str, twice: str, target: str) -> None:
    """Parsers that use the first one and parsers that use the second one read different signals."""
    text = json.dumps(market_buy()).replace(once, twice)
    assert twice in text
    refused = daemon.ask("POST", target, (f"[{text}]" if "batch" in target else text).encode())
    assert (refused.status, refused.json["field"], refused.json["allowed"]) == (400, field, "each field once")
