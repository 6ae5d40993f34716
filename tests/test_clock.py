"""The daemon's clock: where a run begins, and that it follows the machine's clock forward, and never back."""

import asyncio
import time

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clock import LEAST_STEP_MS, NS_PER_MS, SPIN_MS, Anchor, SteadyClock, anchored, read_anchor
from daemon.core.rules.exchange_clock import ExchangeClock
from tests.exchange.mexc.clocks import in_virtual_time

DAY_MS = 86_400_000
STARTED = Anchor("boot-1", boot_ns=1_000_000_123, unix_ns=1_760_000_000_000_456_789)
"""The last run's anchor."""

ANCHORS = st.builds(
    Anchor,
    boot_id=st.sampled_from(["boot-1", "boot-2"]),
    boot_ns=st.integers(0, 2**60),
    unix_ns=st.integers(0, 2**62),
)


def later(ms: int, *, boot_id: str = "boot-1", wall_is_off_ms: int = 0) -> Anchor:
    """Return the machine's clocks the given time after the last run began; after a restart its boot clock is young."""
    boot_ns = STARTED.boot_ns + ms * NS_PER_MS if boot_id == STARTED.boot_id else 500_000_000
    return Anchor(boot_id, boot_ns, STARTED.unix_ns + (ms + wall_is_off_ms) * NS_PER_MS)


# --- where a run begins


def test_the_first_run_begins_at_the_wall_clock() -> None:
    assert anchored(STARTED, None, 0) == STARTED


@pytest.mark.parametrize(
    ("now", "last_recorded_after_ms", "begins_after_ms"),
    [
        pytest.param(later(5_000), 4_000, 5_000, id="same boot, nothing special"),
        pytest.param(later(5_000, wall_is_off_ms=-DAY_MS), 4_000, 5_000, id="same boot, wall set back a day"),
        pytest.param(later(5_000, wall_is_off_ms=-1), 4_000, 5_000, id="same boot, wall set back a millisecond"),
        pytest.param(later(5_000, wall_is_off_ms=+DAY_MS), 4_000, 5_000 + DAY_MS, id="same boot, wall set forward"),
        pytest.param(later(0, wall_is_off_ms=-1), 0, 0, id="same boot, in the same millisecond"),
        pytest.param(later(5_000, boot_id="boot-2"), 4_000, 5_000, id="rebooted, nothing special"),
        pytest.param(
            later(5_000, boot_id="boot-2", wall_is_off_ms=-DAY_MS), 4_000, 4_000, id="rebooted, wall set back a day"
        ),
        pytest.param(
            later(5_000, boot_id="boot-2", wall_is_off_ms=+DAY_MS), 4_000, 5_000 + DAY_MS, id="rebooted, set forward"
        ),
        pytest.param(later(5_000), 7_000, 7_000, id="something on record is later than all clocks"),
    ],
)
def test_a_run_begins_no_earlier_than_the_last_one_ended(
    now: Anchor, last_recorded_after_ms: int, begins_after_ms: int
) -> None:
    """A clock that was set back makes nothing younger than it is; one set forward makes orders expire, not fire."""
    begun = anchored(now, STARTED, STARTED.unix_ms + last_recorded_after_ms)
    assert begun.unix_ms - STARTED.unix_ms == begins_after_ms
    assert (begun.boot_id, begun.boot_ns) == (now.boot_id, now.boot_ns)


def test_without_a_last_run_what_is_on_record_counts() -> None:
    assert anchored(STARTED, None, STARTED.unix_ms + 9).unix_ms == STARTED.unix_ms + 9


def test_another_boots_clock_is_not_compared_with_ours() -> None:
    """A machine that ran for a year before its restart would put us a year ahead."""
    year = msgspec.structs.replace(STARTED, boot_id="boot-0", boot_ns=0)
    now = Anchor("boot-1", 365 * DAY_MS * NS_PER_MS, STARTED.unix_ns + NS_PER_MS)
    assert anchored(now, year, 0).unix_ms == STARTED.unix_ms + 1


