"""Warm connections: as many as are wanted, each shown to work, none that was idle for too long."""

import asyncio
from collections.abc import Callable

import anyio
import pytest

from daemon.exchange.mexc.idle_limit import HOLD_S, LONGEST_S, MARGIN, SHORTEST_S, IdleLimit
from daemon.exchange.mexc.own_connection import WarmConnection
from daemon.exchange.mexc.shot_connections import KEEP_S, PROOF_S, ShotConnections
from daemon.exchange.mexc.transport import Failure, Reply

from .clocks import in_virtual_time


class Line:
    """A connection that a test closes."""

    def __init__(self) -> None:
        self.reused = False
        self.is_open = True
        self.written: list[bytes] = []
        self.watched = 0

    def write(self, request: bytes) -> bool:
        """Write, if it is open."""
        if self.is_open:
            self.written.append(request)
        return self.is_open

    async def reply(self, _timeout_s: float) -> Reply | Failure:
        """Read the answer."""
        self.reused = True
        return Reply(200, b"")

    def release(self) -> None:
        """Do nothing."""

    def watch(self, _dropped: Callable[[], None]) -> None:
        """Count who watches."""
        self.watched += 1

    def unwatch(self) -> None:
        """Count who watches."""
        self.watched = 0

    def close(self) -> None:
        """Close it."""
        self.is_open = False


class World:
    """Connections, and a server that may refuse them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.pings: list[Line] = []
        self.refuses = self.is_silent = False
        self.limit = IdleLimit()
        self.connections = ShotConnections(self._dial, self._ping, self.limit)

    async def _dial(self, _timeout_s: float) -> Line:
        if self.refuses:
            raise ConnectionRefusedError
        self.lines.append(Line())
        return self.lines[-1]

    async def _ping(self, line: WarmConnection) -> bool:
        assert isinstance(line, Line)
        await asyncio.sleep(0.05)
        self.pings.append(line)
        line.reused = True
        return not self.is_silent and line.is_open


@in_virtual_time
async def test_as_many_are_opened_as_are_wanted_and_each_is_shown_to_work() -> None:
    world = World()
    assert await world.connections.tend(3)
    assert len(world.lines) == 3
    assert all(line in world.lines for line in world.pings)
    assert len(world.pings) == 3
    taken = [world.connections.take() for _ in range(3)]
    assert world.connections.take() is None
    assert all(each is not None and each.write(b"order") for each in taken)
    assert [line.written for line in world.lines] == [[b"order"]] * 3


@in_virtual_time
async def test_one_returns_after_its_answer_and_unused_ones_when_they_are_released() -> None:
    world = World()
    await world.connections.tend(1)
    for _ in range(2):
        taken = world.connections.take()
        assert taken is not None
        taken.watch(lambda: None)
        taken.release()
        taken.release()
        assert world.lines[0].watched == 0
    taken = world.connections.take()
    assert taken is not None
    assert taken.write(b"order")
    taken.release()
    assert world.connections.take() is None, "its answer is not read yet"
    assert await taken.reply(1) == Reply(200, b"")
    assert world.connections.take() is not None


@in_virtual_time
async def test_one_that_was_idle_for_long_is_used_again_before_it_is_needed() -> None:
    world = World()
    await world.connections.tend(1)
    await anyio.sleep(PROOF_S + 0.1)
    await world.connections.tend(1)
    assert world.pings == [world.lines[0]] * 2


@in_virtual_time
async def test_while_one_samples_the_clock_as_many_as_are_wanted_can_be_taken() -> None:
    world = World()
    await world.connections.tend(2, sample=True)
    assert len(world.lines) == 3
    await world.connections.tend(2, sample=True)
    assert len(world.pings) == 4, "each once, and one again"
    taken = [world.connections.take() for _ in range(2)]
    assert None not in taken
    await world.connections.tend(0, sample=True)
    assert len(world.pings) == 5, "also when all shots have theirs"


@in_virtual_time
async def test_while_one_waits_to_be_proven_again_the_others_can_be_taken() -> None:
    world = World()
    await world.connections.tend(3)
    await anyio.sleep(PROOF_S + 0.1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.connections.tend, 3)
        await anyio.sleep(0.01)
        assert [world.connections.take() is None for _ in range(3)] == [False, False, True]


@in_virtual_time
async def test_a_dead_one_is_replaced_and_the_idle_time_is_learned() -> None:
    world = World()
    await world.connections.tend(2)
    await anyio.sleep(3)
    world.lines[0].is_open = False
    await world.connections.tend(2)
    assert len(world.lines) == 3
    assert world.limit.usable_s == pytest.approx(3 * MARGIN, abs=0.1)
    await anyio.sleep(world.limit.usable_s)
    assert world.connections.take() is None, "the server may close it at any moment"


@in_virtual_time
async def test_what_no_instant_needs_is_kept_for_a_while_and_may_be_spared() -> None:
    world = World()
    await world.connections.tend(2)
    assert world.connections.take_spare() is None
    await world.connections.tend(1)
    spare = world.connections.take_spare()
    assert spare is not None
    spare.release()
    await anyio.sleep(KEEP_S + 1)
    assert not await world.connections.tend(0)
    assert not any(line.is_open for line in world.lines)


@in_virtual_time
async def test_a_server_that_cannot_be_reached_is_tried_again_and_an_order_is_told() -> None:
    world = World()
    world.refuses = True
    assert not await world.connections.tend(2)
    with pytest.raises(ConnectionRefusedError):
        await world.connections.open(1)
    world.refuses, world.is_silent = False, True
    with pytest.raises(ConnectionError, match="did not answer"):
        await world.connections.open(1)
    assert not await world.connections.tend(1)
    assert not any(line.is_open for line in world.lines)
    world.is_silent = False
    assert await world.connections.tend(1)


@pytest.mark.parametrize(
    ("closed_s", "usable_s"),
    [((), LONGEST_S), ((10,), 10 * MARGIN), ((10, 60), 10 * MARGIN), ((60,), 60 * MARGIN), ((0.1,), SHORTEST_S)],
)
def test_the_limit_is_a_part_of_the_shortest_time(closed_s: tuple[float, ...], usable_s: float) -> None:
    limit = IdleLimit()
    for each_s in closed_s:
        limit.closed_after(each_s, 0)
    assert limit.usable_s == pytest.approx(usable_s)


def test_the_limit_recovers_from_a_server_that_restarted_when_connections_stay_open() -> None:
    limit = IdleLimit()
    limit.closed_after(0.1, 1_000)
    limit.stayed_open(20, 1_000 + HOLD_S - 1)
    assert limit.usable_s == SHORTEST_S, "another server behind the address may close them early"
    limit.closed_after(10, 1_000 + HOLD_S - 1)
    limit.stayed_open(8, 1_000 + HOLD_S)
    assert limit.usable_s == 8 * MARGIN, "one that was closed later does not make it shorter"
    limit.stayed_open(3, 1_001 + HOLD_S)
    assert limit.usable_s == 8 * MARGIN
    limit.stayed_open(1_000, 1_002 + HOLD_S)
    assert limit.usable_s == LONGEST_S * MARGIN
