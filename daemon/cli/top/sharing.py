"""How the sections of ``sniperd top`` share the rows of a terminal."""

from collections.abc import Sequence
from typing import NamedTuple

LEAST = 2
"""A table's head and one row."""

ROOM = 2 * LEAST
"""Rows that tables have at least while all titles are shown; on a smaller terminal the chosen section is alone."""


class Shares(NamedTuple):
    """Which titles are shown, and the height of each section's table."""

    is_alone: bool  # only the chosen section is shown
    heights: list[int]


def share(room: int, wants: Sequence[int], chosen: int) -> Shares:
    """Give each section what it wants, as far as there is room; the chosen one gets twice as much as any other.

    Args:
        room: rows of the terminal for all sections, their titles included.
        wants: the height of each section's whole table; 0 if it is collapsed or empty.
        chosen: the section with the cursor.

    """
    left, heights = room - len(wants), [0] * len(wants)
    if left < ROOM:
        heights[chosen] = max(0, min(wants[chosen], room - 1))
        return Shares(is_alone=True, heights=heights)
    for place in [chosen, *range(len(wants))]:
        if heights[place] == 0 and left >= LEAST:
            heights[place] = min(wants[place], LEAST)
            left -= heights[place]
    growing = [chosen, *range(len(wants))]
    while left and growing:
        growing = [place for place in growing if heights[place] < wants[place] and heights[place]]
        for place in growing[:left]:
            heights[place] += heights[place] < wants[place]
        left = room - len(wants) - sum(heights)
    return Shares(is_alone=False, heights=heights)
