"""Events through the client: typed, and complete through lost connections and restarts."""

from pathlib import Path

import anyio
import pytest

from daemon.client import Client, Event, Reset, Unreachable
from tests.process.client.signals import buy
from tests.support import Daemon, Exchange
from tests.support.stage import Stage


async def names_until_filled(client: Client, after: str, order_id: str) -> list[str]:
    """Return the names of an order's events, from one on to the one that filled it."""
    names = []
    with anyio.fail_after(15):
        async for event in client.events(after, order_id=order_id):
            assert isinstance(event, Event)
            assert event.order_id == order_id
            names.append(event.name)
            if event.state == "filled":
                return names
    raise AssertionError(names)


async def position(client: Client) -> str:
    """Return the oldest position that the daemon holds."""
    async for event in client.events("0"):
        assert isinstance(event, Reset)
        return event.position
    raise AssertionError("the stream ended")


async def test_the_events_of_an_order_arrive_from_acceptance_to_fill(client: Client) -> None:
    start = await position(client)
    order = await client.submit(buy())
    names = await names_until_filled(client, start, order.id)
    assert names[:2] == ["order.accepted", "order.sent"]


async def test_events_are_typed_and_continue_after_any_event(client: Client, daemon: Daemon) -> None:
    start = await position(client)
    order = await client.submit(buy())
    async for event in client.events(start, name="order.sent", order_id=order.id):
        assert isinstance(event, Event)
        assert (event.name, event.state, event.level, event.actor) == ("order.sent", "in_flight", "info", "daemon")
        assert event.detail["attempt"] == 1
        assert event.client_order_id == daemon.order(order.id)["clientOrderId"]
        start = event.id
        break
    assert "order.sent" not in await names_until_filled(client, start, order.id)


async def test_without_a_position_the_stream_begins_now(daemon: Daemon, client: Client) -> None:
    order = await client.submit(buy())
    daemon.wait_for("order.accepted", order_id=order.id)  # events arrive shortly after the answer
    heard = []
    with anyio.move_on_after(15):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_submit_on, client)
            async for event in client.events(name="order.accepted"):
                assert isinstance(event, Event)
                heard.append(event.order_id)
                tasks.cancel_scope.cancel()
                break
    assert heard
    assert heard != [order.id]


async def _submit_on(client: Client) -> None:
    """Submit until the event has been received."""
    while True:
        await client.submit(buy())


async def test_a_restart_is_reported_and_the_stream_continues(shared_stage: Stage, exchange: Exchange) -> None:
    daemon = shared_stage.daemon(exchange)
    daemon.start(with_rules=True)
    heard: list[str] = []
    async with Client(daemon.signals) as client:
        with anyio.fail_after(30):
            async for event in client.events("0"):
                heard.append("reset" if isinstance(event, Reset) else event.name)
                if heard.count("daemon.ready") == 2:
                    break
                if heard[-1] == "daemon.ready":
                    await anyio.to_thread.run_sync(daemon.restart)
    assert heard.count("reset") == 2
    assert heard[heard.index("reset", 1) + 1] == "daemon.starting"


async def test_a_stream_without_an_answer_ends_with_an_error(tmp_path: Path) -> None:
    async with Client(tmp_path / "none.sock", retry_s=0.05) as client:
        with pytest.raises(Unreachable):
            await anext(aiter(client.events()))
