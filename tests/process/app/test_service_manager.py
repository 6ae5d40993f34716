"""Under a service manager: its notifications, the watchdog, and sockets that outlive the process."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from signal import SIGHUP, SIGTERM

import pytest

from tests.process.app.aftermath import BLIND
from tests.support import Daemon, Exchange
from tests.support.service_manager import ServiceManager
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.unix_http import Connection


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon; not started."""
    return own_stage.daemon(exchange, {"reconcile": {"startup_s": 60}, "queue": {"drain_s": 60}})


@pytest.fixture
def manager(daemon: Daemon) -> Iterator[ServiceManager]:
    """Its service manager."""
    with closing(ServiceManager(daemon)) as manager:
        yield manager


@pytest.fixture
def keeper(manager: ServiceManager) -> ServiceManager:
    """A service manager that keeps the daemon's sockets."""
    manager.create_sockets(manager.daemon.signals, manager.daemon.status)
    return manager


def test_it_is_ready_when_signals_are_accepted_and_reports_its_status(manager: ServiceManager) -> None:
    manager.daemon.launch()
    manager.notifications.wait_for("STATUS=ready: 0 in flight, 0 in doubt, 0 lost, 0 queued")
    assert manager.notifications.next() == "READY=1"
    manager.daemon.accept(market_buy())


def test_it_is_not_ready_before_recovery_has_searched(
    daemon: Daemon, manager: ServiceManager, exchange: Exchange
) -> None:
    daemon.start(with_rules=True)
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000, "count": 1})
    order_id = daemon.send(market_buy())
    exchange.wait_for_arrivals(order_id)
    daemon.kill()
    exchange.inject(*BLIND)
    manager.notifications.forget()
    daemon.launch()
    assert manager.notifications.wait_for("STATUS=") == "STATUS=starting: 0 in flight, 1 in doubt, 0 lost, 0 queued"
    exchange.inject()
    manager.notifications.wait_for("READY=1")
    assert daemon.order(order_id)["state"] == "filled"


def test_a_reload_reports_its_start_and_its_end(daemon: Daemon, manager: ServiceManager) -> None:
    daemon.start()
    manager.notifications.wait_for("READY=1")
    daemon.process.send(SIGHUP)
    begun = manager.notifications.wait_for("RELOADING=1")
    assert begun.split("\n")[1].removeprefix("MONOTONIC_USEC=").isdecimal()
    assert manager.notifications.next() == "READY=1"


def test_a_drain_is_reported(daemon: Daemon, manager: ServiceManager) -> None:
    daemon.start()
    daemon.process.send(SIGTERM)
    manager.notifications.wait_for("STOPPING=1")
    assert daemon.process.exit_code() == 0


def test_the_watchdog_is_notified_while_commits_succeed(daemon: Daemon, manager: ServiceManager) -> None:
    daemon.environ["WATCHDOG_USEC"] = "400000"
    daemon.start(with_rules=True)
    manager.notifications.wait_for("WATCHDOG=1")
    with closing(sqlite3.connect(daemon.database, isolation_level=None)) as other, ThreadPoolExecutor() as pool:
        other.execute("BEGIN IMMEDIATE")
        answer = pool.submit(daemon.submit, market_buy())
        stuck = daemon.wait_for("daemon.stuck")
        manager.notifications.forget()
        other.execute("ROLLBACK")
        assert answer.result().status == 202
    assert "writer" in stuck["parts"]
    manager.notifications.wait_for("WATCHDOG=1")


def test_a_caller_while_no_daemon_runs_is_answered_by_the_next_one(daemon: Daemon, keeper: ServiceManager) -> None:
    with ThreadPoolExecutor() as pool:
        before = pool.submit(daemon.submit, market_buy())
        keeper.launch()
        assert before.result().status == 202
        daemon.kill()
        after = [pool.submit(daemon.submit, market_buy()) for _ in range(5)]
        status = pool.submit(daemon.get, "/v1/status")
        keeper.launch()
        assert [answer.result().status for answer in after] == [202] * 5
        assert status.result()["pid"] == daemon.process.pid


def begin_to_drain(daemon: Daemon, exchange: Exchange) -> None:
    """Ask the daemon to end while an order request is open."""
    exchange.inject({"kind": "slow_after", "delay_ms": 500, "count": 1})
    exchange.wait_for_arrivals(daemon.send(market_buy()))
    daemon.process.send(SIGTERM)
    daemon.wait_for("daemon.draining", in_flight=1)


def test_a_caller_during_a_drain_is_answered_by_the_next_daemon(
    daemon: Daemon, keeper: ServiceManager, exchange: Exchange
) -> None:
    keeper.launch()
    daemon.wait_for("exchange.symbols_loaded")
    begin_to_drain(daemon, exchange)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(daemon.submit, market_buy())
        assert daemon.process.exit_code() == 0
        keeper.launch()
        assert answer.result().status == 202


def test_a_request_on_an_open_connection_during_a_drain_is_queued_for_the_next_daemon(
    daemon: Daemon, keeper: ServiceManager, exchange: Exchange
) -> None:
    keeper.launch()
    daemon.wait_for("exchange.symbols_loaded")
    with closing(Connection(daemon.signals)) as connection:
        daemon.until(connection.ask("POST", "/v1/signals", market_buy()).json["id"], "filled")
        begin_to_drain(daemon, exchange)
        answer = connection.ask("POST", "/v1/signals", market_buy())
    assert (answer.status, answer.json["state"]) == (202, "queued")
    assert daemon.process.exit_code() == 0
    keeper.launch()
    daemon.until(answer.json["id"], "filled")
    assert len(exchange.arrivals(answer.json["id"])) == 1


def test_inherited_sockets_stay(daemon: Daemon, keeper: ServiceManager) -> None:
    keeper.launch()
    ready = daemon.wait_for("daemon.ready")
    assert (ready["signals"], ready["status"]) == (str(daemon.signals), str(daemon.status))
    assert daemon.terminate() == 0
    assert daemon.signals.is_socket()
    assert daemon.status.is_socket()


def test_a_foreign_socket_is_refused(daemon: Daemon, manager: ServiceManager) -> None:
    manager.create_sockets(daemon.signals, daemon.directory / "other.sock")
    manager.launch()
    assert daemon.process.exit_code() == 78
    assert "other.sock" in "\n".join(daemon.process.errors.all())


def test_it_has_time_to_save_a_deleted_database(daemon: Daemon, manager: ServiceManager) -> None:
    daemon.start()
    daemon.database.unlink()
    manager.notifications.wait_for("STOPPING=1\nEXTEND_TIMEOUT_USEC=600000000")
    assert daemon.process.exit_code() == 65
    assert daemon.process.events("store.gone")
