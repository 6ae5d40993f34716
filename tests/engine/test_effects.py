"""A decision is applied completely or the process ends: memory must never be ahead of what will be written."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from daemon.core.rules.trading_rules import Rules
from daemon.core.state.decision import Decision
from daemon.engine.engine import Engine
from daemon.errors import CommitFailed, InvariantBroken, Unknown
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import ManualClock


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine on a real database; these tests do not use the exchange."""
    async with open_store(tmp_path / "x.db") as store:
        nobody = cast("Any", SimpleNamespace(known_rules=lambda _: None))
        yield Engine(store=store, exchange=nobody, clock=ManualClock(), emit=lambda _: None, rules=Rules())


def fail(_: Decision, error: Exception) -> None:
    raise error


async def test_an_error_in_the_middle_of_a_decision_ends_the_process_with_its_reason(engine: Engine) -> None:
    with pytest.raises(OSError, match="read error"):
        engine.decide(fail, OSError("read error"))
    with anyio.fail_after(5), pytest.raises(InvariantBroken, match="OSError: read error"):
        await engine.effects.until_broken()


@pytest.mark.parametrize("harmless", [Unknown("no such order"), CommitFailed("full")], ids=["refusal", "failed commit"])
async def test_a_refusal_and_a_failed_commit_do_not_end_the_process(engine: Engine, harmless: Exception) -> None:
    with pytest.raises(type(harmless)):
        engine.decide(fail, harmless)
    with anyio.move_on_after(0.05) as scope:
        await engine.effects.until_broken()
    assert scope.cancelled_caught


async def test_an_error_of_the_look_at_what_is_due_ends_the_process(engine: Engine) -> None:
    def fail_to_look() -> None:
        raise OSError("no clock")

    executor, grant = engine.executor, engine.deliveries.grant
    engine.effects.wire(start=executor.start, price=executor.price, grant=grant, look_again=[fail_to_look])
    engine.decide(lambda _: None)
    with anyio.fail_after(5), pytest.raises(InvariantBroken, match="OSError: no clock"):
        await engine.effects.until_broken()
