"""A machine: a disk, a clock, ways to the outside, and a service manager that starts the member again when it ends."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from daemon.core.values.events import Event
from daemon.errors import BackendFailed, CommitFailed, Refusal
from daemon.fleet.port import Role
from daemon.fleet.takeover import Place
from daemon.fleet.terms import Terms
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.store.opening import prepare
from tests.simulation.fleet.links import (
    ACCOUNT,
    Cut,
    OwnBackend,
    OwnClock,
    OwnLink,
    WatchedDatabase,
    WatchedExchange,
    carrier,
)
from tests.simulation.fleet.member import LEASE_MS, RENEW_MS, Fences, Running
from tests.simulation.fleet.processes import FleetLoop, Process
from tests.simulation.fleet.schedule import NEWER, OLDER, Blow, Kind, Schedule
from tests.simulation.fleet.verdict import Admission, Records
from tests.simulation.seams import Disk, Distance, Network, Weather

EXPECTED = (CommitFailed, BackendFailed)
"""Errors that end a member's process by design: it was replaced, or the database does not answer."""

RESTART_S = (0.05, 0.4)

T = TypeVar("T")


class Surroundings(NamedTuple):
    """What all machines share."""

    loop: FleetLoop
    database: WatchedDatabase
    exchange: SimulatedExchange
    exchange_clock: OwnClock
    book: Book
    records: Records
    schedule: Schedule
    fences: Fences


