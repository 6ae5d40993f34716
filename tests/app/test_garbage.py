"""Garbage is collected in quiet moments."""

import gc
from collections.abc import Iterator

import anyio
import pytest

from daemon.app import garbage
from daemon.app.garbage import AT_MOST, WORTH_IT, collect_between_bursts, due


@pytest.mark.parametrize(
    ("counts", "generation"),
    [
        ((0, 0, 0), None),
        ((WORTH_IT - 1, 50, 50), None),
        ((WORTH_IT, 0, 0), 0),
        ((WORTH_IT, 10, 10), 0),
        ((WORTH_IT, 11, 0), 1),
        ((WORTH_IT, 11, 11), 2),
        ((WORTH_IT, 0, 11), 2),
    ],
)
def test_an_older_generation_is_due_after_several_collections_of_the_younger(
    counts: tuple[int, int, int], generation: int | None
) -> None:
    assert due(counts) == generation


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return the generations that are collected, while the check is always due and comes at once."""
    monkeypatch.setattr(garbage, "WORTH_IT", 0)
    monkeypatch.setattr(garbage, "CHECK_S", 0)
    before = gc.get_threshold()
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            found.append(info["generation"])

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*before)


async def test_nothing_is_collected_while_requests_are_open(collections: list[int]) -> None:
    checks = iter([True] * 5 + [False])
    at_checks: list[int] = []

    def is_busy() -> bool:
        if not at_checks:
            collections.clear()  # those of the test run itself, with the usual threshold
        at_checks.append(len(collections))
        busy = next(checks, None)
        if busy is None:
            tasks.cancel_scope.cancel()
        return bool(busy)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect_between_bursts, is_busy)
    assert at_checks == [0] * 6 + [1]
    assert gc.get_threshold()[0] == AT_MOST
