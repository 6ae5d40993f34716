"""One launch: an exchange on which a pair opens, the daemon with its signals, and the naive bot on a twin exchange."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import anyio
import msgspec

from daemon.config.credentials import PAPER
from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import GuardsTable
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.events import Event
from daemon.core.values.fields import Amount
from daemon.core.values.signals import SignalRequest
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.errors import NotReady, Refusal
from daemon.exchange.mexc.client import MexcExchange
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.limits import Limits
from daemon.simulator.symbols import Symbol
from tests.launches.cases import ORDER_RATE_PER_S, PLANNED_MS, PRICE, QUANTITY, SIGNALLED_AHEAD_MS, SYMBOL, Launch
from tests.launches.naive import NaiveBot
from tests.launches.verdict import Bought, judge
from tests.simulation.seams import Disk, Distance, Life, Network, VirtualClock, VirtualLoop, VirtualTrigger, Weather
from tests.simulation.world import submit

NEAR = Distance(way_s=(0.001, 0.004), crowding=4, pooled=1.0, opening_s=0.01, drops=0.0)
ASKS_AGAIN_S = 2.0
SETTLES_MS = 20_000
"""How long after the open the launch ends: longer than an order is invisible, and than its deadline."""

BOT = Caller(actor="bot", administrator=False)
CONFIG = Config(exchange=ExchangeTable(order_rate_per_s=ORDER_RATE_PER_S), guards=GuardsTable(repeat_window_ms=0))


class Outcome(msgspec.Struct, frozen=True):
    """One launch: what the daemon bought, and what the naive bot bought in the same world."""

    daemon: Bought
    naive: Bought
    refused: list[str]  # signals that were not accepted, and why

    @property
    def broken(self) -> list[str]:
        """Every promise that did not hold, whatever is supported."""
        unknown = (f"{unknown} belongs to no signal" for unknown in self.daemon.unknown)
        return [*self.daemon.twice, *unknown, *self.daemon.too_many]


class ExchangeClock:
    """The exchange's clock, which is ahead of the machine's."""

    def __init__(self, clock: VirtualClock, ahead_ms: int) -> None:
        self._clock = clock
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return self._clock.now_ms() + self._ahead_ms

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant."""
        await self._clock.reach(at_ms - self._ahead_ms)


