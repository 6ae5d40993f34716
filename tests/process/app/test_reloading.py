"""HUP reads the configuration again: it applies what can change, reports what waits, and refuses a wrong one."""

from collections.abc import Iterator
from signal import SIGHUP

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def module_daemon(shared_stage: Stage, daemon_exchange: Exchange) -> Daemon:
    """A daemon whose configuration changes."""
    daemon = shared_stage.daemon(daemon_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def daemon(module_daemon: Daemon) -> Iterator[Daemon]:
    """The daemon; after a test its configuration is as before."""
    before = module_daemon.config
    yield module_daemon
    module_daemon.config = before
    module_daemon.configure()
    assert module_daemon.reload()["event"] == "daemon.reloaded"


def test_what_can_change_applies_at_once_and_is_reported(daemon: Daemon) -> None:
    daemon.configure({"queue": {"buy_deadline_ms": 1_234}, "exchange": {"weight_per_10s": 999_999}})
    told = daemon.reload()
    assert (told["event"], told["needs_restart"]) == ("daemon.reloaded", "nothing")
    assert "[queue] buy_deadline_ms: 5000 → 1234" in told["changed"]
    assert daemon.get("/v1/status")["exchange"]["weightLimit"] == 999_999
    order = daemon.order(daemon.accept(market_buy()))
    assert order["deadlineAtMs"] - order["acceptedAtMs"] == 1_234


def test_what_cannot_change_waits_for_a_restart_and_is_reported(daemon: Daemon) -> None:
    elsewhere = str(daemon.directory / "elsewhere.sock")
    here = daemon.config["sockets"]["status"]
    daemon.configure({"sockets": {"status": elsewhere}})
    told = daemon.reload()
    assert told["event"] == "daemon.reloaded"
    assert told["needs_restart"] == f"[sockets] status: {here!r} → {elsewhere!r}"
    assert daemon.get("/readyz")["ready"] is True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queue": {"max_in_flight": 0}}, ("[queue] max_in_flight", "0")),
        ({"queue": {"max_inflight": 3}}, ("max_inflight", "did you mean max_in_flight")),
    ],
    ids=["a value out of range", "an unknown key"],
)
def test_a_wrong_configuration_is_refused_and_the_old_one_stays(
    daemon: Daemon, changes: dict[str, dict[str, int]], said: tuple[str, ...]
) -> None:
    daemon.configure(changes)
    told = daemon.reload()
    assert (told["event"], told["level"]) == ("daemon.reload_refused", "error")
    assert all(word in told["error"] for word in (str(daemon.config_path), *said))
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_a_missing_file_is_refused_and_the_old_configuration_stays(daemon: Daemon) -> None:
    daemon.config_path.unlink()
    told = daemon.reload()
    assert told["event"] == "daemon.reload_refused"
    assert f"cannot read {daemon.config_path}" in told["error"]


def test_the_log_level_changes_at_once(daemon: Daemon) -> None:
    daemon.configure({"log": {"level": "error"}})
    assert daemon.reload()["event"] == "daemon.reloaded"
    mark = daemon.process.mark()
    order = daemon.submit(market_buy(), wait_s=10).json
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a line that is loud enough"})
    daemon.wait_for("trading.halted", since=mark)
    quiet = {event["event"] for event in daemon.process.events()[mark:] if event.get("order_id") == order["id"]}
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    assert quiet == set()


def test_a_waiting_order_keeps_its_deadline(daemon: Daemon) -> None:
    waiting = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    before = daemon.order(waiting)
    daemon.configure({"queue": {"buy_deadline_ms": 77}})
    daemon.reload()
    assert daemon.order(waiting)["deadlineAtMs"] == before["deadlineAtMs"]


def test_a_hup_during_the_start_does_not_end_it(shared_stage: Stage, daemon_exchange: Exchange) -> None:
    daemon = shared_stage.daemon(daemon_exchange)
    process = daemon.launch()
    daemon.wait_for("daemon.starting")
    process.send(SIGHUP)
    daemon.wait_for("daemon.ready")
    assert daemon.get("/healthz") == {"alive": True}
