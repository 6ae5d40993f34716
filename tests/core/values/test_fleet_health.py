"""What status, metrics and alerts conclude from a member's view of its fleet."""

from typing import Any

import pytest

from daemon.core.values.fleet_health import MemberHealth, Standing
from tests.support.fleets import some_fleet, some_member


@pytest.mark.parametrize(
    ("changed", "owned"),
    [
        ({}, True),
        ({"lease_left_ms": None}, True),
        ({"lease_left_ms": 0.0}, False),
        ({"owner": None}, False),
    ],
    ids=["a lease", "a lease whose end this member cannot judge", "a lease that ended", "nobody"],
)
def test_the_account_is_owned_while_a_lease_lasts(changed: dict[str, Any], owned: bool) -> None:
    assert some_fleet(**changed).is_owned is owned


@pytest.mark.parametrize(("n", "lag"), [(8, 2), (10, 0), (11, 0)])
def test_the_lag_is_what_the_copy_lacks(n: int, lag: int) -> None:
    assert some_fleet(n=n, log_n=10).lag == lag


@pytest.mark.parametrize(("left_ms", "excess_ms"), [(None, 0), (-1.0, 0), (5_000.0, 0), (6_500.0, 1_500)])
def test_a_lease_can_end_later_than_any_member_makes_it(left_ms: float | None, excess_ms: float) -> None:
    assert some_fleet(lease_left_ms=left_ms).lease_excess_ms == excess_ms


def test_entries_that_a_member_has_and_the_log_lacks_are_missing() -> None:
    members = [
        some_member("a", Standing.OWNER, n=10), some_member("b", Standing.STANDBY, n=13),
        some_member("c", Standing.DOOR, n=9),
    ]  # fmt: skip
    assert some_fleet(log_n=10, members=members).entries_missing == 3
    assert some_fleet(log_n=10, members=members[:1]).entries_missing == 0


def test_only_a_member_that_can_take_over_counts_as_a_standby() -> None:
    members = [
        some_member("a", Standing.OWNER),
        some_member("b", Standing.STANDBY),
        some_member("c", Standing.STANDBY, cannot_own="too old"),
        some_member("d", Standing.DOOR, cannot_own="a door"),
    ]
    assert some_fleet(members=members).standbys == 1


def test_members_with_another_configuration_are_named_as_long_as_they_report_themselves() -> None:
    differs = {"configuration_differs": True}
    members = [
        some_member("a", Standing.OWNER),
        some_member("c", Standing.STANDBY, **differs),
        some_member("b", Standing.STANDBY, **differs),
        some_member("gone", Standing.STANDBY, seen_ago_ms=10_001, **differs),
    ]
    assert some_fleet(members=members).differing == ["b", "c"]


@pytest.mark.parametrize(
    ("members", "speaker"),
    [
        ([some_member("a", Standing.STANDBY), some_member("b", Standing.OWNER)], "b"),
        ([some_member("b", Standing.STANDBY), some_member("a", Standing.STANDBY)], "a"),
        ([some_member("a", Standing.DOOR), some_member("b", Standing.STANDBY)], "b"),
        ([some_member("a", Standing.DOOR)], "a"),
        ([some_member("a", Standing.OWNER, seen_ago_ms=10_001), some_member("b", Standing.STANDBY)], "b"),
    ],
    ids=["the owner", "a standby without one", "no door before a standby", "a door alone", "no owner that is gone"],
)
def test_one_member_speaks_for_the_fleet(members: list[MemberHealth], speaker: str) -> None:
    views = [some_fleet(member=each.member, members=members) for each in members]
    assert [each.member for each in views if each.speaks] == [f"id-of-{speaker}"]


def test_a_member_that_hears_of_no_other_speaks_itself() -> None:
    """It does not reach the database, so it cannot know whether another one speaks."""
    old = [some_member(name, Standing.STANDBY, seen_ago_ms=10_001) for name in ("a", "b")]
    assert some_fleet(member="id-of-b", members=old).speaks
    assert some_fleet(member="id-of-b", members=[]).speaks
