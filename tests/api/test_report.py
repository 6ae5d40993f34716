"""The report: it agrees with the exchange's own book, and a long one leaves others their turns."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from daemon.api.order_routes import MAX_CURSOR
from daemon.api.read_scheduler import PIECE as VIEWED
from daemon.core.rules.exposure import DAY_MS
from daemon.core.state.changes import ChangeSet
from daemon.core.values.states import State
from tests.api.api_in_process import Api, running, value_of
from tests.support import Daemon, Exchange, eventually, making, wall_ms
from tests.support.signals import market_buy, market_sell, resting_buy

PAIR = "LTCUSDT"
MANY = 1_500
LONG_AGO_MS = 1_600_000_000_000
D = Decimal


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path / "x.db") as made:
        yield made


def complete(daemon: Daemon, query: str) -> dict[str, Any]:
    """Read a report as soon as the fills of all its orders are stored."""

    def found() -> dict[str, Any] | None:
        report: dict[str, Any] = daemon.get(f"/v1/report?{query}")
        return report if all(each["feesUnknown"] == 0 for each in report["totals"]) else None

    return eventually(found, "the fills of all orders")


def earned(fills: list[dict[str, Any]]) -> tuple[Fraction, Fraction]:
    """Compute the result and the cost of what is left, exactly: the fee is taken from what a trade brings in."""
    held = cost = result = Fraction(0)
    for fill in fills:
        quantity, quote, fee = (Fraction(fill[name]) for name in ("qty", "quoteQty", "commission"))
        if fill["isBuyer"]:
            held += quantity - fee
            cost += quote
        else:
            share = cost * quantity / held
            result += quote - fee - share
            held, cost = held - quantity, cost - share
    return result, cost


def test_the_report_agrees_with_the_exchanges_own_book(daemon: Daemon, exchange: Exchange) -> None:
    since_ms = wall_ms()
    signals = [
        market_buy(symbol=PAIR, quoteOrderQty="25"),
        market_sell(symbol=PAIR, quantity="0.1"),
        market_buy(symbol=PAIR, quoteOrderQty="31"),
        market_sell(symbol=PAIR, quantity="0.2"),
    ]
    orders = [daemon.submit(signal, wait_s=10).json for signal in signals]
    assert {order["state"] for order in orders} == {"filled"}
    fills = [fill for order in orders for fill in exchange.orders(order["id"])[0]["fills"]]
    report = complete(daemon, f"since={since_ms}")
    [pair] = [each for each in report["pairs"] if each["symbol"] == PAIR]
    bought, sold = ([each for each in fills if each["isBuyer"] is buys] for buys in (True, False))
    assert D(pair["boughtValue"]) == sum(D(each["quoteQty"]) for each in bought)
    assert D(pair["boughtQuantity"]) == sum(D(each["qty"]) for each in bought)
    assert D(pair["soldValue"]) == sum(D(each["quoteQty"]) for each in sold)
    assert {asset: D(fee) for asset, fee in pair["fees"].items()} == {
        "LTC": sum(D(each["commission"]) for each in bought),
        "USDT": sum(D(each["commission"]) for each in sold),
    }
    result, cost = earned(fills)
    assert abs(Fraction(pair["realised"]) - result) < Fraction(1, 10**10)
    assert abs(Fraction(pair["openCost"]) - cost) < Fraction(1, 10**10)
    assert pair["buys"]["filled"] == pair["sells"]["filled"] == 2
    targets = {each["snipeTargetId"]: each for each in report["targets"]}
    for order, signal in zip(orders, signals, strict=True):
        target = targets[signal["snipeTargetId"]]
        assert (target["orderId"], target["outcome"], target["side"]) == (order["id"], "filled", order["side"])
        average = target["averageBought"] if order["side"] == "BUY" else target["averageSold"]
        assert average == order["averagePrice"]


def test_an_order_that_bought_nothing_says_why(daemon: Daemon) -> None:
    since_ms = wall_ms()
    order = daemon.submit(resting_buy(symbol="AVAXUSDT", type="FILL_OR_KILL", quantity="10", price="1"), wait_s=10).json
    rests = daemon.accept(resting_buy())
    daemon.until(rests, "open")
    targets = {each["orderId"]: each for each in daemon.get(f"/v1/report?since={since_ms}")["targets"]}
    shown = targets[order["id"]]
    assert (shown["outcome"], shown["state"], shown["reason"]) == ("none", order["state"], order["reason"])
    assert targets[rests]["outcome"] == "unfinished"
    assert targets[rests]["endedAtMs"] is None


def test_the_period_is_this_day_unless_it_is_given(daemon: Daemon) -> None:
    report = daemon.get("/v1/report")
    assert report["sinceMs"] == report["nowMs"] - report["nowMs"] % DAY_MS
    assert report["untilMs"] is None
    before = daemon.get(f"/v1/report?since=1&until={LONG_AGO_MS}")
    assert {name: before[name] for name in ("totals", "pairs", "days", "targets", "next")} == {
        "totals": [], "pairs": [], "days": [], "targets": [], "next": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("since=0", "1 to"),
        ("until=x", "1 to"),
        ("limit=1001", "1 to 1000"),
        ("day=1", "since, until, limit, cursor"),
        ("until=1600000000000", "after since"),
        ("since=2000&until=2000", "after since"),
        (f"since={MAX_CURSOR}&until=1999", "after since"),
    ],
)
def test_a_wrong_query_is_refused_with_what_is_allowed(daemon: Daemon, query: str, named: str) -> None:
    refused = daemon.ask("GET", f"/v1/report?{query}")
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert named in refused.json["allowed"]


async def test_what_is_spent_of_the_daily_limit_is_what_the_guard_counts(api: Api) -> None:
    assert value_of(await api.ask("GET", "/v1/report"))["dailyLimit"] is None
    rules = api.context.engine.state.rules
    guards = replace(rules.config.guards, max_notional_per_day=100.0)
    api.context.engine.reload(replace(rules, config=replace(rules.config, guards=guards)))
    await api.ask("POST", "/v1/signals", market_buy(), headers={"Prefer": "wait=5"})
    await api.ask("POST", "/v1/signals", market_buy(symbol="ETHUSDT", executeAt=wall_ms() + 3_600_000))
    limit = value_of(await api.ask("GET", "/v1/report"))["dailyLimit"]
    assert limit["dayAtMs"] % DAY_MS == 0
    assert {name: limit[name] for name in ("spent", "limit", "asset", "unpriced")} == {
        "spent": "50", "limit": "100", "asset": "USDT", "unpriced": None,
    }  # fmt: skip


async def finished(api: Api, count: int) -> int:
    """Write filled orders of this day to the disk; return when they ended."""
    now_ms = wall_ms()
    orders = [
        making.order(
            number,
            state=State.FILLED,
            executed_quantity=D(1),
            executed_quote=D(25),
            accepted_ms=now_ms,
            updated_ms=now_ms,
            finished_ms=now_ms,
        )
        for number in range(1, count + 1)
    ]
    await api.context.engine.store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
    return now_ms


async def test_others_have_their_turns_between_the_pieces_of_a_long_report(api: Api) -> None:
    now_ms = await finished(api, MANY)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count_turns)
        found = value_of(await api.ask("GET", "/v1/report", query={"since": str(now_ms)}))
        tasks.cancel_scope.cancel()
    [whole] = found["totals"]
    assert (whole["buys"]["filled"], whole["boughtValue"], whole["feesUnknown"]) == (MANY, str(25 * MANY), MANY)
    assert turns >= 2 * MANY // VIEWED, "read, and added up"


async def test_pages_of_targets_follow_one_another_and_the_sums_are_of_the_whole_period(api: Api) -> None:
    now_ms = await finished(api, 25)
    seen: list[str] = []
    query = {"since": str(now_ms), "until": str(now_ms + 1), "limit": "10"}
    while True:
        page = value_of(await api.ask("GET", "/v1/report", query=query))
        assert page["totals"][0]["buys"]["filled"] == 25
        seen += [each["snipeTargetId"] for each in page["targets"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"T{number}" for number in range(25, 0, -1)]
