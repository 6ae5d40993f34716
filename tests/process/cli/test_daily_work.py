"""Daily work: all orders cancelled at once, lists by owner and time, tables for programs, where a bot connects."""

import csv
import io
import socket
from datetime import datetime, timedelta

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, wall_ms

UNKNOWN, WRONG_USAGE = 4, 2
REST = ("SELL", "BTCUSDT", "--quantity", "0.001", "--price", "200000")
LATER = ("BUY", "ETHUSDT", "--quote", "25", "--at", "+1h", "--wait", "0")


def test_everything_that_waits_or_rests_is_cancelled_at_once(command: Command, daemon: Daemon) -> None:
    resting, waiting = command.order(*REST), command.order(*LATER)
    ran = command("cancel", "--all")
    assert (ran.code, ran.errors) == (0, "")
    assert f"order {resting}" in ran.output
    assert f"order {waiting}" in ran.output
    assert ran.output.splitlines()[-1].endswith("cancelled")
    assert (daemon.order(resting)["state"], daemon.order(waiting)["state"]) == ("canceled", "withdrawn")
    again = command("cancel", "--all")
    assert (again.code, again.output) == (0, "0 cancelled\n")


def test_of_all_orders_those_of_one_pair_can_be_meant(command: Command, daemon: Daemon) -> None:
    resting, waiting = command.order(*REST), command.order(*LATER)
    found = command("cancel", "--all", "--symbol", "ethusdt", "--json").json["orders"]
    assert [order["id"] for order in found] == [waiting]
    assert daemon.order(resting)["state"] == "open"


@pytest.mark.parametrize("words", [(), ("--all", "x"), ("x", "--symbol", "BTCUSDT")])
def test_what_is_to_be_cancelled_must_be_clear(command: Command, words: tuple[str, ...]) -> None:
    assert command("cancel", *words).code == WRONG_USAGE


def test_a_cancel_whose_effect_is_not_seen_is_said(command: Command, daemon: Daemon, exchange: Exchange) -> None:
    resting = command.order(*REST)
    exchange.inject({"kind": "request_lost", "endpoint": "DELETE /api/v3/order"})
    ran = command("cancel", "--all", "--wait", "0.5")
    assert ran.code == UNKNOWN
    assert "still rest as far as is known" in ran.output.splitlines()[-1]
    assert daemon.order(resting)["state"] == "open"


def test_the_kill_switch_needs_no_reason_and_can_take_orders_off_the_exchange(command: Command, daemon: Daemon) -> None:
    resting, waiting = command.order(*REST), command.order(*LATER)
    try:
        ran = command("halt", "--cancel-open")
        assert ran.code == 0
        assert ran.output.splitlines()[0] == "halted: halted by hand"
        assert (daemon.order(resting)["state"], daemon.order(waiting)["state"]) == ("canceled", "queued")
    finally:
        assert command("resume", "--reason", "the test is over").code == 0


def test_orders_are_listed_by_owner_and_time(command: Command) -> None:
    first = command.order(*LATER, "--owner", "anna")
    found = command("orders", "--owner", "anna", "--json").json["orders"]
    assert [order["id"] for order in found] == [first]
    assert command("orders", "--owner", "anna", "--since", "10m", "--json").json["orders"] == found
    assert command("orders", "--owner", "anna", "--since", str(wall_ms() + 60_000), "--json").json["orders"] == []


def test_orders_are_written_as_a_table_for_programs(command: Command) -> None:
    bought = command.submit("BUY", "BTCUSDT", "--quote", "25", "--owner", "=berta", "--json").json
    later = command.submit(*LATER, "--owner", "=berta", "--json").json
    rows = list(csv.DictReader(io.StringIO(command("orders", "--owner", "=berta", "--csv").output)))
    assert [row["id"] for row in rows] == [later["id"], bought["id"]]
    assert rows[1]["averagePrice"] == bought["averagePrice"]
    assert rows[1]["executedQuote"] == bought["executedQuote"]
    assert rows[0]["averagePrice"] == ""
    at = datetime.fromisoformat(rows[0]["executeAt"])
    assert round(at.timestamp() * 1_000) == later["executeAtMs"]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+anna", "-1+cmd|' /C calc'!A0", "@SUM(1)", "－1"])  # noqa: RUF001
def test_a_spreadsheet_takes_no_text_of_a_bot_as_a_formula(command: Command, name: str) -> None:
    since = str(wall_ms() - 1)
    words = ("SELL", "BTCUSDT", "--quantity", "0.0001", "--owner", name, "--target", name, "--wait", "10")
    order = command("submit", *words, "--json").json
    assert order["snipeTargetId"] == name
    listed = list(csv.DictReader(io.StringIO(command("orders", f"--owner={name}", "--csv").output)))
    reported = list(csv.DictReader(io.StringIO(command("report", "--since", since, "--csv").output)))
    assert [(row["ownerId"], row["snipeTargetId"]) for row in listed] == [(f"'{name}", f"'{name}")]
    assert [row["snipeTargetId"] for row in reported if row["orderId"] == order["id"]] == [f"'{name}"]


@pytest.mark.parametrize(("text", "ahead"), [("+90s", 90), ("+2m", 120), ("+1.5h", 5_400), ("+1d", 86_400)])
def test_an_instant_can_be_given_by_its_distance(command: Command, text: str, ahead: float) -> None:
    before_ms = wall_ms()
    order = command.submit(*LATER[:-3], text, "--wait", "0", "--json").json
    assert before_ms + ahead * 1_000 <= order["executeAtMs"] <= wall_ms() + ahead * 1_000


def test_a_time_of_day_is_the_next_one_and_the_answer_says_which(command: Command) -> None:
    wanted = (datetime.now().astimezone() + timedelta(hours=3)).replace(second=0, microsecond=0)
    ran = command.submit(*LATER[:-3], f"{wanted:%H:%M}", "--wait", "0")
    assert f"waits for {wanted:%Y-%m-%d %H:%M}:00.000 {wanted:%z}" in ran.output


def test_a_bot_is_told_where_to_connect(command: Command, daemon: Daemon) -> None:
    for words, path in (((), daemon.signals), (("--status",), daemon.status)):
        said = command("socket", *words).output.strip()
        assert said == str(path)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(said)
