"""The exchange's clock: the truth lies within the stated bound, and late answers, drift and steps are handled."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import DRIFT_PPM, EARLY, RECENT_NS, SLACK_NS, ExchangeClock
from tests.core.making import NOON_MS

NOON_NS = NOON_MS * NS_PER_MS
SECOND_NS = 1_000 * NS_PER_MS
DAY_NS = 86_400 * SECOND_NS

WAYS_NS = st.integers(0, 400 * NS_PER_MS)
OFFSETS_NS = st.integers(-DAY_NS, DAY_NS)


class World:
    """Our clock, and an exchange whose clock is off by a known amount."""

    def __init__(self, offset_ns: int = 0, drift_ppm: int = 0) -> None:
        self.clock = ExchangeClock()
        self.now_ns = NOON_NS
        self._offset_ns = offset_ns
        self._drift_ppm = drift_ppm

    @property
    def offset_ns(self) -> int:
        """The true offset now."""
        return self._offset_ns + (self.now_ns - NOON_NS) * self._drift_ppm // 1_000_000

    def sample(self, there_ns: int, back_ns: int, *, fresh: bool = False) -> bool:
        """Let a request and its answer travel."""
        sent_ns = self.now_ns
        self.now_ns += there_ns
        server_ms = (self.now_ns + self.offset_ns) // NS_PER_MS
        self.now_ns += back_ns
        return self.clock.sample(sent_ns, self.now_ns, server_ms, fresh_connection=fresh)

    def wait(self, ns: int) -> None:
        """Let time go by."""
        self.now_ns += ns

    def exchange_steps(self, ns: int) -> None:
        """Set the exchange's clock."""
        self._offset_ns += ns

    def error_ns(self) -> int:
        """Return by how much the estimate is wrong now."""
        return abs(self.clock.offset_ns - self.offset_ns)

    def arrives_ns(self, there_ns: int) -> int:
        """Return by how much a request for an instant in an hour arrives after it, which takes ``there_ns``."""
        instant_ms = NOON_MS + 3_600_000
        arrival_ns = self.clock.leave_ns(instant_ms) + there_ns
        return arrival_ns + self._offset_ns - instant_ms * NS_PER_MS

    def bound_ns(self) -> int:
        """Return by how much it is wrong at most, as is claimed."""
        assert self.clock.known is not None
        return self.clock.known.aged(self.now_ns).uncertainty_ns


def ms(number: float) -> int:
    return round(number * NS_PER_MS)


def test_before_a_sample_the_exchanges_clock_counts_as_ours() -> None:
    clock = ExchangeClock()
    assert (clock.known, clock.offset_ns, clock.uncertainty_ns) == (None, 0, None)
    assert clock.local_ns(NOON_MS) == clock.exchange_ns(NOON_NS) == NOON_NS
    clock.stepped(SECOND_NS)
    assert clock.offset_ns == 0


def test_a_sample_counts_at_the_middle_of_its_round_trip_and_of_the_servers_millisecond() -> None:
    clock = ExchangeClock()
    assert clock.sample(NOON_NS, NOON_NS + ms(80), NOON_MS + 340, fresh_connection=False)
    assert clock.known is not None
    assert clock.offset_ns == ms(300.5)
    assert clock.uncertainty_ns == ms(40.5), "half of the round trip, and half of the millisecond that was cut off"
    assert clock.known.round_trip_ns == ms(80)


@pytest.mark.parametrize("offset_ms", [0, 300, -300, 20_000, -20_000])
def test_an_instant_of_the_exchange_is_a_reading_of_our_clock(offset_ms: int) -> None:
    world = World(ms(offset_ms) + 250_000)
    for _ in range(50):
        world.sample(ms(1.37), ms(1.37))
        world.wait(ms(20))
    assert world.clock.local_ns(NOON_MS) == pytest.approx(NOON_NS - ms(offset_ms) - 250_000, abs=ms(0.2))
    assert world.clock.exchange_ns(world.clock.local_ns(NOON_MS)) == NOON_NS


