"""TERM and INT: nothing new is accepted, open requests are finished, and no caller waits for ever."""

import contextlib
import os
import pty
import subprocess
from signal import SIGINT, SIGTERM

import pytest

from tests.process.app.aftermath import BLIND
from tests.support import Daemon, Exchange, eventually
from tests.support.command import SNIPERD
from tests.support.pending import Pending
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

AT_ONCE_S = 5.0
"""Far less than any time that a daemon might wait for in these tests."""


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A running daemon with a long drain timeout."""
    patient = {"queue": {"drain_s": 60}, "reconcile": {"startup_s": 60}}
    daemon = own_stage.daemon(exchange, patient)
    daemon.start(with_rules=True)
    return daemon


def held_up(daemon: Daemon, exchange: Exchange, delay_ms: int = 60_000) -> str:
    """Send an order that the exchange accepts at once and answers late."""
    exchange.inject({"kind": "slow_after", "delay_ms": delay_ms, "count": 1})
    order_id = daemon.send(market_buy())
    exchange.wait_for_arrivals(order_id)
    return order_id


def test_open_requests_are_finished_and_nothing_new_is_accepted(daemon: Daemon, exchange: Exchange) -> None:
    order_id = held_up(daemon, exchange, delay_ms=500)
    behind = daemon.accept(market_buy(snipeTargetId=daemon.order(order_id)["snipeTargetId"], quoteOrderQty="26"))
    daemon.process.send(SIGTERM)
    daemon.wait_for("daemon.draining", in_flight=1)
    refused = daemon.submit(market_buy())
    assert (refused.status, refused.json["error"]) == (503, "not_ready")
    assert daemon.process.exit_code() == 0
    names = [event["event"] for event in daemon.process.events()]
    assert names.index("daemon.draining") < names.index("order.placed") < names.index("daemon.stopped")
    assert daemon.process.events()[-1].items() >= {"event": "daemon.stopped", "in_flight": 0, "exit_code": 0}.items()
    assert daemon.process.errors.all() == []
    assert exchange.arrivals(behind) == []


def test_an_order_not_answered_in_time_is_in_doubt_on_disk_and_found_at_the_next_start(
    daemon: Daemon, exchange: Exchange
) -> None:
    daemon.configure({"queue": {"drain_s": 0.2}})
    daemon.reload()
    order_id = held_up(daemon, exchange)
    assert daemon.process.terminate(AT_ONCE_S) == 0
    [stopped] = daemon.process.events("daemon.stopped")
    assert stopped["in_flight"] == 1
    daemon.start()
    daemon.wait_for("order.in_doubt", order_id=order_id)
    daemon.until(order_id, "filled")
    assert len(exchange.orders(order_id)) == len(exchange.arrivals(order_id)) == 1


def cancel_held_up(daemon: Daemon, exchange: Exchange, delay_ms: int) -> tuple[str, Pending]:
    """Cancel a resting order; the exchange cancels it at once and answers late."""
    order_id = daemon.submit(resting_buy(), wait_s=10).json["id"]
    exchange.inject({"kind": "slow_after", "endpoint": "DELETE /api/v3/order", "delay_ms": delay_ms, "count": 1})
    asked = Pending(daemon.signals, "DELETE", f"/v1/orders/{order_id}")
    eventually(exchange.injections, "the cancel's request")
    return order_id, asked


@pytest.mark.parametrize("stays", [True, False], ids=["the caller stays", "the caller goes away"])
def test_an_open_cancel_is_finished(daemon: Daemon, exchange: Exchange, stays: bool) -> None:
    order_id, asked = cancel_held_up(daemon, exchange, delay_ms=1_000)
    if not stays:
        asked.leave()
    daemon.process.send(SIGTERM)
    daemon.wait_for("daemon.draining")
    if stays:
        assert asked.answer().status in {200, 202}
    assert daemon.process.exit_code() == 0
    [answered] = daemon.process.events("order.cancel_answered")
    assert (answered["order_id"], answered["outcome"]) == (order_id, "accepted")
    assert_nothing_was_lost(daemon)


@pytest.mark.parametrize("stays", [True, False], ids=["the caller stays", "the caller goes away"])
def test_a_cancel_that_is_not_answered_in_time_is_abandoned_and_its_caller_is_answered(
    daemon: Daemon, exchange: Exchange, stays: bool
) -> None:
    daemon.configure({"queue": {"drain_s": 0.2}})
    daemon.reload()
    order_id, asked = cancel_held_up(daemon, exchange, delay_ms=60_000)
    if not stays:
        asked.leave()
    daemon.process.send(SIGTERM)
    if stays:
        refused = asked.answer()
        assert (refused.status, refused.json["error"]) == (503, "not_ready")
        assert "may have done what was asked" in refused.json["message"]
    assert daemon.process.exit_code(AT_ONCE_S) == 0
    assert_nothing_was_lost(daemon)
    daemon.start()
    daemon.until(order_id, "canceled")


def assert_nothing_was_lost(daemon: Daemon) -> None:
    """Check that no exception was left unhandled."""
    assert daemon.process.errors.all() == []
    levels = {event["event"]: event["level"] for event in daemon.process.events()}
    assert {name for name, level in levels.items() if level in {"error", "critical"}} == set()


def test_a_second_signal_ends_it_at_once_and_says_so(daemon: Daemon, exchange: Exchange) -> None:
    held_up(daemon, exchange)
    daemon.process.send(SIGINT)  # as from a terminal; it drains as well
    daemon.wait_for("daemon.draining", in_flight=1)
    daemon.process.send(SIGTERM)
    assert daemon.process.exit_code(AT_ONCE_S) == 130
    [line] = daemon.process.errors.all()
    assert line.startswith("sniperd: ended at once by a signal")
    assert "the next start searches for orders in flight" in line
    [failed] = daemon.process.events("daemon.failed")
    assert (failed["error"], failed["exit_code"]) == (line.removeprefix("sniperd: "), 130)


def test_a_daemon_that_still_searches_ends_when_asked_and_sends_nothing(daemon: Daemon, exchange: Exchange) -> None:
    order_id = held_up(daemon, exchange)
    behind = daemon.accept(
        market_buy(snipeTargetId=daemon.order(order_id)["snipeTargetId"], quoteOrderQty="26", deadlineMs=60_000)
    )
    exchange.inject(*BLIND)
    daemon.kill()
    daemon.launch()
    daemon.wait_for("daemon.reconciling", in_doubt=1)
    assert daemon.process.terminate(AT_ONCE_S) == 0
    assert daemon.process.events("daemon.ready") == []
    assert daemon.process.events("daemon.stopped")
    exchange.inject()
    assert exchange.arrivals(behind) == []


def test_a_refused_start_is_reported_once_where_log_and_standard_error_are_one_terminal(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None, {"store": {"path": "/proc/nowhere/sniperd.db"}})
    ours, its = pty.openpty()
    command = [*SNIPERD, "run", "--config", str(daemon.config_path)]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=daemon.environ, cwd=daemon.directory)
    os.close(its)
    said = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is read
        while more := os.read(ours, 65_536):
            said += more
    os.close(ours)
    assert process.wait() == 73
    assert said.count(b"cannot write in /proc/nowhere") == 1
    assert said.startswith(b"sniperd: cannot write in ")
