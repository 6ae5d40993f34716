"""One simulated day: a bot, a daemon that is killed, stopped and started again, an exchange, and network faults."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import cast

import anyio

from daemon.api.bot.trade_routes import trade_answer
from daemon.config.credentials import PAPER
from daemon.config.tables import Config, ExchangeTable, StoreTable
from daemon.config.trading_tables import LaunchTable, LocksTable, QueueTable, ReconcileTable
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.events import Event
from daemon.core.values.orders import Order
from daemon.core.values.signals import SignalRequest
from daemon.core.values.states import State
from daemon.core.verbs import operator
from daemon.core.verbs.intake import Accepted
from daemon.core.verbs.operator import Found, Resolution
from daemon.core.verbs.recovery import Remembered
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.errors import CommitFailed, InvariantBroken, Refusal
from daemon.exchange.mexc.client import MexcExchange
from daemon.simulator.book import Book
from daemon.simulator.control import MarketChange
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault
from daemon.simulator.listings import ListingChange
from daemon.store.queries import OrderFilter
from tests.chaos.trades import read_answer
from tests.simulation.seams import (
    EPOCH_MS,
    Dead,
    Disk,
    Life,
    Network,
    VirtualClock,
    VirtualLoop,
    VirtualTrigger,
    Weather,
)
from tests.simulation.verdict import RATE_PER_S, Records, Verdict, judge, limited
from tests.simulation.wishes import SYMBOLS, Wish, batches, launches, wishes
from tests.support.placing import placed_by

DAY_S = 90.0
WISHES = 60
BATCHES = 6
LAUNCHES = 3
LOOK_S = 2.0
KEPT_S = 20.0
"""How long ended orders stay: longer than the interval between two reads of the disk, far shorter than a day."""

QUIET_S = 120.0
BOT = Caller(actor="bot", administrator=False)
OPERATOR = Caller(actor="operator", administrator=True)
CONFIG = Config(
    exchange=ExchangeTable(order_rate_per_s=RATE_PER_S),
    queue=QueueTable(max_in_flight=12, drain_s=3.0),
    launch=LaunchTable(lead_ms=0),  # so that no order may leave before its instant
    reconcile=ReconcileTable(lost_every_ms=20_000, startup_s=3.0),
    locks=LocksTable(cleanup_interval_s=7.0, retention_h=KEPT_S / 3_600),
    store=StoreTable(retention_days=cast("int", KEPT_S / 86_400)),  # a configuration file takes whole days only
)

FAULTS = (
    Fault("reply_lost", probability=0.08),
    Fault("error_after", probability=0.06),
    Fault("error_before", probability=0.05),
    Fault("request_lost", probability=0.04),
    Fault("junk_body", probability=0.03),
    Fault("no_order_id", probability=0.03),
    Fault("forbidden_after", probability=0.02),
    Fault("maintenance", probability=0.01),
    Fault("refusal_with_order", probability=0.04),
    Fault("invisible", probability=0.25, delay_ms=4_000),
    Fault("slow_before", probability=0.05, delay_ms=2_500),
    Fault("slow_after", probability=0.06, delay_ms=7_000),
    Fault("rate_limited", probability=0.02, retry_after_s=2),
    Fault("refused", probability=0.08),
    Fault("refused", probability=0.03, code=30002),  # becomes a dead letter
    Fault("refused", probability=0.03, code=700003),  # the clock
    Fault("refused", probability=0.01, code=700002),  # the key: trading halts
    Fault("refused", probability=0.02, code=30010),  # the price
    Fault("error_before", endpoint="GET /api/v3/order", probability=0.1),
    Fault("rate_limited", endpoint="GET /api/v3/order", probability=0.02),
    Fault("client_id_hidden", probability=0.05),
    Fault("filled_early", probability=0.3, delay_ms=1_500),
    Fault("no_sum", probability=0.2),
    Fault("odd_row", probability=0.3),
    Fault("odd_row", endpoint="GET /api/v3/openOrders", probability=0.3),
    Fault("rows_twice", probability=0.3),
    Fault("shown_as", field="symbol", value="ETHUSDT", probability=0.03),  # another order's answer
    Fault("shown_as", endpoint="GET /api/v3/allOrders", field="status", value="SETTLED", probability=0.03),
    Fault("former_state", probability=0.5),
    Fault("reply_lost", endpoint="DELETE /api/v3/order", probability=0.2),
)


class World:
    """Everything of one day."""

    def __init__(self, seed: int, directory: Path, tell: Callable[[Event], None]) -> None:
        self._dice = Random(seed)  # noqa: S311  # a simulation
        self._clock = VirtualClock()
        self._path = directory / f"{seed}.db"
        self._book = Book()
        self._exchange = SimulatedExchange(self._book, rng=Random(seed), faults=FAULTS)  # noqa: S311
        self._weather = Weather()
        self._tell = tell
        self._records = Records()
        self._starts_ms: list[int] = []
        self._order_commands: OrderCommands | None = None
        self._engine: Engine | None = None
        self._disk: Disk | None = None
        self._calls: list[anyio.CancelScope] = []  # of callers; they end with the process that serves them

    def run(self) -> Verdict:
        """Run the day, then judge it."""
        loop = VirtualLoop(noop_cycles=0)
        try:
            return loop.run_until_complete(self._main())
        finally:
            loop.close()
            self._book.close()

    async def _main(self) -> Verdict:
        async with anyio.create_task_group() as world:
            network = Network(
                self._exchange, self._clock, self._weather, self._fork(), world.start_soon, self._on_first_byte
            )
            day = list(wishes(self._fork(), WISHES, DAY_S, EPOCH_MS))
            for wish in day:
                world.start_soon(self._bot, wish)
            for group in batches(self._fork(), day, BATCHES):
                world.start_soon(self._signal_together, group)
            for wish in (launch := list(launches(self._fork(), len(day), LAUNCHES, DAY_S, EPOCH_MS))):
                world.start_soon(self._bot, wish)
            world.start_soon(self._look)
            world.start_soon(self._markets)
            world.start_soon(self._change_weather)
            world.start_soon(self._operator)
            world.start_soon(self._move_listings)
            for wish in [*day, *launch]:
                if wish.request.execute_at is not None:
                    world.start_soon(self._interfere, wish, wish.request.execute_at)
            while self._now_s() < DAY_S:
                await self._live(network, self._dice.choice((0.05, 1.0, 5.0, 20.0, 40.0)) * self._dice.random())
                await anyio.sleep(self._dice.choice((0.0, 0.1, 3.0)))
            self._weather.clear_up()
            self._exchange.set_faults([])
            for symbol in SYMBOLS:  # a fill in the last half minute could not be known at the end
                self._exchange.change_market(MarketChange(symbol=symbol, volatility=0), self._clock.now_ms())
            await self._live(network, QUIET_S)
            world.cancel_scope.cancel()
        self._records.broken += limited(self._exchange.requests(), self._starts_ms)
        return judge(self._path, self._exchange.orders(), self._records)

    async def _live(self, network: Network, for_s: float) -> None:
        """Run the daemon for a while, then kill or stop it."""
        self._records.started_ms = self._clock.now_ms()
        self._starts_ms.append(self._records.started_ms)
        life = Life(is_fragile=for_s != QUIET_S)
        disk = self._disk = Disk(self._path, life, self._fork())
        store = disk.store()
        exchange = MexcExchange(network.transport(life), PAPER, self._clock, CONFIG.exchange, dial=network.dialer(life))
        engine = Engine(
            store=store,
            exchange=exchange,
            clock=self._clock,
            emit=self._tell,
            rules=Rules(CONFIG),
            trigger=VirtualTrigger(life, self._clock, self._fork()),
        )
        ended = anyio.Event()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.writer.run)
                try:
                    tasks.start_soon(self._run, engine, await store.remembered(), ended)
                    self._engine = engine
                    self._order_commands = OrderCommands(engine, self._dice.randbytes)
                    with anyio.move_on_after(for_s):
                        await life.ended.wait()
                    if life.killed or (for_s != QUIET_S and self._dice.random() < 0.7):  # most runs end with a kill
                        life.kill()
                        tasks.cancel_scope.cancel()
                    else:
                        engine.stop()
                        await ended.wait()
                finally:
                    self._cut_calls()
                    store.writer.close()
        except* (Dead, InvariantBroken):
            if not life.killed:
                raise
        finally:
            self._order_commands = self._engine = None
            disk.close()
            self._disk = None

    async def _run(self, engine: Engine, remembered: Remembered, ended: anyio.Event) -> None:
        await engine.run(remembered)
        ended.set()

    def _cut_calls(self) -> None:
        for call in self._calls:
            call.cancel()
        self._calls.clear()

    async def _bot(self, wish: Wish) -> None:
        await anyio.sleep(wish.at_s)
        async with anyio.create_task_group() as tasks:
            for after_s in (0.0, *wish.repeats):
                tasks.start_soon(self._signal, wish, after_s)

    async def _signal(self, wish: Wish, after_s: float) -> None:
        """Send a signal until it is acknowledged, refused, or no longer wanted."""
        await anyio.sleep(after_s)
        until_s = self._now_s() + wish.gives_up_s
        while True:
            desk, disk = self._order_commands, self._disk
            if desk is not None and disk is not None:
                with anyio.move_on_after(2) as call:
                    self._calls.append(call)
                    try:
                        accepted = await submit(desk, wish.request, BOT)
                    except (Refusal, Dead, CommitFailed):
                        pass
                    else:
                        if desk is self._order_commands:
                            self._acknowledge(wish, accepted.order.order_id)
                            if wish.trades:
                                await self._await_outcome(desk, wish, accepted)
                            return
            if self._now_s() >= until_s:
                return
            await anyio.sleep(0.3)

    async def _signal_together(self, group: list[Wish]) -> None:
        """Send signals in one batch until it is acknowledged or no longer wanted."""
        await anyio.sleep(min(wish.at_s for wish in group))
        until_s = self._now_s() + max(wish.gives_up_s for wish in group)
        while self._now_s() < until_s:
            if (desk := self._order_commands) is not None:
                with anyio.move_on_after(2) as call:
                    self._calls.append(call)
                    try:
                        accepted = await desk.submit_all([wish.request for wish in group], BOT)
                    except (Refusal, Dead, CommitFailed):
                        pass
                    else:
                        if desk is self._order_commands:
                            for wish, one in zip(group, accepted, strict=True):
                                self._acknowledge(wish, one.order.order_id)
                            return
            await anyio.sleep(0.3)

    def _acknowledge(self, wish: Wish, order_id: str) -> None:
        self._records.acknowledge(wish.number, order_id, self._on_disk(order_id))

    async def _await_outcome(self, desk: OrderCommands, wish: Wish, accepted: Accepted) -> None:
        """Wait as the trade route does, and record what it would answer."""
        asked_ms = self._clock.now_ms()
        with anyio.move_on_after(5) as call:
            self._calls.append(call)
            try:
                order = await desk.outcome(accepted.order, 3)
            except (Refusal, Dead, CommitFailed):
                return
            engine, now_ms = self._engine, self._clock.now_ms()
            if desk is not self._order_commands or engine is None:
                return
            told, status = trade_answer(
                engine.state, order, now_ms, replayed=accepted.replayed, took_ms=now_ms - asked_ms
            )
            read = read_answer(wish.number, status, told, asked_ms=asked_ms, told_ms=now_ms)
            self._records.trades.append((order.order_id, read))

    async def _look(self) -> None:
        """Record the orders on disk before clean-up removes them."""
        while True:
            await anyio.sleep(LOOK_S)
            if self._disk is not None:
                self._records.look(self._disk.view())

    async def _operator(self) -> None:
        """Halt and resume, cancel orders, requeue dead letters, at random times."""
        dice = self._fork()
        while True:
            await anyio.sleep(dice.uniform(2, 15))
            if self._now_s() > DAY_S + QUIET_S / 2:
                return
            desk = self._order_commands
            if desk is None:
                continue
            with anyio.move_on_after(5) as call:
                self._calls.append(call)
                try:
                    await self._act(desk, dice)
                except (Refusal, Dead, CommitFailed):
                    continue

    async def _interfere(self, wish: Wish, execute_at: int) -> None:
        """Cancel an order, move it or halt trading, at its instant or a little before or after."""
        dice = self._fork()
        if dice.random() > wish.disturbed:
            return
        ahead_ms = execute_at - self._clock.now_ms() + dice.choice((-40, -2, -1, 0, 0, 1, 2, 5))
        await anyio.sleep(max(0, ahead_ms) / 1_000)
        desk = self._order_commands
        order_ids = sorted(self._records.acknowledged.get(wish.number, ()))
        if desk is None or not order_ids:
            return
        with anyio.move_on_after(5) as call, suppress(Refusal, Dead, CommitFailed):
            self._calls.append(call)
            deed = dice.random()
            if deed < 0.4:
                await desk.cancel(order_ids[0], OPERATOR, "not any more", 0)
            elif deed < 0.7:
                to_ms = self._clock.now_ms() + dice.choice((0, 1, 600, 5_000))
                await desk.reschedule(order_ids[0], to_ms, OPERATOR, "the listing was postponed")
            else:
                await desk.switch(operator.halt, OPERATOR, "not this one")
                self._records.halted = True
                await anyio.sleep(dice.uniform(0.001, 1))
                if desk is self._order_commands:
                    await self._resume(desk)

    async def _act(self, desk: OrderCommands, dice: Random) -> None:
        deed = dice.choice(("halt", "resume", "cancel", "cancel", "requeue", "resolve", "release", "clear"))
        if deed == "resume":
            await self._resume(desk)
        elif deed == "halt":
            await desk.switch(operator.halt, OPERATOR, "a look around")
            self._records.halted = True
            await anyio.sleep(dice.uniform(0.1, 3))
            if desk is self._order_commands:
                await self._resume(desk)
        elif deed == "clear":
            await desk.clear_wait(OPERATOR, "they lifted it")
        elif deed == "resolve":
            await self._rule_on_lost(desk)
        elif deed == "release":
            await self._release(dice)
        else:
            await self._act_on_an_order(desk, deed, dice)

    async def _resume(self, desk: OrderCommands) -> None:
        self._records.halted = False
        await desk.switch(operator.resume, OPERATOR, "all is well")

    async def _page(self, state: State, limit: int) -> list[Order]:
        """Return the newest orders in a state; none while no daemon runs."""
        if self._engine is None:
            return []
        return await self._engine.store.page(OrderFilter(state=state), limit)

    async def _rule_on_lost(self, desk: OrderCommands) -> None:
        """Resolve a lost order as an operator does, by the exchange's own list."""
        page = await self._page(State.LOST, 1)
        held = {str(entry["clientOrderId"]).rpartition("-")[0] for entry in self._exchange.orders()}
        if page and page[0].order_id not in held:
            await desk.resolve(
                page[0].order_id, Found(resolution=Resolution.NOT_PLACED), OPERATOR, "it is not in the list"
            )

    async def _release(self, dice: Random) -> None:
        """Force-release a lock. With an order outstanding under it, that is refused unless the exchange was checked."""
        engine = self._engine
        if engine is not None and (locks := list(engine.state.locks)):
            desk = LeaseCommands(engine, dice.randbytes)
            lock, checked = dice.choice(locks), dice.random() < 0.5
            was_released = lock.order_id in self._records.released
            if checked and lock.order_id is not None:
                self._records.released.add(lock.order_id)
            try:
                await desk.force_release(lock.lock_id, OPERATOR, "in the way", exchange_checked=checked)
            except Refusal:
                if lock.order_id is not None and not was_released:
                    self._records.released.discard(lock.order_id)
                raise

    async def _act_on_an_order(self, desk: OrderCommands, deed: str, dice: Random) -> None:
        state = (
            State.DEAD_LETTER if deed == "requeue" else dice.choice((State.OPEN, State.QUEUED, State.PARTIALLY_FILLED))
        )
        page = await self._page(state, 5)
        if page and deed == "requeue":
            self._records.requeued.add(page[0].order_id)
            await desk.requeue(page[0].order_id, OPERATOR, "try again")
        elif page:
            await desk.cancel(page[0].order_id, OPERATOR, "not any more", 0)

    async def _markets(self) -> None:
        while True:
            await anyio.sleep(0.5)
            self._exchange.advance(self._clock.now_ms())

    async def _move_listings(self) -> None:
        """Announce other opens, so that orders that wait for their instant move."""
        dice = self._fork()
        while self._now_s() < DAY_S:
            await anyio.sleep(dice.uniform(1, 10))
            now_ms = self._clock.now_ms()
            opens_ms = dice.choice((0, now_ms + round(dice.uniform(0, 15_000))))
            change = ListingChange(symbol=dice.choice(SYMBOLS), announced_open=opens_ms)
            self._exchange.change_listing(change, now_ms)

    async def _change_weather(self) -> None:
        dice = self._fork()
        while True:
            await anyio.sleep(dice.uniform(1, 20))
            if self._now_s() >= DAY_S:
                return
            self._weather.refuses = dice.random() < 0.15  # sometimes the exchange refuses connections
            self._weather.loses = dice.choice((0.0, 0.0, 0.05, 0.3))
            self._weather.cuts = dice.choice((0.0, 0.0, 0.1))

    def _on_first_byte(self, method: str, target: str) -> None:
        """Check a request at the moment its first byte is sent."""
        path, _, query = target.partition("?")
        placed = placed_by(method, path, query)
        if placed:
            self._records.sent(self._clock.now_ms())
        self._records.batched += max(0, len(placed) - 1)
        for client_order_id in placed:
            assert self._disk is not None
            self._records.check_send(self._disk.view(), client_order_id, self._clock.now_ms())

    def _on_disk(self, order_id: str) -> bool:
        return (
            self._disk is not None
            and self._disk.view().execute("SELECT 1 FROM orders WHERE order_id = ?", (order_id,)).fetchone() is not None
        )

    def _fork(self) -> Random:
        return Random(self._dice.getrandbits(64))  # noqa: S311

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


async def submit(desk: OrderCommands, request: SignalRequest, caller: Caller) -> Accepted:
    """Submit a signal as its route does; return when its order is on disk."""
    submitted = desk.try_submit(request, caller)
    if submitted is None:
        return await desk.submit(request, caller)
    accepted, commit = submitted
    await commit.durable()
    return accepted
