"""The exchange's clock against ours: measured at the middle of the round trip, and put into every signed request."""

from asyncio import gather

import anyio
import pytest

from daemon.core.values.exchange_replies import Source
from daemon.exchange.mexc.client import MexcExchange

from .clocks import BEGIN_MS, HandClock, LoopClock, in_virtual_time
from .posting import place
from .scripted import (
    HANG_UP,
    ORDER,
    ORDER_CANCELLED,
    ORDER_PLACED,
    TIME,
    Answerer,
    ScriptedExchange,
    an_attempt,
    an_order,
    bad,
    ok,
    trading,
)
from .wire import Request, http


def telling(clock: HandClock, *, ahead_ms: int, there_ms: int, back_ms: int) -> Answerer:
    """Tell the time of an exchange whose clock is ahead of ours; the way there and the way back take so long."""

    async def tell(_request: Request) -> bytes:
        clock.advance(there_ms)
        server_ms = clock.now_ms() + ahead_ms
        clock.advance(back_ms)
        return ok({"serverTime": server_ms})

    return tell


@pytest.mark.parametrize("ahead_ms", [0, 1, 777, -777, 86_400_000, -86_400_000])
@pytest.mark.parametrize("way_ms", [0, 40])
async def test_the_offset_is_measured_at_the_middle_of_the_round_trip(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock, ahead_ms: int, way_ms: int
) -> None:
    exchange.on(TIME, telling(clock, ahead_ms=ahead_ms, there_ms=way_ms, back_ms=way_ms))
    assert await client.measure_clock()
    health = client.health()
    assert health.offset_ms == ahead_ms
    assert health.round_trip_ms == 2 * way_ms
    assert health.measured_ms == BEGIN_MS + 2 * way_ms


async def test_an_uneven_way_is_wrong_by_half_of_the_difference(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    """No single measurement can tell; the error is bounded by half of the round trip."""
    exchange.on(TIME, telling(clock, ahead_ms=500, there_ms=90, back_ms=10))
    await client.measure_clock()
    assert client.health().offset_ms == 500 + 40


@pytest.mark.parametrize("ahead_ms", [0, 1_500, -1_500])
async def test_every_signed_request_bears_the_exchanges_time(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock, ahead_ms: int
) -> None:
    exchange.on(TIME, telling(clock, ahead_ms=ahead_ms, there_ms=0, back_ms=0))
    for endpoint in (ORDER, ORDER_PLACED, ORDER_CANCELLED):
        exchange.on(endpoint, bad(30000))
    await client.measure_clock()
    clock.advance(12)

    order = an_order()
    await client.query(order, Source.ORDER, BEGIN_MS)
    await place(client, order, an_attempt(order))
    await client.cancel(order)

    for endpoint in (ORDER, ORDER_PLACED, ORDER_CANCELLED):
        assert exchange.asked(endpoint)[0].parameters["timestamp"] == str(BEGIN_MS + 12 + ahead_ms)


async def test_before_a_measurement_our_own_clock_counts(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, bad(-2013))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert exchange.asked(ORDER)[0].parameters["timestamp"] == str(BEGIN_MS)
    assert client.health().offset_ms is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HANG_UP, id="no answer"),
        pytest.param(bad(500, status=500), id="500"),
        pytest.param(http(403, b"<html>"), id="403"),
        pytest.param(http(200, b""), id="nothing"),
        pytest.param(http(200, b"\xff"), id="no text"),
        pytest.param(http(200, b"{}"), id="no time"),
        pytest.param(http(200, b'{"serverTime":null}'), id="null"),
        pytest.param(http(200, b'{"serverTime":"soon"}'), id="a word"),
        pytest.param(http(200, b'{"serverTime":true}'), id="a truth"),
        pytest.param(http(200, b'{"serverTime":1.5}'), id="a fraction"),
        pytest.param(http(200, b'{"serverTime":-1}'), id="before 1970"),
        pytest.param(http(200, b'{"serverTime":1%s}' % (b"0" * 30)), id="beyond any clock"),
        pytest.param(http(200, b'{"x":' + b"[" * 100_000), id="nested without end"),
        pytest.param(http(400, b'{"serverTime":1}'), id="a time beside 400"),
    ],
)
async def test_an_unreadable_answer_changes_nothing(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock, answer: bytes
) -> None:
    exchange.on(TIME, telling(clock, ahead_ms=777, there_ms=5, back_ms=5), answer)
    assert await client.measure_clock()
    before = client.health()
    clock.advance(60_000)

    assert not await client.measure_clock()

    after = client.health()
    assert (after.offset_ms, after.round_trip_ms, after.measured_ms) == (777, 10, before.measured_ms)


