"""explain at a terminal: an order's state, what comes next, what you can do; live with --follow."""

import json
import re
import signal

import pytest

from daemon.cli import explaining
from daemon.cli.explaining import SHOWN_FILLS
from tests.process.cli.command import PAINT, Command
from tests.support import Child, Daemon, Exchange, eventually, wall_ms
from tests.support.command import SNIPERD
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

INTERRUPTED = 130


@pytest.fixture
def doubtful(shared_stage: Stage) -> tuple[Command, Daemon, Exchange, str]:
    """An order whose answer was lost, and which no query finds."""
    exchange = shared_stage.exchange()
    daemon = shared_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject({"kind": "invisible", "delay_ms": 3_600_000, "count": 1}, "reply_lost")
    order_id = daemon.send(market_buy())
    daemon.until(order_id, "in_doubt", "lost")
    command = Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
    return command, daemon, exchange, order_id


def test_an_order_in_doubt_shows_what_comes_next_and_what_to_do(
    doubtful: tuple[Command, Daemon, Exchange, str],
) -> None:
    command, daemon, _, order_id = doubtful
    daemon.wait_for("order.looked", order_id=order_id, found=False)
    *_, now, upcoming, _then, you = command("explain", order_id).output.splitlines()
    assert re.fullmatch(r"now   in_doubt, since \d+\.\d s", now)
    assert re.match(r"next  it is searched for.*: (now|in \d+\.\d s) \(2\d\d\d-", upcoming)
    assert you.startswith("you   wait, and do not send it again")
    daemon.until(order_id, "lost")
    shown = command("explain", order_id).output
    assert f"sniperd resolve {order_id} --as" in shown.splitlines()[-1]
    assert re.search(r"\d+ times, last 2\d\d\d", shown), "looks in vain stand in one row"
    assert shown.count("order.looked") < len(
        [e for e in daemon.explain(order_id)["events"] if e["name"] == "order.looked"]
    )


def test_a_waiting_order_shows_what_is_known_of_its_pair_and_what_it_lacks(
    command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    at_ms = wall_ms() + 240_000
    exchange.list_symbol("LACKINGUSDT", at_ms, cap="0.05")
    signal = resting_buy(symbol="LACKINGUSDT", quantity="30000000", price="0.05", executeAt=at_ms)
    order_id = daemon.accept(signal)
    lines = (
        r"^instant +in \d\.\d min \(2\d\d\d-.* of the exchange's clock\)$",
        r"^pair +closed, opens at 2\d\d\d-.* \(exchange\)$",
        r"^ready +warm (yes|NO), funded NO, permitted yes$",
        r"^missing +funds$",
    )

    def unsaid() -> list[str]:
        shown = command("explain", order_id).output
        return [line for line in lines if not re.search(line, shown, re.MULTILINE)]

    eventually(lambda: not unsaid(), f"pair and account are known, of {lines}")
    daemon.ask("DELETE", f"/v1/orders/{order_id}")


def test_it_is_followed_at_a_terminal_until_it_has_ended(command: Command, daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    with command.terminal("explain", order_id, "--follow", columns=80, rows=24) as terminal:
        first = terminal.wait_for("withdraws it")
        assert len(PAINT.sub("", first.rpartition("\x1b[H")[2]).splitlines()) <= 24
        daemon.ask("DELETE", f"/v1/orders/{order_id}?reason=enough")
        assert "withdrawn" in PAINT.sub("", terminal.rest())
        assert terminal.exit_code() == 0


def test_a_lost_connection_is_shown_while_following_and_ctrl_c_ends_it(
    doubtful: tuple[Command, Daemon, Exchange, str],
) -> None:
    command, daemon, _, order_id = doubtful
    with command.terminal("explain", order_id, "--follow") as terminal:
        terminal.wait_for("next  it is searched for")
        daemon.kill()
        terminal.wait_for("connection lost")
        daemon.start()
        terminal.wait_for("in_doubt")
        terminal.type("\x03")
        assert terminal.exit_code() == INTERRUPTED


def test_a_program_gets_one_object_per_line_whenever_something_has_changed(daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    environ = daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}
    words = ["explain", order_id, "--follow", "--json"]
    child = Child([*SNIPERD, *words], environ=environ, directory=daemon.directory)
    try:
        child.output.wait_for(lambda line: line, "the first", timeout_s=15)
        daemon.ask("DELETE", f"/v1/orders/{order_id}?reason=enough")
        assert child.exit_code() == 0
        assert [json.loads(line)["order"]["state"] for line in child.output.all()] == ["queued", "withdrawn"]
    finally:
        child.close()


def test_following_ends_with_an_interrupt(daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    environ = daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}
    child = Child([*SNIPERD, "explain", order_id, "--follow"], environ=environ, directory=daemon.directory)
    try:
        child.output.wait_for(lambda line: line, "the first", timeout_s=15)
        child.send(signal.SIGINT)
        assert child.exit_code() == INTERRUPTED
    finally:
        child.close()


def test_an_armed_order_is_shown_as_asked_after_it_was_sent(command: Command, daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 700, deadlineMs=10_000))
    daemon.until(order_id, "filled")
    what = [line[31:].split("  ")[0].strip() for line in command("explain", order_id).output.splitlines()]
    story = ["order.armed", "order.sent", "attempt 1 asked", "attempt 1 answered", "order.placed"]
    assert [each for each in what if each in story] == story


def test_the_fills_of_an_order_are_listed_with_their_fees(command: Command, daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "filled")
    fills = eventually(lambda: daemon.explain(order_id)["fills"], "the fills")
    first = fills[0]
    said = f"{first['quantity']} at {first['price']} = {first['quote']}, fee {first['fee']} {first['feeAsset']}"
    assert said in command("explain", order_id).output


def test_fills_that_are_not_known_yet_are_said_to_be_missing(
    command: Command, daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject({"kind": "error_before", "endpoint": "GET /api/v3/myTrades", "count": 3})
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "filled")
    assert re.search(r"^fills +not known yet$", command("explain", order_id).output, re.MULTILINE)
    eventually(lambda: daemon.explain(order_id)["fillsMissing"] is None, "the fills")
    assert "not known yet" not in command("explain", order_id).output


def test_of_many_fills_the_first_are_listed() -> None:
    fill = {"quantity": "1", "price": "2", "quote": "2", "fee": "0", "feeAsset": "MX"}
    assert explaining.fill_lines([fill] * SHOWN_FILLS)[-1] == ("fill", "1 at 2 = 2, fee 0 MX")
    assert explaining.fill_lines([fill] * (SHOWN_FILLS + 3))[-1] == ("", "and 3 more: --json")


def test_attempts_that_were_refused_alike_share_one_row(command: Command, daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30001, "count": 5})
    order_id = daemon.accept(market_buy(deadlineMs=20_000))
    daemon.until(order_id, "filled")
    shown = command("explain", order_id).output
    numbers = [int(number) for number in re.findall(r"attempt (\d+) asked", shown)]
    assert numbers == [1, 5, 6], shown
    assert re.search(r"attempts 2 to 4 .* refused with the same words, last 2\d\d\d-", shown), shown
    assert (shown.count("order.sent"), shown.count("order.deferred")) == (3, 2)
