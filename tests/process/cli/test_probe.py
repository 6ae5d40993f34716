"""doctor --live-probe: what it finds under either behaviour of an exchange, and that it leaves nothing behind."""

import json
import os
import pty
import re
import subprocess
import tomllib
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

import pytest

from tests.process.cli.command import Command
from tests.support import KEYS, Daemon, Exchange, eventually
from tests.support.command import SNIPERD, Ran
from tests.support.edge import edge_before
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

ENDED = {"CANCELED"}
PROBE = ("doctor", "--live-probe", "--idle", "0")
STRICT: list[dict[str, Any]] = [
    {"kind": "duplicate_refused", "code": 33333},
    {"kind": "type_refused"},
    {"kind": "ended_hidden"},
    {"kind": "invisible", "delay_ms": 1_200},
]
"""The behaviour of an exchange with the opposite result for every question."""


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """An exchange for the probe alone."""
    return own_stage.exchange()


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A running daemon that trades there."""
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def command(daemon: Daemon) -> Command:
    """Its operator's command."""
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)


def phrase(command: Command) -> str:
    """Run without the phrase; return the phrase that the refusal names."""
    ran = command(*PROBE)
    assert ran.code == 1
    found = re.search("--confirm '(.+)'", ran.errors)
    assert found is not None, ran.errors
    return found[1]


def probed(command: Command) -> Ran:
    """Probe, with the phrase."""
    return command(*PROBE, "--json", "--confirm", phrase(command))


def facts_of(daemon: Daemon) -> dict[str, Any]:
    return tomllib.loads(daemon.database.with_name("exchange-facts.toml").read_text())


def all_have_ended(exchange: Exchange) -> bool:
    return {order["status"] for order in exchange.orders()} <= ENDED


def test_a_permissive_exchange_is_found_permissive(command: Command, daemon: Daemon, exchange: Exchange) -> None:
    ran = probed(command)
    assert ran.code == 0, ran.errors
    found = facts_of(daemon)
    assert found | {"lookup_lag_ms": 0, "probed_ms": 0} == {
        "exchange": exchange.url, "symbol": "BTCUSDT", "probed_ms": 0, "duplicate_codes": [], "lookup_lag_ms": 0,
        "ended_shown_by_id": True, "refused_types": [], "repeated_id_open": True, "repeated_id_ended": True,
        "refused_id_reusable": True, "test_checks_amount": True,
    }  # fmt: skip
    assert ran.json["left"] == []


