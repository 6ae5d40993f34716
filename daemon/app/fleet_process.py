"""This process as a member of a fleet: it stands by with open sockets, owns the account, and hands it over.

Imported only with ``[fleet] url``. What decides and sends is the same as in a daemon alone. What is different:

1. While the member stands by, its engine does not run. Requests are handed over to the owner
   (:mod:`daemon.fleet.door`). The exchange is tried meanwhile, so that a takeover does not wait for that.
2. When it owns the account, the engine recovers from the copy, decides the calls that waited, and then dispatches.
3. At a TERM it hands the account over: from that instant its own clients' requests go to the next owner too. The
   process ends when they are answered.

An owner that another member replaced ends with exit code 75, and the next process stands by.
"""

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from daemon import __version__
from daemon.api.context import Context
from daemon.api.event_stream import EventStream
from daemon.api.handing_over import HandedOver, HandingOver
from daemon.api.http.error_responses import ErrorResponses
from daemon.api.http.routes import Endpoint
from daemon.api.server import endpoints
from daemon.clock import SteadyClock
from daemon.config import fleet_table
from daemon.config.credentials import Secret
from daemon.config.tables import Config, ExchangeTable
from daemon.core.rules.lease_fence import held, owners_ms
from daemon.core.values.events import Detail, Event
from daemon.core.values.exchange_replies import PreflightVerdict
from daemon.core.values.fleet_health import MemberHealth, Standing
from daemon.core.views.unanswered import admitted_until_ms
from daemon.engine.engine import Engine
from daemon.engine.self_check import SelfCheck
from daemon.errors import GivenUp, Unfit, WrongState
from daemon.exchange.mexc.client import MexcExchange
from daemon.fleet.agreement import account_hash, configuration_hash
from daemon.fleet.backends import open_backend
from daemon.fleet.calls import Calls
from daemon.fleet.door import Door
from daemon.fleet.forgetting import forget
from daemon.fleet.health import has_owner, standing_of
from daemon.fleet.identity import member_id, place_of
from daemon.fleet.member import Member, Owned
from daemon.fleet.port import Backend, Role
from daemon.fleet.takeover import ANY
from daemon.fleet.terms import Terms
from daemon.log import Log
from daemon.store.store import Store

ID_BYTES = 8

PROVEN_S, UNPROVEN_S = 300.0, 5.0
"""The wait before a member that stands by tries the exchange again, after a success and after a failure."""

SHARE_S = 5.0
"""How often the budget of requests is shared again."""

SHARE_WEIGHT, SHARE_REQUESTS = 10, 1
"""What the owner leaves to each other member, per ten seconds and per second. Members behind one address share its
limits; one that stands by asks for the time every ten seconds, and for its account every five minutes."""

UNSEEN_MS = 30_000
"""A member that has not reported itself for so long does not count."""

TAKE_S = 20.0
"""How long an administrator's order to own the account counts. The command waits for longer."""

SETTLE_S = 2.0
"""How long the process stays after it has handed the account over, until its clients' requests are answered."""


