"""Signals and orders through the client."""

from decimal import Decimal
from pathlib import Path

import anyio
import msgspec
import pytest

from daemon.client import (
    Client,
    Halted,
    Invalid,
    KeyConflict,
    Refused,
    Unknown,
    Unreachable,
    WrongState,
)
from tests.process.client.signals import buy, resting
from tests.support import Daemon, Exchange, wall_ms


async def test_a_signal_is_answered_with_its_outcome(client: Client, exchange: Exchange) -> None:
    order = await client.submit(buy())
    [placed] = exchange.orders(order.id)
    assert (order.state, order.exchange_order_id, order.replayed) == ("filled", placed["orderId"], False)
    assert (order.placed, order.not_placed, order.unknown, order.outcome_known) == (True, False, False, True)
    assert Decimal(order.executed_quantity) == Decimal(placed["executedQty"])
    assert await client.order(order.id) == order


async def test_a_target_is_bought_once_also_by_a_program_that_was_restarted(client: Client, daemon: Daemon) -> None:
    signal = buy()
    first = await client.submit(signal)
    async with Client(daemon.signals) as restarted:
        again = await restarted.submit(signal)
    assert (again.id, first.replayed, again.replayed) == (first.id, False, True)


async def test_each_submit_without_target_is_a_new_order_unless_it_has_a_key(client: Client, daemon: Daemon) -> None:
    signal = buy(snipe_target_id=None)
    first, second = await client.submit(signal), await client.submit(msgspec.structs.replace(signal, allow_repeat=True))
    assert first.id != second.id
    assert first.idempotency_key != second.idempotency_key
    named = buy(idempotency_key=f"mine-{daemon.process.pid}")
    orders = [await client.submit(named) for _ in range(2)]
    assert orders[0].id == orders[1].id
    assert [order.replayed for order in orders] == [False, True]


async def test_a_resting_order_is_an_outcome_and_can_be_cancelled(client: Client, daemon: Daemon) -> None:
    order = await client.submit(resting())
    assert (order.state, order.outcome_known) == ("open", True)
    assert (await client.cancel(order.id, "no more")).id == order.id
    await anyio.to_thread.run_sync(daemon.until, order.id, "canceled")
    assert (await client.cancel(order.id)).state == "canceled"
    filled = await client.submit(buy())
    with pytest.raises(WrongState):
        await client.cancel(filled.id)


async def test_a_wait_that_ends_before_the_outcome_returns_the_current_order(client: Client) -> None:
    order = await client.submit(buy(execute_at=wall_ms() + 3_600_000), wait_s=0.05)
    assert (order.state, order.outcome_known) == ("queued", False)
    assert (await client.cancel(order.id)).state == "withdrawn"


async def test_everything_about_an_order_is_explained(client: Client) -> None:
    order = await client.submit(buy())
    explanation = await client.explain(order.id)
    assert explanation.order == order
    assert explanation.events[0]["name"] == "order.accepted"
    assert len(explanation.attempts) == 1
    assert "filled" in explanation.next["what"]


async def test_the_daemons_status_is_read(client: Client) -> None:
    status = await client.status()
    assert (status.stage, status.halted, status.mode) == ("ready", None, "live")


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [({"priority": 11}, Invalid, "priority"), ({"side": "HOLD"}, Invalid, "side")],
    ids=["a number", "a word"],
)
async def test_an_invalid_signal_is_refused_with_its_field_and_what_is_allowed(
    client: Client, changes: dict[str, object], refusal: type[Refused], field: str
) -> None:
    with pytest.raises(refusal) as told:
        await client.submit(buy(**changes))
    assert (told.value.code, told.value.field, told.value.status) == ("invalid", field, 400)
    assert told.value.allowed


async def test_a_key_conflict_and_an_unknown_order_are_different_errors(client: Client) -> None:
    signal = buy(idempotency_key="one payload")
    await client.submit(signal)
    with pytest.raises(KeyConflict):
        await client.submit(msgspec.structs.replace(signal, quote_order_qty="26"))
    with pytest.raises(Unknown):
        await client.order("no such/order?")


async def test_a_halted_daemon_refuses(client: Client, daemon: Daemon) -> None:
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a test"})
    try:
        with pytest.raises(Halted, match="a test"):
            await client.submit(buy())
    finally:
        daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})


async def test_without_an_answer_the_error_has_the_key(tmp_path: Path) -> None:
    async with Client(tmp_path / "nobody.sock", retry_s=0.1) as client:
        with pytest.raises(Unreachable) as told:
            await client.submit(buy(idempotency_key="later"))
    assert told.value.key == "later"
