"""The journal: standard output and standard error in one stream; every line of it is always a JSON object."""

import json
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import Any

import pytest

from tests.support import Daemon, Exchange, ask, eventually
from tests.support.signals import market_buy
from tests.support.stage import Stage

ONE_STREAM = ["sh", "-c", 'exec "$@" >>journal 2>&1', "sh"]


def events(daemon: Daemon) -> list[dict[str, Any]]:
    """Read the journal as a program does, line by line."""
    return [json.loads(line) for line in journal(daemon).read_text().splitlines()]


def journal(daemon: Daemon) -> Path:
    return daemon.directory / "journal"


def told(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    return [event for event in events(daemon) if event["event"] == name]


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that was not started yet."""
    return own_stage.daemon(exchange)


def start(daemon: Daemon) -> None:
    daemon.launch(*ONE_STREAM)
    eventually(lambda: journal(daemon).exists() and told(daemon, "daemon.ready"), "it is ready")


def test_a_day_is_logged_in_json(daemon: Daemon) -> None:
    start(daemon)
    assert ask(daemon.signals, "POST", "/v1/signals", market_buy()).status == 202
    daemon.process.send(SIGTERM)
    assert daemon.process.exit_code() == 0
    assert [event["event"] for event in events(daemon)][-1] == "daemon.stopped"
    assert all({"at", "level", "event"} <= event.keys() for event in events(daemon))


def test_the_level_changes_while_it_runs(daemon: Daemon) -> None:
    daemon.configure({"log": {"level": "warning"}})
    daemon.launch(*ONE_STREAM)
    eventually(lambda: daemon.signals.exists() and ready(daemon), "it is ready")
    assert told(daemon, "daemon.ready") == []
    daemon.configure({"log": {"level": "info"}})
    daemon.process.send(SIGHUP)
    [reloaded] = eventually(lambda: told(daemon, "daemon.reloaded"), "it was reloaded")
    assert "[log] level: 'warning' → 'info'" in reloaded["changed"]
    assert ask(daemon.signals, "POST", "/v1/signals", market_buy()).status == 202
    eventually(lambda: told(daemon, "order.accepted"), "what was left out before is told")


def ready(daemon: Daemon) -> bool:
    try:
        return ask(daemon.status, "GET", "/readyz").status == 200
    except OSError:
        return False


def test_a_refused_start_is_logged_in_json(daemon: Daemon) -> None:
    del daemon.environ["MEXC_API_KEY"], daemon.environ["MEXC_SECRET_KEY"]
    daemon.launch(*ONE_STREAM)
    assert daemon.process.exit_code() == 77
    [failed] = told(daemon, "daemon.failed")
    assert (failed["exit_code"], "MEXC_API_KEY" in failed["error"]) == (77, True)
    assert events(daemon)[-1] == failed


def test_a_wrong_configuration_is_logged_in_json(daemon: Daemon) -> None:
    daemon.configure({"queue": {"fifo": True}})
    daemon.launch(*ONE_STREAM)
    assert daemon.process.exit_code() == 78
    [failed] = events(daemon)
    assert (failed["event"], failed["exit_code"], "fifo" in failed["error"]) == ("daemon.failed", 78, True)


def test_an_internal_error_is_logged_in_json_with_its_traceback(daemon: Daemon) -> None:
    daemon.configure({"http": {"listen": "127.0.0.1:0", "token_file": "no\0file"}})
    daemon.launch(*ONE_STREAM)
    assert daemon.process.exit_code() == 70
    last = events(daemon)[-1]
    assert (last["event"], last["exit_code"]) == ("daemon.failed", 70)
    assert "Traceback" in last["traceback"]