class FleetProcess:
    """The parts of a process that only a member of a fleet has."""

    def __init__(self, config: Config, member: Member, backend: Backend, context: Context, stream: EventStream) -> None:
        self.member = member
        self._config = config
        self._context = context
        self._backend = backend
        self._engine: Engine = context.engine
        self._gives_up: str | None = None  # why this member hands the account over and stands by again
        self._successor = ""
        self._is_over = anyio.Event()
        terms, engine = member.terms, context.engine
        self._door = Door(
            backend,
            terms.member,
            clock=engine.clock,
            new_id=lambda: os.urandom(ID_BYTES).hex(),
            has_owner=lambda: self.has_owner,
            epoch=lambda: member.seen.lease.epoch,
        )
        alone = endpoints(context, stream)
        errors = ErrorResponses(engine.clock, engine.emit)
        self._calls = Calls(backend, HandedOver(context, alone, errors).answer)
        self.endpoints: Sequence[Endpoint] = HandingOver(context, self, self._door, terms.name).endpoints(alone)
        member.listeners += [self._door.on_notice, self._calls.on_notice]
        context.fleet, context.monitor.fleet = self, member.health

    @property
    def answers(self) -> bool:
        """Whether this process answers requests itself."""
        return self._engine.ready.is_set() and self.member.is_owner and not self._engine.is_stopping

    @property
    def has_owner(self) -> bool:
        """Whether a member owns the account, as far as it is known."""
        return has_owner(self.member.contact, self.member.owning, self.member.seen)

    def role(self) -> str:
        """What this member is, for people."""
        return standing_of(self.member.terms, self.member.owning, self.member.seen).value

    def self_check(self) -> SelfCheck:
        """Return the check of this process while it stands by."""
        return SelfCheck({"writer": self._engine.store.turn})

    def lease_changed(self) -> None:
        """Let orders be sent until the new end of the lease."""
        known = self._engine.exchange.clock.known
        if known is not None:
            self._engine.extend_lease(held(self.member.lease.until_ms, known, self._engine.clock.now_ns()))

    # What an administrator may ask (:class:`daemon.api.context.FleetCommands`).

    async def hand_over(self, to: str | None, actor: str, reason: str) -> None:
        """Give the account up; return when this member no longer trades.

        Raises:
            WrongState: this member does not own the account, it is the one that shall take over, or no such member
                could take over.

        """
        if not self.answers:
            raise WrongState("this member does not own the account")
        terms = self.member.terms
        named = [each.member for each in self._able() if to in {None, each.name, each.member}]
        if not named and to in {terms.name, terms.member}:
            raise WrongState(
                f"{terms.name} owns the account already; to let another member own it, name that one with --to, or none"
            )
        if not named:
            called = "" if to is None else f" called {to}"
            raise WrongState(f"no member{called} could take over; `sniperd fleet status` shows what each one lacks")
        self._successor = "" if to is None else named[0]
        self._gives_up = f"{reason} ({actor})"
        self._engine.stop()
        await self._is_over.wait()

    async def take(self, actor: str, reason: str) -> None:
        """Own the account at once; return when this member owns it.

        Raises:
            WrongState: this member cannot own the account, owns it already, did not get it in time, or another one took
                it meanwhile.

        """
        why_not = "it owns the account already" if self.member.is_owner else self.member.cannot_own
        if why_not is not None:
            raise WrongState(f"this member cannot take the account: {why_not}")
        order = self.member.take(f"{reason} ({actor})")
        try:
            with anyio.move_on_after(TAKE_S):
                await order.over()
        finally:
            self.member.take_no_more(order)
        if self.member.is_owner:
            return
        if order.is_overtaken:
            raise WrongState(
                f"{self.member.health().owner} took the account meanwhile; to take it from there, give the order again"
            )
        raise WrongState(
            "this member did not get the account in time: "
            f"{self.member.contact.backend_error or self.member.cannot_own or 'the owner was faster'}; it tries no more"
        )

    async def forget(self, name: str, actor: str, reason: str) -> None:
        """Remove a lost member from the list.

        Raises:
            NotReady: the fleet's database does not answer.
            Unknown: there is no such member.
            WrongState: it has reported itself lately.

        """
        lost = await forget(self._backend, name)
        seen, ids = self.member.seen, {each.member for each in lost}
        seen.members = [each for each in seen.members if each.member not in ids]
        for each in lost:
            detail: dict[str, Detail] = {"member": each.member, "name": each.name, "reason": reason}
            at_ms = self._engine.clock.now_ms()
            self._engine.emit(Event(name="fleet.member_forgotten", at_ms=at_ms, actor=actor, detail=detail))

    # The life of this process.

    async def run(self, clock: SteadyClock, exchange: MexcExchange) -> None:
        """Stand by; own the account until :meth:`Engine.stop`, or until another member has it; hand it over.

        Raises:
            GivenUp: an administrator ordered the handing over, so the next process stands by.
            Deposed: another member owns the account.

        """
        self._engine.state.gate.stand_by()
        async with anyio.create_task_group() as tasks:
            for part in (self.member.run, self._door.run, self._calls.run):
                tasks.start_soon(part)
            tasks.start_soon(self._share_budget, exchange)
            owned = await self._stand_by(exchange)
            if owned is not None:
                tasks.start_soon(self._leave_calls)
                await self._own(owned, clock, exchange)
            with anyio.move_on_after(SETTLE_S):
                await self._door.settled()
                await self._calls.settled()
            tasks.cancel_scope.cancel()
        if self._gives_up is not None:
            raise GivenUp(f"the account was handed over: {self._gives_up}; the next process stands by")

    async def _stand_by(self, exchange: MexcExchange) -> Owned | None:
        """Wait until this member owns the account; return ``None`` if the process is to end before."""
        owned: Owned | None = None
        async with anyio.create_task_group() as tasks:

            async def end_when_stopped() -> None:
                await self._engine.until_stopped()
                tasks.cancel_scope.cancel()

            tasks.start_soon(end_when_stopped)
            if self.member.terms.role is Role.MEMBER:
                tasks.start_soon(self._try_exchange, exchange)
            tasks.start_soon(self._engine.clean_copy, lambda: self.member.copy.last_ms)
            owned = await self.member.stand_by()
            tasks.cancel_scope.cancel()
        return owned

    async def _try_exchange(self, exchange: MexcExchange) -> None:
        """Try the exchange again and again while this member stands by, so that its start as the owner need not.

        Raises:
            Unfit: the exchange does not let this account trade from here.

        """
        while True:
            result = await exchange.preflight()
            if result.verdict is PreflightVerdict.UNFIT:
                raise Unfit(result.why)
            is_fit = result.verdict is PreflightVerdict.FIT
            if is_fit:
                self._engine.set_preflight(result)
            await anyio.sleep(PROVEN_S if is_fit else UNPROVEN_S)

    async def _own(self, owned: Owned, clock: SteadyClock, exchange: MexcExchange) -> None:
        """Recover, trade, drain, hand over."""
        engine, store = self._engine, self._engine.store
        remembered = await store.remembered()
        known = exchange.clock.known
        assert known is not None  # it took the lease by it
        at_ms = owners_ms(known, clock.now_ns(), max(owned.last_ms, remembered.last_ms))
        clock.begin(at_ms, exchange.clock_steps)
        engine.backlog = self._calls.backlog
        await engine.run(msgspec.structs.replace(remembered, former_until_ms=owned.former_until_ms))
        reason = self._gives_up or "the daemon stops"
        last_window_ms = admitted_until_ms(engine.state, engine.clock.now_ms())
        successor = self._successor or (ANY if self._able() else "")
        await self.member.hand_over(last_window_ms=last_window_ms, to=successor, reason=reason)
        self._is_over.set()

    async def _leave_calls(self) -> None:
        """Leave calls to the next owner from the instant on at which this one is to stop."""
        await self._engine.until_stopped()
        self._calls.stop()

    async def _share_budget(self, exchange: MexcExchange) -> None:
        """Leave room for the other members' requests, as long as there are any."""
        shared_with = 0
        while True:
            others = len(self._others())
            if others != shared_with:
                shared_with = others
                exchange.reload(shared(self._config.exchange, others))
            await anyio.sleep(SHARE_S)

    def _others(self) -> list[MemberHealth]:
        """Return the other members that reported themselves lately."""
        health = self.member.health()
        return [each for each in health.members if each.member != health.member and each.seen_ago_ms < UNSEEN_MS]

    def _able(self) -> list[MemberHealth]:
        """Return the other members that could take the account over."""
        return [each for each in self._others() if each.standing is Standing.STANDBY and each.cannot_own is None]

    def reload(self, config: Config, exchange: MexcExchange) -> None:
        """Apply a new configuration."""
        self._config = config
        self.member.configuration = configuration_hash(config)
        exchange.reload(shared(config.exchange, len(self._others())))


