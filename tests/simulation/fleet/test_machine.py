"""A machine: however often it is killed and switched on, it runs one process of its member at a time."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from daemon.core.values.events import Event
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from tests.simulation.fleet.links import OwnClock, WatchedDatabase
from tests.simulation.fleet.machine import RESTART_S, Machine, Surroundings
from tests.simulation.fleet.member import ALL
from tests.simulation.fleet.processes import FleetLoop
from tests.simulation.fleet.schedule import Schedule
from tests.simulation.fleet.verdict import Records

LONG_S = 2.0
"""Longer than it takes to start a member."""

Tell = Callable[[int, Event], None]


@pytest.fixture
def loop() -> Iterator[FleetLoop]:
    loop = FleetLoop()
    yield loop
    loop.close()


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book()
    yield book
    book.close()


def machine_of(loop: FleetLoop, book: Book, records: Records, directory: Path, tell: Tell) -> Machine:
    clock, dice = OwnClock(loop, 0), Random(1)  # noqa: S311  # a simulation
    around = Surroundings(
        loop,
        WatchedDatabase(clock.now_ms, records.lease_set),
        SimulatedExchange(book, rng=dice),
        clock,
        book,
        records,
        Schedule(wanted=(), blows=(), offsets_ms=(0,), exchange_offset_ms=0, farthest_s=0.004, slowest_s=0.0015),
        ALL,
    )
    return Machine(0, directory / "disk", around, dice, tell)


@pytest.mark.parametrize("before_s", [0.0, LONG_S], ids=["while it starts", "while it runs"])
def test_a_machine_that_is_killed_again_runs_one_process(
    before_s: float, loop: FleetLoop, book: Book, tmp_path: Path
) -> None:
    begun, records = list[Event](), Records()

    def note(_member: int, event: Event) -> None:
        if event.name == "fleet.standing_by":
            begun.append(event)

    async def main() -> None:
        machine = machine_of(loop, book, records, tmp_path, note)
        loop.outside(machine.switch_on())
        await asyncio.sleep(before_s)
        begun.clear()
        for _ in range(3):  # as blows that overlap do
            machine.kill()
            loop.outside(machine.switch_on())
            await asyncio.sleep(0)
        await asyncio.sleep(LONG_S)
        machine.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert len(begun) == 1
    assert records.crashes == []


@pytest.mark.parametrize("was_dead", [False, True], ids=["it found a living one", "it found a dead one"])
def test_a_blow_of_a_former_process_does_not_fall_on_the_next(
    was_dead: bool, loop: FleetLoop, book: Book, tmp_path: Path
) -> None:
    begun, records = list[str](), Records()

    async def main() -> None:
        machine = machine_of(loop, book, records, tmp_path, lambda _member, event: begun.append(event.name))
        loop.outside(machine.switch_on())
        await asyncio.sleep(LONG_S)
        if was_dead:
            machine.kill()
        machine.later(3 if was_dead else 0, machine.kill)
        machine.kill()
        loop.outside(machine.switch_on())
        begun.clear()
        await asyncio.sleep(LONG_S)
        machine.terminate()
        await asyncio.sleep(LONG_S)
        machine.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert begun.count("fleet.standing_by") == 2, "the service manager starts it again"


def test_a_machine_that_is_killed_while_its_service_manager_waits_runs_one_process(
    loop: FleetLoop, book: Book, tmp_path: Path
) -> None:
    begun, records = list[str](), Records()

    async def main() -> None:
        machine = machine_of(loop, book, records, tmp_path, lambda _member, event: begun.append(event.name))
        loop.outside(machine.switch_on())
        await asyncio.sleep(LONG_S)
        await machine.ask(lambda running: running.hand_over(), LONG_S)
        await asyncio.sleep(RESTART_S[0] / 2)  # its process has ended, and the next one has not begun
        begun.clear()
        machine.kill()
        loop.outside(machine.switch_on())
        await asyncio.sleep(LONG_S)
        machine.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert begun.count("fleet.standing_by") == 1
    assert records.crashes == []
