"""The firing thread: each shot leaves at its instant, in order, or was recalled; never both, never neither."""

import random
import sys
import threading
import time
from collections.abc import Iterator
from threading import Event

import pytest

from daemon.engine.firing_thread import LONGEST_SLEEP_NS, QUIET_NS, FiringThread
from daemon.engine.trigger import Fired, Shot
from tests.support.waiting import PATIENCE_S, eventually

MS = 1_000_000


class Range:
    """A firing thread, and what it wrote."""

    def __init__(self) -> None:
        self.ahead_ns = 0  # the clock's step
        self.thread = FiringThread(self.now_ns)
        self.written: list[int] = []
        self.outcomes: dict[int, Fired] = {}

    def now_ns(self) -> int:
        """Read the clock."""
        return time.perf_counter_ns() + self.ahead_ns

    def shot(self, number: int, at_ns: int, *, latest_ns: int = 1_000 * MS, writes: bool = True) -> Shot:
        """Make a shot; the exchange's clock is ours."""

        def write() -> bool:
            self.written.append(number)
            return writes

        return Shot(
            at_ns // MS,
            lambda: at_ns,
            latest_ns=latest_ns,
            write=write,
            done=lambda fired: self.outcomes.__setitem__(number, fired),
        )

    def hold(self, number: int, ahead_ms: float, *, latest_ns: int = 1_000 * MS, writes: bool = True) -> Shot:
        """Hold a shot for an instant."""
        shot = self.shot(number, self.now_ns() + round(ahead_ms * MS), latest_ns=latest_ns, writes=writes)
        self.thread.hold(shot)
        return shot

    def wait_for(self, count: int) -> None:
        """Wait until the outcomes of so many shots are known."""
        eventually(lambda: len(self.outcomes) >= count, f"{count} outcomes")


@pytest.fixture
def firing() -> Iterator[Range]:
    """A firing thread that ends with the test."""
    made = Range()
    yield made
    made.thread.close()


def test_shots_leave_at_their_instants_in_their_order(firing: Range) -> None:
    usual_s = sys.getswitchinterval()
    for number, ahead_ms in ((3, 60), (1, 20), (2, 40), (4, 60.3)):
        firing.hold(number, ahead_ms)
    firing.wait_for(4)
    assert firing.written == [1, 2, 3, 4]
    for fired in firing.outcomes.values():
        assert fired.written
        assert fired.wire_ns >= fired.at_ns, "never before its instant"
    assert sys.getswitchinterval() == usual_s


def test_a_recalled_shot_is_never_written(firing: Range) -> None:
    recalled, other = firing.hold(1, 3_600_000), firing.hold(2, 3_600_005)
    assert firing.thread.recall(recalled)
    assert firing.thread.recall(recalled), "it stays so"
    firing.ahead_ns += 3_600_010 * MS
    firing.wait_for(1)
    assert firing.written == [2]
    assert not firing.thread.recall(other)


def test_in_a_race_each_shot_is_written_once_or_recalled(firing: Range) -> None:
    dice = random.Random(3)  # noqa: S311  # a race
    recalled: set[int] = set()
    count = 150
    for number in range(count):
        shot = firing.hold(number, 1 + dice.uniform(0, 1))
        at_ns = shot.at_ns() + round(dice.uniform(-0.05, 0.05) * MS)
        while firing.now_ns() < at_ns:
            pass
        if firing.thread.recall(shot):
            recalled.add(number)
    firing.wait_for(count - len(recalled))
    assert sorted([*firing.written, *recalled]) == list(range(count))
    assert recalled
    assert firing.written


def test_a_shot_that_is_too_late_is_not_written(firing: Range) -> None:
    firing.hold(1, -20, latest_ns=10 * MS)
    firing.hold(2, -5, latest_ns=10_000 * MS)
    firing.wait_for(2)
    assert firing.written == [2]
    assert not firing.outcomes[1].written


def test_what_could_not_be_written_is_reported(firing: Range) -> None:
    firing.hold(1, 1, writes=False)
    firing.wait_for(1)
    assert not firing.outcomes[1].written


