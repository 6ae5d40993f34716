"""The self-check behind the watchdog: whether everything that moves orders still turns.

Each part is asked to do something that costs nothing, and must do it in time. That the check runs at all says that the
event loop turns; a task that ended with an error has ended the process. Requests to the exchange need no look: each has
a time-out of its own, and whatever waits on one waits in a task of its own.
"""

from collections.abc import Awaitable, Callable

import anyio

Turn = Callable[[], Awaitable[None]]
"""Returns once a part has turned."""


class SelfCheck:
    """Asks every part in turn."""

    def __init__(self, parts: dict[str, Turn]) -> None:
        self._parts = parts

    async def stuck(self, within_s: float) -> list[str]:
        """Name the parts that did not turn in time, together; none is well."""
        turned: set[str] = set()
        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as tasks:
                for name, turn in self._parts.items():
                    tasks.start_soon(self._ask, name, turn, turned)
        return [name for name in self._parts if name not in turned]

    @staticmethod
    async def _ask(name: str, turn: Turn, turned: set[str]) -> None:
        await turn()
        turned.add(name)
