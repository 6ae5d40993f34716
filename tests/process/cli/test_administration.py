"""halt, resume, resolve, requeue, reschedule: each with its reason, reported in one line."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy

REFUSED, WRONG_USAGE = 1, 2


def in_doubt(daemon: Daemon, exchange: Exchange) -> str:
    """Send an order whose outcome stays unknown while the faults are set."""
    exchange.inject("request_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "in_doubt")
    return order_id


def test_halt_and_resume_are_reported_and_counted(command: Command, daemon: Daemon) -> None:
    halted = command("halt", "--reason", "something odd")
    assert (halted.code, halted.output) == (0, "halted: something odd\n")
    assert daemon.get("/v1/status")["halted"] == "something odd"
    assert "HALTED: something odd" in command("status").output
    resumed = command("resume", "--reason", "it was nothing", "--json")
    assert (resumed.code, resumed.json["halted"]) == (0, None)
    assert command("resume", "--reason", "again").output == "trading: on\n"


def test_a_resolution_ends_a_doubt_and_is_recorded(command: Command, daemon: Daemon, exchange: Exchange) -> None:
    order_id = in_doubt(daemon, exchange)
    words = ["--as", "filled", "--exchange-id", "C02__7", "--filled", "0.5", "--filled-quote", "100"]
    ran = command("resolve", order_id, *words, "--reason", "I looked")
    assert (ran.code, ran.output) == (0, f"filled  BUY BTCUSDT for 25 USDT  order {order_id}\n")
    found = daemon.order(order_id)
    assert (found["exchangeOrderId"], found["executedQuantity"], found["executedQuote"]) == ("C02__7", "0.5", "100")
    explained = command("explain", order_id).output
    assert "order.ruled" in explained
    assert "I looked" in explained


def test_a_resolution_of_a_known_outcome_is_refused(command: Command, daemon: Daemon) -> None:
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    ran = command("resolve", order_id, "--as", "not-placed", "--reason", "I looked")
    assert ran.code == REFUSED
    assert f"order {order_id} is filled: only an order that is in_doubt or lost can be resolved" in ran.errors


def test_a_dead_letter_is_requeued_and_filled(command: Command, daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    assert f"{order_id}" in command("orders", "--state", "dead_letter").output
    assert "1 dead letter" in command("status").output
    assert command("requeue", order_id, "--reason", "try again").code == 0
    assert daemon.until(order_id, "filled")["attempts"] == 2


@pytest.mark.parametrize(
    "written",
    [str, lambda at_ms: datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")],
    ids=["Unix ms", "ISO 8601"],
)
def test_a_waiting_order_is_moved_to_another_instant(
    command: Command, daemon: Daemon, written: Callable[[int], str]
) -> None:
    at_ms = wall_ms() + 3_600_000
    order_id = daemon.accept(market_buy(executeAt=at_ms))
    ran = command("reschedule", order_id, written(at_ms + 60_000), "--reason", "postponed")
    assert (ran.code, ran.output) == (0, f"queued  BUY BTCUSDT for 25 USDT  order {order_id}\n")
    order = daemon.order(order_id)
    assert (order["executeAtMs"], order["askedExecuteAtMs"]) == (at_ms + 60_000, at_ms)
    assert "postponed" in command("explain", order_id).output


@pytest.mark.parametrize(
    ("instant", "code", "said"),
    [("soon", WRONG_USAGE, "'soon' is no instant"), ("2020-01-01T00:00:00Z", REFUSED, "past [INSTANT]")],
)
def test_a_wrong_instant_is_refused(command: Command, daemon: Daemon, instant: str, code: int, said: str) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    ran = command("reschedule", order_id, instant, "--reason", "postponed")
    assert (ran.code, said in ran.errors) == (code, True), ran.errors


@pytest.mark.parametrize(
    "words",
    ["resume", "resolve X --as open", "requeue X", "resolve X --reason x", "reschedule X 1790000000000"],
)
def test_without_a_reason_or_a_resolution_nothing_is_sent(command: Command, words: str) -> None:
    ran = command(*words.split())
    assert (ran.code, ran.output) == (WRONG_USAGE, "")
    assert "Missing option '--as'" in ran.errors or "Missing option '--reason'" in ran.errors


@pytest.mark.parametrize("reason", [" ", "x" * 501], ids=["empty", "too long"])
def test_a_reason_that_is_empty_or_too_long_is_refused(command: Command, daemon: Daemon, reason: str) -> None:
    ran = command("halt", "--reason", reason)
    expected = "Error: --reason is empty or too long [--reason]\nallowed: 1 to 500 characters\n"
    assert (ran.code, ran.errors) == (REFUSED, expected)
    assert daemon.get("/v1/status")["halted"] is None
