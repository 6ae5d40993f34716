"""Events that a part emits, and the wait for them."""

import anyio

from daemon.core.values.events import CATALOGUE, Event


class Emitting:
    """A part that runs, and the events that it emits."""

    def __init__(self, emitted: list[Event]) -> None:
        self.emitted = emitted

    async def until_told(self, name: str, count: int = 1) -> list[Event]:
        """Wait until the given number of events of a name were emitted."""
        with anyio.fail_after(15):
            while len(found := [event for event in self.emitted if event.name == name]) < count:  # noqa: ASYNC110  # a list
                await anyio.sleep(0.005)
        assert all(set(event.detail) <= set(CATALOGUE[event.name].keys) for event in self.emitted)
        return found
