"""The offset of the exchange's clock: measured at the middle of the round trip, and used in every signed request."""

from asyncio import gather
from typing import Any

import aiohttp
import anyio
import pytest

from daemon.config.credentials import PAPER
from daemon.core.values.exchange_replies import Source
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.transport import open_transport

from .clocks import BEGIN_MS, LoopClock, ManualClock, in_virtual_time
from .posting import place
from .scripted import (
    HANG_UP,
    ORDER,
    ORDER_CANCELLED,
    ORDER_PLACED,
    TIME,
    UNPACED,
    Answerer,
    ScriptedExchange,
    an_attempt,
    an_order,
    bad,
    ok,
    trading,
)
from .wire import Request, http


def time_reply(clock: ManualClock, *, ahead_ms: int, there_ms: int, back_ms: int) -> Answerer:
    """Return the time replies of an exchange whose clock is ahead of ours, with the durations of both directions."""

    async def send_time(_request: Request) -> bytes:
        clock.advance(there_ms)
        server_ms = clock.now_ms() + ahead_ms
        clock.advance(back_ms)
        return ok({"serverTime": server_ms})

    return send_time


@pytest.mark.parametrize("ahead_ms", [0, 1, 777, -777, 86_400_000, -86_400_000])
@pytest.mark.parametrize("way_ms", [0, 40])
async def test_the_offset_is_measured_at_the_middle_of_the_round_trip(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, ahead_ms: int, way_ms: int
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=ahead_ms, there_ms=way_ms, back_ms=way_ms))
    assert await client.measure_clock()
    health = client.health()
    assert health.offset_ms == ahead_ms
    assert health.uncertainty_ms == way_ms + 0.5
    assert health.round_trip_ms == 2 * way_ms
    assert health.measured_ms == clock.now_ms()


async def test_an_asymmetric_round_trip_causes_an_error_of_half_the_difference_which_is_within_the_bound(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=500, there_ms=90, back_ms=10))
    await client.measure_clock()
    assert client.health().offset_ms == 500 + 40
    assert client.health().uncertainty_ms == pytest.approx(50.5, abs=0.02)