async def test_whoever_asks_while_it_is_measured_shares_the_answer(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    """After a refused timestamp many orders ask at once."""
    exchange.on(TIME, telling(clock, ahead_ms=777, there_ms=1, back_ms=1))
    assert await gather(*(client.measure_clock() for _ in range(10))) == [True] * 10
    assert len(exchange.asked()) == 1


async def test_a_failed_measurement_is_not_shared(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(TIME, HANG_UP, HANG_UP, ok({"serverTime": BEGIN_MS}))
    assert sorted(await gather(client.measure_clock(), client.measure_clock())) == [False, True]


async def test_a_measurement_slower_than_a_request_is_valid_for_does_not_replace_a_better_one(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    fast = telling(clock, ahead_ms=777, there_ms=10, back_ms=10)
    slow = telling(clock, ahead_ms=777, there_ms=2_001, back_ms=0)
    exchange.on(TIME, fast, slow)
    assert await client.measure_clock()
    assert await client.measure_clock()
    assert (client.health().offset_ms, client.health().round_trip_ms) == (777, 20)


async def test_a_slow_measurement_is_better_than_none(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    exchange.on(TIME, telling(clock, ahead_ms=777, there_ms=2_001, back_ms=2_001))
    assert await client.measure_clock()
    assert client.health().offset_ms == 777


@in_virtual_time
async def test_the_wait_for_room_is_no_part_of_the_round_trip(exchange: ScriptedExchange) -> None:
    """Or the clock would be off by half of a ban, and every order refused for its timestamp."""
    clock = LoopClock()

    async def tell(_request: Request) -> bytes:
        return ok({"serverTime": clock.now_ms() + 777})

    exchange.on(TIME, http(429, b"", Retry_After="120"), tell)
    async with trading(exchange.url, clock) as client:
        before_s = anyio.current_time()
        assert not await client.measure_clock()
        assert await client.measure_clock()
        assert anyio.current_time() - before_s == pytest.approx(120)
        health = client.health()
        assert health.offset_ms == pytest.approx(777, abs=5)
        assert health.round_trip_ms == pytest.approx(0, abs=5)


@pytest.mark.parametrize("step_ms", [20_000, 86_400_000])
async def test_when_our_clock_jumps_requests_are_signed_with_the_exchanges_time_all_the_same(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock, step_ms: int
) -> None:
    exchange.on(TIME, telling(clock, ahead_ms=step_ms, there_ms=0, back_ms=0))
    client.clock_stepped(5)  # before anything was measured
    await client.measure_clock()
    exchange_ms = clock.now_ms() + step_ms
    client.back_off(clock.now_ms() + 60_000)
    clock.advance(step_ms)
    client.clock_stepped(step_ms)
    health = client.health()
    assert health.offset_ms == 0
    assert clock.now_ms() == exchange_ms
    assert health.backoff_until_ms == clock.now_ms() + 60_000, "so long it said to wait"


async def test_a_measurement_during_which_our_clock_jumps_is_as_right_as_any(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    async def tell(_request: Request) -> bytes:
        clock.advance(40)
        server_ms = clock.now_ms() + 1_500
        clock.advance(1_000)  # the jump
        client.clock_stepped(1_000)
        clock.advance(40)
        return ok({"serverTime": server_ms})

    exchange.on(TIME, tell)
    await client.measure_clock()
    assert (client.health().offset_ms, client.health().round_trip_ms) == (500, 80)


async def test_when_our_clock_jumps_a_cancel_waits_as_long_as_before(
    exchange: ScriptedExchange, client: MexcExchange, clock: HandClock
) -> None:
    exchange.on("DELETE /api/v3/order", ok({}))
    client.back_off(clock.now_ms() + 60_000)
    clock.advance(86_400_000)
    client.clock_stepped(86_400_000)
    assert "for another 60000 ms" in (await client.cancel(an_order())).answered
    clock.advance(60_000)
    assert (await client.cancel(an_order())).outcome == "accepted"
