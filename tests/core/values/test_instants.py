"""Instants in the notations of other programs."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.values.instants import instant_ms, instant_text
from tests.core.making import NOON_MS

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 12, 31), timezones=OFFSETS),  # noqa: DTZ001
    st.sampled_from(["T", " ", "t"]),
)
def test_iso_8601_is_read_as_the_standard_library_reads_it(at: datetime, between: str) -> None:
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert instant_ms(at.isoformat(between)) == expected


@pytest.mark.parametrize(
    "same",
    [
        NOON_MS,
        NOON_MS // 1_000,
        str(NOON_MS),
        f" {NOON_MS // 1_000} ",
        Decimal(NOON_MS),
        Decimal(NOON_MS) / 1_000,
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20.000z",
        "2026-09-21 14:13:20+00",
        "2026-09-21T16:13:20,000+0200",
        "2026-09-21T09:13:20.0-05:00",
    ],
    ids=str,
)
def test_one_instant_has_many_spellings(same: object) -> None:
    assert instant_ms(same) == NOON_MS


def test_fractions_are_cut_to_milliseconds() -> None:
    assert instant_ms("2026-09-21T14:13:20.0019999Z") == NOON_MS + 1
    assert instant_ms(Decimal("1790000000.0019")) == NOON_MS + 1
    assert instant_ms("2026-09-21T14:13Z") == NOON_MS - 20_000


@pytest.mark.parametrize(
    "nonsense",
    [
        None, True, 1.5, [], "", "soon", 0, -1, 42, 10**11, 10**14, 10**30, "9" * 21, "١٧٩٠٠٠٠٠٠٠",
        Decimal("NaN"), Decimal("1e999"),
        "2026-09-21T14:13:20", "2026-09-21", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "1969-01-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+14:01", "2026-01-01T00:00:00+01:60",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_that_is_no_instant_gives_none(nonsense: object) -> None:
    assert instant_ms(nonsense) is None


@pytest.mark.parametrize("at_ms", [0, 999, NOON_MS, NOON_MS + 7, 4_102_444_800_120])
def test_an_instant_is_written_as_it_is_read(at_ms: int) -> None:
    assert instant_ms(instant_text(at_ms)) == at_ms
    assert instant_text(NOON_MS + 7) == "2026-09-21T14:13:20.007Z"


@pytest.mark.parametrize("day", ["2024-02-29", "2000-02-29", "2100-03-01", "1970-01-01", "2026-12-31"])
def test_leap_days_are_counted(day: str) -> None:
    at = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    assert instant_ms(f"{day}T00:00:00Z") == int(at.timestamp()) * 1_000