async def test_the_first_measurement_opens_a_connection_and_measures_over_it(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """The server's work for a new connection would count as the way there."""
    new = time_reply(clock, ahead_ms=300, there_ms=170, back_ms=20)
    exchange.on(TIME, new, time_reply(clock, ahead_ms=300, there_ms=20, back_ms=20))
    await client.measure_clock()
    assert (client.health().offset_ms, client.health().round_trip_ms) == (300, 40)
    await client.measure_clock()
    assert len(exchange.requests(TIME)) == 3, "later ones use an open connection"


class SlowConnector(aiohttp.TCPConnector):
    """Opens connections slowly, by a clock that a test moves."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    async def connect(self, *arguments: Any) -> aiohttp.connector.Connection:
        """Open a connection."""
        self._clock.advance(150)
        return await super().connect(*arguments)


async def test_the_round_trip_begins_when_a_connection_is_open(exchange: ScriptedExchange, clock: ManualClock) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=300, there_ms=20, back_ms=20), HANG_UP)
    async with open_transport(exchange.url, SlowConnector(clock)) as transport:
        client = MexcExchange(transport, PAPER, clock, UNPACED)
        await client.measure_clock()
        assert (client.health().offset_ms, client.health().round_trip_ms) == (300, 40)


async def test_a_step_of_the_exchanges_clock_is_followed_by_the_next_measurement(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """A second sample confirms it at once, so that the next signed request is accepted."""
    exchange.on(TIME, time_reply(clock, ahead_ms=300, there_ms=5, back_ms=5))
    await client.measure_clock()
    exchange.on(TIME, time_reply(clock, ahead_ms=-9_000, there_ms=5, back_ms=5))
    await client.measure_clock()
    assert client.health().offset_ms == -9_000


async def test_an_answer_that_is_late_moves_nothing(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    fast = time_reply(clock, ahead_ms=300, there_ms=20, back_ms=20)
    exchange.on(TIME, fast, fast, time_reply(clock, ahead_ms=300, there_ms=20, back_ms=420), fast)
    for _ in range(4):
        await client.measure_clock()
        assert client.health().offset_ms == 300
        assert client.health().round_trip_ms == 40


@pytest.mark.parametrize("ahead_ms", [0, 1_500, -1_500])
async def test_every_signed_request_has_the_exchanges_time(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, ahead_ms: int
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=ahead_ms, there_ms=0, back_ms=0))
    for endpoint in (ORDER, ORDER_PLACED, ORDER_CANCELLED):
        exchange.on(endpoint, bad(30000))
    await client.measure_clock()
    clock.advance(12)

    order = an_order()
    await client.query(order, Source.ORDER, BEGIN_MS)
    await place(client, order, an_attempt(order))
    await client.cancel(order)

    for endpoint in (ORDER, ORDER_PLACED, ORDER_CANCELLED):
        assert exchange.requests(endpoint)[0].parameters["timestamp"] == str(BEGIN_MS + 12 + ahead_ms)


async def test_before_a_measurement_our_own_clock_is_used(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, bad(-2013))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert exchange.requests(ORDER)[0].parameters["timestamp"] == str(BEGIN_MS)
    assert client.health().offset_ms is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HANG_UP, id="no answer"),
        pytest.param(bad(500, status=500), id="500"),
        pytest.param(http(403, b"<html>"), id="403"),
        pytest.param(http(200, b""), id="nothing"),
        pytest.param(http(200, b"\xff"), id="not text"),
        pytest.param(http(200, b"{}"), id="no time"),
        pytest.param(http(200, b'{"serverTime":null}'), id="null"),
        pytest.param(http(200, b'{"serverTime":"soon"}'), id="a word"),
        pytest.param(http(200, b'{"serverTime":true}'), id="a truth"),
        pytest.param(http(200, b'{"serverTime":1.5}'), id="a fraction"),
        pytest.param(http(200, b'{"serverTime":-1}'), id="before 1970"),
        pytest.param(http(200, b'{"serverTime":1%s}' % (b"0" * 30)), id="beyond any clock"),
        pytest.param(http(200, b'{"x":' + b"[" * 100_000), id="deeply nested"),
        pytest.param(http(400, b'{"serverTime":1}'), id="a time beside 400"),
    ],
)
async def test_an_unreadable_answer_changes_nothing(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, answer: bytes
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=777, there_ms=5, back_ms=5), answer)
    assert await client.measure_clock()
    before = client.health()
    clock.advance(60_000)

    assert not await client.measure_clock()

    after = client.health()
    assert (after.offset_ms, after.round_trip_ms, after.measured_ms) == (777, 10, before.measured_ms)


async def test_concurrent_callers_share_a_measurement(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """After a refused timestamp many orders request a measurement at the same time."""
    exchange.on(TIME, time_reply(clock, ahead_ms=777, there_ms=1, back_ms=1))
    assert await gather(*(client.measure_clock() for _ in range(10))) == [True] * 10
    assert len(exchange.requests()) == 2, "one opened the connection"


async def test_a_failed_measurement_is_not_shared(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(TIME, HANG_UP, HANG_UP, ok({"serverTime": BEGIN_MS}))
    assert sorted(await gather(client.measure_clock(), client.measure_clock())) == [False, True]


async def test_a_measurement_slower_than_a_request_is_valid_for_does_not_replace_a_better_one(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    fast = time_reply(clock, ahead_ms=777, there_ms=10, back_ms=10)
    slow = time_reply(clock, ahead_ms=777, there_ms=2_001, back_ms=2_001)
    exchange.on(TIME, fast, slow)
    assert await client.measure_clock()
    assert await client.measure_clock()
    assert (client.health().offset_ms, client.health().round_trip_ms) == (777, 20)


async def test_a_slow_measurement_is_better_than_none(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=777, there_ms=2_001, back_ms=2_001))
    assert await client.measure_clock()
    assert client.health().offset_ms == 777


@in_virtual_time
async def test_the_wait_for_weight_is_not_part_of_the_round_trip(exchange: ScriptedExchange) -> None:
    """Otherwise the offset would be wrong by half of a ban, and every order refused for its timestamp."""
    clock = LoopClock()

    async def send_time(_request: Request) -> bytes:
        return ok({"serverTime": clock.now_ms() + 777})

    exchange.on(TIME, http(429, b"", Retry_After="120"), send_time)
    async with trading(exchange.url, clock) as client:
        before_s = anyio.current_time()
        assert not await client.measure_clock()
        assert await client.measure_clock()
        assert anyio.current_time() - before_s == pytest.approx(120)
        health = client.health()
        assert health.offset_ms == pytest.approx(777, abs=5)
        assert health.round_trip_ms == pytest.approx(0, abs=5)


@pytest.mark.parametrize("step_ms", [20_000, 86_400_000])
async def test_after_a_jump_of_our_clock_requests_are_still_signed_with_the_exchanges_time(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, step_ms: int
) -> None:
    exchange.on(TIME, time_reply(clock, ahead_ms=step_ms, there_ms=0, back_ms=0))
    client.clock_steps(5)  # before the first measurement
    await client.measure_clock()
    exchange_ms = clock.now_ms() + step_ms
    client.back_off(clock.now_ms() + 60_000)
    client.clock_steps(step_ms)
    clock.advance(step_ms)
    health = client.health()
    assert health.offset_ms == 0
    assert clock.now_ms() == exchange_ms
    assert health.backoff_until_ms == clock.now_ms() + 60_000, "the stated backoff"


async def test_a_jump_of_our_clock_does_not_distort_a_measurement(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    async def send_time(_request: Request) -> bytes:
        clock.advance(40)
        server_ms = clock.now_ms() + 1_500
        client.clock_steps(1_000)
        clock.advance(1_000)  # the jump
        clock.advance(40)
        return ok({"serverTime": server_ms})

    exchange.on(TIME, send_time, time_reply(clock, ahead_ms=500, there_ms=40, back_ms=40))
    await client.measure_clock()
    assert (client.health().offset_ms, client.health().round_trip_ms) == (500, 80)


async def test_a_jump_of_our_clock_does_not_change_the_backoff_of_a_cancel(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on("DELETE /api/v3/order", ok({}))
    client.back_off(clock.now_ms() + 60_000)
    client.clock_steps(86_400_000)
    clock.advance(86_400_000)
    assert "for another 60000 ms" in (await client.cancel(an_order())).answered
    clock.advance(60_000)
    assert (await client.cancel(an_order())).outcome == "accepted"
