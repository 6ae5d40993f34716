"""A member of the fleet as its process runs it: it stands by, owns the account, and ends when it is replaced."""

from collections.abc import Callable, Sequence
from random import Random

import anyio
import msgspec

from daemon.config.credentials import PAPER
from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import GuardsTable, LaunchTable, QueueTable, ReconcileTable
from daemon.core.rules.lease_fence import held, owners_ms
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.events import Event
from daemon.core.values.signals import SignalRequest
from daemon.core.verbs import operator
from daemon.core.views.unanswered import admitted_until_ms
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.errors import CommitFailed, NotReady, Refusal
from daemon.exchange.mexc.client import MexcExchange
from daemon.fleet.calls import Calls, NotServed
from daemon.fleet.door import Door, HandedRequest, HandedResponse
from daemon.fleet.member import Member, Owned
from daemon.fleet.port import Backend
from daemon.fleet.takeover import ANY
from daemon.fleet.terms import Terms
from daemon.store.store import Store
from tests.simulation.fleet.links import OwnClock
from tests.simulation.fleet.processes import Process
from tests.simulation.seams import Network, VirtualTrigger

LEASE_MS, RENEW_MS, WINDOW_MS = 1_800, 300, 600
FORCED = "an administrator ordered it"
OK, CONFLICT = 200, 409
BOT = Caller(actor="bot", administrator=False)
OPERATOR = Caller(actor="operator", administrator=True)
CONFIG = Config(
    exchange=ExchangeTable(recv_window_ms=WINDOW_MS),
    queue=QueueTable(max_in_flight=4, drain_s=1.0),
    launch=LaunchTable(lead_ms=0),
    reconcile=ReconcileTable(startup_s=1.0),
    guards=GuardsTable(repeat_window_ms=0),
)


class Fences(msgspec.Struct, frozen=True):
    """Which fences are on. Without one, the schedules must show what it prevents."""

    log: bool = True
    lease: bool = True
    format: bool = True  # a member that meets an entry of a newer format never owns the account


ALL = Fences()


