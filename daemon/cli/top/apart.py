"""Requests that the view waits for without being held up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

_T = TypeVar("_T")


async def apart(work: Callable[[], _T]) -> _T:
    """Run a request in a thread of its own, which the end of the process does not wait for."""
    result: Future[_T] = Future()
    result.set_running_or_notify_cancel()  # from now on only the thread ends it

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as error:  # noqa: BLE001  # the caller gets it
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)
