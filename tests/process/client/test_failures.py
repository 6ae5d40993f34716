"""The daemon is killed, frozen or not running yet, and the client handles it."""

from collections.abc import AsyncIterator

import anyio
import pytest

from daemon.client import Client, Invalid, Order, Unreachable
from tests.process.client.cutting import cutter
from tests.process.client.signals import buy
from tests.support import Daemon, Exchange, wall_ms
from tests.support.stage import Stage


@pytest.fixture
def own_exchange(own_stage: Stage) -> Exchange:
    return own_stage.exchange()


@pytest.fixture
def own_daemon(own_stage: Stage, own_exchange: Exchange) -> Daemon:
    daemon = own_stage.daemon(own_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
async def own_client(own_daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(own_daemon.signals) as client:
        yield client


async def test_a_kill_between_submit_and_answer_makes_one_order(
    own_client: Client, own_daemon: Daemon, own_exchange: Exchange
) -> None:
    """Killed while the exchange holds the request, the daemon starts again, and finds what became of it."""
    told: list[Order] = []

    async def submit() -> None:
        told.append(await own_client.submit(buy(deadline_ms=60_000)))

    async with anyio.create_task_group() as tasks:
        with own_exchange.frozen():
            tasks.start_soon(submit)
            sent = await anyio.to_thread.run_sync(own_daemon.wait_for, "order.sent")
            own_daemon.kill()
        await anyio.to_thread.run_sync(own_daemon.start)
    [order] = told
    assert (order.id, order.state, order.replayed) == (sent["order_id"], "filled", False)
    [placed] = own_exchange.orders()
    assert placed["clientOrderId"] == order.client_order_id


async def test_a_signal_waits_for_a_daemon_that_is_not_running_yet(
    own_client: Client, own_daemon: Daemon, own_exchange: Exchange
) -> None:
    own_daemon.kill()
    told: list[Order] = []

    async def submit() -> None:
        told.append(await own_client.submit(buy(deadline_ms=60_000)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(submit)
        await anyio.to_thread.run_sync(own_daemon.start)
    assert told[0].state == "filled"
    assert len(own_exchange.orders()) == 1


async def test_a_repeated_signal_keeps_its_deadline(
    own_client: Client, own_daemon: Daemon, own_exchange: Exchange
) -> None:
    own_daemon.kill()
    told: list[Invalid] = []

    async def submit() -> None:
        with pytest.raises(Invalid, match="has expired") as refused:
            await own_client.submit(buy(deadline_ms=1))
        told.append(refused.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(submit)
        await anyio.to_thread.run_sync(own_daemon.start)
    assert told[0].field == "executeAt", "the instant of the first sending"
    assert own_exchange.orders() == []


async def test_the_time_for_repetitions_is_bounded(own_daemon: Daemon, own_exchange: Exchange) -> None:
    own_daemon.kill()
    async with Client(own_daemon.signals, retry_s=0.2) as client:
        with pytest.raises(Unreachable), anyio.fail_after(10):
            await client.submit(buy(), wait_s=100)
        with pytest.raises(Unreachable), anyio.fail_after(10):
            await client.status()
    assert own_exchange.orders() == []


async def test_a_request_whose_answer_is_lost_is_repeated(own_daemon: Daemon, own_exchange: Exchange) -> None:
    path = own_daemon.directory / "cut.sock"
    async with cutter(path, own_daemon.signals) as between, Client(path) as client:
        between.cuts = 2
        order = await client.submit(buy())
        assert (order.state, order.replayed) == ("filled", False)
        assert len(own_exchange.orders()) == 1
        between.cuts = 1
        assert (await client.status()).stage == "ready"


async def test_a_repeated_cancel_returns_the_cancelled_order(own_daemon: Daemon) -> None:
    path = own_daemon.directory / "cut.sock"
    async with cutter(path, own_daemon.signals) as between, Client(path) as client:
        order = await client.submit(buy(execute_at=wall_ms() + 3_600_000), wait_s=0)
        between.cuts = 1
        assert (await client.cancel(order.id)).state == "withdrawn"


async def test_a_lock_whose_grant_or_release_is_lost_is_one_lock(own_daemon: Daemon) -> None:
    path = own_daemon.directory / "cut.sock"
    async with cutter(path, own_daemon.signals) as between, Client(path) as client:
        between.cuts = 1
        async with client.lock("resource", "me") as lock:
            assert len(own_daemon.get("/v1/locks")["locks"]) == 1
            between.cuts = 1
            lock.result = "done"
        assert own_daemon.get(f"/v1/locks/{lock.lease.lock_id}")["result"] == "done"
        between.cuts = 0
        with pytest.raises(ZeroDivisionError):
            async with client.lock("resource", "me") as lock:
                between.cuts = 1
                raise ZeroDivisionError
        assert own_daemon.get(f"/v1/locks/{lock.lease.lock_id}")["status"] == "failed"