class Running:
    """One process of a member."""

    def __init__(
        self,
        *,
        terms: Terms,
        process: Process,
        store: Store,
        backend: Backend,
        clock: OwnClock,
        network: Network,
        dice: Random,
        tell: Callable[[Event], None],
        fences: Fences,
        signals: Sequence[SignalRequest],
    ) -> None:
        """Build it; a call refers to one of ``signals`` by its number."""
        self._process, self._store, self._clock, self._dice = process, store, clock, dice
        self._tell, self._fences, self._signals = tell, fences, signals
        self._exchange = MexcExchange(
            network.transport(process), PAPER, clock, CONFIG.exchange, dial=network.dialer(process)
        )
        self._member = Member(
            terms,
            backend,
            store,
            clock,
            exchange_clock=self._exchange.clock,
            measure=self._exchange.measure_clock,
            emit=tell,
            on_events=lambda _events: None,
            on_lease=self._extend,
        )
        self._door = Door(
            backend,
            terms.member,
            clock=clock,
            new_id=lambda: dice.randbytes(8).hex(),
            has_owner=lambda: bool(self._member.seen.lease.owner),
            epoch=lambda: self._member.seen.lease.epoch,
        )
        self._calls = Calls(backend, self._serve)
        self._member.listeners += [self._door.on_notice, self._calls.on_notice]
        self._engine: Engine | None = None
        self._commands: OrderCommands | None = None
        self._is_to_end = False
        self._standing_by = anyio.CancelScope()
        self.epoch = 0  # of this owner; 0: a standby

    # What callers of this member's sockets ask for

    async def submit(self, number: int) -> str | None:
        """Submit a signal; return its order's id."""
        return await self._ask("submit", str(number))

    async def halt(self) -> int | None:
        """Halt trading; return the epoch of the owner that did."""
        answer = await self._ask("halt")
        return None if answer is None else int(answer)

    async def resume(self) -> str | None:
        """Resume trading."""
        return await self._ask("resume")

    async def take_by_force(self) -> None:
        """Take the account before the owner's lease ends."""
        self._member.take(FORCED)

    async def hand_over(self) -> None:
        """Hand the account over, if this member owns it."""
        if self._engine is not None:
            self._engine.stop()

    async def terminate(self) -> None:
        """End, as at a TERM: an owner hands over."""
        self._is_to_end = True
        if self._engine is None:
            self._standing_by.cancel()
        else:
            self._engine.stop()

    async def _ask(self, route: str, body: str = "") -> str | None:
        if self._commands is not None:
            return await self._answer(self._commands, route, body)
        response = await self._door.hand_over(
            HandedRequest(
                route=route, method="POST", path="/", body=body.encode(), actor=BOT.actor, administrator=False
            ),
            is_repeatable=True,
        )
        return response.body.decode() if response.status == OK else None

    async def _serve(self, request: HandedRequest, may_leave: bool) -> HandedResponse:  # noqa: ARG002
        """Answer a door's call."""
        if self._commands is None:
            raise NotServed
        try:
            answer = await self._answer(self._commands, request.route, request.body.decode())
        except (CommitFailed, NotReady):
            raise NotServed from None
        except Refusal as refusal:
            return HandedResponse(status=CONFLICT, body=str(refusal).encode())
        return HandedResponse(status=OK, body=answer.encode())

    async def _answer(self, commands: OrderCommands, route: str, body: str) -> str:
        if route == "submit":
            request = self._signals[int(body)]
            submitted = commands.try_submit(request, BOT)
            if submitted is None:
                return (await commands.submit(request, BOT)).order.order_id
            accepted, commit = submitted
            await commit.durable()
            return accepted.order.order_id
        await commands.switch(operator.halt if route == "halt" else operator.resume, OPERATOR, "a look around")
        return str(self.epoch)

    # The process

    async def run(self) -> None:
        """Run until another member owns the account, this one has handed it over, or it was told to end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._store.writer.run)
            try:
                tasks.start_soon(self._member.run)
                tasks.start_soon(self._door.run)
                owned: Owned | None = None
                with self._standing_by:
                    owned = await self._member.stand_by()
                if owned is not None:
                    await self._own(owned, tasks)
                tasks.cancel_scope.cancel()
            finally:
                self._store.writer.close()

    async def _own(self, owned: Owned, tasks: anyio.abc.TaskGroup) -> None:
        """Trade until the process is to end, then hand over."""
        self.epoch = owned.lease.epoch
        remembered = msgspec.structs.replace(await self._store.remembered(), former_until_ms=owned.former_until_ms)
        known, last_ms = self._exchange.clock.known, max(remembered.last_ms, owned.last_ms)
        assert known is not None
        self._clock.begin(owners_ms(known, self._clock.now_ns(), last_ms), self._exchange.clock_steps)
        self._engine = engine = Engine(
            store=self._store,
            exchange=self._exchange,
            clock=self._clock,
            emit=self._tell,
            rules=Rules(CONFIG),
            trigger=VirtualTrigger(self._process, self._clock, self._dice),
        )
        if self._is_to_end:
            engine.stop()
        self._extend()
        engine.backlog = self._calls.backlog
        self._commands = OrderCommands(engine, self._dice.randbytes)
        tasks.start_soon(self._calls.run)
        await engine.run(remembered)
        self._calls.stop()
        last_window_ms = admitted_until_ms(engine.state, self._clock.now_ms())
        await self._member.hand_over(last_window_ms=last_window_ms, to=ANY, reason="it was asked to")

    def _extend(self) -> None:
        """Let the engine send until the end of the lease."""
        known = self._exchange.clock.known
        if self._engine is not None and self._fences.lease and known is not None:
            self._engine.extend_lease(held(self._member.lease.until_ms, known, self._clock.now_ns()))
