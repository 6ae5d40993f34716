"""The start: what is accepted and what is sent before the database has passed its check."""

import sqlite3
from pathlib import Path
from threading import Event

import pytest

from daemon.core.values.states import State
from daemon.engine import engine
from daemon.engine.lease_commands import Granted
from daemon.engine.order_commands import Caller
from daemon.errors import NotReady
from daemon.store import check, opening
from tests.api.api_in_process import running
from tests.core.making import lease, request

BOT = Caller(actor="bot", administrator=False)


async def test_a_signal_is_accepted_during_the_check_of_the_database_and_sent_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that takes long, as with a million orders, delays no acknowledgement. Nothing is sent before its end."""
    is_over = Event()

    def check_later(connection: sqlite3.Connection, path: Path, *, decisive: bool) -> None:
        is_over.wait()
        opening.check(connection, path, decisive=decisive)

    monkeypatch.setattr(check, "check", check_later)
    monkeypatch.setattr(engine, "CHECK_WAIT_S", 0)
    async with running(tmp_path / "x.db") as api:
        try:
            orders, leases = api.context.order_commands, api.context.lease_commands
            order = (await orders.submit(request(symbol="BTCUSDT"), BOT)).order
            assert order.state is State.QUEUED
            assert not api.context.engine.state.open_attempts
            with pytest.raises(NotReady):
                leases.ask(lease(), waits=False)
            is_over.set()
            assert (await orders.outcome(order, wait_s=10)).state is State.FILLED
            assert isinstance(leases.ask(lease(), waits=False), Granted)
        finally:
            is_over.set()
