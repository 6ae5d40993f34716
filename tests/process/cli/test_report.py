"""``sniperd report``: what it shows people, and what it writes for programs."""

import csv
import io
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon, wall_ms
from tests.support.signals import market_buy, market_sell, resting_buy

WRONG_USAGE = 2


@pytest.fixture(scope="module")
def traded(package_daemon: Daemon) -> tuple[int, list[dict[str, Any]]]:
    """A BUY and a SELL that filled, and a BUY that could not; and since when."""
    since_ms = wall_ms()
    signals = [
        market_buy(symbol="SOLUSDT"),
        market_sell(symbol="SOLUSDT", quantity="0.01"),
        resting_buy(symbol="SOLUSDT", type="FILL_OR_KILL", quantity="10", price="1"),
    ]
    return since_ms, [package_daemon.submit(signal, wait_s=10).json for signal in signals]


def test_people_see_pairs_days_totals_positions_and_targets(
    command: Command, traded: tuple[int, list[dict[str, Any]]]
) -> None:
    since_ms, (bought, sold, missed) = traded
    ran = command("report", "--since", str(since_ms))
    assert (ran.code, ran.errors) == (0, "")
    lines = ran.output.splitlines()
    assert lines[0].startswith(f"{datetime.fromtimestamp(since_ms / 1_000).astimezone():%Y-%m-%d %H:%M:%S}")
    assert lines[0].endswith("; days begin at 00:00 UTC")
    [day] = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d +SOLUSDT ", line)]
    assert day.endswith("BUY 1 filled, 1 not filled; SELL 1 filled")
    [open_position] = [line for line in lines if line.startswith("SOLUSDT")]
    assert len(open_position.split()) == 4
    for order, word in ((bought, "BUY filled"), (sold, "SELL filled"), (missed, "BUY not filled")):
        [line] = [line for line in lines if order["id"] in line]
        assert line.startswith(order["snipeTargetId"])
        assert word in line
    assert missed["reason"] is None or missed["reason"] in ran.output


def test_programs_get_every_target_exactly(command: Command, traded: tuple[int, list[dict[str, Any]]]) -> None:
    since_ms, orders = traded
    found = command("report", "--since", str(since_ms), "--json").json
    every = list(csv.DictReader(io.StringIO(command("report", "--since", str(since_ms), "--csv").output)))
    rows = [row for row in every if row["orderId"] in {order["id"] for order in orders}]  # the daemon has others
    assert [row["orderId"] for row in rows] == [order["id"] for order in reversed(orders)]
    assert [row["outcome"] for row in rows] == ["none", "filled", "filled"]
    for row, order in zip(rows, reversed(orders), strict=True):
        assert (row["snipeTargetId"], row["state"]) == (order["snipeTargetId"], order["state"])
        ended = datetime.fromisoformat(row["endedAt"])
        assert ended.utcoffset() is not None
        value = row["boughtValue"] if order["side"] == "BUY" else row["soldValue"]
        assert value == order["executedQuote"]
    [whole] = found["totals"]
    for name in ("boughtValue", "soldValue", "realised", "feesInQuote"):
        assert sum(Decimal(row[name]) for row in every) == Decimal(whole[name])


def test_a_long_list_goes_on_at_its_cursor(command: Command, traded: tuple[int, list[dict[str, Any]]]) -> None:
    period = ("--since", str(traded[0]), "--until", str(wall_ms()))
    whole = command("report", *period, "--json").json["targets"]
    first = command("report", *period, "--limit", "1")
    cursor = first.output.splitlines()[-1].partition("more: --cursor ")[2]
    rest = json.loads(command("report", *period, "--cursor", cursor, "--json").output)["targets"]
    assert whole[0]["orderId"] in first.output
    assert [each["orderId"] for each in rest] == [each["orderId"] for each in whole][1:]
    assert len(rest) >= 2


def test_an_empty_period_shows_the_command_to_try(command: Command) -> None:
    ran = command("report", "--since", "2020-01-01", "--until", "2020-01-02")
    assert ran.code == 0
    assert "`sniperd report --since 7d`" in ran.output
    assert command("report", "--since", "2020-01-01", "--until", "2020-01-02", "--csv").output.count("\n") == 1


@pytest.mark.parametrize("words", [("--csv", "--json"), ("--since", "yesterday"), ("--limit", "0")])
def test_wrong_options_are_refused(command: Command, words: tuple[str, ...]) -> None:
    assert command("report", *words).code == WRONG_USAGE
