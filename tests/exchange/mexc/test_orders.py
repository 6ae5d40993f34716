"""Placing and cancelling through the client: the requests to MEXC, and the outcome of every kind of reply."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from daemon.core.rules.rate import WINDOW_MS
from daemon.core.values.exchange_replies import Advice, NotSent, Placed, Refused, Source, Unclear
from daemon.core.values.orders import OrderType, Side
from daemon.errors import CommitFailed, NotReady
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.views import Balance

from .clocks import BEGIN_MS, LoopClock, ManualClock, in_virtual_time
from .posting import place
from .scripted import (
    ACCOUNT,
    ALL_ORDERS,
    CLIENT_ORDER_ID,
    EXCHANGE_INFO,
    HANG_UP,
    MY_TRADES,
    OPEN_ORDERS,
    ORDER,
    ORDER_CANCELLED,
    ORDER_PLACED,
    TIME,
    UNPACED,
    ScriptedExchange,
    an_attempt,
    an_order,
    bad,
    ok,
    trading,
)
from .wire import http, settle, unused_url

PLACED = ok({"symbol": "BTCUSDT", "orderId": "C02__1", "orderListId": -1, "transactTime": BEGIN_MS})
LIMIT = {"type": OrderType.LIMIT, "quantity": Decimal(1), "price": Decimal(11)}


def asking(client: MexcExchange) -> dict[str, Callable[[], Coroutine[Any, Any, object]]]:
    """Return every request that the client makes, by name."""
    order = an_order()
    return {
        ORDER_PLACED: lambda: place(client, order, an_attempt(order)),
        ORDER_CANCELLED: lambda: client.cancel(order),
        ORDER: lambda: client.query(order, Source.ORDER, BEGIN_MS),
        OPEN_ORDERS: lambda: client.query(order, Source.OPEN_ORDERS, BEGIN_MS),
        ALL_ORDERS: lambda: client.query(order, Source.ALL_ORDERS, BEGIN_MS),
        MY_TRADES: lambda: client.query(order, Source.MY_TRADES, BEGIN_MS),
        ACCOUNT: client.balances,
        TIME: client.measure_clock,
        EXCHANGE_INFO: client.load_rules,
        "one pair's rules": lambda: client.rules("BTCUSDT"),
    }


# --- placing


@pytest.mark.parametrize(
    ("order", "price", "expected"),
    [
        pytest.param(LIMIT, "11", {"type": "LIMIT", "quantity": "1", "price": "11"}, id="LIMIT"),
        pytest.param(
            LIMIT | {"type": OrderType.LIMIT_MAKER},
            "11",
            {"type": "LIMIT_MAKER", "quantity": "1", "price": "11"},
            id="LIMIT_MAKER",
        ),
        pytest.param(
            LIMIT | {"type": OrderType.IMMEDIATE_OR_CANCEL},
            "11",
            {"type": "IMMEDIATE_OR_CANCEL", "quantity": "1", "price": "11"},
            id="IMMEDIATE_OR_CANCEL is a type",
        ),
        pytest.param(
            LIMIT | {"type": OrderType.FILL_OR_KILL},
            "11",
            {"type": "FILL_OR_KILL", "quantity": "1", "price": "11"},
            id="FILL_OR_KILL is a type",
        ),
        pytest.param(
            {"type": OrderType.MARKET, "quantity": None, "quote_quantity": Decimal(100), "price": None},
            None,
            {"type": "MARKET", "quoteOrderQty": "100"},
            id="MARKET by quote to spend",
        ),
        pytest.param(
            {"type": OrderType.MARKET, "side": Side.SELL, "quantity": Decimal(5), "price": None},
            None,
            {"type": "MARKET", "side": "SELL", "quantity": "5"},
            id="MARKET by quantity",
        ),
        pytest.param(
            LIMIT | {"quantity": Decimal("1E+3"), "price": Decimal("1E-8")},
            "1E-8",
            {"type": "LIMIT", "quantity": "1000", "price": "0.00000001"},
            id="never an exponent",
        ),
        pytest.param(
            LIMIT | {"quantity": Decimal("1.50"), "price": Decimal("11.00")},
            "11.00",
            {"type": "LIMIT", "quantity": "1.5", "price": "11"},
            id="no trailing zeros",
        ),
        pytest.param(LIMIT, "9.5", {"type": "LIMIT", "quantity": "1", "price": "9.5"}, id="the attempt's price counts"),
        pytest.param(
            LIMIT | {"symbol": "币安人生USDT"},
            "11",
            {"symbol": "币安人生USDT", "type": "LIMIT", "quantity": "1", "price": "11"},
            id="a symbol in Chinese",
        ),
    ],
)
async def test_an_order_is_placed_with_exactly_these_parameters(
    exchange: ScriptedExchange,
    client: MexcExchange,
    order: dict[str, Any],
    price: str | None,
    expected: dict[str, str],
) -> None:
    exchange.on(ORDER_PLACED, PLACED)
    asked_for = an_order(**order)
    attempt = an_attempt(asked_for, price=None if price is None else Decimal(price), client_order_id="ATTEMPT-7")

    await place(client, asked_for, attempt)

    (request,) = exchange.requests()
    parameters = request.parameters
    del parameters["signature"]
    assert parameters == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        **expected,
        "newClientOrderId": "ATTEMPT-7",
        "recvWindow": "2000",
        "timestamp": str(BEGIN_MS),
    }


@pytest.mark.parametrize(
    ("left_ms", "window"),
    [
        pytest.param(2_001, "2000", id="deadline after the window"),
        pytest.param(1_999, "1999", id="deadline within the window"),
        pytest.param(0, "1", id="deadline now"),
        pytest.param(-5_000, "1", id="deadline passed, which the gate refuses"),
    ],
)
@pytest.mark.parametrize("offset_ms", [0, 700], ids=["same clock", "the exchange's clock is ahead"])
async def test_no_request_is_valid_beyond_its_orders_deadline(
    exchange: ScriptedExchange, client: MexcExchange, left_ms: int, window: str, offset_ms: int
) -> None:
    exchange.on(TIME, ok({"serverTime": BEGIN_MS + offset_ms}))
    exchange.on(ORDER_PLACED, PLACED)
    await client.measure_clock()
    order = an_order(deadline_ms=BEGIN_MS + left_ms)
    await place(client, order, an_attempt(order))
    (request,) = exchange.requests(ORDER_PLACED)
    assert request.parameters["recvWindow"] == window
    assert request.parameters["timestamp"] == str(BEGIN_MS + offset_ms)


async def test_an_accepted_order_is_placed(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER_PLACED, PLACED)
    answer = await place(client, an_order(), an_attempt(an_order()))
    assert isinstance(answer, Placed)
    assert answer.exchange_order_id == "C02__1"
    assert answer.asked == (
        "POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11"
        f"&newClientOrderId={CLIENT_ORDER_ID}&recvWindow=2000&timestamp={BEGIN_MS}"
    )
    assert answer.answered.startswith("HTTP 200 {")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        pytest.param(bad(30001), Advice.RETRY, id="not open yet"),
        pytest.param(bad(30004), Advice.CHECK_FUNDS, id="no funds"),
        pytest.param(bad(700002), Advice.HALT, id="signature"),
        pytest.param(bad(700003), Advice.RESYNC, id="timestamp"),
        pytest.param(http(429, b""), Advice.WAIT, id="too many requests"),
        pytest.param(http(418, b"<html>"), Advice.WAIT, id="banned"),
    ],
)
async def test_a_refused_order_is_refused_and_not_sent_again(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes, advice: Advice
) -> None:
    exchange.on(ORDER_PLACED, answer)
    outcome = await place(client, an_order(), an_attempt(an_order()))
    assert isinstance(outcome, Refused)
    assert outcome.advice is advice
    assert len(exchange.requests()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HANG_UP, id="connection closed"),
        pytest.param(bad(500, status=500), id="500"),
        pytest.param(bad(20002), id="a code of unknown status"),
        pytest.param(http(403, b"<html>"), id="403"),
        pytest.param(http(200, b"{}"), id="no order id"),
        pytest.param(http(200, b'{"orderId":"C02__1"'), id="truncated"),
        pytest.param(http(302, b"", Location="/"), id="a redirect"),
        pytest.param(bad(-2013), id="a code that is no refusal"),
    ],
)
async def test_an_order_with_an_unknown_outcome_is_not_sent_again(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes
) -> None:
    exchange.on(ORDER_PLACED, answer, PLACED)
    outcome = await place(client, an_order(), an_attempt(an_order()))
    assert isinstance(outcome, Unclear)
    assert outcome.asked.startswith("POST /api/v3/order?symbol=BTCUSDT&")
    assert len(exchange.requests()) == 1


async def test_an_order_on_a_dropped_connection_is_not_sent_again(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(ORDER, bad(-2013))
    exchange.on(ORDER_PLACED, HANG_UP, PLACED)
    await client.query(an_order(), Source.ORDER, BEGIN_MS)  # leaves a connection that is kept alive
    assert isinstance(await place(client, an_order(), an_attempt(an_order())), Unclear)
    assert len(exchange.requests(ORDER_PLACED)) == 1


@in_virtual_time
async def test_an_order_without_a_reply_in_time_has_an_unknown_outcome(exchange: ScriptedExchange) -> None:
    async def never(_request: object) -> bytes:
        await anyio.sleep_forever()
        return HANG_UP

    exchange.on(ORDER_PLACED, never)
    async with trading(exchange.url, LoopClock()) as client:
        before_s = anyio.current_time()
        outcome = await place(client, an_order(), an_attempt(an_order()))
        assert isinstance(outcome, Unclear)
        assert outcome.why == "TimeoutError: no answer in time"
        assert anyio.current_time() - before_s == pytest.approx(UNPACED.timeout_ms / 1_000)


async def test_an_order_without_a_connection_is_refused_and_can_be_retried() -> None:
    async with trading(unused_url()) as client:
        outcome = await place(client, an_order(), an_attempt(an_order()))
    assert isinstance(outcome, Refused)
    assert (outcome.advice, outcome.code) == (Advice.RETRY, "unreachable")
    assert outcome.answered == "nothing was sent"


async def test_an_order_that_its_gate_stopped_is_not_sent(exchange: ScriptedExchange, client: MexcExchange) -> None:
    async def gate() -> str:
        return "trading is halted"

    assert await place(client, an_order(), an_attempt(an_order()), gate) == NotSent("trading is halted")
    await settle()
    assert not exchange.requests()


async def test_an_order_whose_commit_failed_is_not_sent_and_the_error_propagates(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    async def gate() -> str | None:
        raise CommitFailed("disk full")

    with pytest.raises(CommitFailed):
        await place(client, an_order(), an_attempt(an_order()), gate)
    await settle()
    assert not exchange.requests()


@in_virtual_time
async def test_an_order_does_not_wait_for_the_weight_that_queries_wait_for(exchange: ScriptedExchange) -> None:
    """The queue, which knows the priorities, has already decided when it is sent."""
    exchange.on(TIME, http(429, b"", Retry_After="60"))
    exchange.on(ORDER_PLACED, PLACED)
    tight = replace(UNPACED, weight_per_10s=2, requests_per_s=1, order_rate_per_s=10)
    async with trading(exchange.url, LoopClock(), tight) as client:
        await client.measure_clock()
        used = client.health().weight_used
        assert used == 2
        before_s = anyio.current_time()
        assert isinstance(await place(client, an_order(), an_attempt(an_order())), Placed)
        assert anyio.current_time() == before_s
        assert client.health().weight_used == used + 1, "but it is counted"


@in_virtual_time
async def test_orders_that_were_delayed_together_are_sent_at_the_exchanges_rate(
    exchange: ScriptedExchange,
) -> None:
    clock = LoopClock()
    at_ms = []

    async def taken(_request: object) -> bytes:
        at_ms.append(clock.now_ms())
        return PLACED

    exchange.on(ORDER_PLACED, taken)
    slow = replace(UNPACED, weight_per_10s=1_000, requests_per_s=10, order_rate_per_s=2)
    async with trading(exchange.url, clock, slow) as client, anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(place, client, an_order(), an_attempt(an_order()))
    assert [each - at_ms[0] for each in at_ms] == pytest.approx([0, 0, *[WINDOW_MS] * 2, *[2 * WINDOW_MS] * 2], abs=5)


@in_virtual_time
async def test_the_wait_before_sending_does_not_shorten_the_timeout_of_the_reply(
    exchange: ScriptedExchange,
) -> None:
    """Otherwise an order that waited long for its rate slot would be in doubt before the exchange could reply."""
    half_s = UNPACED.timeout_ms / 2_000

    async def slow(_request: object) -> bytes:
        await anyio.sleep(1.5 * half_s)
        return PLACED

    async def late() -> None:
        await anyio.sleep(1.5 * half_s)

    exchange.on(ORDER_PLACED, slow)
    async with trading(exchange.url, LoopClock()) as client:
        assert isinstance(await place(client, an_order(), an_attempt(an_order()), late), Placed)


@in_virtual_time
@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        pytest.param(http(429, b"", Retry_After="7"), 7, id="429 as stated"),
        pytest.param(http(429, b""), 2, id="429 without a time"),
        pytest.param(http(418, b"", Retry_After="600"), 600, id="418 as stated"),
        pytest.param(http(418, b""), 120, id="418 without a time"),
    ],
)
@pytest.mark.parametrize("endpoint", [ORDER_PLACED, ORDER_CANCELLED, TIME, ORDER])
async def test_the_exchanges_backoff_applies_to_all_waiting_requests(
    exchange: ScriptedExchange, endpoint: str, answer: bytes, wait_s: int
) -> None:
    for each in (ORDER, ORDER_CANCELLED, ORDER_PLACED, OPEN_ORDERS, TIME):
        exchange.on(each, ok({}))
    exchange.on(endpoint, answer, ok({}))
    async with trading(exchange.url, LoopClock()) as client:
        calls = asking(client)
        await calls[endpoint]()
        until_ms = client.health().backoff_until_ms
        assert until_ms - LoopClock().now_ms() == pytest.approx(wait_s * 1_000, abs=5)

        async with anyio.create_task_group() as tasks:
            for call in (calls[TIME], calls[ORDER], calls[OPEN_ORDERS]):
                tasks.start_soon(call)
            await anyio.sleep(wait_s - 0.1)
            assert len(exchange.requests()) == 1
        assert len(exchange.requests()) == 4
        assert LoopClock().now_ms() == pytest.approx(until_ms, abs=5)


@in_virtual_time
async def test_the_backoff_of_an_earlier_process_applies(exchange: ScriptedExchange) -> None:
    exchange.on(TIME, ok({"serverTime": BEGIN_MS}))
    async with trading(exchange.url, LoopClock()) as client:
        client.back_off(LoopClock().now_ms() + 30_000)
        before_s = anyio.current_time()
        assert await client.measure_clock()
        assert anyio.current_time() - before_s == pytest.approx(30)


# --- cancelling


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(ok({"orderId": "C02__1", "status": "NEW"}), "accepted", id="accepted, with the previous state"),
        pytest.param(bad(-2011, "Unknown order sent."), "refused", id="unknown, filled or cancelled already"),
        pytest.param(ok({}), "accepted", id="accepted, without a state"),
        pytest.param(bad(-2011, status=200), "unknown", id="a failure beside 200"),
        pytest.param(bad(504), "unknown", id="a code of unknown status"),
        pytest.param(bad(500, status=500), "unknown", id="500"),
        pytest.param(bad(429, status=429), "unknown", id="429"),
        pytest.param(http(403, b"<html>"), "unknown", id="403"),
        pytest.param(http(200, b""), "unknown", id="nothing"),
        pytest.param(http(400, b"<html>"), "unknown", id="400 in HTML"),
        pytest.param(http(200, b"[" * 100_000), "unknown", id="deeply nested"),
        pytest.param(HANG_UP, "unknown", id="connection closed"),
    ],
)
async def test_a_cancel_is_accepted_refused_or_unknown(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes, outcome: str
) -> None:
    exchange.on(ORDER_CANCELLED, answer)
    found = await client.cancel(an_order())
    assert found.outcome == outcome
    assert found.asked == (
        f"DELETE /api/v3/order?symbol=BTCUSDT&origClientOrderId={CLIENT_ORDER_ID}&recvWindow=2000&timestamp={BEGIN_MS}"
    )
    assert found.answered


@pytest.mark.parametrize("answer", [http(429, b"", Retry_After="60"), bad(429)], ids=["429", "429 in the body"])
async def test_a_cancel_is_sent_while_queries_wait_for_their_own_limit(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes
) -> None:
    exchange.on(ORDER, answer)
    exchange.on(ORDER_CANCELLED, ok({}))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert client.health().backoff_until_ms > BEGIN_MS
    assert (await client.cancel(an_order())).outcome == "accepted"
    assert len(exchange.requests(ORDER_CANCELLED)) == 1


async def test_a_cancel_is_sent_after_the_operator_cleared_the_backoff(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(ORDER_CANCELLED, http(429, b"", Retry_After="60"), ok({}))
    await client.cancel(an_order())
    assert (await client.cancel(an_order())).outcome == "refused"
    client.end_backoffs()
    assert (await client.cancel(an_order())).outcome == "accepted"


async def test_a_cancel_is_not_sent_during_the_backoff_of_an_earlier_process(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(ORDER_CANCELLED, ok({}))
    client.back_off(BEGIN_MS + 1_000)
    assert (await client.cancel(an_order())).outcome == "refused"
    clock.advance(1_000)
    assert (await client.cancel(an_order())).outcome == "accepted"


@in_virtual_time
@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        pytest.param(TIME, http(418, b"", Retry_After="60"), id="ban"),
        pytest.param(TIME, http(400, b'{"code":418}', Retry_After="60"), id="ban in the body"),
        pytest.param(ORDER_CANCELLED, http(429, b"", Retry_After="60"), id="too many cancels"),
        pytest.param(ORDER_PLACED, http(429, b"", Retry_After="60"), id="too many orders"),
    ],
)
async def test_a_cancel_is_not_sent_during_a_backoff(exchange: ScriptedExchange, endpoint: str, answer: bytes) -> None:
    """The exchange would refuse it, and every request during a ban extends the ban."""
    exchange.on(ORDER_CANCELLED, ok({}))
    exchange.on(endpoint, answer, ok({}))
    async with trading(exchange.url, LoopClock()) as client:
        await asking(client)[endpoint]()
        asked = len(exchange.requests(ORDER_CANCELLED))
        before_s = anyio.current_time()
        cancelled = await client.cancel(an_order())
        assert (cancelled.outcome, anyio.current_time()) == ("refused", before_s)
        assert cancelled.answered == "nothing was sent: the exchange asked to wait, for another 60000 ms"
        assert len(exchange.requests(ORDER_CANCELLED)) == asked
        await anyio.sleep(60)
        assert (await client.cancel(an_order())).outcome == "accepted"


@in_virtual_time
async def test_cancels_count_as_orders(exchange: ScriptedExchange) -> None:
    exchange.on(ORDER_CANCELLED, ok({}))
    slow = replace(UNPACED, weight_per_10s=1_000, requests_per_s=10, order_rate_per_s=1)
    async with trading(exchange.url, LoopClock(), slow) as client:
        before_s = anyio.current_time()
        await client.prepare(an_order(), an_attempt(an_order())).rate_slot()
        await client.cancel(an_order())
        assert anyio.current_time() - before_s == pytest.approx(WINDOW_MS / 1_000)


# --- the account


async def test_balances_are_exact(exchange: ScriptedExchange, client: MexcExchange) -> None:
    shown = [
        {"asset": "USDT", "free": "100.000000000000000001", "locked": "0"},
        {"asset": "币安", "free": 0.1, "locked": 2, "available": "x"},
    ]
    exchange.on(ACCOUNT, ok({"canTrade": True, "balances": shown}))
    assert await client.balances() == [
        Balance("USDT", Decimal("100.000000000000000001"), Decimal(0)),
        Balance("币安", Decimal("0.1"), Decimal(2)),
    ]


@pytest.mark.parametrize(
    "answer",
    [bad(700002), bad(500, status=500), HANG_UP, ok([]), ok({"balances": 17}), http(200, b"\xff")],
    ids=["refused", "500", "hung up", "a list", "balances a number", "no text"],
)
async def test_an_account_that_cannot_be_read_is_reported(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes
) -> None:
    exchange.on(ACCOUNT, answer)
    with pytest.raises(NotReady, match="the exchange shows no account"):
        await client.balances()


# --- health


async def test_health_is_unknown_before_the_first_request(client: MexcExchange) -> None:
    health = client.health()
    assert (health.reachable, health.offset_ms, health.round_trip_ms, health.measured_ms) == (None, None, None, None)
    assert (health.weight_limit, health.backoff_until_ms, health.error) == (UNPACED.weight_per_10s, 0, None)
    assert health.weight_used == UNPACED.weight_per_10s // 2, "what the previous process may have used"


async def test_health_shows_the_backoff(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, http(429, b"", Retry_After="7"))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    health = client.health()
    assert (health.reachable, health.error) == (True, "HTTP 429: the exchange asked to wait 7000 ms; waiting 7000 ms")
    assert health.backoff_until_ms == BEGIN_MS + 7_000


@pytest.mark.parametrize("stated", ["0", "-5", "soon", "Wed, 21 Oct 2020 07:28:00 GMT"])
async def test_a_stated_backoff_is_never_shorter_than_our_own_growing_one(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, stated: str
) -> None:
    exchange.on(TIME, *[http(429, b"", Retry_After=stated)] * 9, ok({"serverTime": BEGIN_MS}), http(429, b""))
    waits = []
    for _ in range(9):
        await client.measure_clock()
        waits.append(client.health().backoff_until_ms - clock.now_ms())
        client.end_backoffs()
    floor = 500 if stated == "0" else 2_000
    assert waits == [max(floor, 500 * 2 ** min(number, 7)) for number in range(9)]
    await client.measure_clock()
    client.end_backoffs()
    await client.measure_clock()
    assert client.health().backoff_until_ms - clock.now_ms() == 2_000, "a reply resets the growing backoff"


async def test_the_backoff_of_queries_is_capped_and_that_of_a_ban_is_not(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    for status, wait_ms in ((429, 600_000), (418, 259_200_000)):
        exchange.on(TIME, http(status, b"", Retry_After="259200"))
        await client.measure_clock()
        assert client.health().backoff_until_ms - clock.now_ms() == wait_ms
        client.end_backoffs()
        assert client.health().backoff_until_ms == 0


async def test_health_shows_when_the_exchange_is_unreachable_and_reachable_again(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(ORDER, bad(-2013), HANG_UP, HANG_UP, bad(500, status=500))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert (client.health().reachable, client.health().error) == (True, None)
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert client.health().reachable is False
    assert client.health().error == "ServerDisconnectedError: Server disconnected"
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert (client.health().reachable, client.health().error) == (True, None), "any reply means reachable"


@pytest.mark.parametrize(
    ("asked", "weight"),
    [
        (ORDER_PLACED, 1),
        (ORDER_CANCELLED, 1),
        (ORDER, 2),
        (OPEN_ORDERS, 3),
        (ALL_ORDERS, 10),
        (MY_TRADES, 10),
        (ACCOUNT, 10),
        (TIME, 1),
        (EXCHANGE_INFO, 25),
        ("one pair's rules", 25),
    ],
)
async def test_every_request_is_counted_with_the_weight_that_mexc_gives_it(
    client: MexcExchange, asked: str, weight: int
) -> None:
    before = client.health().weight_used
    with suppress(NotReady):
        await asking(client)[asked]()
    assert client.health().weight_used - before == weight


async def test_a_new_configuration_applies_from_the_next_request_on(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(ORDER, bad(-2013))
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    client.reload(replace(UNPACED, recv_window_ms=1_234, weight_per_10s=777_777))
    clock.advance(1)
    await client.query(an_order(), Source.ORDER, BEGIN_MS)
    assert [request.parameters["recvWindow"] for request in exchange.requests()] == ["2000", "1234"]
    assert client.health().weight_limit == 777_777


# --- the account


@in_virtual_time
async def test_the_account_is_queried_twice_a_second_and_delays_no_other_query(exchange: ScriptedExchange) -> None:
    clock = LoopClock()
    at_ms: list[int] = []

    async def shown(_request: object) -> bytes:
        at_ms.append(clock.now_ms())
        return ok({"canTrade": True, "balances": []})

    exchange.on(ACCOUNT, shown)
    exchange.on(ORDER, bad(-2013))
    async with trading(exchange.url, clock) as client, anyio.create_task_group() as tasks:
        began_ms = clock.now_ms()
        for _ in range(3):
            tasks.start_soon(client.balances)
        await client.query(an_order(), Source.ORDER, BEGIN_MS)
        assert clock.now_ms() - began_ms < WINDOW_MS / 2
    assert [each - at_ms[0] for each in at_ms] == pytest.approx([0, 0, WINDOW_MS], abs=5)
