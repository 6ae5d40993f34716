"""Runs to its end what lets others run in between, without an event loop."""

from collections.abc import Coroutine, Generator
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