def test_an_error_of_a_write_counts_as_written_and_ends_no_other_shot(firing: Range) -> None:
    """What it has written is not known."""

    def fail() -> bool:
        raise ValueError("what a write must not do")

    shot = firing.shot(1, firing.now_ns() + MS)
    shot.write = fail
    firing.thread.hold(shot)
    firing.hold(2, 2)
    firing.wait_for(2)
    assert firing.outcomes[1].written
    assert firing.written == [2]


def test_after_an_error_of_the_thread_no_shot_waits_for_ever(firing: Range, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written is reported so, and the rest as not written; later shots are fired."""
    errors: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    def fail() -> int:
        if 1 in firing.written:
            raise ValueError("what an instant must not do")
        return at_ns

    at_ns = firing.now_ns() + 20 * MS
    first, failing = firing.shot(1, at_ns), firing.shot(2, at_ns)
    failing.at_ns = fail
    for shot in (first, failing):
        firing.thread.hold(shot)
    firing.hold(3, 30)
    firing.wait_for(3)
    eventually(lambda: errors, "the error is reported")
    assert errors[0].exc_type is ValueError
    assert [firing.outcomes[number].written for number in (1, 2, 3)] == [True, False, False]
    assert not firing.thread.recall(failing), "it is sent in another way, and its report may be under way"
    firing.hold(4, 1)
    firing.wait_for(4)
    assert firing.written == [1, 4]


def test_a_step_of_the_clock_brings_an_instant_nearer(firing: Range) -> None:
    began_s = time.perf_counter()
    firing.hold(1, 3_600_000)
    firing.ahead_ns += 3_600_000 * MS
    firing.wait_for(1)
    assert time.perf_counter() - began_s < PATIENCE_S


def test_an_instant_that_becomes_better_known_moves(firing: Range) -> None:
    at_ns = firing.now_ns() + 3_600_000 * MS
    shot = firing.shot(1, at_ns)
    asked = Event()

    def later() -> int:
        asked.set()
        return at_ns

    shot.at_ns = later
    firing.thread.hold(shot)
    asked.wait(PATIENCE_S)
    at_ns = firing.now_ns() + LONGEST_SLEEP_NS
    firing.wait_for(1)
    assert firing.outcomes[1].wire_ns >= at_ns


def test_a_question_is_answered_by_the_thread_if_there_is_one(firing: Range) -> None:
    answered: list[str] = []

    def answer() -> None:
        answered.append(threading.current_thread().name)

    firing.thread.ask(answer)
    assert answered == [threading.current_thread().name]
    firing.hold(1, 1)
    firing.wait_for(1)
    firing.thread.ask(answer)
    eventually(lambda: answered[1:] == ["firing"], "the thread's answer while no shot is held")
    firing.hold(2, 3_600_000)
    firing.thread.ask(answer)
    eventually(lambda: answered[2:] == ["firing"], "the thread's answer while a shot is held")


def test_a_question_shortly_before_an_instant_is_answered_after_it(firing: Range) -> None:
    written: list[list[int]] = []
    firing.hold(1, QUIET_NS / MS / 2)
    firing.thread.ask(lambda: written.append(list(firing.written)))
    eventually(lambda: written, "an answer")
    assert written == [[1]]


def test_a_thread_that_does_not_run_answers_no_question(firing: Range) -> None:
    goes_on, begun, answered = Event(), Event(), Event()

    def hang() -> bool:
        begun.set()
        return goes_on.wait(PATIENCE_S)

    shot = firing.shot(1, firing.now_ns() + MS)
    shot.write = hang
    firing.thread.hold(shot)
    assert begun.wait(PATIENCE_S)
    firing.thread.ask(answered.set)
    assert not answered.is_set()
    goes_on.set()
    assert answered.wait(PATIENCE_S)


def test_after_the_end_nothing_is_written(firing: Range) -> None:
    shot = firing.hold(1, 30)
    firing.thread.close()
    assert firing.thread.recall(shot)
    assert firing.written == []