class World:
    """Everything of one launch."""

    def __init__(self, launch: Launch, directory: Path, tell: Callable[[Event], None], config: Config = CONFIG) -> None:
        self._launch = launch
        self._config = config
        self._path = directory / f"{launch.seed}.db"
        self._dice = Random(launch.seed)  # noqa: S311  # a simulation
        self._tell = tell
        self._clock = VirtualClock()
        self._exchange_clock = ExchangeClock(self._clock, launch.clock_ahead_ms)
        self._books = [Book(), Book()]
        self._exchange, self._twin = (self._new_exchange(book) for book in self._books)
        self._signal_of: dict[str, int] = {}  # by the daemon's order ids
        self._refused: list[str] = []

    def run(self) -> Outcome:
        """Run the launch, then judge it."""
        loop = VirtualLoop(noop_cycles=0)
        try:
            loop.run_until_complete(self._main())
            return Outcome(
                judge(self._launch, self._exchange, self._daemons_signal),
                judge(self._launch, self._twin, lambda client_order_id: int(client_order_id.partition("-")[0])),
                self._refused,
            )
        finally:
            loop.close()
            for book in self._books:
                book.close()

    def _new_exchange(self, book: Book) -> SimulatedExchange:
        launch = self._launch
        listings = [] if launch.shown_ms is not None else [launch.listing(PLANNED_MS)]
        return SimulatedExchange(
            book,
            rng=Random(launch.seed),  # noqa: S311
            faults=launch.faults(),
            listings=listings,
            limits=Limits(batch_counts_orders=launch.counts_each),
        )

    def _daemons_signal(self, client_order_id: str) -> int | None:
        return self._signal_of.get(client_order_id.rpartition("-")[0])

    async def _main(self) -> None:
        async with anyio.create_task_group() as world:
            network, twin = (
                Network(
                    exchange,
                    self._exchange_clock,
                    Weather(),
                    self._fork(),
                    world.start_soon,
                    lambda *_: None,
                    distance=NEAR,
                )
                for exchange in (self._exchange, self._twin)
            )
            world.start_soon(NaiveBot(self._launch, twin, self._clock).run)
            world.start_soon(self._listings)
            await self._daemon(network)
            world.cancel_scope.cancel()

    async def _daemon(self, network: Network) -> None:
        """Run the daemon until everything is settled."""
        life = Life(is_fragile=False)
        disk = Disk(self._path, life, self._fork(), stalls=0.0)
        store = disk.store()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.writer.run)
                try:
                    engine = Engine(
                        store=store,
                        exchange=MexcExchange(
                            network.transport(life),
                            PAPER,
                            self._clock,
                            self._config.exchange,
                            dial=network.dialer(life),
                        ),
                        clock=self._clock,
                        emit=self._tell,
                        rules=Rules(self._config),
                        trigger=VirtualTrigger(life, self._clock, self._fork(), late_s=(0,)),
                    )
                    tasks.start_soon(engine.run, await store.remembered())
                    await engine.ready.wait()
                    commands = OrderCommands(engine, self._dice.randbytes)
                    for number in range(self._launch.orders):
                        tasks.start_soon(self._signal, commands, number, self._fork())
                    await self._exchange_clock.reach(self._launch.reference_ms + SETTLES_MS)
                    tasks.cancel_scope.cancel()
                finally:
                    store.writer.close()
        finally:
            disk.close()

    async def _signal(self, commands: OrderCommands, number: int, dice: Random) -> None:
        """Send a signal long before its instant; send it again only while the daemon is not ready for it."""
        at_ms = self._launch.execute_at_ms
        await self._clock.reach(at_ms - dice.randint(*SIGNALLED_AHEAD_MS))
        request = SignalRequest(
            symbol=SYMBOL,
            side="BUY",
            type="LIMIT",
            quantity=Amount(QUANTITY),
            price=Amount(PRICE),
            owner_id=f"u{number}",
            snipe_target_id=f"T{number}",
            execute_at=at_ms,
        )
        while self._clock.now_ms() < at_ms + 1_000:
            try:
                accepted = await submit(commands, request, BOT)
            except NotReady:
                await asyncio.sleep(ASKS_AGAIN_S)
            except Refusal as refusal:
                self._refused.append(f"signal {number} was refused: {refusal}")
                return
            else:
                self._signal_of[accepted.order.order_id] = number
                return

    async def _listings(self) -> None:
        """Show the pair, postpone it, and change its decimals, on both exchanges."""
        launch, opens_ms = self._launch, PLANNED_MS
        if launch.shown_ms is not None:
            await self._exchange_clock.reach(PLANNED_MS - launch.shown_ms)
            self._list(opens_ms)
        for postponed_ms in launch.postponed_ms:
            await self._exchange_clock.reach(opens_ms - min(launch.notice_ms, launch.shown_ms or launch.notice_ms))
            opens_ms += postponed_ms
            self._list(opens_ms)
        if launch.decimals_ms is not None:
            await self._exchange_clock.reach(opens_ms - launch.decimals_ms)
            for exchange in (self._exchange, self._twin):
                exchange.replace_rules([_coarser(launch.listing(opens_ms).to_symbol())], are_all=False)

    def _list(self, opens_ms: int) -> None:
        for exchange in (self._exchange, self._twin):
            exchange.list_symbol(self._launch.listing(opens_ms))

    def _fork(self) -> Random:
        return Random(self._dice.getrandbits(64))  # noqa: S311


def _coarser(symbol: Symbol) -> Symbol:
    """Return a pair that takes fewer decimals than the signals have; its large price steps must not exceed a limit."""
    return msgspec.structs.replace(symbol, price_decimals=3, quantity_decimals=0, volatility=0)
