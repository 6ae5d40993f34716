"""Processes in one loop: a stopped one takes no step, a killed one never again, and the others do not notice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.simulation.fleet.processes import FleetLoop, Process
from tests.simulation.seams import Dead


@pytest.fixture
def loop() -> Iterator[FleetLoop]:
    loop = FleetLoop()
    yield loop
    loop.close()


async def tick(loop: FleetLoop, seen: list[float]) -> None:
    try:
        while True:
            await asyncio.sleep(1)
            seen.append(loop.time())
    finally:
        seen.append(-1)


def test_a_stopped_process_takes_no_step_and_goes_on_with_what_is_late(loop: FleetLoop) -> None:
    stopped, other = list[float](), list[float]()

    async def main() -> None:
        process = Process(loop)
        process.start(tick(loop, stopped))
        Process(loop).start(tick(loop, other))
        await asyncio.sleep(1.5)
        process.stop()
        await asyncio.sleep(3)
        process.go_on()
        await asyncio.sleep(2.1)
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert stopped == [1, 4.5, 5.5, 6.5, -1]
    assert other == [1, 2, 3, 4, 5, 6, -1]


def test_a_killed_process_does_not_even_clean_up_until_it_is_buried(loop: FleetLoop) -> None:
    seen = list[float]()

    async def main() -> None:
        process = Process(loop)
        task = process.start(tick(loop, seen))
        await asyncio.sleep(1.5)
        process.kill()
        task.cancel()
        await asyncio.sleep(3)
        process.go_on()
        await asyncio.sleep(3)
        assert seen == [1]
        with pytest.raises(Dead):
            process.check()
        process.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert seen == [1, -1]


def test_a_buried_process_ends_though_a_blow_was_still_to_come(loop: FleetLoop) -> None:
    seen = list[float]()

    async def main() -> None:
        process = Process(loop)
        process.start(tick(loop, seen))
        process.after_steps(1, process.kill)  # its begin, then nothing until it is cancelled
        await asyncio.sleep(0.5)
        process.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert seen == [-1]


def test_a_task_that_does_not_end_is_an_error(loop: FleetLoop) -> None:
    async def endless() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main() -> None:
        loop.outside(endless())
        await loop.end_tasks()

    with pytest.raises(RuntimeError, match=r"1 tasks do not end: .*endless"):
        loop.run_until_complete(main())


def test_a_blow_falls_between_two_steps(loop: FleetLoop) -> None:
    seen = list[float]()

    async def main() -> None:
        process = Process(loop)
        process.start(tick(loop, seen))
        process.after_steps(4, process.kill)  # its begin; a timer, its wake-up, twice
        await asyncio.sleep(9)
        assert seen == [1]
        process.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())


@pytest.mark.parametrize("end", [Process.kill, Process.go_on])
def test_a_blow_that_comes_too_late_does_not_fall(loop: FleetLoop, end: Callable[[Process], None]) -> None:
    struck = list[float]()

    async def main() -> None:
        process = Process(loop)
        process.start(tick(loop, []))
        process.after_steps(0, lambda: struck.append(loop.time()))
        end(process)
        await asyncio.sleep(9)
        process.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert struck == []


def test_what_a_process_starts_outside_goes_on_without_it(loop: FleetLoop) -> None:
    seen = list[float]()

    async def main() -> None:
        process = Process(loop)

        async def inside() -> None:
            loop.outside(tick(loop, seen))

        await process.start(inside())
        process.kill()
        await asyncio.sleep(2.1)
        process.bury()
        await loop.end_tasks()

    loop.run_until_complete(main())
    assert seen == [1, 2, -1]


def test_a_loop_in_which_nothing_can_happen_any_more_says_so(loop: FleetLoop) -> None:
    with pytest.raises(RuntimeError, match="for ever"):
        loop.run_until_complete(loop.create_future())
