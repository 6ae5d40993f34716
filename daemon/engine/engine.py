"""The engine: everything between the API and the exchange, running."""

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from daemon.clock import NS_PER_MS, Clock
from daemon.core.rules.lease_fence import HeldLease
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.trading_state import TradingState
from daemon.core.values.account import ExchangeCondition
from daemon.core.values.events import Event
from daemon.core.values.exchange_replies import PreflightResult
from daemon.core.values.states import OUTCOME_UNKNOWN, State
from daemon.core.verbs import clock_steps
from daemon.core.verbs.lifecycle import drain, end_backlog, end_check, extend_lease, open_trading
from daemon.core.verbs.recovery import Remembered, recover
from daemon.core.views.countdown import Countdowns
from daemon.engine.deliveries import Deliveries
from daemon.engine.dispatcher import Dispatcher
from daemon.engine.effects import Effects
from daemon.engine.executor import Executor
from daemon.engine.fill_reader import FillReader
from daemon.engine.firing_thread import FiringThread
from daemon.engine.housekeeping import Housekeeping
from daemon.engine.listing_watch import ListingWatch
from daemon.engine.observer import NULL_OBSERVER, Observer
from daemon.engine.preflight import Preflight
from daemon.engine.publisher import Publisher
from daemon.engine.reconciler import Reconciler
from daemon.engine.self_check import SelfCheck
from daemon.engine.trigger import Trigger
from daemon.engine.turns import Turns
from daemon.exchange.port import Calendar, Exchange
from daemon.store.store import Store

CHECK_WAIT_S = 0.1
"""How long a start waits for the check of the database, so that one of ordinary size opens with everything at once."""


