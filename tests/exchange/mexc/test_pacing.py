"""Pacing: no time window exceeds its limit, no request is granted during a backoff, and all are granted in order."""

from dataclasses import dataclass, field

import anyio
import pytest
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config.tables import ExchangeTable
from daemon.core.rules.rate import WINDOW_MS as SECOND_MS
from daemon.exchange.mexc.pacing import EndpointPacer, Pacer, WeightWindow

from .clocks import BEGIN_MS, VIRTUAL_TIME, LoopClock
from .wire import settle

LIMIT = 100
WINDOW_MS = 10_000
WEIGHT_ALONE = ExchangeTable(weight_per_10s=LIMIT, requests_per_s=1_000_000, order_rate_per_s=1_000_000)
REQUESTS_ALONE = ExchangeTable(weight_per_10s=1_000_000, requests_per_s=3, order_rate_per_s=2)


@pytest.fixture(scope="module")
def anyio_backend() -> object:
    """Use virtual time in this module."""
    return VIRTUAL_TIME


@dataclass
class Waiters:
    """Waiting requests of a pacer, with the time of each grant."""

    pacer: Pacer
    clock: LoopClock
    granted: list[tuple[object, int, int]] = field(default_factory=list)  # name, time (ms), weight

    async def wait(
        self, who: object, weight: int, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Wait for a grant; the task status reports the start of the wait."""
        task_status.started()
        await self.pacer.wait(weight)
        self.granted.append((who, self.clock.now_ms(), weight))

    async def wait_for_order(self, who: object, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Wait as an order does."""
        task_status.started()
        await self.pacer.wait_for_order()
        self.granted.append((who, self.clock.now_ms(), 1))

    async def search(self, who: object, weight: int, *, task_status: TaskStatus[None]) -> None:
        """Wait as a search does."""
        task_status.started()
        await self.pacer.wait_to_search(weight)
        self.granted.append((who, self.clock.now_ms(), weight))

    @property
    def order(self) -> list[object]:
        """The names in the order of their grants."""
        return [who for who, _, _ in self.granted]

    def at_ms(self, who: object) -> int:
        """The time of a grant."""
        return next(at_ms for name, at_ms, _ in self.granted if name == who)


async def new_waiters(limits: ExchangeTable, *, rested: bool = True) -> Waiters:
    """Return the waiters of a new pacer; with `rested`, the assumed usage of the previous process has expired."""
    clock = LoopClock()
    waiters = Waiters(Pacer(clock, limits), clock)
    if rested:
        await anyio.sleep(WINDOW_MS / 1_000)
    return waiters


@pytest.fixture
async def waiters() -> Waiters:
    return await new_waiters(WEIGHT_ALONE)


# --- weight


async def test_a_request_with_room_is_granted_immediately(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    for number in range(4):
        await waiters.wait(number, 25)
    assert waiters.clock.now_ms() == begin_ms
    assert waiters.pacer.used() == LIMIT


async def test_a_request_without_room_is_granted_when_enough_has_left_the_window(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("a", 60)
    await anyio.sleep(3)
    await waiters.wait("b", 30)
    await waiters.wait("c", 10)
    await waiters.wait("d", 50)  # granted when a leaves the window
    await waiters.wait("e", 25)  # granted when b leaves the window
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, 3_000, 3_000, WINDOW_MS, WINDOW_MS + 3_000]


async def test_the_exchanges_time_waits_for_no_other_request_and_is_counted(waiters: Waiters) -> None:
    """A fleet's owner renews its lease by it."""
    async with anyio.create_task_group() as tasks:
        began_ms = waiters.clock.now_ms()
        await waiters.pacer.wait(LIMIT)
        await tasks.start(waiters.wait, "query", 1)
        await waiters.pacer.wait_for_time()
        assert (waiters.clock.now_ms(), waiters.pacer.used(), waiters.order) == (began_ms, LIMIT + 1, [])
    assert waiters.granted == [("query", began_ms + WINDOW_MS, 1)]


async def test_the_exchanges_time_waits_as_long_as_the_exchange_asked_for(waiters: Waiters) -> None:
    until_ms = waiters.clock.now_ms() + 700
    waiters.pacer.back_off(until_ms)
    await waiters.pacer.wait_for_time()
    assert waiters.clock.now_ms() == until_ms


async def test_a_request_heavier_than_the_limit_is_granted_when_the_window_is_empty(waiters: Waiters) -> None:
    """Otherwise it and all requests behind it would wait forever."""
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("light", 1)
    await waiters.wait("heavy", LIMIT + 1)
    await waiters.wait("next", 1)
    assert waiters.at_ms("heavy") - begin_ms == WINDOW_MS
    assert waiters.at_ms("next") - begin_ms == 2 * WINDOW_MS


async def test_half_of_the_weight_counts_as_used_by_the_previous_process() -> None:
    waiters = await new_waiters(WEIGHT_ALONE, rested=False)
    begin_ms = waiters.clock.now_ms()
    assert waiters.pacer.used() == LIMIT // 2
    await waiters.wait("a", LIMIT // 2)
    await waiters.wait("b", 1)
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, WINDOW_MS]


async def test_new_limits_apply_from_the_next_request_on(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("a", 50)
    waiters.pacer.table = ExchangeTable(weight_per_10s=60, requests_per_s=1_000_000, order_rate_per_s=1_000_000)
    await waiters.wait("b", 10)
    await waiters.wait("c", 1)
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, 0, WINDOW_MS]


# --- requests


async def test_no_second_holds_more_requests_than_the_limit() -> None:
    waiters = await new_waiters(REQUESTS_ALONE)
    begin_ms = waiters.clock.now_ms()
    for number in range(7):
        await waiters.wait(number, 1)
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, 0, 0, *[SECOND_MS] * 3, 2 * SECOND_MS]


# --- orders


async def test_no_second_holds_more_orders_than_the_limit() -> None:
    """Orders that a stalled disk delayed are not all sent at the same time."""
    waiters = await new_waiters(REQUESTS_ALONE)
    begin_ms = waiters.clock.now_ms()
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            await tasks.start(waiters.wait_for_order, number)
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, 0, SECOND_MS, SECOND_MS, 2 * SECOND_MS]
    assert waiters.order == list(range(5))


