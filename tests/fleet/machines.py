"""Machines of a fleet in one process and in virtual time: members over real SQLite files and a database in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import anyio
import msgspec

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.errors import BackendFailed
from daemon.fleet.member import Member
from daemon.fleet.memory import Link, MemoryDatabase
from daemon.fleet.port import Lease, Role
from daemon.fleet.takeover import Place
from daemon.fleet.terms import Terms
from daemon.store.store import Store
from tests.exchange.mexc.clocks import LoopClock
from tests.simulation.seams import Disk, Life
from tests.support import making

LEASE_MS = 5_000
RENEW_MS = 1_000
ACCOUNT = "account of all machines"
EXCHANGE_AHEAD_MS = 7_000
"""The exchange's clock minus the machines'."""


class Cable(Link):
    """The way between a machine and the database, which a test may cut."""

    def __init__(self) -> None:
        self.is_cut = False
        self.loses: set[str] = set()
        self.loses_answers_of: set[str] = set()

    async def to_database(self, operation: str) -> None:
        await anyio.sleep(0.001)
        if self.is_cut or operation in self.loses:
            raise BackendFailed(f"{operation}: the cable is cut")

    async def from_database(self, operation: str) -> None:
        if operation in self.loses_answers_of:
            raise BackendFailed(f"no answer to {operation}")
        await self.to_database(operation)


class Process:
    """A running member."""

    def __init__(
        self, member: Member, store: Store, cable: Cable, life: Life, emitted: list[Event], copied: list[Event]
    ) -> None:
        self.member = member
        self.store = store
        self.cable = cable
        self.emitted = emitted
        self.copied = copied  # events of other members
        self.reaches_exchange = True
        self._life = life
        self.failure: BaseException | None = None
        self.ended = anyio.Event()

    def kill(self) -> None:
        """End it at once, at whatever point it is."""
        self._life.kill()
        self.cable.is_cut = True
        self.ended.set()

    async def commit(self, number: int) -> None:
        """Decide something, and wait until it is durable."""
        order = making.order(number)
        event = Event(name="order.accepted", at_ms=making.NOW_MS + number, order_id=order.order_id)
        await self.store.commit(ChangeSet(orders={order.order_id: order}, events=[event])).durable()

    async def has(self, number: int) -> bool:
        """Return whether an order is on this machine's disk."""
        return await self.store.order(making.order(number).order_id) is not None

    def names(self) -> list[str]:
        """Return the names of the events about this member."""
        return [event.name for event in self.emitted]


class Machine:
    """A machine with a database file."""

    def __init__(
        self, database: MemoryDatabase, directory: Path, name: str, role: Role = Role.MEMBER, *, account: str = ACCOUNT
    ) -> None:
        self.database = database
        self.path = directory / f"{name}.db"
        self.reaches_exchange = True
        self.terms = Terms(
            ledger="main", member=f"id-of-{name}", name=name, role=role, version="1.1.0",
            account=account, configuration="same", lease_ms=LEASE_MS, renew_ms=RENEW_MS, durability="single",
            place=Place("boot-1", 1, hash(name)),
        )  # fmt: skip

    def boots(self, boot_id: str) -> None:
        """Restart the machine."""
        self.terms = msgspec.structs.replace(self.terms, place=self.terms.place._replace(boot_id=boot_id))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """Run the member; its failure is kept in the process."""
        life, cable, clock, exchange_clock = Life(is_fragile=False), Cable(), LoopClock(), ExchangeClock()
        disk = Disk(self.path, life, Random(1), stalls=0.0, is_copy=True)  # noqa: S311  # for times of the disk
        store, emitted, copied = disk.store(), list[Event](), list[Event]()

        async def measure() -> bool:
            if process.reaches_exchange:
                now_ns = clock.now_ns()
                exchange_clock.sample(now_ns - 2 * NS_PER_MS, now_ns, exchange_ms() - 1, fresh_connection=False)
            return process.reaches_exchange

        process = Process(
            Member(
                self.terms, self.database.backend(cable), store, clock, exchange_clock=exchange_clock,
                measure=measure, emit=emitted.append, on_events=copied.extend,
            ),
            store, cable, life, emitted, copied,
        )  # fmt: skip

        process.reaches_exchange = self.reaches_exchange

        async def run() -> None:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(store.writer.run)
                    try:
                        await process.member.run()
                    finally:
                        store.writer.close()
            except BaseExceptionGroup as error:
                process.failure = first(error)
            finally:
                process.ended.set()

        with closing(disk):  # also when the machine is cancelled
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                try:
                    yield process
                finally:
                    cable.is_cut = True
                    store.writer.close()
                    tasks.cancel_scope.cancel()


def first(error: BaseException) -> BaseException | None:
    """Return the first error of a group that is no cancellation."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := first(each)) is not None), None)
    return error


def exchange_ms() -> int:
    """Return the exchange's time."""
    return LoopClock().now_ms() + EXCHANGE_AHEAD_MS


def database() -> MemoryDatabase:
    """Return an empty database."""
    return MemoryDatabase(LoopClock().now_ms, account=ACCOUNT)


async def elsewhere(work: Callable[..., Awaitable[object]], *args: object) -> None:
    """Run something with threads in a loop of its own: they and virtual time do not go together."""
    await anyio.to_thread.run_sync(lambda: anyio.run(work, *args))


async def owns(process: Process, within_s: float = 20.0) -> Lease:
    """Wait until a process owns the account."""
    with anyio.fail_after(within_s):
        owned = await process.member.stand_by()
    return owned.lease
