"""A failed commit ends the process with its own exit code; nothing acknowledged is lost, nothing is sent twice.

The contents of a disk that failed are unknown: a failed commit is not retried, and the next start reads what is there.
"""

from contextlib import ExitStack

import pytest

from daemon.errors import CommitFailed
from daemon.store.writer import COMMITS_WORTH_A_CHECKPOINT
from tests.slow.life import Life, one_signal, send
from tests.slow.tracing import tampered
from tests.support import Daemon, Exchange
from tests.support.stage import Stage
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs("strace")

FAILURES = {
    "fdatasync fails once": ("fdatasync", "error=EIO:when=1"),
    "fdatasync fails from then on": ("fdatasync", "error=EIO:when=1+"),
    "a write fails once": ("pwrite64", "error=EIO:when=1"),
    "a write fails from then on": ("pwrite64", "error=EIO:when=1+"),
    "the disk is full from then on": ("pwrite64", "error=ENOSPC:when=1+"),
    "the disk is full to the sync": ("fdatasync", "error=ENOSPC:when=1+"),
}
NO_ROOM = "the disk is full from then on"
BROKEN = {name: failure for name, failure in FAILURES.items() if name != NO_ROOM}


@pytest.fixture(scope="module")
def exchange(shared_stage: Stage) -> Exchange:
    """The exchange, one for all these tests."""
    return shared_stage.exchange()


@pytest.fixture
def life(own_stage: Stage, exchange: Exchange) -> Life:
    """A running daemon."""
    life = Life(own_stage, exchange)
    life.daemon.start(with_rules=True)
    return life


@pytest.fixture
def patient(own_stage: Stage, exchange: Exchange) -> Life:
    """A daemon whose requests stay valid while the exchange is frozen."""
    life = Life(own_stage, exchange, {"exchange": {"recv_window_ms": 10_000}})
    life.daemon.start(with_rules=True)
    return life


@pytest.mark.parametrize(("call", "effect"), FAILURES.values(), ids=FAILURES)
def test_what_was_not_committed_is_neither_answered_nor_sent(
    own_stage: Stage, life: Life, call: str, effect: str
) -> None:
    signal = one_signal()
    with tampered(own_stage, life.daemon, call, effect):
        answer = send(life.daemon, signal)
        check_end(life.daemon)
    assert answer is None or answer.status >= 500
    assert life.requested(signal) == []
    life.daemon.start(with_rules=True)
    life.check(signal, None)


@pytest.mark.parametrize(("call", "effect"), FAILURES.values(), ids=FAILURES)
def test_an_outcome_that_was_not_committed_is_found_again(
    own_stage: Stage, patient: Life, call: str, effect: str
) -> None:
    signal = one_signal()
    with ExitStack() as tampering:
        with patient.exchange.frozen():
            order_id = patient.daemon.send(signal)
            tampering.enter_context(tampered(own_stage, patient.daemon, call, effect))
        check_end(patient.daemon)
    assert len(patient.requested(signal)) == 1
    patient.daemon.start(with_rules=True)
    assert patient.check(signal, order_id) == "filled"


@pytest.mark.parametrize(("call", "effect"), BROKEN.values(), ids=BROKEN)
def test_a_failed_checkpoint_ends_the_process_too(own_stage: Stage, patient: Life, call: str, effect: str) -> None:
    signals = [one_signal() for _ in range(COMMITS_WORTH_A_CHECKPOINT)]
    with patient.exchange.frozen():
        told = [patient.daemon.send(signal) for signal in signals]
        with tampered(own_stage, patient.daemon, call, effect):
            check_end(patient.daemon)
    patient.daemon.start(with_rules=True)
    for signal, order_id in zip(signals, told, strict=True):
        assert patient.check(signal, order_id) == "filled"


def test_a_checkpoint_without_disk_space_is_postponed(own_stage: Stage, patient: Life) -> None:
    signals = [one_signal() for _ in range(COMMITS_WORTH_A_CHECKPOINT)]
    with patient.exchange.frozen():
        told = [patient.daemon.send(signal) for signal in signals]
        with tampered(own_stage, patient.daemon, *FAILURES[NO_ROOM]) as notes:
            eventually(lambda: "ENOSPC" in notes.read_text(), "a checkpoint that found no room")
    for signal, order_id in zip(signals, told, strict=True):
        assert patient.check(signal, order_id) == "filled"
    assert patient.daemon.process.is_running()


def test_a_disk_that_became_slow_is_reported_and_delays_only_commits(own_stage: Stage, life: Life) -> None:
    signals = [one_signal() for _ in range(3)]
    with tampered(own_stage, life.daemon, "fdatasync", "delay_enter=150000:when=1+"):
        told = [life.daemon.accept(signal) for signal in signals]
        slow = life.daemon.wait_for("store.slow_commit")
        assert life.daemon.get("/v1/status")
    assert slow["took_ms"] >= 150
    for signal, order_id in zip(signals, told, strict=True):
        assert life.check(signal, order_id) == "filled"


def check_end(daemon: Daemon) -> None:
    """Check that the daemon ended by itself, as after a failed commit, and reported it."""
    process = daemon.process
    failed = process.wait_for("daemon.failed")
    assert failed["exit_code"] == CommitFailed.exit_code
    process.output.all()
    assert process.close() == CommitFailed.exit_code
