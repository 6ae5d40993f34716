"""submit, orders, explain, cancel: a signal sent by hand, and what became of it."""

import json
import subprocess
import sys

import pytest

from daemon.cli.show import at
from daemon.core.values.instants import instant_text
from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy

NOT_PLACED, UNKNOWN, REFUSED, WRONG_USAGE, NOT_READY = 3, 4, 1, 2, 75
BUY = ("BUY", "BTCUSDT", "--quote", "25")


def test_a_filled_buy_is_reported_in_a_few_lines(command: Command, exchange: Exchange) -> None:
    ran = command.submit(*BUY)
    assert (ran.code, ran.errors) == (0, "")
    first, *rest = ran.output.splitlines()
    assert first.startswith("filled  BUY BTCUSDT for 25 USDT  order ")
    order_id = first.split()[-1]
    [booked] = exchange.orders(order_id)
    assert [line.split("  ")[0] for line in rest] == ["filled", "reason", "exchange's id", "more"]
    assert booked["orderId"] in rest[2]
    assert rest[3].endswith(f"sniperd explain {order_id}")


def test_every_option_reaches_the_order(command: Command, daemon: Daemon) -> None:
    at = wall_ms() + 3_600_000
    words = (
        "submit sell ltcusdt --quantity 1 --price 200 --type IOC --owner somebody --target t7 --key k7 "
        f"--priority 3 --at {at} --deadline 1234 --timeout 4321 --wait 0 --json"
    )
    order = command(*words.split()).json
    wanted = {
        "side": "SELL", "symbol": "LTCUSDT", "quantity": "1", "price": "200", "type": "IMMEDIATE_OR_CANCEL",
        "ownerId": "somebody", "snipeTargetId": "t7", "idempotencyKey": "k7", "priority": 3, "executeAtMs": at,
        "deadlineAtMs": at + 1_234, "state": "queued", "replayed": False,
    }  # fmt: skip
    assert {name: order[name] for name in wanted} == wanted
    assert daemon.order(order["id"]) == {name: value for name, value in order.items() if name != "replayed"}


def test_an_instant_can_be_written_as_text_and_is_listed(command: Command) -> None:
    at_ms = (wall_ms() // 1_000 + 3_600) * 1_000 + 7
    order = command.submit("BUY", "BTCUSDT", "--quote", "25", "--at", instant_text(at_ms), "--wait", "0", "--json").json
    assert order["executeAtMs"] == at_ms
    [listed] = [line for line in command("orders").output.splitlines() if line.startswith(order["id"])]
    assert listed.rstrip().endswith(f"waits for {at(at_ms)}")
    ran = command.submit("BUY", "BTCUSDT", "--quote", "25", "--at", "soon")
    assert ran.code == WRONG_USAGE
    assert "'soon' is no instant" in ran.errors


def test_a_price_makes_it_a_limit_order(command: Command) -> None:
    ran = command.submit("SELL", "BTCUSDT", "--quantity", "0.001", "--price", "200000", "--json")
    assert (ran.code, ran.json["type"], ran.json["state"]) == (0, "LIMIT", "open")


def test_the_same_signal_again_says_so_and_names_the_first_order(command: Command) -> None:
    words = ("submit", "BUY", "ETHUSDT", "--quote", "25", "--key", f"again-{wall_ms()}")
    first, again = command(*words), command(*words)
    assert again.code == 0
    assert again.output.splitlines()[0] == first.output.splitlines()[0]
    assert "replayed" not in first.output
    assert "replayed       yes: the same signal was sent before; use a new --key" in again.output


@pytest.mark.parametrize(("code", "state"), [(30004, "rejected"), (30002, "dead_letter")])
def test_an_order_that_was_not_placed_gives_exit_code_3_and_its_reason(
    command: Command, exchange: Exchange, code: int, state: str
) -> None:
    exchange.inject({"kind": "refused", "code": code, "count": 1})
    ran = command.submit(*BUY)
    assert (ran.code, ran.output.split()[0]) == (NOT_PLACED, state)
    assert f"refused ({code})" in ran.output


def test_an_order_whose_outcome_is_unknown_gives_exit_code_4(command: Command, exchange: Exchange) -> None:
    exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    ran = command.submit(*BUY, "--wait", "0.3")
    assert (ran.code, ran.output.split()[0]) == (UNKNOWN, "in_doubt")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("BUY", "BTCUSDT"), "allowed: exactly one of --quantity (base units) and --quote (quote units)"),
        (("BUY", "BTCUSDT", "--quote", "much"), "[--quote]"),
        (("BUY", "BTCUSDT", "--quote", "25", "--type", "LOTTERY"), "[--type]"),
        (("BUY", "NOSUCHPAIR", "--quote", "25"), "[SYMBOL]"),
    ],
    ids=["no amount", "no number", "no type", "no pair"],
)
def test_a_wrong_signal_is_refused_with_the_field_and_what_is_allowed(
    command: Command, words: tuple[str, ...], said: str
) -> None:
    ran = command.submit(*words)
    assert (ran.code, ran.output) == (REFUSED, "")
    assert said in ran.errors


@pytest.mark.parametrize("wait", ["-1", "nan", "121"])
def test_an_invalid_wait_is_wrong_usage_and_nothing_is_sent(command: Command, daemon: Daemon, wait: str) -> None:
    newest = daemon.get("/v1/orders?limit=1")["orders"]
    ran = command.submit(*BUY, "--wait", wait)
    assert (ran.code, ran.output) == (WRONG_USAGE, "")
    assert "'--wait'" in ran.errors
    assert daemon.get("/v1/orders?limit=1")["orders"] == newest