def shared(table: ExchangeTable, others: int) -> ExchangeTable:
    """Return the limits of this member's requests if so many other members share its address."""
    return msgspec.structs.replace(
        table,
        weight_per_10s=max(table.weight_per_10s // 2, table.weight_per_10s - others * SHARE_WEIGHT),
        requests_per_s=max(table.requests_per_s // 2, table.requests_per_s - others * SHARE_REQUESTS),
    )


@asynccontextmanager
async def joined(
    config: Config,
    environ: Mapping[str, str],
    log: Log,
    *,
    api_key: Secret,
    context: Context,
    exchange: MexcExchange,
    stream: EventStream,
    emit: Callable[[Event], None],
) -> AsyncIterator[FleetProcess]:
    """Take part in the fleet; nothing runs before :meth:`FleetProcess.run`.

    Raises:
        BadConfig: the database's address is wrong, or its driver is missing.
        NoPermission: the password is empty, unreadable, or readable by others.

    """
    table, store, clock = config.fleet, context.engine.store, context.engine.clock
    password = fleet_table.password(table, environ)
    log.redact([] if password is None else [password])
    terms = await _terms(config, api_key, store, Path(context.database))

    def show(events: Sequence[Event]) -> None:
        """Show other members' events to readers; what is about the fleet goes into this member's log, too."""
        for event in events:
            (emit if event.name.startswith("fleet.") else stream.on_event)(event)

    def lease_changed() -> None:
        fleet.lease_changed()

    async with open_backend(table.url, table.ledger, table.durability, password) as backend:
        member = Member(terms, backend, store, clock, exchange_clock=exchange.clock, measure=exchange.measure_clock,
                        emit=emit, on_events=show, on_lease=lease_changed)  # fmt: skip
        fleet = FleetProcess(config, member, backend, context, stream)
        yield fleet


async def _terms(config: Config, api_key: Secret, store: Store, database: Path) -> Terms:
    """Return as what this process takes part."""
    place, table = place_of(database), config.fleet
    return Terms(
        ledger=table.ledger,
        member=await member_id(store, place, os.urandom),
        name=table.name or socket.gethostname(),
        role=Role(table.role),
        account=account_hash(api_key),
        version=__version__,
        configuration=configuration_hash(config),
        lease_ms=table.lease_ms,
        renew_ms=table.renew_ms,
        durability=table.durability,
        place=place,
    )
