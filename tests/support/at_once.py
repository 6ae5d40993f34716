"""Runs a coroutine that only lets other tasks run in between, without an event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, None, T]) -> T:
    """Run it to its end; return its result."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
