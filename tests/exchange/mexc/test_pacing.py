"""Pacing: no stretch of time holds more than its limit, nothing goes while the exchange says wait, all in order."""

from dataclasses import dataclass, field

import anyio
import pytest
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config.tables import ExchangeTable
from daemon.exchange.mexc.pacing import Pacer, Window

from .clocks import BEGIN_MS, VIRTUAL_TIME, LoopClock
from .wire import settle

LIMIT = 100
WINDOW_MS = 10_000
WEIGHT_ALONE = ExchangeTable(weight_per_10s=LIMIT, requests_per_s=1_000_000, order_rate_per_s=1_000_000)
REQUESTS_ALONE = ExchangeTable(weight_per_10s=1_000_000, requests_per_s=3, order_rate_per_s=2)


@pytest.fixture(scope="module")
def anyio_backend() -> object:
    """Let everything here wait in virtual time."""
    return VIRTUAL_TIME


@dataclass
class Row:
    """Those who wait at a pacer, and when each was let go."""

    pacer: Pacer
    clock: LoopClock
    granted: list[tuple[object, int, int]] = field(default_factory=list)  # who, when (ms), weight

    async def wait(
        self, who: object, weight: int, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Wait for room; the status tells that the place in the row is taken."""
        task_status.started()
        await self.pacer.wait(weight)
        self.granted.append((who, self.clock.now_ms(), weight))

    async def wait_for_order(self, who: object, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Wait as an order does."""
        task_status.started()
        await self.pacer.wait_for_order()
        self.granted.append((who, self.clock.now_ms(), 1))

    @property
    def order(self) -> list[object]:
        """Who was let go, in order."""
        return [who for who, _, _ in self.granted]

    def at_ms(self, who: object) -> int:
        """When somebody was let go, after the beginning."""
        return next(at_ms for name, at_ms, _ in self.granted if name == who)


async def a_row(limits: ExchangeTable, *, rested: bool = True) -> Row:
    """Return a row at a new pacer; rested, it has forgotten what the process before may have used."""
    clock = LoopClock()
    row = Row(Pacer(clock, limits), clock)
    if rested:
        await anyio.sleep(WINDOW_MS / 1_000)
    return row


@pytest.fixture
async def row() -> Row:
    return await a_row(WEIGHT_ALONE)


# --- weight


async def test_what_has_room_goes_at_once(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    for number in range(4):
        await row.wait(number, 25)
    assert row.clock.now_ms() == begin_ms
    assert row.pacer.used() == LIMIT


async def test_what_has_no_room_goes_when_enough_has_left_the_window(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("a", 60)
    await anyio.sleep(3)
    await row.wait("b", 30)
    await row.wait("c", 10)
    await row.wait("d", 50)  # goes when a leaves
    await row.wait("e", 25)  # goes when b leaves
    assert [at_ms - begin_ms for _, at_ms, _ in row.granted] == [0, 3_000, 3_000, WINDOW_MS, WINDOW_MS + 3_000]


async def test_a_request_heavier_than_the_limit_goes_when_the_window_is_empty(row: Row) -> None:
    """It would wait for ever otherwise, and everybody behind it."""
    begin_ms = row.clock.now_ms()
    await row.wait("light", 1)
    await row.wait("heavy", LIMIT + 1)
    await row.wait("next", 1)
    assert row.at_ms("heavy") - begin_ms == WINDOW_MS
    assert row.at_ms("next") - begin_ms == 2 * WINDOW_MS


async def test_half_of_the_weight_counts_as_spent_by_the_process_before() -> None:
    row = await a_row(WEIGHT_ALONE, rested=False)
    begin_ms = row.clock.now_ms()
    assert row.pacer.used() == LIMIT // 2
    await row.wait("a", LIMIT // 2)
    await row.wait("b", 1)
    assert [at_ms - begin_ms for _, at_ms, _ in row.granted] == [0, WINDOW_MS]


async def test_new_limits_count_from_the_next_request_on(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("a", 50)
    row.pacer.table = ExchangeTable(weight_per_10s=60, requests_per_s=1_000_000, order_rate_per_s=1_000_000)
    await row.wait("b", 10)
    await row.wait("c", 1)
    assert [at_ms - begin_ms for _, at_ms, _ in row.granted] == [0, 0, WINDOW_MS]


# --- requests


async def test_no_second_holds_more_requests_than_the_limit() -> None:
    row = await a_row(REQUESTS_ALONE)
    begin_ms = row.clock.now_ms()
    for number in range(7):
        await row.wait(number, 1)
    assert [at_ms - begin_ms for _, at_ms, _ in row.granted] == [0, 0, 0, 1_000, 1_000, 1_000, 2_000]


# --- orders


async def test_no_second_holds_more_orders_than_the_limit() -> None:
    """However many a stalled disk held back, they do not reach the wire at once."""
    row = await a_row(REQUESTS_ALONE)
    begin_ms = row.clock.now_ms()
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            await tasks.start(row.wait_for_order, number)
    assert [at_ms - begin_ms for _, at_ms, _ in row.granted] == [0, 0, 1_000, 1_000, 2_000]
    assert row.order == list(range(5))


async def test_orders_are_counted_and_do_not_wait_for_the_room_that_others_wait_for(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("look", LIMIT)
    await row.pacer.wait_for_order()
    await row.pacer.wait_for_order()
    assert row.pacer.used() == LIMIT + 2
    assert row.clock.now_ms() == begin_ms


async def test_orders_take_the_room_of_those_who_wait(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.pacer.wait_for_order()
    await row.wait("look", LIMIT)
    assert row.at_ms("look") - begin_ms == WINDOW_MS


async def test_an_order_made_while_others_wait_is_counted_before_them(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("first", LIMIT)
    async with anyio.create_task_group() as tasks:
        await tasks.start(row.wait, "second", LIMIT)
        await anyio.sleep(9)
        await row.pacer.wait_for_order()
    assert row.at_ms("second") - begin_ms == 9_000 + WINDOW_MS


async def test_an_order_that_stops_waiting_harms_no_other() -> None:
    row = await a_row(REQUESTS_ALONE)
    begin_ms = row.clock.now_ms()
    async with anyio.create_task_group() as tasks, anyio.create_task_group() as leaving:
        for number in range(2):
            await tasks.start(row.wait_for_order, number)
        await leaving.start(row.wait_for_order, "gone")
        await tasks.start(row.wait_for_order, "last")
        await anyio.sleep(0.5)
        leaving.cancel_scope.cancel()
    assert row.order == [0, 1, "last"]
    assert row.at_ms("last") - begin_ms == 1_000


# --- not now


async def test_nobody_who_waits_goes_before_the_exchange_allows_it(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    row.pacer.back_off(begin_ms + 2_000)
    await row.wait("light", 1)
    assert row.at_ms("light") - begin_ms == 2_000


async def test_somebody_who_waits_already_obeys_too(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("first", LIMIT)
    async with anyio.create_task_group() as tasks:
        await tasks.start(row.wait, "second", 1)
        await anyio.sleep(9.999)
        row.pacer.back_off(begin_ms + 120_000)
    assert row.at_ms("second") - begin_ms == 120_000


async def test_a_shorter_wait_does_not_end_a_longer_one(row: Row) -> None:
    begin_ms = row.clock.now_ms()
    row.pacer.back_off(begin_ms + 5_000)
    row.pacer.back_off(begin_ms + 1_000)
    await row.wait("light", 1)
    assert row.at_ms("light") - begin_ms == 5_000


# --- the row


async def test_those_who_wait_go_in_the_order_in_which_they_came(row: Row) -> None:
    """A light request does not pass a heavy one: the heavy one might never go."""
    await row.wait("first", LIMIT)
    weights = [90, 1, 50, 1, 1, 99, 2]
    async with anyio.create_task_group() as tasks:
        for number, weight in enumerate(weights):
            await tasks.start(row.wait, number, weight)
            await checkpoint()
    assert row.order == ["first", *range(len(weights))]


@pytest.mark.parametrize("leaves", [0, 1, 2], ids=["the first in the row", "one in the middle", "the last"])
async def test_somebody_who_stops_waiting_harms_nobody(row: Row, leaves: int) -> None:
    begin_ms = row.clock.now_ms()
    await row.wait("before", LIMIT)
    async with anyio.create_task_group() as tasks:
        for number in range(3):
            if number == leaves:
                gone = await tasks.start(leaving, row, number)
            else:
                await tasks.start(row.wait, number, 40)
        await anyio.sleep(1)
        gone.cancel()
    assert row.order == ["before", *(number for number in range(3) if number != leaves)]
    assert {at_ms - begin_ms for _, at_ms, _ in row.granted[1:]} == {WINDOW_MS}
    assert row.pacer.used() == 80, "whoever left is not counted"


async def leaving(row: Row, who: object, *, task_status: TaskStatus[anyio.CancelScope]) -> None:
    with anyio.CancelScope() as scope:
        task_status.started(scope)
        await row.wait(who, 40)


async def test_everybody_leaving_leaves_the_pacer_free(row: Row) -> None:
    await row.wait("before", LIMIT)
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            await tasks.start(row.wait, number, 10)
        await settle()
        tasks.cancel_scope.cancel()
    await row.wait("after", 10)
    assert row.order == ["before", "after"]


# --- the window, by a clock moved by hand


def test_what_was_spent_leaves_the_window_after_exactly_its_length() -> None:
    window = Window(WINDOW_MS)
    window.spend(BEGIN_MS, 7)
    window.spend(BEGIN_MS + WINDOW_MS - 1, 5)
    assert window.used(BEGIN_MS + WINDOW_MS - 1) == 12
    assert window.used(BEGIN_MS + WINDOW_MS) == 5
    assert window.used(BEGIN_MS + 2 * WINDOW_MS) == 0


@given(steps=st.lists(st.tuples(st.integers(0, 15_000), st.integers(0, 30)), max_size=60), amount=st.integers(1, 150))
@settings(deadline=None)
def test_there_is_room_from_the_instant_that_the_window_names_and_not_before(
    steps: list[tuple[int, int]], amount: int
) -> None:
    window, now_ms, spent = Window(WINDOW_MS), BEGIN_MS, []
    for wait_ms, each in steps:
        now_ms += wait_ms
        window.spend(now_ms, each)
        spent.append((now_ms, each))
        assert window.used(now_ms) == used_at(spent, now_ms)
    ready_ms = window.ready_ms(now_ms, amount, LIMIT)
    if amount <= LIMIT:
        assert ready_ms == first_room_ms(spent, now_ms, amount)
    else:
        assert used_at(spent, ready_ms) == 0, "more than the limit waits for an empty window"


def used_at(spent: list[tuple[int, int]], at_ms: int) -> int:
    return sum(each for spent_ms, each in spent if at_ms - WINDOW_MS < spent_ms <= at_ms)


# --- the window, under any load


ARRIVALS = st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, LIMIT)), min_size=1, max_size=30)
"""Pause since the arrival before (ms), and weight."""


@given(arrivals=ARRIVALS)
@settings(max_examples=60, deadline=None)
async def test_no_ten_seconds_hold_more_than_the_limit_and_nobody_waits_longer_than_that_takes(
    arrivals: list[tuple[int, int]],
) -> None:
    row = await a_row(WEIGHT_ALONE)
    clock, arrived_ms = row.clock, []
    async with anyio.create_task_group() as tasks:
        for number, (pause_ms, weight) in enumerate(arrivals):
            await anyio.sleep(pause_ms / 1_000)
            arrived_ms.append(clock.now_ms())
            await tasks.start(row.wait, number, weight)

    assert row.order == list(range(len(arrivals)))
    spent: list[tuple[int, int]] = []
    for (_, at_ms, weight), came_ms in zip(row.granted, arrived_ms, strict=True):
        earliest_ms = max(came_ms, spent[-1][0] if spent else came_ms)
        assert at_ms == first_room_ms(spent, earliest_ms, weight)
        spent.append((at_ms, weight))
    for _, begin_ms, _ in row.granted:
        assert sum(weight for _, at_ms, weight in row.granted if begin_ms <= at_ms < begin_ms + 10_000) <= LIMIT


def first_room_ms(spent: list[tuple[int, int]], earliest_ms: int, weight: int) -> int:
    """Find by trial the first instant at which a request has room: now, or when something leaves the window."""
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


class Crowd:
    """What happens around a pacer, and when."""

    def __init__(self, row: Row, tasks: TaskGroup) -> None:
        self.row = row
        self.orders: list[int] = []  # when
        self.blocks: list[tuple[int, int]] = []  # said when, until when
        self.left: set[object] = set()
        self.scopes: list[anyio.CancelScope] = []
        self._tasks = tasks

    async def wait(self, weight: int) -> None:
        """Somebody comes."""
        self.scopes.append(await self._tasks.start(self._stand, len(self.scopes), weight))

    async def order(self, number: int) -> None:
        """Orders go past."""
        for _ in range(number):
            await self.row.pacer.wait_for_order()
            self.orders.append(self.row.clock.now_ms())

    async def block(self, ms: int) -> None:
        """The exchange says wait."""
        now_ms = self.row.clock.now_ms()
        self.row.pacer.back_off(now_ms + ms)
        self.blocks.append((now_ms, now_ms + ms))

    async def sleep(self, ms: int) -> None:
        """Time goes by."""
        await anyio.sleep(ms / 1_000)

    async def leave(self, number: int) -> None:
        """Somebody goes away."""
        if self.scopes:
            self.scopes[number % len(self.scopes)].cancel()
            await checkpoint()

    async def _stand(self, who: int, weight: int, *, task_status: TaskStatus[anyio.CancelScope]) -> None:
        with anyio.CancelScope() as scope:
            task_status.started(scope)
            await self.row.wait(who, weight)
        if scope.cancelled_caught:
            self.left.add(who)


@given(events=EVENTS)
@settings(max_examples=60, deadline=None)
async def test_whoever_is_let_go_has_room_and_leave_whatever_else_happens(events: list[tuple[str, int]]) -> None:
    """Orders go past, the exchange says wait, others leave the row."""
    row = await a_row(WEIGHT_ALONE)
    async with anyio.create_task_group() as tasks:
        crowd = Crowd(row, tasks)
        for event, number in events:
            await getattr(crowd, event)(number)

    assert row.order == [who for who in range(len(crowd.scopes)) if who not in crowd.left]
    for place, (_, at_ms, weight) in enumerate(row.granted):
        before = sum(each for _, when_ms, each in row.granted[:place] if at_ms - WINDOW_MS < when_ms)
        past_it = sum(at_ms - WINDOW_MS < when_ms < at_ms for when_ms in crowd.orders)
        assert before + past_it + weight <= LIMIT
        assert not any(said_ms < at_ms < until_ms for said_ms, until_ms in crowd.blocks)


@given(events=EVENTS)
@settings(max_examples=40, deadline=None)
async def test_no_second_holds_more_than_its_limits_whatever_else_happens(events: list[tuple[str, int]]) -> None:
    row = await a_row(REQUESTS_ALONE)
    async with anyio.create_task_group() as tasks:
        crowd = Crowd(row, tasks)
        for event, number in events:
            await getattr(crowd, event)(number)

    for instants, limit in (([at_ms for _, at_ms, _ in row.granted], 3), (crowd.orders, 2)):
        for begin_ms in instants:
            assert sum(begin_ms <= at_ms < begin_ms + 1_000 for at_ms in instants) <= limit
