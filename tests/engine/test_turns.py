"""At most so many urgent requests are answered per iteration of the event loop, and all in order."""

import asyncio
import contextlib

import anyio
import pytest

from daemon.engine import turns as module
from daemon.engine.turns import AT_ONCE, Turns


async def test_what_exceeds_the_limit_runs_in_later_iterations_in_order() -> None:
    turns, iteration, ran = Turns(), 0, []
    for number in range(2 * AT_ONCE + 5):
        turns.run(lambda number=number: ran.append((number, iteration)))  # type: ignore[misc]
    assert len(ran) == AT_ONCE
    while len(ran) < 2 * AT_ONCE + 5:
        iteration += 1
        assert iteration < 10
        await asyncio.sleep(0)
    assert [number for number, _ in ran] == list(range(2 * AT_ONCE + 5))
    assert max(sum(each == at for _, each in ran) for at in range(iteration + 1)) == AT_ONCE


async def test_work_that_waits_is_not_overtaken() -> None:
    turns, ran = Turns(), list[int]()
    for number in range(AT_ONCE + 1):
        turns.run(lambda number=number: ran.append(number))  # type: ignore[misc]
    turns.run(lambda: ran.append(-1))
    await anyio.wait_all_tasks_blocked()
    assert ran[-2:] == [AT_ONCE, -1]


async def test_the_limit_counts_afresh_in_each_iteration() -> None:
    turns, ran = Turns(), list[int]()
    for number in range(3):
        for _ in range(AT_ONCE):
            turns.run(lambda number=number: ran.append(number))  # type: ignore[misc]
        assert len(ran) == (number + 1) * AT_ONCE
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_what_a_piece_of_work_schedules_runs_before_the_next_pieces() -> None:
    """A commit is scheduled by the first request of an iteration; the requests of the next must not join it."""
    turns, ran = Turns(), list[str]()

    def first() -> None:
        asyncio.get_running_loop().call_soon(ran.append, "commit")

    turns.run(first)
    for _ in range(AT_ONCE):
        turns.run(lambda: ran.append("request"))
    await anyio.wait_all_tasks_blocked()
    assert ran == ["request"] * (AT_ONCE - 1) + ["commit", "request"]


async def test_an_error_of_one_request_keeps_no_other_from_its_turn() -> None:
    turns, ran = Turns(), list[int]()

    def fail() -> None:
        raise RuntimeError("no answer")

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    for number in range(2 * AT_ONCE):
        with contextlib.suppress(RuntimeError):
            turns.run(fail)
        turns.run(lambda number=number: ran.append(number))  # type: ignore[misc]
    for _ in range(4 * AT_ONCE):
        await asyncio.sleep(0)
    assert ran == list(range(2 * AT_ONCE))


async def test_what_is_not_urgent_runs_at_once_if_nothing_waits() -> None:
    turns = Turns()
    turns.run(lambda: None)
    with anyio.move_on_after(0) as scope:
        await turns.after_urgent()
    assert not scope.cancelled_caught


async def test_what_is_not_urgent_waits_for_a_bounded_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.0)
    turns, ended = Turns(), False

    def again() -> None:
        if not ended:
            turns.run(again)

    for _ in range(2 * AT_ONCE):
        turns.run(again)
    with anyio.fail_after(10):
        await turns.after_urgent()
    ended = True


async def test_what_is_not_urgent_runs_when_no_request_waits_any_more() -> None:
    turns, ran = Turns(), list[int]()
    for number in range(5 * AT_ONCE):
        turns.run(lambda number=number: ran.append(number))  # type: ignore[misc]
    await turns.after_urgent()
    assert len(ran) == 5 * AT_ONCE