@given(now=ANCHORS, previous=st.none() | ANCHORS, last_recorded_ms=st.integers(0, 2**42))
@settings(deadline=None)
def test_a_run_begins_at_the_latest_time_that_any_trustworthy_clock_shows(
    now: Anchor, previous: Anchor | None, last_recorded_ms: int
) -> None:
    begun = anchored(now, previous, last_recorded_ms)
    shown = [now.unix_ns, last_recorded_ms * NS_PER_MS]
    if previous is not None and previous.boot_id == now.boot_id:
        shown.append(previous.unix_ns + (now.boot_ns - previous.boot_ns))
    assert begun.unix_ns == max(shown)


@given(runs=st.lists(st.tuples(st.integers(0, DAY_MS), st.integers(-DAY_MS, DAY_MS), st.booleans()), max_size=8))
@settings(deadline=None)
def test_the_time_never_goes_back_from_run_to_run(runs: list[tuple[int, int, bool]]) -> None:
    """Whatever the wall clock shows and however often the machine restarts."""
    boot, boot_ms, true_ms, previous, recorded_ms = 0, 0, 1_760_000_000_000, None, 0
    for lasted_ms, wall_is_off_ms, rebooted in runs:
        boot, boot_ms = (boot + 1, 0) if rebooted else (boot, boot_ms)
        now = Anchor(str(boot), boot_ms * NS_PER_MS, (true_ms + wall_is_off_ms) * NS_PER_MS)
        begun = anchored(now, previous, recorded_ms)
        assert begun.unix_ms >= recorded_ms
        boot_ms, true_ms = boot_ms + lasted_ms, true_ms + lasted_ms
        previous, recorded_ms = begun, begun.unix_ms + lasted_ms


def test_an_anchor_survives_the_disk() -> None:
    assert msgspec.json.decode(msgspec.json.encode(STARTED), type=Anchor) == STARTED


# --- the machine's clocks


