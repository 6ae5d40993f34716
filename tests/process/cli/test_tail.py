"""tail: events, line by line, over restarts, until it is interrupted."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.process.cli.command import Command
from tests.support import Child, Daemon, Exchange
from tests.support.command import SNIPERD
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S

INTERRUPTED, NO_DAEMON = 130, 69


@pytest.fixture
def own_daemon(shared_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon that a test may end."""
    found = shared_stage.daemon(package_exchange)
    found.start(with_rules=True)
    return found


@contextmanager
def tail(daemon: Daemon, *words: str) -> Iterator[Child]:
    """Run `sniperd tail`, once it is connected."""
    environ = daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path), "PYTHONUNBUFFERED": "1"}
    child = Child([*SNIPERD, "tail", *words], environ=environ, directory=daemon.directory)
    try:
        yield child
    finally:
        child.close()


def connected(child: Child, *, since: int = 0) -> None:
    child.errors.wait_for(_has("connected to sniperd"), "the connection", since=since, timeout_s=PATIENCE_S)


def _has(text: str) -> Any:
    return lambda line: line if text in line else None


def line_with(child: Child, text: str) -> str:
    found: str = child.output.wait_for(_has(text), text, timeout_s=PATIENCE_S)
    return found


def test_each_event_is_a_line_as_the_log_writes_it(daemon: Daemon) -> None:
    with tail(daemon) as child:
        connected(child)
        order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
        line = line_with(child, f"order {order_id}")
        assert re.fullmatch(rf"[\d:]{{8}} ACCEPTED BUY BTCUSDT for 25 USDT, owner \S+, order {order_id}", line)
        filled = line_with(child, " FILLED BUY BTCUSDT ")
        assert re.fullmatch(r"[\d:]{8} FILLED BUY BTCUSDT [\d.]+ @ [\d.]+ = [\d.]+ USDT \([\d.]+ m?s\)", filled)
        printed = child.output.so_far()
        assert re.fullmatch(r"-- [\d-]{10}, local times, UTC[+-]\d{4}", printed[0])
        assert sum(line.startswith("--") for line in printed) == 1
        assert not any("LOOKED" in line or "SENT" in line or "\x1b" in line for line in printed)
        child.send(signal.SIGINT)
        assert child.exit_code() == INTERRUPTED
        assert "Traceback" not in child.transcript()


@pytest.mark.parametrize("no_color", ["", "1"], ids=["colours", "no colours"])
def test_lines_have_colours_at_a_terminal_unless_the_user_wants_none(
    command: Command, daemon: Daemon, no_color: str
) -> None:
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    own = Command(command.environ | {"NO_COLOR": no_color}, command.directory)
    with own.terminal("tail", "--since", "0", "--order", order_id, columns=300) as terminal:
        shown = terminal.wait_for(" FILLED BUY BTCUSDT ")
        assert ("\x1b[1;32mFILLED\x1b[0m" in shown) is (no_color == "")
        terminal.type("\x03")
        assert terminal.exit_code() == INTERRUPTED


def test_json_is_one_object_a_line(daemon: Daemon) -> None:
    with tail(daemon, "--json", "--since", "0") as child:
        order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
        told = json.loads(line_with(child, order_id))
        assert (told["name"], told["orderId"], told["detail"]["symbol"]) == ("order.accepted", order_id, "BTCUSDT")
        lines = [json.loads(line) for line in child.output.so_far()]
        assert [line["name"] for line in lines[:2]] == ["reset", "daemon.starting"]


def test_one_orders_events_from_an_event_id_on(daemon: Daemon) -> None:
    order_id, other = (daemon.submit(market_buy(), wait_s=10).json["id"] for _ in range(2))
    with tail(daemon, "--json", "--since", "0", "--order", order_id) as child:
        first = json.loads(line_with(child, "order.accepted"))
    with tail(daemon, "--json", "--since", first["id"], "--order", order_id) as child:
        line_with(child, "order.seen")
        names = [json.loads(line)["name"] for line in child.output.so_far()]
        assert names[0] == "order.sent"
        assert other not in child.transcript()


def test_a_restart_of_the_daemon_is_reported_and_tail_goes_on(own_daemon: Daemon) -> None:
    with tail(own_daemon) as child:
        connected(child)
        own_daemon.kill()
        child.errors.wait_for(_has("connection lost"), "the loss", timeout_s=PATIENCE_S)
        mark = len(child.errors.so_far())
        own_daemon.start()
        connected(child, since=mark)
        child.errors.wait_for(_has("was restarted"), "the restart", since=mark, timeout_s=PATIENCE_S)
        line_with(child, "daemon recovered")
        child.send(signal.SIGINT)
        assert child.exit_code() == INTERRUPTED


def test_without_a_daemon_it_fails_like_every_command(shared_stage: Stage) -> None:
    directory = shared_stage.subdirectory("nobody")
    ran = Command(dict(os.environ) | {"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}, directory)("tail")
    assert (ran.code, ran.output) == (NO_DAEMON, "")
    assert "sniperd run" in ran.errors
