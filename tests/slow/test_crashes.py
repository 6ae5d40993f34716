"""Killed with -9 at any system call that leaves a trace, the daemon breaks no promise.

The kill comes as the call begins, so that this call has no effect; the call before it had its effect.
"""

import signal

import pytest

from tests.slow.life import Life, one_signal, send
from tests.slow.tracing import tampered, through_strace
from tests.support import Answer, Child, Daemon, Exchange
from tests.support.signals import Signal
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("strace")

TO_DISK = ["pwrite64", "fdatasync"]
TO_WIRE = ["write", "writev", "sendto", "sendmsg"]
"""Which of these is used to send depends on the event loop."""

OVER_A_RUN = ["fdatasync", "fsync", "ftruncate", "unlink", "rename"]
"""Calls that change whole files, from the creation of the database to the removal of the sockets."""

MOST = 400
"""A sweep beyond this number is broken."""


@pytest.fixture(scope="module")
def exchange(shared_stage: Stage) -> Exchange:
    """The exchange, one for all these tests."""
    return shared_stage.exchange()


def sweep(stage: Stage, life: Life, call: str, *, threads: bool) -> int:
    """Kill the daemon at the first such call of a signal, at the second of another signal, until one outlives it."""
    life.daemon.start(with_rules=True)
    for number in range(1, MOST):
        wish = one_signal()
        with tampered(stage, life.daemon, call, f"signal=KILL:when={number}", threads=threads):
            answer = send(life.daemon, wish)
        if answer is not None and life.is_alive():
            return number - 1
        assert life.daemon.process.exit_code() == -signal.SIGKILL
        life.daemon.start(with_rules=True)
        life.check(wish, None if answer is None else answer.json["id"])
    raise AssertionError(f"there is no end of {call}")


def sweep_of_run(life: Life, call: str) -> int:
    """Kill the daemon at such a call anywhere between its start and its orderly end."""
    for number in range(1, MOST):
        wish = one_signal()
        for file in life.daemon.directory.glob("sniperd.db*"):
            file.unlink()  # so that it is created anew
        process = life.daemon.launch(*through_strace(call, f"signal=KILL:when={number}"))
        answer = run_through(life.daemon, process, wish)
        process.output.all()
        code = process.close()  # also frees it of strace, which may wait for ever for a killed thread
        life.daemon.start(with_rules=True)
        life.check(wish, None if answer is None else answer.json["id"])
        life.daemon.terminate()
        if code == 0:
            return number - 1
        assert code == -signal.SIGKILL
    raise AssertionError(f"there is no end of {call}")


def run_through(daemon: Daemon, process: Child, wish: Signal) -> Answer | None:
    """Send a signal when the daemon is ready, and let it end; it may be killed at any point."""
    try:
        process.wait_for("daemon.ready")
        process.wait_for("exchange.symbols_loaded")
    except AssertionError:
        return None  # it ended before
    answer = send(daemon, wish)
    process.send(signal.SIGTERM)
    return answer


@pytest.mark.parametrize("call", TO_DISK)
def test_killed_at_any_write_to_the_disk_a_signal_is_one_order(own_stage: Stage, exchange: Exchange, call: str) -> None:
    assert sweep(own_stage, Life(own_stage, exchange), call, threads=True) >= 2  # acceptance; outcome


def test_killed_at_any_write_to_a_socket_a_signal_is_one_order(own_stage: Stage, exchange: Exchange) -> None:
    life = Life(own_stage, exchange)
    crashes = sum(sweep(own_stage, life, call, threads=False) for call in TO_WIRE)
    assert crashes >= 3  # the order, a query, the answer


def test_killed_at_any_such_call_of_its_whole_run_a_signal_is_one_order(own_stage: Stage, exchange: Exchange) -> None:
    life = Life(own_stage, exchange)
    crashes = {call: sweep_of_run(life, call) for call in OVER_A_RUN}
    assert crashes["fdatasync"] >= 4  # the file grown and created, acceptance, outcome
    assert crashes["unlink"] >= 2  # the sockets
