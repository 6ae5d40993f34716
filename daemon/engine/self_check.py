"""The self-check behind the watchdog: whether every task and thread that moves orders still runs.

Each part is asked to do something cheap, and must do it in time. The check itself shows that the event loop runs; a
task that ended with an error has ended the process. Requests to the exchange need no check: each has its own timeout,
and is waited for in its own task.
"""

from collections.abc import Awaitable, Callable

import anyio

Turn = Callable[[], Awaitable[None]]
"""Returns once a part has run."""


class SelfCheck:
    """Asks every part at once."""

    def __init__(self, parts: dict[str, Turn]) -> None:
        self._parts = parts

    async def stuck(self, within_s: float) -> list[str]:
        """Return the names of the parts that did not run within ``within_s`` seconds; an empty list is healthy."""
        ran: set[str] = set()
        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as tasks:
                for name, turn in self._parts.items():
                    tasks.start_soon(self._ask, name, turn, ran)
        return [name for name in self._parts if name not in ran]

    @staticmethod
    async def _ask(name: str, turn: Turn, ran: set[str]) -> None:
        await turn()
        ran.add(name)
