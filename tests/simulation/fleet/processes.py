"""Processes in one event loop. Each can be stopped, as by SIGSTOP, and killed, between any two steps of its tasks.

A process is a context variable: everything that its tasks start inherits it. Before the loop runs a step, it asks the
step's process, which keeps the step back while it is stopped. The steps of a killed process are kept back for good, so
not even a ``finally`` of it runs.
"""

import asyncio
import selectors
from asyncio import Handle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from tests.simulation.seams import Dead

T = TypeVar("T")

MANY_TIMES = 20
"""How often a task is cancelled at the end that goes on after it was cancelled."""


class Process:
    """One process of a member."""

    def __init__(self, loop: "FleetLoop") -> None:
        self.killed = False
        self.is_fragile = False  # killed only from outside
        self.is_stopped = False
        self._loop = loop
        self._context = Context()
        self._context.run(_PROCESS.set, self)
        self._held: list[Handle] = []
        self._steps: int | None = None
        self._strike: Callable[[], None] = lambda: None

    def start(self, main: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run a task in this process."""
        return self._loop.create_task(main, context=self._context.copy())

    def stop(self) -> None:
        """Run no step until :meth:`go_on`."""
        self.is_stopped = True

    def go_on(self) -> None:
        """Run again, with what was kept back first. What was to strike does not any more."""
        self._steps = None
        if not self.killed:
            self._release()

    def kill(self) -> None:
        """Run no step ever again. What was to strike does not any more."""
        self.killed = self.is_stopped = True
        self._steps = None

    def after_steps(self, steps: int, strike: Callable[[], None]) -> None:
        """Call ``strike`` before the process takes a step, after so many others."""
        self._steps, self._strike = steps, strike

    def check(self) -> None:
        """Raise if the process is dead, so that it has no effect."""
        if self.killed:
            raise Dead

    def keeps_back(self, handle: Handle) -> bool:
        """Return whether a step must not run now."""
        if self._steps is not None:
            self._steps -= 1
            if self._steps < 0:
                self._steps = None
                self._strike()
        if self.is_stopped:
            self._held.append(handle)
        return self.is_stopped

    def bury(self) -> None:
        """Let a dead process's tasks run again, to their ends: without effect, because every effect raises."""
        self.killed = True
        self._steps = None  # a blow that has not come would stop it again
        self._release()

    def _release(self) -> None:
        self.is_stopped, held = False, self._held
        self._held = []
        self._loop.run_soon(held)


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class FleetLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when no task can run, and which asks processes before it runs a step."""

    def __init__(self) -> None:
        self._selector_of_time = _Time()
        super().__init__(self._selector_of_time)
        self._ready: deque[Handle] = _Ready()
        self.set_exception_handler(lambda _loop, _context: None)  # of tasks of dead processes; nobody waits for them

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._selector_of_time.now_s

    def run_soon(self, handles: list[Handle]) -> None:
        """Run steps in the next iteration, before those that wait."""
        self._ready.extendleft(reversed(handles))

    def outside(self, main: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run a task that belongs to no process: the network, the database, the exchange, the bots."""
        return self.create_task(main, context=Context())

    async def end_tasks(self) -> None:
        """End all tasks but the calling one.

        Raises:
            RuntimeError: some do not end. They would stay in memory, and break the interpreter when it ends.

        """
        for _ in range(MANY_TIMES):
            for _ in range(MANY_TIMES):  # a task that has not begun would leave its coroutine behind
                await asyncio.sleep(0)
            tasks = asyncio.all_tasks(self) - {asyncio.current_task(self)}
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1)
        raise RuntimeError(f"{len(tasks)} tasks do not end: {tasks}")


class _Ready(deque[Handle]):
    """The steps that can run. A step that its process keeps back is replaced by one that does nothing."""

    def popleft(self) -> Handle:
        handle = super().popleft()
        process = handle._context.get(_PROCESS)  # type: ignore[attr-defined]
        return _NOTHING if process is not None and process.keeps_back(handle) else handle


class _Time(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for ever")
        self.now_s += timeout
        return []


def _nothing() -> None:
    """Do nothing."""


def _cancelled() -> Handle:
    loop = asyncio.new_event_loop()
    handle = loop.call_soon(_nothing)
    loop.close()
    handle.cancel()
    return handle


_NOTHING = _cancelled()