def test_while_trading_is_halted_it_is_refused_with_what_ends_the_halt(command: Command, daemon: Daemon) -> None:
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    ran = command.submit(*BUY)
    assert (ran.code, ran.errors) == (REFUSED, "Error: trading is halted (a rehearsal); `sniperd resume` ends it\n")


def test_orders_are_listed_newest_first_filtered_and_page_by_page(command: Command, daemon: Daemon) -> None:
    made = [daemon.accept(market_buy(symbol="XRPUSDT", executeAt=wall_ms() + 3_600_000)) for _ in range(3)]
    first = command("orders", "--symbol", "xrpusdt", "--state", "queued", "--limit", "2")
    heads, *rows, more = first.output.splitlines()
    assert heads.split() == ["order", "accepted", "state", "what", "filled", "average", "value", "why"]
    assert [row.split()[0] for row in rows] == made[:0:-1]
    second = command(*["orders", "--symbol", "XRPUSDT", "--state", "queued", "--json", "--cursor"], more.split()[-1])
    assert [order["id"] for order in second.json["orders"]] == made[:1]
    assert second.json["next"] is None


def test_explain_shows_every_step_with_its_evidence_in_the_order_of_time(command: Command, daemon: Daemon) -> None:
    order_id = command.order(*BUY)
    ran = command("explain", order_id)
    for told in ("order.accepted", "order.sent", "attempt 1 asked", "attempt 1 answered", "order.placed", "order.seen"):
        assert told in ran.output
    assert ran.output.index("order.accepted") < ran.output.index("attempt 1 asked") < ran.output.index("order.placed")
    evidence = daemon.explain(order_id)["attempts"][0]
    assert evidence["asked"] in ran.output
    assert evidence["answered"] in ran.output
    assert ran.output.splitlines()[-1].startswith("next  nothing")
    assert command("explain", order_id, "--json").json | {"nowMs": 0} == daemon.explain(order_id) | {"nowMs": 0}


def test_a_waiting_order_is_withdrawn_with_the_reason(command: Command, daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    ran = command("cancel", order_id, "--reason", "changed my mind")
    assert (ran.code, ran.output) == (0, f"withdrawn  BUY BTCUSDT for 25 USDT  order {order_id}\n")
    assert daemon.order(order_id)["reason"] == "changed my mind"


def test_a_resting_order_is_cancelled_at_the_exchange(command: Command, daemon: Daemon) -> None:
    order_id = command.order("SELL", "BTCUSDT", "--quantity", "0.001", "--price", "200000")
    assert command("cancel", order_id).code == 0
    daemon.until(order_id, "canceled")


@pytest.mark.parametrize(("verb", "order"), [("explain", "a/b?c#d"), ("explain", "../../readyz"), ("cancel", "nope")])
def test_an_unknown_order_is_named_with_where_to_find_one(command: Command, verb: str, order: str) -> None:
    ran = command(verb, order)
    assert (ran.code, ran.errors) == (REFUSED, f"Error: there is no order {order!r}; `sniperd orders` lists them\n")


@pytest.mark.parametrize("verb", ["explain", "cancel"])
def test_an_empty_id_is_wrong_usage(command: Command, verb: str) -> None:
    ran = command(verb, "")
    assert ran.code == WRONG_USAGE
    assert "`sniperd orders` lists them" in ran.errors


@pytest.mark.needs("root")
def test_a_user_without_a_name_is_identified_by_number(daemon: Daemon) -> None:
    program = (
        "import os, sys; import daemon.cli.show, daemon.config.loading; from daemon.cli.submit import submit;"
        "os.setgroups([]); os.setresuid(*3 * (54321,)); submit(sys.argv[1:])"
    )
    words = [*BUY, "--target", "nameless", "--json", "--config", str(daemon.config_path)]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, env=daemon.environ, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["ownerId"] == "uid:54321"


WORDS = [
    (["BUY", "BTCUSDT"], "--quantity", "exactly one of --quantity (base units) and --quote"),
    (["BUY", "BTCUSDT", "--quote", "-1"], "--quote", "--quote -1 is out of range"),
    (["BUY", "BTCUSDT", "--quote", "1", "--type", "LIMIT"], "--quote", "--quote does not go with LIMIT"),
    (["BUY", "BTC/USDT", "--quote", "1"], "SYMBOL", "SYMBOL 'BTC/USDT' is not a trading pair"),
    (["BUY", "BTCUSDT", "--quote", "1", "--at", "1500000000"], "--at", "--at 1500000000000 is"),
]


@pytest.mark.parametrize(("words", "option", "said"), WORDS, ids=[said for _, _, said in WORDS])
def test_errors_use_the_commands_own_words(
    command: Command, daemon: Daemon, words: list[str], option: str, said: str
) -> None:
    assert daemon
    ran = command("submit", *words)
    assert ran.code == REFUSED
    assert f"[{option}]" in ran.errors
    assert said in ran.errors
    assert not {"quoteOrderQty", "executeAt"} & set(ran.errors.replace("[", " ").replace("]", " ").split())


def test_what_was_rounded_is_shown_with_what_was_asked(command: Command) -> None:
    ran = command("submit", "BUY", "BTCUSDT", "--quantity", "0.00123456789", "--target", "rounded")
    assert ran.code == 0
    assert "quantity 0.00123456789 to 0.001234" in ran.output
    order_id = json.loads(command("orders", "--limit", "1", "--json").output)["orders"][0]["id"]
    explained = command("explain", order_id).output
    assert "quantity 0.00123456789 to 0.001234" in explained
    assert "asked_quantity=0.00123456789" in explained
