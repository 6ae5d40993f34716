"""The second fence: what the owner may have admitted ends before the next owner begins, whatever the clocks show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import ExchangeClock, Offset
from daemon.core.rules.lease_fence import (
    CLOCKS_DIFFER_MS,
    LEAST_WINDOW_MS,
    HeldLease,
    has_passed,
    held,
    may_decide,
    may_renew,
    may_sign,
    next_end_ms,
    owners_ms,
)
from tests.core.making import NOON_MS

NOON_NS = NOON_MS * NS_PER_MS
LEASE = HeldLease(NOON_MS + 5_000, clock_error_ms=20)
WINDOW_MS = LEAST_WINDOW_MS + 20

DAY_MS = 86_400_000


def sampled(offset_ms: int, there_ms: int, back_ms: int) -> Offset:
    """Return what one sample shows that was received at noon of our clock."""
    clock = ExchangeClock()
    server_ms = NOON_MS - back_ms + offset_ms
    sent_ns = NOON_NS - (there_ms + back_ms) * NS_PER_MS
    clock.sample(sent_ns, NOON_NS, server_ms, fresh_connection=False)
    assert clock.known is not None
    return clock.known


def test_without_a_fleet_nothing_is_limited() -> None:
    assert may_decide(None, NOON_MS)
    assert may_sign(None, NOON_MS)


@pytest.mark.parametrize(
    ("left_ms", "decides", "signs"),
    [
        (2 * WINDOW_MS, True, True),
        (2 * WINDOW_MS - 1, False, True),
        (WINDOW_MS, False, True),
        (WINDOW_MS - 1, False, False),
        (-1, False, False),
    ],
)
def test_a_decision_leaves_time_for_its_commit_and_a_request_for_its_way(
    left_ms: int, *, decides: bool, signs: bool
) -> None:
    now_ms = LEASE.until_ms - left_ms
    assert may_decide(LEASE, now_ms) is decides
    assert may_sign(LEASE, now_ms) is signs


def test_a_lease_is_held_with_the_error_of_its_owners_clock() -> None:
    known = sampled(offset_ms=7, there_ms=10, back_ms=30)
    assert held(NOON_MS + 5_000, known, NOON_NS) == HeldLease(NOON_MS + 5_000, 21)
    later = held(NOON_MS + 5_000, known, NOON_NS + 10_000 * NS_PER_MS)
    assert later.clock_error_ms > 21, "both clocks may have drifted since"


def test_a_lease_ends_so_long_after_the_time_of_the_exchange() -> None:
    known = sampled(offset_ms=7_000, there_ms=10, back_ms=10)
    assert next_end_ms(known, NOON_NS, 5_000) == NOON_MS + 7_000 + 5_000


def test_an_owner_renews_only_while_it_hears_from_the_exchange() -> None:
    known = sampled(offset_ms=0, there_ms=10, back_ms=10)
    assert may_renew(known, NOON_NS + 2_500 * NS_PER_MS, 5_000)
    assert not may_renew(known, NOON_NS + 2_500 * NS_PER_MS + 1, 5_000)


def test_a_member_that_never_measured_the_exchanges_clock_does_not_follow() -> None:
    assert not has_passed(0, None, NOON_NS)


def test_the_next_owner_waits_until_the_end_has_passed_at_every_gateway() -> None:
    known = sampled(offset_ms=0, there_ms=0, back_ms=0)
    until_ms = NOON_MS + 5_000
    first_ns = (until_ms + CLOCKS_DIFFER_MS) * NS_PER_MS
    assert not has_passed(until_ms, known, first_ns)
    assert has_passed(until_ms, known, first_ns + 2 * NS_PER_MS)


@given(
    offset_ms=st.integers(-DAY_MS, DAY_MS),
    there_ms=st.integers(0, 3_000),
    back_ms=st.integers(0, 3_000),
    drift_ppm=st.integers(-200, 200),
    age_ms=st.integers(0, DAY_MS),
    early_ms=st.integers(0, 10_000),
    gateway_ms=st.integers(-CLOCKS_DIFFER_MS, CLOCKS_DIFFER_MS),
)
def test_who_follows_is_never_admitted_before_the_end(
    offset_ms: int, there_ms: int, back_ms: int, drift_ppm: int, age_ms: int, early_ms: int, gateway_ms: int
) -> None:
    """Whatever the network did to the one sample, however old it is, and whichever gateway is asked next."""
    known = sampled(offset_ms, there_ms, back_ms)
    now_ms = NOON_MS + age_ms
    exchange_ms = now_ms + offset_ms + age_ms * drift_ppm / 1_000_000  # of the clock that was sampled
    until_ms = round(exchange_ms) + 1 + gateway_ms + early_ms  # not over yet at the gateway that admits
    assert not has_passed(until_ms, known, now_ms * NS_PER_MS)


def test_an_owner_goes_on_with_the_exchanges_time_and_never_before_the_log() -> None:
    """Whatever its machine's clock shows: the time for which a repetition counts would end by the difference."""
    known = sampled(offset_ms=-40_000, there_ms=10, back_ms=10)
    assert owners_ms(known, NOON_NS, last_ms=NOON_MS - 45_000) == NOON_MS - 40_000
    assert owners_ms(known, NOON_NS, last_ms=NOON_MS - 30_000) == NOON_MS - 30_000