class Machine:
    """One machine."""

    def __init__(
        self, number: int, stem: Path, around: Surroundings, dice: Random, tell: Callable[[int, Event], None]
    ) -> None:
        self.number = number
        self.member_id = f"member-{number}"
        self._stem = stem
        self._disks = 0
        self._around = around
        self._installed = OLDER if number in around.schedule.older else NEWER  # the release: the format of its entries
        self._runs = self._installed
        self._dice = dice
        self._tell = tell
        self._cut = Cut()
        self._weather = Weather()
        self._processes: list[Process] = []
        self._running: Running | None = None
        self._disk: Disk | None = None
        self._off = asyncio.Event()  # of the latest time for which it was switched on
        self._off.set()

    @property
    def is_old(self) -> bool:
        """Whether the latest process is of the older release."""
        return self._runs == OLDER

    async def switch_on(self) -> None:
        """Let the service manager run the member; return when it is killed.

        Each time has an event of its own: a machine that is switched on again at once must not run two processes,
        because the real daemon locks its database.
        """
        assert self._off.is_set()
        off = self._off = asyncio.Event()
        await asyncio.sleep(self._dice.uniform(0, 0.2))
        while not off.is_set():
            process = Process(self._around.loop)
            self._processes.append(process)
            task = process.start(self._live(process))
            killed = self._around.loop.outside(off.wait())
            await asyncio.wait([task, killed], return_when=asyncio.FIRST_COMPLETED)
            killed.cancel()
            if process.killed:
                return
            self._close()
            self._note(task.exception())
            await asyncio.sleep(self._dice.uniform(*RESTART_S))

    async def ask(self, work: Callable[[Running], Awaitable[T]], limit_s: float) -> T | None:
        """Have a caller's request answered; ``None`` if it is refused, or not answered in time."""
        running = self._running
        if running is None:
            return None
        task = self._processes[-1].start(_answered(work, running))
        await asyncio.wait([task], timeout=limit_s)
        if not task.done():
            task.cancel()  # its caller is gone
            return None
        return None if task.cancelled() else task.result()

    # Blows

    def later(self, steps: int | None, strike: Callable[[], None]) -> None:
        """Strike now, or before the process takes a step, after so many others."""
        if steps is None or not self._processes or self._processes[-1].killed:  # a dead one takes no step
            strike()
        else:
            self._processes[-1].after_steps(steps, strike)

    def kill(self) -> None:
        """Kill the process, as by SIGKILL, and switch the machine off, also while no process runs."""
        self._off.set()
        if self._processes and not self._processes[-1].killed:
            self._processes[-1].kill()
            self._close()

    def lose_disk(self) -> None:
        """Go on with an empty disk."""
        self._disks += 1

    def install(self) -> None:
        """Install the newer release: the next process is of it."""
        self._installed = NEWER

    def terminate(self) -> None:
        """Let the process end by itself, as by TERM; a stopped one hears of it when it goes on."""
        if self._running is not None:
            self._processes[-1].start(self._running.terminate())

    def stop(self) -> None:
        """Stop the process, as by SIGSTOP."""
        if self._processes:
            self._processes[-1].stop()

    def go_on(self) -> None:
        """Let it go on."""
        if self._processes:
            self._processes[-1].go_on()

    def disturb(self, blow: Blow) -> None:
        """Cut the ways to the outside, or make them worse."""
        if blow.kind in {Kind.CUT_DATABASE, Kind.CUT_BOTH}:
            self._cut.is_cut, self._cut.is_hard = True, blow.is_hard
        if blow.kind in {Kind.CUT_EXCHANGE, Kind.CUT_BOTH}:
            self._weather.refuses, self._weather.loses = blow.is_hard, 1.0
        if blow.kind is Kind.SLOW_DATABASE:
            self._cut.slow_s = 1.2
        if blow.kind is Kind.LOST_ANSWERS:
            self._cut.loses = 0.4

    def end(self, blow: Blow) -> None:
        """End a disturbance."""
        if blow.kind is not Kind.CUT_EXCHANGE:
            self._cut.heal()
        self._weather.clear_up()

    def heal(self) -> None:
        """End every disturbance."""
        self._cut.heal()
        self._weather.clear_up()
        self.go_on()

    def bury(self) -> None:
        """Let the tasks of all processes of this machine end without effect."""
        for process in self._processes:
            process.bury()
        self._close()

    # The process

    async def _live(self, process: Process) -> None:
        around, release = self._around, self._installed
        self._runs = release
        self._disk = Disk(
            _copied(f"{self._stem}-{self._disks}.db"), process, self._fork(), 0.002, is_copy=True, prepare=_is_prepared
        )
        link = OwnLink(self._cut, self._fork(), around.schedule.slowest_s)
        epochs: dict[str, int] = {}  # of the orders that this process has sent
        exchange = WatchedExchange(
            around.exchange,
            around.book,
            address=f"192.0.2.{self.number + 1}",
            admitted=lambda client_order_id, at_ms: around.records.admitted.append(
                Admission(client_order_id, epochs[client_order_id], at_ms)
            ),
            was_late=around.records.note_late,
        )

        def left(client_order_id: str) -> None:
            epoch = epochs[client_order_id] = running.epoch
            around.records.left(client_order_id, epoch)

        network = Network(
            exchange,
            around.exchange_clock,
            self._weather,
            self._fork(),
            carrier(around.loop),
            lambda method, target: _note_order(method, target, left),
            Distance(way_s=(0.001, around.schedule.farthest_s), opening_s=0.4),
        )
        running = self._running = Running(
            terms=self._terms(release if around.fences.format else NEWER),
            process=process,
            store=self._disk.store(),
            backend=OwnBackend(
                around.database, link, around.loop, lambda takeover: around.records.asked(takeover, release)
            ),
            clock=OwnClock(around.loop, around.schedule.offsets_ms[self.number]),
            network=network,
            dice=self._fork(),
            tell=self._note_event,
            fences=around.fences,
            signals=[wanted.request for wanted in around.schedule.wanted],
        )
        await running.run()

    def _terms(self, written_as: int) -> Terms:
        """Return as what the member takes part: a restart is on the same machine, unless its disk was lost."""
        return Terms(
            ledger="main",
            member=self.member_id,
            name=self.member_id,
            role=Role.MEMBER,
            version="1.0.0",
            configuration="the same",
            account=ACCOUNT,
            lease_ms=LEASE_MS,
            renew_ms=RENEW_MS,
            durability="single",
            place=Place("boot", self.number, self._disks),
            format=written_as,
        )

    def _note_event(self, event: Event) -> None:
        if event.name == "fleet.newer_log":
            self._around.records.note_stopped()
        self._tell(self.number, event)

    def _close(self) -> None:
        self._running = None
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def _note(self, error: BaseException | None) -> None:
        """Note why a process ended, if that was not by design."""
        for each in _leaves(error):
            if not isinstance(each, EXPECTED):
                self._around.records.crashes.append(f"{self.member_id}: {type(each).__name__}: {each}")

    def _fork(self) -> Random:
        return Random(self._dice.getrandbits(64))  # noqa: S311


@cache
def _new_database() -> bytes:
    """Return the bytes of a new database. To make one takes as long as the rest of a schedule."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "new.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            prepare(connection, path, is_copy=True)
        return path.read_bytes()


def _copied(name: str) -> Path:
    """Return the path of a database, which is made if it does not exist."""
    path = Path(name)
    if not path.exists():
        path.write_bytes(_new_database())
    return path


def _is_prepared(connection: sqlite3.Connection, _path: Path, *, is_copy: bool) -> None:  # noqa: ARG001
    """Set up a connection to such a database."""
    connection.row_factory = sqlite3.Row


async def _answered(work: Callable[[Running], Awaitable[T]], running: Running) -> T | None:
    try:
        return await work(running)
    except (Refusal, CommitFailed, BackendFailed):
        return None


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [] if error is None else [error]


def _note_order(method: str, target: str, left: Callable[[str], None]) -> None:
    if method == "POST" and target.startswith("/api/v3/order?"):
        left(target.partition("newClientOrderId=")[2].partition("&")[0])
