"""Collecting garbage between bursts, not in them.

Python's collector runs whenever some hundred more objects exist than at its last run, and examines them, sometimes
all. In a burst of a thousand orders that is a tenth of the time, and it finds nothing: a placed order leaves no cycles
of references behind. So the collector waits for a moment without open requests. It still runs by itself if there is no
such moment for long.
"""

import gc
from collections.abc import Callable, Sequence

import anyio

CHECK_S = 1.0
"""Interval of the checks for a quiet moment."""

WORTH_IT = 2_000
"""How many new objects make a collection in a quiet moment worthwhile. It takes a tenth of a millisecond."""

AT_MOST = 200_000
"""How many new objects start a collection at any moment: they take some tens of megabytes. A burst of a thousand orders
has 100,000."""

_OLDER = (10, 10)  # Python's own: collections of a generation after which the next older one is collected too


async def collect_between_bursts(is_busy: Callable[[], bool]) -> None:
    """Collect garbage in quiet moments, until cancelled."""
    gc.set_threshold(AT_MOST, *_OLDER)
    while True:
        await anyio.sleep(CHECK_S)
        generation = due(gc.get_count())
        if generation is not None and not is_busy():
            gc.collect(generation)


def due(counts: Sequence[int]) -> int | None:
    """Return the oldest generation that is due in a quiet moment, by :func:`gc.get_count`; ``None``: none is."""
    new, *collections = counts
    if new < WORTH_IT:
        return None
    reached = [generation for generation, (count, limit) in enumerate(zip(collections, _OLDER, strict=True), 1)
               if count > limit]  # fmt: skip
    return max(reached, default=0)
