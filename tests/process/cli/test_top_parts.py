"""Parts of top: how sections share a terminal, and which events are shown."""

import pytest

from daemon.cli import show
from daemon.cli.top.happened import SHOWN, Happened
from daemon.cli.top.sharing import Shares, share
from daemon.client import Event, Reset

BEGINNING = Reset(position="1-0")


@pytest.mark.parametrize(
    ("room", "wants", "chosen", "shares"),
    [
        (40, [0, 2, 5], 2, Shares(is_alone=False, heights=[0, 2, 5])),  # enough for all
        (15, [20, 0, 20], 0, Shares(is_alone=False, heights=[8, 0, 4])),  # the chosen one grows twice as fast
        (8, [20, 20, 20], 2, Shares(is_alone=False, heights=[2, 0, 3])),  # a head without a row helps nobody
        (6, [20, 20, 20], 1, Shares(is_alone=True, heights=[0, 5, 0])),
        (6, [20, 0, 20], 1, Shares(is_alone=True, heights=[0, 0, 0])),  # the chosen one is empty
        (1, [20, 20, 20], 1, Shares(is_alone=True, heights=[0, 0, 0])),
        (0, [20, 20, 20], 1, Shares(is_alone=True, heights=[0, 0, 0])),
    ],
)
def test_sections_share_the_rows(room: int, wants: list[int], chosen: int, shares: Shares) -> None:
    assert share(room, wants, chosen) == shares


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_sections_never_take_more_rows_than_there_are(chosen: int) -> None:
    for room in range(1, 40):
        alone, heights = share(room, [9, 4, 30], chosen)
        assert sum(heights) + (1 if alone else 3) <= room
        assert heights[chosen] >= min(room - 1, 2)


def event(number: int, level: str = "info") -> Event:
    """Make an event."""
    detail = {"exchange_order_id": f"C{number}"}
    return Event(id=f"1-{number}", name="order.placed", at_ms=number * 1_000, level=level, detail=detail)


def test_the_newest_events_are_first_with_their_ages_and_debug_is_left_out() -> None:
    happened = Happened()
    happened.add(BEGINNING)
    for number in range(1, SHOWN + 3):
        happened.add(event(number))
    happened.add(event(SHOWN + 3, "debug"))
    rows = happened.rows((SHOWN + 2) * 1_000)
    assert [len(rows), str(rows[0].cells[0]), str(rows[1].cells[0])] == [SHOWN, "0 s", "1 s"]
    assert str(rows[0].cells[2]) == "PLACED"
    assert f"C{SHOWN + 2}" in str(rows[0].cells[3])


def test_events_that_are_missing_are_a_row_except_those_before_the_beginning() -> None:
    happened = Happened()
    happened.add(BEGINNING)
    assert happened.rows(0) == []
    happened.add(event(1))
    happened.add(Reset(position="2-0"))
    assert "events are missing" in str(happened.rows(0)[0].cells[3])


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (3.9, "3 s"), (59, "59 s"), (240, "4 min"), (7_200, "2 h"), (90_000, "1 d")]
)
def test_an_age_has_a_whole_unit(seconds: float, text: str) -> None:
    assert show.age(1_000_000, 1_000_000 + round(seconds * 1_000)) == text