def test_it_is_bounded_and_distinguishable_and_leaves_nothing_open_and_everything_on_record(
    command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    probed(command)
    orders = exchange.orders()
    arrived = exchange.arrivals()
    assert 0 < len(arrived) <= 9
    assert all_have_ended(exchange)
    assert {order["executedQty"] for order in orders} == {"0"}
    assert all(float(order["price"]) * float(order["origQty"]) < 2 for order in orders)
    sent = [request["parameters"]["newClientOrderId"] for request in arrived]
    assert all(re.fullmatch(r"probe_[0-9]+_[0-9]+", each) for each in sent)
    lines = daemon.database.with_name("probe-orders.jsonl").read_text().splitlines()
    assert [line["clientOrderId"] for line in map(json.loads, lines) if line["what"] == "sends"] == sent


def test_a_strict_exchange_gives_the_opposite_results_and_the_daemon_uses_them(
    command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject(*STRICT)
    ran = probed(command)
    assert ran.code == 0, ran.errors
    found = facts_of(daemon)
    assert found["lookup_lag_ms"] >= 1_200
    assert found | {"lookup_lag_ms": 0, "probed_ms": 0} == {
        "exchange": exchange.url, "symbol": "BTCUSDT", "probed_ms": 0, "duplicate_codes": [33333], "lookup_lag_ms": 0,
        "ended_shown_by_id": False, "refused_types": ["IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"],
        "repeated_id_open": False, "repeated_id_ended": False, "refused_id_reusable": True, "test_checks_amount": True,
    }  # fmt: skip
    assert all_have_ended(exchange)
    exchange.inject()
    daemon.restart()
    assert "33333" in daemon.wait_for("exchange.facts")["effects"]
    _behaves_accordingly(daemon, exchange)


def _behaves_accordingly(daemon: Daemon, exchange: Exchange) -> None:
    refused = daemon.submit(resting_buy(type="FILL_OR_KILL"))
    assert (refused.status, refused.json["field"]) == (400, "type")
    exchange.inject({"kind": "refused", "code": 33333, "count": 1})
    doubtful = daemon.accept(market_buy())
    assert "speaks of a duplicate" in daemon.until(doubtful, "in_doubt")["reason"]


def test_without_the_results_the_daemon_behaves_otherwise(daemon: Daemon, exchange: Exchange) -> None:
    assert daemon.submit(resting_buy(type="FILL_OR_KILL"), wait_s=10).json["state"] == "canceled"
    exchange.inject({"kind": "refused", "code": 33333, "count": 1})
    assert daemon.until(daemon.accept(market_buy()), "dead_letter")


def test_an_ended_order_is_found_at_once_where_the_results_say_that_a_query_by_id_hides_it(
    daemon: Daemon, exchange: Exchange
) -> None:
    daemon.configure({"reconcile": {"grace_ms": 3_600_000}})
    exchange.inject({"kind": "ended_hidden"}, {"kind": "reply_lost", "count": 1})
    facts = daemon.database.with_name("exchange-facts.toml")
    facts.write_text(f'exchange = "{exchange.url}"\nended_shown_by_id = false\n')
    daemon.restart()
    assert daemon.until(daemon.accept(market_buy()), "filled")


def test_results_of_another_server_are_ignored(daemon: Daemon) -> None:
    facts = daemon.database.with_name("exchange-facts.toml")
    facts.write_text('exchange = "paper"\nrefused_types = ["FILL_OR_KILL"]\n')
    daemon.restart()
    assert daemon.wait_for("exchange.facts_ignored")["about"] == "paper"
    assert daemon.submit(resting_buy(type="FILL_OR_KILL"), wait_s=10).json["state"] == "canceled"


def test_nothing_is_sent_without_the_phrase(command: Command, exchange: Exchange) -> None:
    assert "on 127.0.0.1" in phrase(command)
    assert command(*PROBE, "--confirm", "y").code == 1
    assert exchange.arrivals() == []


def test_nothing_is_sent_while_trading_is_halted_whether_the_daemon_runs_or_not(
    command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    meant = phrase(command)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a look at the books"})
    for _ in range(2):
        ran = command(*PROBE, "--confirm", meant)
        assert (ran.code, "a look at the books" in ran.errors) == (1, True)
        daemon.kill()
    assert exchange.arrivals() == []


def test_nothing_is_sent_above_the_allowed_value(command: Command, exchange: Exchange) -> None:
    ran = command(*PROBE, "--most", "0.5", "--confirm", "x")
    assert (ran.code, "more than 0.5" in ran.errors) == (1, True)
    assert exchange.arrivals() == []


def test_at_a_terminal_the_phrase_is_typed(command: Command, exchange: Exchange) -> None:
    typed = phrase(command)
    ours, its = pty.openpty()
    environ = command.environ | {"TERM": "xterm"}
    with subprocess.Popen(
        [*SNIPERD, *PROBE], stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ,
        cwd=command.directory,
    ) as process:  # fmt: skip
        os.close(its)
        os.write(ours, f"{typed}\n".encode())
        output, errors = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0, errors
    assert b"is FILL_OR_KILL accepted?" in output
    assert all_have_ended(exchange)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_an_interrupted_probe_cancels_what_it_placed(
    own_stage: Stage, command: Command, exchange: Exchange, number: Signals
) -> None:
    meant = phrase(command)
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000, "count": 1})
    words: list[str | Path] = [*SNIPERD, *PROBE, "--confirm", meant]
    child = own_stage.child(*words, environ=command.environ, directory=command.directory)
    eventually(exchange.orders, "an order is on the book")
    child.send(number)
    assert child.exit_code(30) == 1
    assert "all its orders have ended" in "\n".join(child.errors.all())
    assert all_have_ended(exchange)


def test_a_lost_answer_aborts_the_probe_and_its_order_is_found_and_cancelled(
    command: Command, exchange: Exchange
) -> None:
    meant = phrase(command)
    exchange.inject({"kind": "reply_lost", "count": 1})
    ran = command(*PROBE, "--confirm", meant)
    assert (ran.code, "broken off" in ran.errors) == (1, True)
    assert len(exchange.orders()) == 1
    assert all_have_ended(exchange)


def test_orders_of_an_earlier_probe_are_cancelled_by_the_next(command: Command, exchange: Exchange) -> None:
    meant = phrase(command)
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000, "count": 1})
    with subprocess.Popen(
        [*SNIPERD, *PROBE, "--confirm", meant], env=command.environ, cwd=command.directory,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        eventually(exchange.orders, "an order is on the book")
        process.kill()
    assert not all_have_ended(exchange)
    assert probed(command).code == 0
    assert all_have_ended(exchange)


def test_the_time_after_which_an_idle_connection_is_closed_is_measured(
    own_stage: Stage, command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    with edge_before(exchange.url) as edge:
        config = daemon.config_path.read_text(encoding="utf-8")
        assert exchange.url in config
        behind = daemon.directory / "behind-the-edge.toml"
        behind.write_text(config.replace(exchange.url, edge.url), encoding="utf-8")
        watching = Command(command.environ | {"SNIPERD_CONFIG": str(behind)}, command.directory)
        words = [*SNIPERD, "doctor", "--live-probe", "--confirm", phrase(watching)]
        child = own_stage.child(*words, environ=watching.environ, directory=watching.directory)
        eventually(lambda: "idle connection" in "\n".join(child.output.so_far()), "the last step")
        edge.cut()
        assert child.exit_code(30) == 0, child.errors.all()
    assert 0 < facts_of(daemon)["idle_closed_s"] < 45
    assert "shortly before it was idle for" in "\n".join(child.output.all())
    assert all_have_ended(exchange)


def test_no_secret_is_shown_or_written(command: Command, daemon: Daemon) -> None:
    ran = probed(command)
    written = ran.output + ran.errors + daemon.database.with_name("probe-orders.jsonl").read_text()
    assert [secret for secret in KEYS if secret in written] == []
    assert "signature=" not in written


def test_in_paper_mode_it_uses_the_running_daemons_paper_exchange(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None)
    command = Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
    assert command(*PROBE).code == 69
    daemon.start(with_rules=True)
    assert probed(command).code == 0
    assert facts_of(daemon)["exchange"] == "paper"