async def test_orders_are_counted_and_do_not_wait_for_the_weight_that_others_wait_for(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("query", LIMIT)
    await waiters.pacer.wait_for_order()
    await waiters.pacer.wait_for_order()
    assert waiters.pacer.used() == LIMIT + 2
    assert waiters.clock.now_ms() == begin_ms


async def test_orders_use_the_weight_of_waiting_requests(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.pacer.wait_for_order()
    await waiters.wait("query", LIMIT)
    assert waiters.at_ms("query") - begin_ms == WINDOW_MS


async def test_an_order_made_while_others_wait_is_counted_before_them(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("first", LIMIT)
    async with anyio.create_task_group() as tasks:
        await tasks.start(waiters.wait, "second", LIMIT)
        await anyio.sleep(9)
        await waiters.pacer.wait_for_order()
    assert waiters.at_ms("second") - begin_ms == 9_000 + WINDOW_MS


async def test_a_cancelled_order_does_not_affect_others() -> None:
    waiters = await new_waiters(REQUESTS_ALONE)
    begin_ms = waiters.clock.now_ms()
    async with anyio.create_task_group() as tasks, anyio.create_task_group() as wait_cancellably:
        for number in range(2):
            await tasks.start(waiters.wait_for_order, number)
        await wait_cancellably.start(waiters.wait_for_order, "gone")
        await tasks.start(waiters.wait_for_order, "last")
        await anyio.sleep(0.5)
        wait_cancellably.cancel_scope.cancel()
    assert waiters.order == [0, 1, "last"]
    assert waiters.at_ms("last") - begin_ms == SECOND_MS


async def test_an_order_for_an_instant_counts_at_that_instant_and_not_before() -> None:
    waiters = await new_waiters(REQUESTS_ALONE)
    begin_ms = waiters.clock.now_ms()
    assert waiters.pacer.reserve_order_slot(begin_ms + 2 * SECOND_MS - 1)
    for number in range(4):
        await waiters.wait_for_order(number)
    assert [at_ms - begin_ms for _, at_ms, _ in waiters.granted] == [0, 0, SECOND_MS, 2 * SECOND_MS]


async def test_an_instant_without_room_is_not_reserved_until_one_of_its_orders_is_taken_back() -> None:
    waiters = await new_waiters(REQUESTS_ALONE)
    at_ms = waiters.clock.now_ms() + 5_000
    assert [waiters.pacer.reserve_order_slot(at_ms) for _ in range(3)] == [True, True, False]
    assert not waiters.pacer.reserve_order_slot(at_ms + SECOND_MS - 1)
    waiters.pacer.release_order_slot(at_ms)
    assert waiters.pacer.reserve_order_slot(at_ms)


async def test_the_weight_of_an_order_for_an_instant_counts_from_its_reservation_on(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    waiters.pacer.reserve_order_slot(begin_ms + 500)
    await waiters.wait("query", LIMIT)
    assert waiters.at_ms("query") - begin_ms == WINDOW_MS + 500


# --- backoff


async def test_no_request_is_granted_before_the_backoff_ends(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    waiters.pacer.back_off(begin_ms + 2_000)
    await waiters.wait("light", 1)
    assert waiters.at_ms("light") - begin_ms == 2_000


async def test_a_backoff_applies_to_requests_that_already_wait(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("first", LIMIT)
    async with anyio.create_task_group() as tasks:
        await tasks.start(waiters.wait, "second", 1)
        await anyio.sleep(9.999)
        waiters.pacer.back_off(begin_ms + 120_000)
    assert waiters.at_ms("second") - begin_ms == 120_000


async def test_a_shorter_backoff_does_not_end_a_longer_one(waiters: Waiters) -> None:
    begin_ms = waiters.clock.now_ms()
    waiters.pacer.back_off(begin_ms + 5_000)
    waiters.pacer.back_off(begin_ms + 1_000)
    await waiters.wait("light", 1)
    assert waiters.at_ms("light") - begin_ms == 5_000


# --- the order of waiting requests


async def test_waiting_requests_are_granted_in_the_order_of_arrival(waiters: Waiters) -> None:
    """A light request does not overtake a heavy one: the heavy one might never be granted."""
    await waiters.wait("first", LIMIT)
    weights = [90, 1, 50, 1, 1, 99, 2]
    async with anyio.create_task_group() as tasks:
        for number, weight in enumerate(weights):
            await tasks.start(waiters.wait, number, weight)
            await checkpoint()
    assert waiters.order == ["first", *range(len(weights))]


async def test_searches_are_granted_in_the_order_of_arrival_and_after_all_other_requests(waiters: Waiters) -> None:
    """After a crash there may be hundreds: the preflight and the clock do not wait for them."""
    begin_ms = waiters.clock.now_ms()
    async with anyio.create_task_group() as tasks:
        await tasks.start(waiters.search, "first search", LIMIT // 2)
        for who in ("second search", "third search"):
            await tasks.start(waiters.search, who, LIMIT)
        await anyio.sleep(1)
        for who in ("clock", "preflight"):
            await tasks.start(waiters.wait, who, LIMIT // 2)
    assert waiters.order == ["first search", "clock", "preflight", "second search", "third search"]
    assert waiters.at_ms("preflight") - begin_ms == WINDOW_MS


@pytest.mark.parametrize("leaves", [0, 1, 2], ids=["the first", "one in the middle", "the last"])
async def test_a_cancelled_waiter_does_not_affect_others(waiters: Waiters, leaves: int) -> None:
    begin_ms = waiters.clock.now_ms()
    await waiters.wait("before", LIMIT)
    async with anyio.create_task_group() as tasks:
        for number in range(3):
            if number == leaves:
                gone = await tasks.start(wait_cancellably, waiters, number)
            else:
                await tasks.start(waiters.wait, number, 40)
        await anyio.sleep(1)
        gone.cancel()
    assert waiters.order == ["before", *(number for number in range(3) if number != leaves)]
    assert {at_ms - begin_ms for _, at_ms, _ in waiters.granted[1:]} == {WINDOW_MS}
    assert waiters.pacer.used() == 80, "a cancelled request is not counted"


async def wait_cancellably(waiters: Waiters, who: object, *, task_status: TaskStatus[anyio.CancelScope]) -> None:
    with anyio.CancelScope() as scope:
        task_status.started(scope)
        await waiters.wait(who, 40)


async def test_the_pacer_is_free_after_all_waiters_were_cancelled(waiters: Waiters) -> None:
    await waiters.wait("before", LIMIT)
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            await tasks.start(waiters.wait, number, 10)
        await settle()
        tasks.cancel_scope.cancel()
    await waiters.wait("after", 10)
    assert waiters.order == ["before", "after"]


# --- the window, with a manual clock


def test_used_weight_leaves_the_window_after_exactly_its_length() -> None:
    window = WeightWindow(WINDOW_MS)
    window.spend(BEGIN_MS, 7)
    window.spend(BEGIN_MS + WINDOW_MS - 1, 5)
    assert window.used(BEGIN_MS + WINDOW_MS - 1) == 12
    assert window.used(BEGIN_MS + WINDOW_MS) == 5
    assert window.used(BEGIN_MS + 2 * WINDOW_MS) == 0


@given(steps=st.lists(st.tuples(st.integers(0, 15_000), st.integers(0, 30)), max_size=60), amount=st.integers(1, 150))
@settings(deadline=None)
def test_there_is_room_from_the_time_that_the_window_returns_and_not_before(
    steps: list[tuple[int, int]], amount: int
) -> None:
    window, now_ms, spent = WeightWindow(WINDOW_MS), BEGIN_MS, []
    for wait_ms, each in steps:
        now_ms += wait_ms
        window.spend(now_ms, each)
        spent.append((now_ms, each))
        assert window.used(now_ms) == used_at(spent, now_ms)
    ready_ms = window.ready_ms(now_ms, amount, LIMIT)
    if amount <= LIMIT:
        assert ready_ms == first_room_ms(spent, now_ms, amount)
    else:
        assert used_at(spent, ready_ms) == 0, "a weight above the limit waits for an empty window"


def used_at(spent: list[tuple[int, int]], at_ms: int) -> int:
    return sum(each for spent_ms, each in spent if at_ms - WINDOW_MS < spent_ms <= at_ms)


# --- the window, under any load


ARRIVALS = st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, LIMIT)), min_size=1, max_size=30)
"""Pause since the previous arrival (ms), and weight."""


@given(arrivals=ARRIVALS)
@settings(max_examples=60, deadline=None)
async def test_no_ten_seconds_hold_more_than_the_limit_and_no_wait_is_longer_than_necessary(
    arrivals: list[tuple[int, int]],
) -> None:
    waiters = await new_waiters(WEIGHT_ALONE)
    clock, arrived_ms = waiters.clock, []
    async with anyio.create_task_group() as tasks:
        for number, (pause_ms, weight) in enumerate(arrivals):
            await anyio.sleep(pause_ms / 1_000)
            arrived_ms.append(clock.now_ms())
            await tasks.start(waiters.wait, number, weight)

    assert waiters.order == list(range(len(arrivals)))
    spent: list[tuple[int, int]] = []
    for (_, at_ms, weight), came_ms in zip(waiters.granted, arrived_ms, strict=True):
        earliest_ms = max(came_ms, spent[-1][0] if spent else came_ms)
        assert at_ms == first_room_ms(spent, earliest_ms, weight)
        spent.append((at_ms, weight))
    for _, begin_ms, _ in waiters.granted:
        assert sum(weight for _, at_ms, weight in waiters.granted if begin_ms <= at_ms < begin_ms + 10_000) <= LIMIT


def first_room_ms(spent: list[tuple[int, int]], earliest_ms: int, weight: int) -> int:
    """Find by trial the first time at which a request has room: now, or when something leaves the window."""
    for at_ms in sorted({earliest_ms, *(spent_ms + 10_000 for spent_ms, _ in spent)}):
        used = sum(each for spent_ms, each in spent if at_ms - 10_000 < spent_ms)
        if at_ms >= earliest_ms and used + weight <= LIMIT:
            return at_ms
    raise AssertionError("there is always room in the end")


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, LIMIT)),
        st.tuples(st.just("order"), st.integers(1, 5)),
        st.tuples(st.just("block"), st.integers(0, 30_000)),
        st.tuples(st.just("sleep"), st.integers(1, 9_000)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
    ),
    max_size=30,
)


class Load:
    """Random load of a pacer, with the times of its events."""

    def __init__(self, waiters: Waiters, tasks: TaskGroup) -> None:
        self.waiters = waiters
        self.orders: list[int] = []  # times
        self.blocks: list[tuple[int, int]] = []  # start and end of each backoff
        self.left: set[object] = set()
        self.scopes: list[anyio.CancelScope] = []
        self._tasks = tasks

    async def wait(self, weight: int) -> None:
        """A request starts to wait."""
        self.scopes.append(await self._tasks.start(self._wait_for_room, len(self.scopes), weight))

    async def order(self, number: int) -> None:
        """Orders are granted before all others."""
        for _ in range(number):
            await self.waiters.pacer.wait_for_order()
            self.orders.append(self.waiters.clock.now_ms())

    async def block(self, ms: int) -> None:
        """The exchange demands a backoff."""
        now_ms = self.waiters.clock.now_ms()
        self.waiters.pacer.back_off(now_ms + ms)
        self.blocks.append((now_ms, now_ms + ms))

    async def sleep(self, ms: int) -> None:
        """Time passes."""
        await anyio.sleep(ms / 1_000)

    async def leave(self, number: int) -> None:
        """A waiting request is cancelled."""
        if self.scopes:
            self.scopes[number % len(self.scopes)].cancel()
            await checkpoint()

    async def _wait_for_room(self, who: int, weight: int, *, task_status: TaskStatus[anyio.CancelScope]) -> None:
        with anyio.CancelScope() as scope:
            task_status.started(scope)
            await self.waiters.wait(who, weight)
        if scope.cancelled_caught:
            self.left.add(who)


@given(events=EVENTS)
@settings(max_examples=60, deadline=None)
async def test_a_granted_request_always_has_room_and_no_backoff(events: list[tuple[str, int]]) -> None:
    """Also with orders, backoffs and cancelled requests in between."""
    waiters = await new_waiters(WEIGHT_ALONE)
    async with anyio.create_task_group() as tasks:
        load = Load(waiters, tasks)
        for event, number in events:
            await getattr(load, event)(number)

    assert waiters.order == [who for who in range(len(load.scopes)) if who not in load.left]
    for place, (_, at_ms, weight) in enumerate(waiters.granted):
        before = sum(each for _, when_ms, each in waiters.granted[:place] if at_ms - WINDOW_MS < when_ms)
        past_it = sum(at_ms - WINDOW_MS < when_ms < at_ms for when_ms in load.orders)
        assert before + past_it + weight <= LIMIT
        assert not any(said_ms < at_ms < until_ms for said_ms, until_ms in load.blocks)


@given(events=EVENTS)
@settings(max_examples=40, deadline=None)
async def test_no_second_ever_holds_more_than_its_limits(events: list[tuple[str, int]]) -> None:
    waiters = await new_waiters(REQUESTS_ALONE)
    async with anyio.create_task_group() as tasks:
        load = Load(waiters, tasks)
        for event, number in events:
            await getattr(load, event)(number)

    for instants, limit in (([at_ms for _, at_ms, _ in waiters.granted], 3), (load.orders, 2)):
        for begin_ms in instants:
            assert sum(begin_ms <= at_ms < begin_ms + SECOND_MS for at_ms in instants) <= limit


# --- an endpoint with a rate of its own


async def test_an_endpoint_with_a_rate_of_its_own_takes_no_more_in_any_second() -> None:
    clock = LoopClock()
    pacer = EndpointPacer(clock, 2)
    at_ms = []
    for _ in range(5):
        await pacer.wait()
        at_ms.append(clock.now_ms())
    begin_ms = at_ms[0]
    assert [each - begin_ms for each in at_ms] == [0, 0, *[SECOND_MS] * 2, 2 * SECOND_MS]
    assert SECOND_MS > 1_000, "the exchange counts requests as they arrive"