def test_the_machines_clocks_are_read() -> None:
    before, anchor, after = read_anchor(), read_anchor(), read_anchor()
    assert before.boot_id == anchor.boot_id == after.boot_id != ""
    assert before.boot_ns <= anchor.boot_ns <= after.boot_ns
    assert abs(anchor.unix_ms - time.time_ns() // 1_000_000) < 60_000  # noqa: TID251  # what is compared with


# --- while it runs


class Machine:
    """A machine's clocks, controlled by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boot_ns = 1_000_000_000_000
        self.wall_ns = 1_760_000_000_000_000_000
        self.per_reading_ns = 0  # duration of a reading of the boot clock
        self.pause_ns = 0  # after every reading
        monkeypatch.setattr(time, "clock_gettime_ns", self._boot)
        monkeypatch.setattr(time, "time_ns", self._wall)

    def _boot(self, which: int) -> int:
        assert which == time.CLOCK_BOOTTIME, "the one that also runs while the machine sleeps"
        self.boot_ns += self.per_reading_ns
        read_ns = self.boot_ns
        self._pause()
        return read_ns

    def _wall(self) -> int:
        read_ns = self.wall_ns
        self._pause()
        return read_ns

    def _pause(self) -> None:
        self.boot_ns += self.pause_ns
        self.wall_ns += self.pause_ns

    def run(self, ms: int) -> None:
        """Let time go by."""
        self.boot_ns += ms * 1_000_000
        self.wall_ns += ms * 1_000_000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_clock_begins_at_its_anchor_and_runs(machine: Machine) -> None:
    clock = SteadyClock(read_anchor())
    assert clock.now_ms() == 1_760_000_000_000
    machine.run(1_234)
    assert clock.now_ms() == 1_760_000_001_234


@pytest.mark.parametrize("set_ms", [-DAY_MS, -1, 0, LEAST_STEP_MS - 1])
def test_a_wall_clock_that_is_set_back_moves_nothing_but_the_drift(machine: Machine, set_ms: int) -> None:
    clock = SteadyClock(read_anchor())
    assert clock.drift_ms() == 0
    machine.wall_ns += set_ms * 1_000_000
    machine.run(10)
    assert clock.follow() == 0
    assert clock.now_ms() == 1_760_000_000_010
    assert clock.drift_ms() == set_ms


@pytest.mark.parametrize("set_ms", [LEAST_STEP_MS, 20_000, DAY_MS])
def test_a_wall_clock_that_is_set_forward_is_followed(machine: Machine, set_ms: int) -> None:
    clock = SteadyClock(read_anchor())
    machine.wall_ns += set_ms * 1_000_000
    machine.run(10)
    seen: list[tuple[int, int]] = []
    assert clock.follow(lambda step_ms: seen.append((step_ms, clock.now_ms()))) == set_ms
    assert seen == [(set_ms, 1_760_000_000_010)], "who converts instants is told before the clock steps"
    assert clock.now_ms() == 1_760_000_000_010 + set_ms
    assert (clock.drift_ms(), clock.follow()) == (0, 0)
    assert clock.anchor().unix_ms == clock.now_ms()


def test_the_clock_goes_on_from_what_another_member_recorded(machine: Machine) -> None:
    """The machines' clocks differ; that may have been ahead of this one, or behind."""
    clock = SteadyClock(read_anchor())
    now_ms = clock.now_ms()
    seen: list[tuple[int, int]] = []
    assert clock.begin(now_ms + 40_000, lambda step_ms: seen.append((step_ms, clock.now_ms()))) == 40_000
    assert seen == [(40_000, now_ms)], "who converts instants is told before the clock steps"
    assert clock.now_ms() == now_ms + 40_000
    assert clock.begin(now_ms - 5_000, lambda _: None) == -45_000
    machine.run(10)
    assert clock.now_ms() == now_ms - 4_990


@given(sets_ms=st.lists(st.integers(-DAY_MS, DAY_MS), max_size=12))
@settings(deadline=None)
def test_however_the_wall_clock_is_set_the_clock_never_goes_back_and_is_never_behind_it(sets_ms: list[int]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(monkeypatch)
        clock = SteadyClock(read_anchor())
        before_ms = clock.now_ms()
        for set_ms in sets_ms:
            machine.wall_ns += set_ms * 1_000_000
            machine.run(1)
            clock.follow()
            assert clock.now_ms() > before_ms
            assert clock.drift_ms() < LEAST_STEP_MS
            before_ms = clock.now_ms()


@given(wall_ns=st.integers(0, 3_000_000), boot_ns=st.integers(0, 3_000_000), pause_ns=st.integers(0, 8_000_000))
@settings(deadline=None)
def test_the_clock_is_never_ahead_of_the_wall_clock_it_was_read_from(wall_ns: int, boot_ns: int, pause_ns: int) -> None:
    """Not by a fraction of a millisecond, and not by a pause of the process between two readings."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(monkeypatch)
        machine.wall_ns += wall_ns
        machine.boot_ns += boot_ns
        machine.pause_ns = pause_ns
        clock = SteadyClock(read_anchor())
        now_ns = machine.wall_ns
        assert 0 <= now_ns - clock.now_ns() <= pause_ns


@given(boot_ns=st.integers(0, 3_000_000), wall_ns=st.integers(0, 3_000_000))
@settings(deadline=None)
def test_a_start_adds_no_constant_error(boot_ns: int, wall_ns: int) -> None:
    """Two clocks that are both cut to milliseconds before they are subtracted would add up to a millisecond."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(monkeypatch)
        machine.boot_ns += boot_ns
        machine.wall_ns += wall_ns
        clock = SteadyClock(read_anchor())
        machine.run(7)
        assert clock.now_ns() == machine.wall_ns


@given(
    boot_ns=st.integers(0, 3_000_000), lasted_ns=st.lists(st.integers(0, 3_000_000), max_size=9), back_ms=st.integers()
)
@settings(deadline=None)
def test_a_restart_continues_the_last_runs_time_to_the_nanosecond(
    boot_ns: int, lasted_ns: list[int], back_ms: int
) -> None:
    """Also where the wall clock was set back, and however often."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(monkeypatch)
        machine.boot_ns += boot_ns
        true_ns = machine.wall_ns
        anchor = read_anchor()
        machine.wall_ns -= abs(back_ms)
        for each_ns in lasted_ns:
            machine.boot_ns += each_ns
            true_ns += each_ns
            anchor = anchored(read_anchor(), anchor, SteadyClock(anchor).now_ms())
            assert SteadyClock(anchor).now_ns() == true_ns


def test_a_run_that_began_ahead_of_the_wall_clock_says_so(machine: Machine) -> None:
    anchor = msgspec.structs.replace(read_anchor(), unix_ns=(1_760_000_000_000 + DAY_MS) * NS_PER_MS)
    clock = SteadyClock(anchor)
    machine.run(5)
    assert clock.now_ms() == 1_760_000_000_005 + DAY_MS
    assert clock.drift_ms() == -DAY_MS


def test_the_real_clock_never_goes_back() -> None:
    clock = SteadyClock(read_anchor())
    seen = [clock.now_ms() for _ in range(10_000)]
    assert seen == sorted(seen)


@pytest.mark.parametrize("step_ms", [LEAST_STEP_MS, 20_000, DAY_MS])
def test_who_waits_for_an_instant_of_the_exchange_never_sees_it_early_while_the_clock_steps(
    machine: Machine, step_ms: int
) -> None:
    """Another thread reads the clock first and the instant after it, and the step may come at any point of that."""
    clock, exchange_clock = SteadyClock(read_anchor()), ExchangeClock()
    exchange_clock.sample(clock.now_ns(), clock.now_ns(), clock.now_ms() + 300, fresh_connection=False)
    instant_ms = clock.now_ms() + 60_000
    seen_ns: list[int] = []

    def look() -> None:
        now_ns = clock.now_ns()
        seen_ns.append(exchange_clock.local_ns(instant_ms) - now_ns)

    def before(step_ms: int) -> None:
        look()
        exchange_clock.stepped(step_ms * NS_PER_MS)
        look()

    look()
    interrupted_ns = clock.now_ns()
    machine.wall_ns += step_ms * NS_PER_MS
    assert clock.follow(before) == step_ms
    look()
    seen_ns.append(exchange_clock.local_ns(instant_ms) - interrupted_ns)
    left_ns = 60_000 * NS_PER_MS - exchange_clock.offset_ns - step_ms * NS_PER_MS
    assert [each_ns - left_ns for each_ns in seen_ns] == [0, 0, step_ms * NS_PER_MS, 0, step_ms * NS_PER_MS]


# --- reaching an instant


class RunningMachine(Machine):
    """A machine whose boot clock runs with the event loop, and while it is read."""

    def _boot(self, which: int) -> int:
        self.boot_ns += self.per_reading_ns
        return super()._boot(which) + round(asyncio.get_running_loop().time() * 1_000_000_000)


@in_virtual_time
@pytest.mark.parametrize("ahead_ms", [1, SPIN_MS, SPIN_MS + 1, 500, 60_000])
async def test_an_instant_is_reached_to_the_millisecond_and_never_early(
    monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    machine = RunningMachine(monkeypatch)
    machine.per_reading_ns = 50_000
    clock = SteadyClock(read_anchor())
    at_ms = clock.now_ms() + ahead_ms
    await clock.reach(at_ms)
    assert at_ms <= clock.now_ms() <= at_ms + 1


@in_virtual_time
async def test_the_last_milliseconds_are_not_left_to_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer may be late by as many."""
    machine = RunningMachine(monkeypatch)
    machine.per_reading_ns = 50_000
    clock = SteadyClock(read_anchor())
    before_s = anyio.current_time()
    await clock.reach(clock.now_ms() + 500)
    assert anyio.current_time() - before_s == pytest.approx((500 - SPIN_MS) / 1_000, abs=0.001)


@in_virtual_time
@pytest.mark.parametrize("ago_ms", [0, 1, DAY_MS])
async def test_an_instant_that_has_passed_is_reached_at_once(machine: Machine, ago_ms: int) -> None:
    assert machine
    clock = SteadyClock(read_anchor())
    before_s = anyio.current_time()
    await clock.reach(clock.now_ms() - ago_ms)
    assert anyio.current_time() == before_s


@in_virtual_time
async def test_a_sleeper_is_woken_by_a_step_that_brings_its_instant_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = RunningMachine(monkeypatch)
    machine.per_reading_ns = 50_000
    clock = SteadyClock(read_anchor())
    at_ms = clock.now_ms() + 60_000
    before_s = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.reach, at_ms)
        await anyio.sleep(10)
        machine.wall_ns += 10_000_000_000 + 30_000_000_000  # ten seconds went by, and it was set forward by thirty
        assert clock.follow() == pytest.approx(30_000, abs=1)
    assert at_ms <= clock.now_ms() <= at_ms + 1
    assert anyio.current_time() - before_s == pytest.approx(30, abs=0.01)
