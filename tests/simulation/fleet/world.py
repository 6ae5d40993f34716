"""One schedule: bots, the members of a fleet on machines of their own, their database, and one exchange."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from random import Random
from typing import Any

from daemon.core.values.events import Event
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault
from tests.simulation.fleet.links import OwnClock, WatchedDatabase
from tests.simulation.fleet.machine import Machine, Surroundings
from tests.simulation.fleet.member import ALL, CONFIG, Fences
from tests.simulation.fleet.processes import FleetLoop
from tests.simulation.fleet.schedule import HEALED_S, Blow, Kind, Schedule, Wanted, draw
from tests.simulation.fleet.verdict import Records, Verdict, judge, waits
from tests.simulation.seams import EPOCH_MS

QUIET_S = 5.0
"""How long nothing is disturbed at the end: a take-over, and a search for what was in flight."""

PATIENCE_S = CONFIG.exchange.timeout_ms / 1_000
"""How much longer a schedule goes on while an order waits. A request that was lost just before everything was healed
takes the place of another order until it times out."""

LOOKS = 20
"""How often it is looked at whether an order still waits."""

ANSWER_S = 1.5
"""How long a bot waits for an answer before it sends its signal again, perhaps to another member."""

AGAIN_S = 0.3
FAULTS = (
    Fault("reply_lost", probability=0.06),
    Fault("error_after", probability=0.04),
    Fault("error_before", probability=0.03),
    Fault("request_lost", probability=0.03),
    Fault("invisible", probability=0.2, delay_ms=600),
    Fault("rate_limited", probability=0.01, retry_after_s=1),
)


class FleetWorld:
    """Everything of one schedule."""

    def __init__(
        self,
        seed: int,
        directory: Path,
        tell: Callable[[int, Event], None],
        *,
        members: int = 3,
        fences: Fences = ALL,
        schedule: Schedule | None = None,
    ) -> None:
        """Draw it.

        Args:
            seed: the schedule.
            directory: for the members' databases.
            tell: is called with the number of a member and each of its events.
            members: how many.
            fences: which fences are on; without one, the verdict must show what it prevents.
            schedule: what happens, instead of what the seed draws.

        """
        self._dice = Random(seed)  # noqa: S311  # a simulation
        self._schedule = schedule or draw(self._fork(), members, EPOCH_MS)
        self._loop = FleetLoop()
        self._book = Book()
        self._exchange = SimulatedExchange(self._book, rng=self._fork(), faults=FAULTS)
        self._records = Records()
        self._records.older = len(self._schedule.older)
        exchange_clock = OwnClock(self._loop, self._schedule.exchange_offset_ms)
        self._database = WatchedDatabase(
            OwnClock(self._loop, 1_300).now_ms, self._records.lease_set, fences_the_log=fences.log
        )
        around = Surroundings(
            self._loop,
            self._database,
            self._exchange,
            exchange_clock,
            self._book,
            self._records,
            self._schedule,
            fences,
        )
        self._machines = [
            Machine(number, directory / f"{seed}-{number}", around, self._fork(), tell) for number in range(members)
        ]

    @property
    def records(self) -> Records:
        """What was seen until now."""
        return self._records

    def run(self) -> Verdict:
        """Run the schedule, then judge it."""
        asyncio.set_event_loop(self._loop)
        try:
            return self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()
            asyncio.set_event_loop(None)
            self._book.close()

    async def _main(self) -> Verdict:
        tasks = [self._loop.outside(task) for task in self._tasks()]
        await asyncio.sleep(HEALED_S)
        self._exchange.set_faults([])
        for machine in self._machines:
            machine.heal()
        await asyncio.sleep(QUIET_S / 2)
        await self._resume()  # a halt whose caller was gone may have come late
        await asyncio.sleep(QUIET_S / 2)
        for _ in range(LOOKS):
            if not waits(self._database.log):
                break
            await asyncio.sleep(PATIENCE_S / LOOKS)
        self._records.errors += [f"{each.member_id} was not upgraded" for each in self._machines if each.is_old]
        self._records.errors += [repr(error) for task in tasks if task.done() and (error := task.exception())]
        verdict = judge(self._database.log, self._exchange.orders(), self._records)
        for machine in self._machines:
            machine.bury()
        await self._loop.end_tasks()
        return verdict

    def _tasks(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what happens, outside every process."""
        for machine in self._machines:
            yield machine.switch_on()
        for wanted in self._schedule.wanted:
            for member, after_s in wanted.doors:
                yield self._bot(wanted, member, wanted.at_s + after_s)
        for blow in self._schedule.blows:
            yield self._strike(blow)

    # Bots

    async def _bot(self, wanted: Wanted, member: int, at_s: float) -> None:
        """Send a signal until it is acknowledged, to one member after the other."""
        await asyncio.sleep(at_s)
        until_s = self._loop.time() + wanted.gives_up_s
        while self._loop.time() < until_s:
            answer = await self._machines[member].ask(lambda running: running.submit(wanted.number), ANSWER_S)
            if answer is not None:
                self._records.acknowledged.setdefault(wanted.number, set()).add(answer)
                return
            member = (member + 1) % len(self._machines)
            await asyncio.sleep(AGAIN_S)

    # Blows

    async def _strike(self, blow: Blow) -> None:
        await asyncio.sleep(blow.at_s)
        machine = self._machines[blow.member] if blow.member is not None else self._owner()
        self._records.blows[blow.kind] += 1
        match blow.kind:
            case Kind.KILL | Kind.LOSE:
                await _kill(machine, blow)
                if blow.kind is Kind.LOSE:
                    machine.lose_disk()
                await machine.switch_on()
            case Kind.UPGRADE:
                await _upgrade(machine, blow)
            case Kind.STOP:
                machine.later(blow.steps, machine.stop)
                await asyncio.sleep(blow.for_s)
                machine.go_on()
            case Kind.TAKE:
                await self._take_from(machine)
            case Kind.SEIZE:
                machine.later(blow.steps, machine.stop)
                await asyncio.sleep(blow.for_s / 10)
                await self._take_from(machine)
                await asyncio.sleep(blow.for_s / 4)
                machine.go_on()
            case Kind.HAND_OVER:
                await machine.ask(lambda running: running.hand_over(), ANSWER_S)
            case Kind.HALT:
                await self._halt(self._machines[(machine.number + 1) % len(self._machines)], blow.for_s)
            case _:
                machine.disturb(blow)
                await asyncio.sleep(blow.for_s)
                machine.end(blow)

    async def _take_from(self, owner: Machine) -> None:
        other = self._machines[(owner.number + 1) % len(self._machines)]
        await other.ask(lambda running: running.take_by_force(), ANSWER_S)

    async def _halt(self, door: Machine, for_s: float) -> None:
        """Halt at one door, and resume at any that answers."""
        epoch = await door.ask(lambda running: running.halt(), ANSWER_S)
        if epoch is not None:
            self._records.halted_by = epoch
            await asyncio.sleep(min(for_s, 2))
        await self._resume()

    async def _resume(self) -> None:
        self._records.halted_by = None
        while self._loop.time() < HEALED_S + QUIET_S:
            for machine in self._machines:
                if await machine.ask(lambda running: running.resume(), ANSWER_S) is not None:
                    return
            await asyncio.sleep(AGAIN_S)

    def _owner(self) -> Machine:
        """Return the machine of the owner, as the database shows it; any before the first."""
        owner = self._database.lease.owner
        found = [machine for machine in self._machines if machine.member_id == owner]
        return found[0] if found else self._dice.choice(self._machines)

    def _fork(self) -> Random:
        return Random(self._dice.getrandbits(64))  # noqa: S311


async def _kill(machine: Machine, blow: Blow) -> None:
    machine.later(blow.steps, machine.kill)
    await asyncio.sleep(blow.for_s)
    machine.kill()


async def _upgrade(machine: Machine, blow: Blow) -> None:
    machine.install()
    if blow.is_hard:
        await _kill(machine, blow)
        await machine.switch_on()
        return
    machine.later(blow.steps, machine.terminate)
    await asyncio.sleep(blow.for_s)
    if machine.is_old:  # another blow took the place of this one
        machine.terminate()