class Engine:
    """The trading state and the tasks that change it."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        clock: Clock,
        emit: Callable[[Event], None],
        rules: Rules,
        calendar: Calendar | None = None,
        observer: Observer = NULL_OBSERVER,
        preflight_first: bool = False,
        hands_over: bool = False,
        trigger: Trigger | None = None,
        wall_ahead_ms: int = 0,
        lease: HeldLease | None = None,
    ) -> None:
        """Build it.

        Args:
            calendar: a calendar of coming listings, if there is one.
            preflight_first: no order is sent before the exchange lets this account trade.
            hands_over: a service manager keeps the sockets and starts another process, so a signal on a connection
                that was opened before the drain is queued for that process instead of refused.
            trigger: fires armed orders; default: a thread.
            wall_ahead_ms: by how much the machine's clock is ahead of ``clock``; the exchange's counts as that until it
                is measured.
            lease: in a fleet, until when requests of this member may be admitted; :meth:`extend_lease` extends it.

        """
        self.store = store
        self.exchange = exchange
        self.clock = clock
        self.emit = emit
        self.state = TradingState(
            rules, store.recall, store.recall_lease, self._recall_shot, pair_rules=exchange.known_rules
        )
        self.state.exchange_time.offset_ms = wall_ahead_ms
        if lease is not None:
            self.state.gate.lease = lease
            exchange.admit_until(lease.until_ms)
        self.turns = Turns()
        self.publisher = Publisher(self.state, clock, emit, self.turns, observer)
        self.deliveries = Deliveries()
        self.effects = Effects(self.state, store, self.publisher, clock)
        self.decide = self.effects.decide
        self.ready = anyio.Event()
        self.backlog: Callable[[], Awaitable[None]] | None = None  # returns when what waited for this owner is decided
        self._hands_over = hands_over
        self._preflight = Preflight(self.effects, exchange, emit) if preflight_first else None
        self._stopping = anyio.Event()
        self._dispatcher = Dispatcher(self.effects)
        self._reconciler = Reconciler(self.effects, exchange)
        trigger = FiringThread(clock.now_ns) if trigger is None else trigger
        self.executor = Executor(self.effects, exchange, self.publisher, clock, self.turns, observer, trigger)
        self._listing_watch = ListingWatch(self.effects, exchange, calendar, emit)
        self._fill_reader = FillReader(self.effects, exchange, store)
        self._housekeeping = Housekeeping(exchange, store, clock, emit, rules.config, self.state.next_instant_ms)
        self.effects.wire(
            start=self.executor.start,
            price=self.executor.price,
            grant=self.deliveries.grant,
            look_again=[
                self._dispatcher.look_again,
                self._reconciler.look_again,
                self._listing_watch.look_again,
                self._fill_reader.look_again,
                self.executor.shots.look_again,
            ],
        )
        self.self_check = SelfCheck(
            {
                "writer": store.turn,
                "dispatcher": self._dispatcher.turn,
                "executor": self.executor.turn,
                "reconciler": self._reconciler.turn,
                "publisher": self.publisher.turn,
                "firing": self.executor.shots.turn,
            }
        )

    def countdowns(self) -> Countdowns:
        """Return the countdowns of the orders that wait for an instant, as they are now."""
        health = self.exchange.health()
        condition = ExchangeCondition(
            reachable=health.reachable,
            uncertainty_ms=health.uncertainty_ms,
            measured_ms=health.measured_ms,
            warm=self.exchange.is_warm(),
        )
        return Countdowns(self.state, condition, self.clock.now_ms())

    def reload(self, rules: Rules) -> None:
        """Apply new rules from the next decision on."""
        self.state.set_rules(rules)
        self._housekeeping.config = rules.config

    def extend_lease(self, lease: HeldLease) -> None:
        """Send orders until the new end of the lease, which the fleet's database has acknowledged."""
        self.exchange.admit_until(lease.until_ms)
        self.decide(extend_lease, lease)

    def clock_stepped(self, step_ms: int, facts: dict[str, str]) -> None:
        """Apply a jump that the clock made, forward by ``step_ms``; ``facts`` are stored."""
        self.decide(clock_steps.stepped, step_ms, facts)
        self._dispatcher.wake()
        self._reconciler.wake()
        self._listing_watch.wake()
        self._fill_reader.wake()

    def _clock_measured(self) -> None:
        """Let decisions use the exchange's clock as it was measured."""
        offset_ms, known = self.exchange.clock.offset_ns // NS_PER_MS, self.state.exchange_time
        if not known.is_measured or known.offset_ms != offset_ms:
            self.decide(clock_steps.measured, offset_ms)

    def set_preflight(self, result: PreflightResult) -> None:
        """Take the result of a preflight that was made while this member stood by, so that the start needs none."""
        if self._preflight is not None:
            self._preflight.known = result

    async def clean_copy(self, latest_ms: Callable[[], int]) -> None:
        """Remove rows past their retention from a member's copy, until cancelled.

        Args:
            latest_ms: returns the latest instant in the log (Unix ms): this machine's clock may be far ahead of the
                owner's, and would remove what is new.

        """
        await self._housekeeping.clean(latest_ms)

    def stop(self) -> None:
        """Drain, then let :meth:`run` end."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping.is_set()

    async def until_stopped(self) -> None:
        """Wait for :meth:`stop`: from then on nothing new is sent."""
        await self._stopping.wait()

    async def run(self, remembered: Remembered) -> None:
        """Recover, reconcile, trade, drain. Recovery is the only way to start."""
        try:
            async with anyio.create_task_group() as tasks:
                await self._live(remembered, tasks)
        except BaseException:
            self.state.gate.close()
            raise

    async def _live(self, remembered: Remembered, tasks: TaskGroup) -> None:
        for task in (
            self.executor.run,
            self._dispatcher.run,
            self.executor.shots.run,
            self.publisher.run,
            self.effects.until_broken,
        ):
            tasks.start_soon(task)
        await anyio.lowlevel.checkpoint()  # the executor's group must run before it gets tasks
        await self._recover(remembered)
        self.exchange.on_clock_measured(self._clock_measured)
        for task in (
            self._housekeeping.measure,
            self._housekeeping.refresh_rules,
            self._housekeeping.clean,
            self._listing_watch.run,
            self._listing_watch.read_calendar,
            self._listing_watch.check_account,
            self._fill_reader.run,
            self._reconciler.run,  # last: its searches may use up the requests of a second, and signals wait for rules
        ):
            tasks.start_soon(task)
        await self._first_search()
        with anyio.move_on_after(CHECK_WAIT_S):
            await self.store.trusted()
        if not self._stopping.is_set():
            if self._preflight is not None:
                tasks.start_soon(self._preflight.run)
            await self._open()
            tasks.start_soon(self._end_check)
            await self._stopping.wait()
        await self._drain()
        tasks.cancel_scope.cancel()

    async def _recover(self, remembered: Remembered) -> None:
        began_ms = self.clock.now_ms()
        self.exchange.back_off(remembered.backoff_until_ms)
        if remembered.former_until_ms is not None and self.exchange.clock.known is not None:
            self._clock_measured()  # while this member stood by: the end of the former lease is converted by it
        _, commit = self.decide(recover, remembered)
        for order in self.state.orders.not_queued():
            if order.state in OUTCOME_UNKNOWN and self.state.lock_of(order):
                self.executor.hold(order)
        await commit.durable()
        counts = self.state.orders.counts
        self._report(
            "daemon.recovered",
            orders=len(self.state.orders),
            queued=counts[State.QUEUED],
            in_doubt=counts[State.IN_DOUBT] + counts[State.LOST],
            took_ms=self.clock.now_ms() - began_ms,
        )

    async def _first_search(self) -> None:
        """Search once for everything in doubt before anything new is accepted.

        The time is bounded: what is still in doubt then keeps its lock and its key, so it cannot be placed twice. An
        exchange that does not answer must not keep the daemon from accepting other orders, nor from ending.
        """
        in_doubt = self.state.orders.counts[State.IN_DOUBT]
        if in_doubt:
            self._report("daemon.reconciling", in_doubt=in_doubt)
        with anyio.move_on_after(self.state.rules.config.reconcile.startup_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._cancel_when_stopped, tasks.cancel_scope)
                async with anyio.create_task_group() as both:
                    both.start_soon(self._reconciler.first_search)
                    if self._preflight is not None:
                        both.start_soon(self._preflight.before_opening)
                tasks.cancel_scope.cancel()

    async def _cancel_when_stopped(self, scope: anyio.CancelScope) -> None:
        await self._stopping.wait()
        scope.cancel()

    async def _open(self) -> None:
        """Accept signals. Until the database has passed its check they wait: nothing is sent, no lease is granted.

        In a fleet, signals may have waited for this owner. They are decided before anything is sent, so that all are
        served by their rank.
        """
        backlog = self.backlog
        self.decide(open_trading, check_pending=not self.store.is_trusted, backlog_pending=backlog is not None)
        self.ready.set()
        if backlog is not None:
            await backlog()
            self.decide(end_backlog)

    async def _end_check(self) -> None:
        await self.store.trusted()
        self.decide(end_check)

    async def _drain(self) -> None:
        """Send nothing new and finish open attempts; what does not end in time is in doubt at the next start."""
        self._report("daemon.draining", in_flight=len(self.state.open_attempts))
        self.decide(drain, hands_over=self._hands_over)
        with anyio.move_on_after(self.state.rules.config.queue.drain_s):
            await self.executor.idle()
        self.publisher.wake_all()
        self.deliveries.give_up()
        await self.store.flush()

    def _recall_shot(self, client_order_id: str) -> bool:
        return self.executor.shots.recall(client_order_id)

    def _report(self, name: str, **detail: str | float | None) -> None:
        self.emit(Event(name=name, at_ms=self.clock.now_ms(), detail=detail))
