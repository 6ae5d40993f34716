"""The public streams: what is pushed, field by field, and that levels and versions fit the snapshot over HTTP."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.simulator.listings import Listing
from tests.simulator.listener import Listener, decoded, fields
from tests.simulator.trader import NOW_MS, Trader

DEALS, DEPTH, TICKER = (f"spot@public.aggre.{kind}.v3.api.pb@100ms" for kind in ("deals", "depth", "bookTicker"))
LIMITED = "spot@public.limit.depth.v3.api.pb"

Levels = list[tuple[str, str]]


def bodies(listener: Listener, number: int) -> list[list[tuple[int, Any]]]:
    """Return the bodies of the messages pushed since the last call, as pairs of number and value."""
    return [list(fields(wrapper[number])) for wrapper in listener.received()]


def texts(data: bytes) -> dict[int, str]:
    return {number: value.decode() for number, value in fields(data) if isinstance(value, bytes)}


def levels(body: list[tuple[int, Any]], number: int) -> Levels:
    """Return a side's levels: 1 asks, 2 bids."""
    found = [texts(value) for each, value in body if each == number]
    return [(level[1], level[2]) for level in found]


def quiet(trader: Trader) -> None:
    trader.change(volatility=0)
    trader.offer(bids=[("94000", "1"), ("93000", "2")], asks=[("95000", "0.004"), ("95500", "1")])


def test_public_trades_are_pushed_with_the_takers_side(trader: Trader) -> None:
    quiet(trader)
    listener = Listener(trader, f"{DEALS}@BTCUSDT", key="")
    trader.now_ms += 100
    trader.place(price="95500")
    trader.place(side="SELL", price="94000", quantity="0.5")
    first, second = listener.received()
    assert (first[1], first[3], first[6]) == (f"{DEALS}@BTCUSDT".encode(), b"BTCUSDT", NOW_MS + 100)
    *deals, (number, event_type) = fields(first[314])
    assert (number, event_type) == (2, DEALS.encode())
    assert [decoded(deal) for _, deal in deals] == [
        {1: b"95000", 2: b"0.004", 3: 1, 4: NOW_MS + 100},
        {1: b"95500", 2: b"0.006", 3: 1, 4: NOW_MS + 100},
    ]
    assert decoded(decoded(second[314])[1])[3] == 2


def test_the_best_prices_are_pushed_at_once_and_when_they_change(trader: Trader) -> None:
    quiet(trader)
    listener = Listener(trader, f"{TICKER}@BTCUSDT", key="")
    (first,) = bodies(listener, 315)
    assert [value for _, value in first[:4]] == [b"94000", b"1", b"95000", b"0.004"]
    trader.place(price="90000")
    assert bodies(listener, 315) == [], "it changed no best price"
    trader.place(price="95000", quantity="0.004")
    (taken,) = bodies(listener, 315)
    assert [value for _, value in taken[2:4]] == [b"95500", b"1"]


def test_an_empty_side_has_a_best_price_of_zero(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1")])
    listener = Listener(trader, f"{TICKER}@BTCUSDT", key="")
    assert [value for _, value in bodies(listener, 315)[0][2:4]] == [b"0", b"0"]


def test_the_best_levels_are_pushed_as_a_whole(trader: Trader) -> None:
    trader.offer(bids=[(str(94_000 - each), "1") for each in range(9)], asks=[("95000", "2")])
    channel = f"{LIMITED}@BTCUSDT@5"
    listener = Listener(trader, channel, key="")
    (first,) = bodies(listener, 303)
    assert (levels(first, 1), len(levels(first, 2))) == ([("95000", "2")], 5)
    assert levels(first, 2)[0] == ("94000", "1")
    assert (3, LIMITED.encode()) in first
    trader.place(price="95000", quantity="0.5")
    (second,) = bodies(listener, 303)
    assert levels(second, 1) == [("95000", "1.5")]


def test_changed_levels_are_pushed_with_consecutive_versions(trader: Trader) -> None:
    quiet(trader)
    listener = Listener(trader, f"{DEPTH}@BTCUSDT", key="")
    assert bodies(listener, 313) == []
    trader.place(price="95000", quantity="0.004")
    resting = trader.place(price="90000")
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=resting)
    taken, placed, cancelled = bodies(listener, 313)
    assert (levels(taken, 1), levels(taken, 2)) == ([("95000", "0")], [])
    assert (levels(placed, 2), levels(cancelled, 2)) == ([("90000", "0.01")], [("90000", "0")])
    versions = [(int(dict(body)[4]), int(dict(body)[5])) for body in (taken, placed, cancelled)]
    assert all(first <= last for first, last in versions)
    assert [first for first, _ in versions[1:]] == [last + 1 for _, last in versions[:-1]]
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["lastUpdateId"] == versions[-1][1]


