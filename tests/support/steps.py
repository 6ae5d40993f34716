"""Runs to its end what lets others run in between, without an event loop; and counts the steps of some work."""

import sys
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


def at_once(steps: Coroutine[Any, None, T] | Generator[None, None, T]) -> T:
    """Run it; return its result."""
    try:
        while True:
            steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result


def calls_in(work: Callable[[], object]) -> int:
    """Count the calls that some work makes, of functions in Python and in C."""
    count = 0

    def note(_frame: object, event: str, _about: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
