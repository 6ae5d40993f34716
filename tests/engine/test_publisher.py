"""The publisher: what it emits once a decision is on disk."""

import anyio
import anyio.lowlevel

from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import TradingState
from daemon.core.values.events import Event
from daemon.engine.publisher import PIECE, SLOW_COMMIT_MS, Publisher
from daemon.engine.turns import Turns
from daemon.store.commit import Commit
from tests.core.making import RULES, order
from tests.exchange.mexc.clocks import LoopClock


async def told_of(*commits: Commit) -> list[Event]:
    """Publish one decision per commit, all durable already; return what was emitted."""
    told: list[Event] = []
    publisher = Publisher(TradingState(RULES, lambda _: (), lambda _: None), LoopClock(), told.append, Turns())
    marks = [Event(name="order.replayed", at_ms=0) for _ in commits]
    for commit, mark in zip(commits, marks, strict=True):
        publisher.publish_after(ChangeSet(notes=[mark]), commit)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publisher.run)
            while sum(event in marks for event in told) < len(marks):
                await anyio.wait_all_tasks_blocked()
                publisher.flush()
            tasks.cancel_scope.cancel()
    return [event for event in told if event not in marks]


def ended(took_ms: float) -> Commit:
    commit = Commit()
    commit.took_s = took_ms / 1_000
    commit.end()
    return commit


async def test_a_slow_commit_is_reported_once_for_all_its_decisions() -> None:
    slow = ended(SLOW_COMMIT_MS + 50)
    told = await told_of(slow, slow, ended(SLOW_COMMIT_MS), slow)
    assert [event.name for event in told] == ["store.slow_commit", "store.slow_commit"]
    assert told[0].detail == {"took_ms": SLOW_COMMIT_MS + 50, "rows": 0}


async def test_other_tasks_run_between_the_pieces_of_many_events() -> None:
    emitted = 0
    at_turns: list[int] = []

    def emit(_: Event) -> None:
        nonlocal emitted
        emitted += 1

    async def others() -> None:
        while emitted < len(events):
            at_turns.append(emitted)
            await anyio.lowlevel.checkpoint()

    events = [Event(name="order.replayed", at_ms=0)] * (5 * PIECE)
    publisher = Publisher(TradingState(RULES, lambda _: [], lambda _: None), LoopClock(), emit, Turns())
    publisher.publish_after(ChangeSet(notes=events), ended(1))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publisher.run)
            await others()
            tasks.cancel_scope.cancel()
    assert set(at_turns) == {0, PIECE, 2 * PIECE, 3 * PIECE, 4 * PIECE}


async def test_other_tasks_run_between_many_decisions_of_one_commit() -> None:
    publisher = Publisher(TradingState(RULES, lambda _: [], lambda _: None), LoopClock(), lambda _: None, Turns())
    woken = 0
    at_turns: list[int] = []

    async def wait(order_id: str) -> None:
        nonlocal woken
        await publisher.changed(order_id)
        woken += 1

    changed = [order(seq=number, order_id=f"{number}", key=f"{number}") for number in range(3 * PIECE)]
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for each in changed:
                tasks.start_soon(wait, each.order_id)
            await anyio.wait_all_tasks_blocked()
            for each in changed:
                publisher.publish_after(ChangeSet(orders={each.order_id: each}), ended(1))
            tasks.start_soon(publisher.run)
            while woken < len(changed):
                at_turns.append(woken)
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert set(at_turns) == {0, PIECE, 2 * PIECE}