def test_a_snapshot_and_the_changes_since_give_the_order_book(trader: Trader) -> None:
    listener = Listener(trader, f"{DEPTH}@BTCUSDT", key="")
    trader.now_ms += 500
    trader.exchange.advance(trader.now_ms)
    snapshot = trader.ask("GET", "depth", symbol="BTCUSDT")
    book = {number: dict(snapshot[side]) for number, side in ((1, "asks"), (2, "bids"))}
    trader.place(price="90000")
    for _ in range(5):
        trader.now_ms += 500
        trader.exchange.advance(trader.now_ms)
    for body in bodies(listener, 313):
        if int(dict(body)[5]) <= snapshot["lastUpdateId"]:
            continue
        for number in (1, 2):
            book[number] |= dict(levels(body, number))
    found = trader.ask("GET", "depth", symbol="BTCUSDT")
    for number, side in ((1, "asks"), (2, "bids")):
        assert {price: size for price, size in book[number].items() if size != "0"} == dict(found[side])


def test_a_relisted_symbol_keeps_counting_its_versions(trader: Trader) -> None:
    quiet(trader)
    listener = Listener(trader, f"{DEPTH}@BTCUSDT", f"{DEALS}@BTCUSDT", key="")
    trader.control("POST", "listings", {"symbol": "BTCUSDT", "opensAt": NOW_MS, "price": "50000"})
    trader.now_ms += 500
    trader.exchange.advance(trader.now_ms)
    pushed = listener.received()
    depth = [decoded(wrapper[313]) for wrapper in pushed if 313 in wrapper]
    assert int(depth[0][4]) <= int(depth[0][5]) < int(depth[-1][5])
    assert next(decoded(decoded(wrapper[314])[1])[1] for wrapper in pushed if 314 in wrapper) == b"50000"


def test_a_change_without_a_time_is_pushed_with_the_next_one_and_ends_no_connection(trader: Trader) -> None:
    quiet(trader)
    listener = Listener(trader, f"{DEPTH}@BTCUSDT", key="")
    trader.exchange.list_symbol(Listing("BTCUSDT", NOW_MS, price=Decimal(50_000)))
    assert listener.received() == []
    assert not listener.stream.is_over(NOW_MS + 59_999)
    trader.exchange.advance(NOW_MS + 500)
    assert [wrapper[6] for wrapper in listener.received()] == [NOW_MS + 500]


def test_a_subscribed_market_moves_by_itself(trader: Trader) -> None:
    listener = Listener(trader, f"{DEALS}@ETHUSDT", key="")
    for _ in range(3):
        trader.now_ms += 500
        trader.exchange.advance(trader.now_ms)
    assert len(listener.received()) == 3
    listener.say(method="UNSUBSCRIPTION", params=[f"{DEALS}@ETHUSDT"])
    trader.now_ms += 500
    trader.exchange.advance(trader.now_ms)
    assert listener.received() == []


def test_a_pair_is_subscribed_before_it_opens(trader: Trader) -> None:
    trader.control("POST", "listings", {"symbol": "NEWUSDT", "opensAt": NOW_MS + 1_000, "price": "0.04"})
    listener = Listener(trader, f"{DEALS}@NEWUSDT", f"{TICKER}@NEWUSDT", key="")
    listener.received()
    trader.now_ms += 999
    trader.exchange.advance(trader.now_ms)
    assert listener.received() == []
    trader.now_ms += 1
    trader.exchange.advance(trader.now_ms)
    assert {number for wrapper in listener.received() for number in wrapper.keys() & {314, 315}} == {314, 315}


def test_a_pair_that_is_not_shown_yet_cannot_be_subscribed(trader: Trader) -> None:
    hidden = {"symbol": "NEWUSDT", "opensAt": NOW_MS + 1_000, "shownFrom": NOW_MS + 500}
    trader.control("POST", "listings", hidden)
    listener = Listener(trader, key="")
    channel = f"{DEALS}@NEWUSDT"
    assert listener.say(method="SUBSCRIPTION", params=[channel]).startswith("Not Subscribed")
    trader.now_ms += 500
    assert listener.say(method="SUBSCRIPTION", params=[channel]) == channel


@pytest.mark.parametrize("price", ["85000", "105000"])
def test_a_jump_is_a_trade_at_its_price(trader: Trader, price: str) -> None:
    quiet(trader)
    listener = Listener(trader, f"{DEALS}@BTCUSDT", key="")
    trader.change(price=Decimal(price))
    (deal,) = listener.received()
    shown = decoded(decoded(deal[314])[1])
    assert (shown[1].decode(), shown[3]) == (price, 2 if price == "85000" else 1)
