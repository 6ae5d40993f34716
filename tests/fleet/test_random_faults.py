"""Members under random faults, from a seed: kills, cuts, lost answers, an exchange out of reach, takeovers by order.

Two promises. An owner knows everything that was acknowledged before it decides: the log's fence. A member that takes
over because a lease has ended does so when no other can sign any more: the lease's fence.
"""

from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random

import anyio
import pytest
from anyio.abc import TaskGroup

from daemon.errors import CommitFailed, WrongState
from daemon.fleet.entries import decode
from daemon.fleet.memory import MemoryDatabase
from daemon.fleet.port import Position
from tests.exchange.mexc.clocks import LoopClock, in_virtual_time
from tests.fleet.machines import ACCOUNT, Machine, Process, exchange_ms
from tests.simulation.seams import Dead

LASTS_S = 20
OPERATIONS = ("append", "read", "lease", "take", "renew", "notices", "report")
SEEDS = range(3)


class Trial:
    """Three machines, a client, and the faults."""

    def __init__(self, seed: int, directory: Path, *, fences_the_log: bool = True) -> None:
        self.dice = Random(seed)  # noqa: S311  # for faults
        self.shared = MemoryDatabase(LoopClock().now_ms, account=ACCOUNT, fences_the_log=fences_the_log)
        self.machines = [Machine(self.shared, directory, name) for name in ("a", "b", "c")]
        self.running: dict[str, Process] = {}
        self.acknowledged: list[int] = []
        self.broken: list[str] = []
        self.takeovers: list[str] = []
        self._asked = 0

    async def run(self) -> None:
        """Run it to its end, and let everything settle."""
        with anyio.move_on_after(LASTS_S):
            async with anyio.create_task_group() as tasks:
                for machine in self.machines:
                    tasks.start_soon(self._live, machine)
                tasks.start_soon(self._ask, tasks)
                tasks.start_soon(self._disturb)

    async def _live(self, machine: Machine) -> None:
        """Start the machine's process again and again."""
        while True:
            async with machine.running() as process, anyio.create_task_group() as tasks:
                self.running[machine.terms.name] = process
                tasks.start_soon(self._judge_takeover, process)
                await process.ended.wait()
                tasks.cancel_scope.cancel()
            del self.running[machine.terms.name]
            await anyio.sleep(self.dice.uniform(0, 2))

    async def _judge_takeover(self, process: Process) -> None:
        owned = await process.member.stand_by()
        takeover = process.member.copy.last_takeover
        assert takeover is not None
        self.takeovers.append(takeover.takeover.reason)
        if takeover.takeover.reason not in {"the former owner's lease had ended", "the former owner handed it over"}:
            return
        if exchange_ms() <= owned.former_until_ms:
            self.broken.append(f"epoch {owned.lease.epoch} began before {owned.former_until_ms}")
        for other in self.running.values():
            if other is not process and other.member.lease.until_ms >= exchange_ms():
                self.broken.append(f"epoch {owned.lease.epoch} began, and {other.member.terms.name} may still sign")

    async def _ask(self, tasks: TaskGroup) -> None:
        """Ask every member that takes itself for the owner to decide something."""
        while True:
            await anyio.sleep(self.dice.uniform(0.02, 0.3))
            for process in [each for each in self.running.values() if each.member.is_owner]:
                self._asked += 1
                tasks.start_soon(self._decide, process, self._asked)

    async def _decide(self, process: Process, number: int) -> None:
        before = [*self.acknowledged]
        try:
            await process.commit(number)
        except CommitFailed:
            return
        self.acknowledged.append(number)
        try:
            missing = [each for each in before if not await process.has(each)]
        except Dead:
            return
        if missing:
            self.broken.append(f"{process.member.terms.name} decided {number} without {missing}")

    async def _disturb(self) -> None:
        faults = (self._kill, self._cut, self._lose_answers, self._hide_exchange, self._deceive, self._order)
        while True:
            await anyio.sleep(self.dice.uniform(0.5, 3))
            if self.running:
                await self.dice.choice(faults)(self.dice.choice([*self.running.values()]))

    async def _kill(self, process: Process) -> None:
        process.kill()

    async def _cut(self, process: Process) -> None:
        process.cable.is_cut = True
        await anyio.sleep(self.dice.uniform(0.2, 8))
        process.cable.is_cut = process.ended.is_set()

    async def _lose_answers(self, process: Process) -> None:
        process.cable.loses_answers_of = {*self.dice.sample(OPERATIONS, 2)}
        await anyio.sleep(self.dice.uniform(0.2, 3))
        process.cable.loses_answers_of = set()

    async def _hide_exchange(self, process: Process) -> None:
        process.reaches_exchange = False
        await anyio.sleep(self.dice.uniform(0.2, 8))
        process.reaches_exchange = True

    async def _deceive(self, process: Process) -> None:
        """Let it append, and not learn that it was replaced."""
        process.cable.loses = {"renew", "lease", "notices"}
        await anyio.sleep(self.dice.uniform(3, 12))
        process.cable.loses = set()

    async def _order(self, process: Process) -> None:
        """Let a standby take over before the lease ends, or the owner hand over."""
        if not process.member.is_owner:
            with suppress(WrongState):  # one is being carried out
                process.member.take("by order")
            return
        with anyio.move_on_after(2), suppress(CommitFailed):
            await process.member.hand_over(last_window_ms=0, reason="upgrade")
        process.kill()

    def check_log(self) -> None:
        """Check that the log is one history with everything that was acknowledged, once."""
        position, numbers = Position(), list[int]()
        for entry in self.shared.log:
            assert entry.follows(position)
            position = entry.position
            numbers += [order.seq for order in decode(entry.body).orders]
        assert len(numbers) == len({*numbers})
        assert {*self.acknowledged} <= {*numbers}


@in_virtual_time
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_owner_knows_what_was_acknowledged_and_no_two_sign_at_once(tmp_path: Path, seed: int) -> None:
    trial = Trial(seed, tmp_path)
    await trial.run()
    assert trial.broken == []
    trial.check_log()
    assert len(trial.acknowledged) > 20  # it was a fleet that worked
    assert len(trial.takeovers) > 1
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(machine.running()) for machine in trial.machines]
        await anyio.sleep(20)
        for process in processes:
            assert process.member.position == len(trial.shared.log)
            assert [number for number in trial.acknowledged if not await process.has(number)] == []


@in_virtual_time
async def test_without_the_logs_fence_an_owner_decides_without_knowing_what_was_acknowledged(tmp_path: Path) -> None:
    """The same faults find it, so the test above can fail."""
    for seed in range(2, 12):
        directory = tmp_path / str(seed)
        directory.mkdir()
        trial = Trial(seed, directory, fences_the_log=False)
        await trial.run()
        if any("decided" in each for each in trial.broken):
            return
    pytest.fail("no seed shows what the fence prevents")
