"""The start: what is decided before the first order is sent."""

import sqlite3
from pathlib import Path
from threading import Event

import anyio
import pytest

from daemon.core.values.states import State
from daemon.core.verbs.intake import Accepted
from daemon.engine import engine
from daemon.engine.lease_commands import Granted
from daemon.engine.order_commands import Caller
from daemon.errors import NotReady
from daemon.store import check, opening
from tests.api.api_in_process import Api, running
from tests.core.making import lease, request

BOT = Caller(actor="bot", administrator=False)


async def test_a_signal_waits_for_the_check_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a check takes long, as with a million orders, signals are neither refused nor decided by damaged data."""
    is_over = Event()

    def check_later(connection: sqlite3.Connection, path: Path, *, decisive: bool) -> None:
        is_over.wait()
        opening.check(connection, path, decisive=decisive)

    monkeypatch.setattr(check, "check", check_later)
    monkeypatch.setattr(engine, "CHECK_WAIT_S", 0)
    async with running(tmp_path / "x.db") as api:
        try:
            orders, leases = api.context.order_commands, api.context.lease_commands
            answers: list[Accepted] = []

            async def submit() -> None:
                answers.append(await orders.submit(request(symbol="BTCUSDT"), BOT))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(submit)
                await anyio.wait_all_tasks_blocked()
                assert orders.try_submit(request(symbol="ETHUSDT"), BOT) is None
                assert not api.context.engine.state.orders
                with pytest.raises(NotReady):
                    leases.ask(lease(), waits=False)
                assert answers == []
                is_over.set()
            assert (await orders.outcome(answers[0].order, wait_s=10)).state is State.FILLED
            assert isinstance(leases.ask(lease(), waits=False), Granted)
        finally:
            is_over.set()


async def test_what_waited_for_an_owner_is_accepted_before_the_first_order_is_sent(tmp_path: Path) -> None:
    """In a fleet, signals wait while there is no owner. The new one serves all of them by rank."""
    accepted: list[Accepted] = []
    is_over = anyio.Event()

    async def backlog(api: Api) -> None:
        orders, state = api.context.order_commands, api.context.engine.state
        accepted.extend([await orders.submit(request(symbol=each), BOT) for each in ("BTCUSDT", "ETHUSDT")])
        assert [state.orders[each.order.order_id].state for each in accepted] == [State.QUEUED, State.QUEUED]
        is_over.set()

    async with running(tmp_path / "x.db", backlog) as api:
        await is_over.wait()
        orders = api.context.order_commands
        assert [(await orders.outcome(each.order, wait_s=10)).state for each in accepted] == [State.FILLED] * 2
