"""A daemon that starts again with another configuration: orders stay known, and locks stay held."""

from typing import Any

import pytest

from tests.support import Exchange
from tests.support.signals import market_buy, market_sell
from tests.support.stage import Stage

SYMBOL, TARGET = {"locks": {"scope": "symbol"}}, {"locks": {"scope": "target"}}
LOOKS = ("order", "openOrders", "allOrders", "myTrades")
NOBODY_THERE = "http://127.0.0.1:9"
POLLS = {"poller": {"enabled": True, "base_url": NOBODY_THERE, "user_id": "u1"}}
POLLS_NOT = {"poller": {"enabled": False}}


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """The exchange, with an empty book."""
    return own_stage.exchange()


@pytest.mark.parametrize(
    ("before", "after"),
    [(TARGET, SYMBOL), (SYMBOL, TARGET), (POLLS_NOT, POLLS), (POLLS, POLLS_NOT)],
    ids=["target to symbol", "symbol to target", "polling on", "polling off"],
)
@pytest.mark.parametrize("kind", ["buy", "sell", "buy without target"])
def test_a_signal_without_a_key_is_not_traded_twice(
    own_stage: Stage, exchange: Exchange, before: dict[str, Any], after: dict[str, Any], kind: str
) -> None:
    signal = {"buy": market_buy(), "sell": market_sell(), "buy without target": market_buy(snipeTargetId=None)}[kind]
    daemon = own_stage.daemon(exchange, before)
    daemon.start(with_rules=True)
    first = daemon.submit(signal, wait_s=10).json
    assert first["state"] == "filled"
    daemon.kill()
    daemon.configure(after)
    daemon.start()
    again = daemon.submit(signal, wait_s=10)
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, first["id"], True)
    assert len(exchange.orders()) == len(exchange.arrivals()) == 1


@pytest.mark.parametrize(("before", "after"), [(TARGET, SYMBOL), (SYMBOL, TARGET)], ids=["to symbol", "to target"])
def test_an_unknown_outcome_blocks_the_symbol_under_another_lock_scope(
    own_stage: Stage, exchange: Exchange, before: dict[str, Any], after: dict[str, Any]
) -> None:
    daemon = own_stage.daemon(exchange, before)
    daemon.start(with_rules=True)
    exchange.inject("reply_lost", *({"kind": "error_before", "endpoint": f"GET /api/v3/{each}"} for each in LOOKS))
    doubtful = daemon.accept(market_buy(snipeTargetId="s1"))
    daemon.until(doubtful, "in_doubt")
    daemon.configure(after)
    daemon.restart()
    behind = daemon.accept(market_buy(snipeTargetId="s1", quoteOrderQty="26", deadlineMs=60_000))
    other = daemon.accept(market_buy(symbol="ETHUSDT"))
    daemon.wait_for("order.placed", order_id=other)
    assert daemon.order(behind)["state"] == "queued"
    assert doubtful in daemon.explain(behind)["next"]["what"]
    assert exchange.arrivals(behind) == []
    exchange.inject()
    daemon.until(doubtful, "filled")
    daemon.until(behind, "filled")
