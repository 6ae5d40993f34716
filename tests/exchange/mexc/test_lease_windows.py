"""Requests under a fleet's lease: no order and no cancel is valid after its end, by the exchange's clock."""

import anyio
import pytest

from daemon.core.values.exchange_replies import Placed, Source
from daemon.exchange.mexc.client import MexcExchange

from .clocks import BEGIN_MS, LoopClock, ManualClock, in_virtual_time
from .posting import place
from .scripted import ORDER, ORDER_CANCELLED, ORDER_PLACED, TIME, ScriptedExchange, an_attempt, an_order, ok, trading
from .wire import Request

PLACED = ok({"symbol": "BTCUSDT", "orderId": "C02__1", "orderListId": -1, "transactTime": BEGIN_MS})


def window(exchange: ScriptedExchange, endpoint: str) -> tuple[int, int]:
    """Return the timestamp of the last request to an endpoint, and until when it is valid."""
    parameters = exchange.requests(endpoint)[-1].parameters
    at_ms = int(parameters["timestamp"])
    return at_ms, at_ms + int(parameters["recvWindow"])


@pytest.mark.parametrize("left_ms", [600, 1_999, 2_000, 2_001, 60_000])
async def test_an_order_is_valid_until_the_end_of_the_lease_at_most(
    exchange: ScriptedExchange, client: MexcExchange, left_ms: int
) -> None:
    exchange.on(TIME, ok({"serverTime": BEGIN_MS + 30_000}))
    exchange.on(ORDER_PLACED, PLACED)
    await client.measure_clock()
    client.admit_until(BEGIN_MS + 30_000 + left_ms)
    order = an_order()
    assert isinstance(await place(client, order, an_attempt(order)), Placed)
    assert window(exchange, ORDER_PLACED) == (BEGIN_MS + 30_000, BEGIN_MS + 30_000 + min(2_000, left_ms))


async def test_the_deadline_counts_as_well(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER_PLACED, PLACED)
    client.admit_until(BEGIN_MS + 1_500)
    order = an_order(deadline_ms=BEGIN_MS + 700)
    await place(client, order, an_attempt(order))
    assert window(exchange, ORDER_PLACED) == (BEGIN_MS, BEGIN_MS + 700)


async def test_a_renewal_lengthens_the_window_of_the_next_order(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(ORDER_PLACED, PLACED)
    order = an_order()
    client.admit_until(BEGIN_MS + 700)
    await place(client, order, an_attempt(order))
    client.admit_until(BEGIN_MS + 5_000)
    await place(client, order, an_attempt(order))
    assert window(exchange, ORDER_PLACED) == (BEGIN_MS, BEGIN_MS + 2_000)


async def test_a_request_under_a_short_lease_is_prepared_again_sooner(client: MexcExchange) -> None:
    order = an_order()
    assert client.prepare(order, an_attempt(order)).fresh_s == 0.5
    client.admit_until(BEGIN_MS + 800)
    assert client.prepare(order, an_attempt(order)).fresh_s == 0.2
    client.admit_until(BEGIN_MS - 1)
    assert client.prepare(order, an_attempt(order)).fresh_s == 0


async def test_a_cancel_is_valid_until_the_end_of_the_lease_at_most(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(ORDER_CANCELLED, ok({}))
    client.admit_until(BEGIN_MS + 1_000)
    assert (await client.cancel(an_order())).outcome == "accepted"
    assert window(exchange, ORDER_CANCELLED) == (BEGIN_MS, BEGIN_MS + 1_000)
    clock.advance(751)
    cancelled = await client.cancel(an_order())
    assert (cancelled.outcome, len(exchange.requests(ORDER_CANCELLED))) == ("refused", 1)
    assert "nothing was sent" in cancelled.answered


async def test_a_query_does_not_depend_on_the_lease(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, ok({}))
    client.admit_until(BEGIN_MS - 60_000)
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert window(exchange, ORDER) == (BEGIN_MS, BEGIN_MS + 2_000)


@pytest.mark.parametrize("has_lease", [False, True])
@in_virtual_time
async def test_an_owner_does_not_wait_long_for_a_measurement_whose_answer_is_lost(
    exchange: ScriptedExchange, has_lease: bool
) -> None:
    """Without a measurement its lease is not renewed."""

    async def never(_request: Request) -> bytes:
        await anyio.sleep_forever()
        raise AssertionError

    exchange.on(TIME, never)
    async with trading(exchange.url, LoopClock()) as client:
        if has_lease:
            client.admit_until(BEGIN_MS + 5_000)
        before_s = anyio.current_time()
        assert not await client.measure_clock()
        assert anyio.current_time() - before_s == pytest.approx(1 if has_lease else 5)
