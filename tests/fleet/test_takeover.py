"""When a member takes over: decided over values."""

from typing import Any

import pytest

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import Offset
from daemon.core.rules.lease_fence import CLOCKS_DIFFER_MS
from daemon.fleet.port import Lease
from daemon.fleet.takeover import ANY, LeaseTaken, Place, reason_to_take

HERE = Place("boot-1", 1, 2)
UNTIL_MS = 1_000_000
AFTER_MS = UNTIL_MS + CLOCKS_DIFFER_MS + 1
KNOWN = Offset(lower_ns=0, upper_ns=0, at_ns=AFTER_MS * NS_PER_MS, round_trip_ns=0, best_ns=AFTER_MS * NS_PER_MS)
OF_A = Lease("a", 7, UNTIL_MS)
OF_B = Lease("b", 7, UNTIL_MS)


def reason(now_ms: int = UNTIL_MS, **changes: Any) -> str | None:
    """Ask for member b, long before the lease of a has ended for certain."""
    given: dict[str, Any] = {
        "lease": OF_A, "member": "b", "place": HERE, "mine": None, "former_until_ms": 0, "successor": "",
        "known": KNOWN, "now_ns": now_ms * NS_PER_MS, "head_start_ms": 5_000, "ordered": None,
    }  # fmt: skip
    given |= changes
    return reason_to_take(given.pop("lease"), **given)


def test_a_lease_is_taken_after_its_end_and_the_error_of_the_exchanges_clocks() -> None:
    assert reason(AFTER_MS - 1) is None
    assert reason(AFTER_MS) == "the former owner's lease had ended"


def test_its_own_lease_is_no_exception_for_a_member_that_lost_its_process() -> None:
    assert reason(AFTER_MS - 1, lease=OF_B) is None


def test_what_a_member_does_not_know_of_the_exchanges_clock_it_waits() -> None:
    unsure = Offset(lower_ns=-50 * NS_PER_MS, upper_ns=50 * NS_PER_MS, at_ns=AFTER_MS * NS_PER_MS, round_trip_ns=0,
                    best_ns=AFTER_MS * NS_PER_MS)  # fmt: skip
    assert reason(AFTER_MS + 49, known=unsure) is None
    assert reason(AFTER_MS + 51, known=unsure) is not None
    assert reason(AFTER_MS + 10_000, known=None) is None


def test_the_lease_of_an_owner_that_was_replaced_early_has_ended_too() -> None:
    assert reason(AFTER_MS, former_until_ms=UNTIL_MS + 1) is None
    assert reason(AFTER_MS + 1, former_until_ms=UNTIL_MS + 1) is not None


def test_an_account_that_nobody_owned_is_taken_at_once() -> None:
    assert reason(lease=Lease()) == "nobody owned the account yet"
    assert reason(lease=Lease(), known=None) is None


def test_a_process_that_starts_again_in_the_same_place_goes_on_at_once() -> None:
    assert reason(lease=OF_B, mine=LeaseTaken(7, HERE)) == "it started again on the same machine"


@pytest.mark.parametrize(
    ("lease", "mine"),
    [
        pytest.param(OF_B, LeaseTaken(7, HERE._replace(boot_id="boot-2")), id="booted"),
        pytest.param(OF_B, LeaseTaken(7, HERE._replace(inode=3)), id="another file"),
        pytest.param(OF_B, LeaseTaken(7, HERE._replace(device=3)), id="another disk"),
        pytest.param(OF_B, LeaseTaken(6, HERE), id="an older lease"),
        pytest.param(OF_A, LeaseTaken(7, HERE), id="another's lease"),
        pytest.param(OF_B, None, id="never owned"),
    ],
)
def test_nobody_else_passes_for_it(lease: Lease, mine: LeaseTaken | None) -> None:
    assert reason(lease=lease, mine=mine) is None


def test_a_named_successor_comes_first_for_a_while() -> None:
    assert reason(AFTER_MS, successor="b") == "the former owner handed it over"
    assert reason(AFTER_MS + 4_999, successor="c") is None
    assert reason(AFTER_MS + 5_010, successor="c") == "the former owner handed it over"
    assert reason(AFTER_MS, successor=ANY) == "the former owner handed it over"
    assert reason(AFTER_MS - 1, successor=ANY) is None


@pytest.mark.parametrize("successor", [ANY, "a"])
def test_who_handed_it_over_leaves_it_to_the_others_for_a_while_also_after_a_start(successor: str) -> None:
    began: dict[str, Any] = {"lease": OF_B, "mine": LeaseTaken(7, HERE), "successor": successor}
    assert reason(**began) is None
    assert reason(AFTER_MS + 4_999, **began) is None
    assert reason(AFTER_MS + 5_010, **began) == "the former owner handed it over"


def test_an_administrator_does_not_wait() -> None:
    assert reason(ordered="the machine burns", successor="c") == "the machine burns"
    assert reason(ordered="the machine burns", known=None) is None