@given(offset_ns=OFFSETS_NS, ways=st.lists(st.tuples(WAYS_NS, WAYS_NS), min_size=1, max_size=30), seed=st.randoms())
@settings(deadline=None)
def test_the_truth_lies_within_the_bound_whatever_the_network_does(
    offset_ns: int, ways: list[tuple[int, int]], seed: Random
) -> None:
    """Also with all of the delay on one way, and while the clocks run apart as fast as is assumed."""
    world = World(offset_ns, seed.randint(-DRIFT_PPM, DRIFT_PPM))
    for there_ns, back_ns in ways:
        assert world.sample(there_ns, back_ns)
        assert world.error_ns() <= world.bound_ns() + 1
        world.wait(seed.choice((0, ms(3), SECOND_NS, 300 * SECOND_NS)))
        assert world.error_ns() <= world.bound_ns() + 1


@given(offset_ns=OFFSETS_NS, ways=st.lists(st.tuples(WAYS_NS, WAYS_NS), min_size=1, max_size=30))
@settings(deadline=None)
def test_the_bound_is_never_wider_than_that_of_the_best_sample(offset_ns: int, ways: list[tuple[int, int]]) -> None:
    """It is half of the best round trip plus half a millisecond, plus the drift since."""
    world = World(offset_ns)
    bounds: list[tuple[int, int]] = []  # by when: each sample's own
    for there_ns, back_ns in ways:
        world.sample(there_ns, back_ns)
        bounds.append((world.now_ns, (there_ns + back_ns + NS_PER_MS) // 2))
        world.wait(ms(100))
    for at_ns, own_ns in bounds:
        assert world.bound_ns() <= own_ns + (world.now_ns - at_ns) * DRIFT_PPM // 1_000_000 + len(ways) + 1


@given(seed=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_one_answer_in_four_that_is_late_by_400_ms_does_not_move_the_offset(seed: Random) -> None:
    world = World(ms(300))
    for _ in range(8):
        world.sample(ms(25), ms(25) + seed.randint(0, ms(2)))
        world.wait(2 * SECOND_NS)
    for number in range(40):
        late_ns = ms(400) if number % 4 == 0 else 0
        there_ns, back_ns = seed.choice(((late_ns, 0), (0, late_ns), (late_ns // 2, late_ns // 2)))
        world.sample(ms(25) + seed.randint(0, ms(2)) + there_ns, ms(25) + seed.randint(0, ms(2)) + back_ns)
        assert world.error_ns() <= ms(2.5)
        world.wait(2 * SECOND_NS)


def test_several_samples_are_more_exact_than_each_of_them() -> None:
    """The server's time is cut to milliseconds; samples at different moments show where the next one begins."""
    world = World(300_456_789)
    for _ in range(60):
        world.sample(ms(0.2), ms(0.2))
        world.wait(ms(1.03))
    assert world.clock.uncertainty_ns is not None
    assert world.clock.uncertainty_ns < ms(0.25)
    assert world.error_ns() < ms(0.1)


@pytest.mark.parametrize(("there_ms", "back_ms"), [(120, 0), (0, 120), (60, 60)])
def test_the_fastest_way_in_each_direction_counts(there_ms: int, back_ms: int) -> None:
    """So two answers that were late on different ways are better than one that was late on both."""
    world = World()
    world.sample(ms(10 + there_ms), ms(10))
    world.sample(ms(10), ms(10 + back_ms))
    assert world.bound_ns() <= ms(71 if there_ms == back_ms else 11 + max(there_ms, back_ms) / 2)


# --- drift


@pytest.mark.parametrize("drift_ppm", [50, -50, DRIFT_PPM, -DRIFT_PPM])
def test_drift_is_followed(drift_ppm: int) -> None:
    """After a day of samples every 30 s the offset is as exact as after the first minutes."""
    world = World(0, drift_ppm)
    for _ in range(24 * 120):
        world.sample(ms(5), ms(5))
        assert world.error_ns() <= ms(5.6)
        world.wait(30 * SECOND_NS)
    assert abs(world.offset_ns) > 4 * SECOND_NS


def test_an_old_excellent_sample_gives_way_to_newer_ones() -> None:
    world = World(ms(300))
    world.sample(ms(1), ms(1))
    world.sample(ms(30), ms(30))
    assert world.clock.known is not None
    assert world.clock.known.round_trip_ns == ms(2)
    world.wait(600 * SECOND_NS)
    world.sample(ms(30), ms(30))
    assert world.clock.known.round_trip_ns == ms(60)
    assert world.bound_ns() <= ms(31)


def test_the_bound_widens_with_age() -> None:
    world = World()
    world.sample(ms(5), ms(5))
    before_ns = world.bound_ns()
    world.wait(30 * SECOND_NS)
    assert world.bound_ns() == before_ns + 30 * SECOND_NS * DRIFT_PPM // 1_000_000


# --- new connections


def test_a_sample_over_a_new_connection_is_dropped() -> None:
    """The server accepts the connection meanwhile, which would count as the way there."""
    world = World(ms(300))
    world.sample(ms(20), ms(20))
    before = world.clock.known
    assert not world.sample(ms(170), ms(20), fresh=True), "another one is wanted, over the same connection"
    assert world.clock.known is before


def test_a_sample_over_a_new_connection_is_better_than_none_and_than_a_worse_one() -> None:
    world = World(ms(300))
    assert not world.sample(ms(170), ms(20), fresh=True)
    assert world.error_ns() <= world.bound_ns()
    assert world.sample(ms(70), ms(20), fresh=True)
    assert world.bound_ns() <= ms(46)
    assert world.sample(ms(20), ms(20))
    assert world.bound_ns() <= ms(21)


# --- steps


@pytest.mark.parametrize("step_ms", [300, -300, 20_000, -20_000])
def test_a_step_of_the_exchanges_clock_counts_once_it_is_confirmed(step_ms: int) -> None:
    world = World()
    for _ in range(5):
        world.sample(ms(20), ms(20))
    world.exchange_steps(ms(step_ms))
    before = world.clock.known
    assert not world.sample(ms(20), ms(20)), "it may be an error: another sample decides"
    assert world.clock.known is before
    assert world.sample(ms(21), ms(20))
    assert world.error_ns() <= world.bound_ns() <= ms(21)


def test_a_contradiction_that_the_next_sample_does_not_confirm_is_forgotten() -> None:
    world = World()
    world.sample(ms(20), ms(20))
    for _ in range(3):
        world.exchange_steps(ms(500))
        assert not world.sample(ms(20), ms(20))
        world.exchange_steps(ms(-500))
        assert world.sample(ms(20), ms(20))
        assert world.error_ns() <= world.bound_ns()


def test_contradictions_that_contradict_each_other_confirm_nothing() -> None:
    world = World()
    world.sample(ms(20), ms(20))
    before = world.clock.known
    for _ in range(3):
        world.exchange_steps(ms(500))
        assert not world.sample(ms(20), ms(20))
    assert world.clock.known is before


def test_a_sample_that_agrees_with_both_decides_nothing() -> None:
    """An answer that was very late agrees with everything."""
    world = World()
    world.sample(ms(20), ms(20))
    world.exchange_steps(ms(300))
    assert not world.sample(ms(20), ms(20))
    assert world.sample(ms(20), ms(800))
    assert world.sample(ms(20), ms(20)), "the second sample of the new time"
    assert world.error_ns() <= world.bound_ns() <= ms(21)


@given(steps_ms=st.lists(st.integers(5, 86_400_000), min_size=1, max_size=5))
@settings(deadline=None)
def test_a_step_of_our_clock_moves_no_instant_of_the_exchange(steps_ms: list[int]) -> None:
    """Our clock only steps forward. What is known is as exact as before, and so is a contradiction."""
    world, instant_ms = World(ms(300)), NOON_MS + 60_000
    world.sample(ms(20), ms(20))
    due_in_ns, bound_ns = world.clock.local_ns(instant_ms) - world.now_ns, world.bound_ns()
    leaves_in_ns = world.clock.leave_ns(instant_ms) - world.now_ns
    world.exchange_steps(ms(5_000))
    world.sample(0, 0)
    for step_ms in steps_ms:
        world.clock.stepped(ms(step_ms))
        world.now_ns += ms(step_ms)
        world.exchange_steps(-ms(step_ms))
        assert (world.clock.local_ns(instant_ms) - world.now_ns, world.bound_ns()) == (due_in_ns, bound_ns)
        assert world.clock.leave_ns(instant_ms) - world.now_ns == leaves_in_ns
    assert world.sample(0, 0)
    assert world.error_ns() <= world.bound_ns() <= ms(1)


def test_the_estimate_is_replaced_as_a_whole() -> None:
    """Another thread may read it at any time."""
    world = World()
    seen = []
    for known in _known(world):
        seen.append(known)
        assert all(before is not known for before in seen[:-1])


def _known(world: World) -> Iterable[object]:
    for _ in range(3):
        world.sample(ms(20), ms(20))
        yield world.clock.known
    world.clock.stepped(ms(5))
    yield world.clock.known


@given(OFFSETS_NS, st.lists(st.tuples(WAYS_NS, WAYS_NS), min_size=1, max_size=20), st.integers(0, NS_PER_MS))
@example(0, [(0, 100 * NS_PER_MS), (100 * NS_PER_MS, 0)], 0)
def test_a_request_that_is_as_quick_as_the_quickest_arrives_less_than_a_millisecond_early(
    offset_ns: int, ways: list[tuple[int, int]], pause_ns: int
) -> None:
    world = World(offset_ns)
    for there_ns, back_ns in ways:
        world.sample(there_ns, back_ns)
        world.wait(pause_ns)
    quickest_ns = min(there_ns for there_ns, _ in ways)
    assert world.arrives_ns(quickest_ns) > -NS_PER_MS


@pytest.mark.parametrize("samples", [1, 4, 16])
def test_few_requests_arrive_early_and_more_samples_bring_the_others_nearer(samples: int) -> None:
    """The exchange writes its time at any moment of its millisecond."""
    dice = Random(samples)  # noqa: S311  # a simulation
    late_ns = []
    for _ in range(2_000):
        world = World(dice.randrange(DAY_NS))
        for _ in range(samples):
            world.sample(ms(20), ms(30))
            world.wait(dice.randrange(NS_PER_MS))
        late_ns.append(world.arrives_ns(ms(20)))
    assert sum(each < 0 for each in late_ns) <= 2_000 * EARLY
    assert max(late_ns) <= NS_PER_MS * (1 - EARLY ** (1 / samples)) + SLACK_NS


@pytest.mark.parametrize(("samples", "early_percent"), [(3, 6), (20, 0.5)])
def test_where_ways_vary_the_quickest_of_eight_requests_is_seldom_early(samples: int, early_percent: float) -> None:
    dice = Random(samples)  # noqa: S311  # a simulation
    early = 0
    for _ in range(1_000):
        world = World(dice.randrange(DAY_NS))
        for _ in range(samples):
            world.sample(ms(dice.uniform(1, 4)), ms(dice.uniform(1, 4)))
            world.wait(ms(dice.uniform(150, 151)))
        early += any(world.arrives_ns(ms(dice.uniform(1, 4))) < 0 for _ in range(8))
    assert early <= 10 * early_percent


def test_ways_of_long_ago_or_from_before_a_step_of_the_exchanges_clock_do_not_count() -> None:
    world = World()
    world.sample(0, 0)
    world.wait(RECENT_NS + 1)
    world.sample(ms(20), ms(20))
    assert 0 <= world.arrives_ns(ms(20)) <= ms(1) + SLACK_NS
    world.exchange_steps(-ms(500))
    for _ in range(2):
        world.sample(ms(20), ms(20))
    assert 0 <= world.arrives_ns(ms(20)) <= ms(1) + SLACK_NS


def test_without_a_sample_a_request_leaves_at_its_instant_by_our_clock() -> None:
    assert ExchangeClock().leave_ns(NOON_MS) == NOON_NS
