"""The executor: makes attempts inside the resource's lock.

An attempt whose lock, connection and rate slot are free is written by the commit that makes it durable
(:meth:`Executor.start`), and a task reads its answer. Any other attempt has a task from the beginning, which waits for
what is not free. Both ask :func:`~daemon.core.verbs.dispatch.may_go` immediately before the first byte.

An armed order is made a shot (:mod:`daemon.engine.shots`), which leaves at its instant without the event loop.

The task holds the lock until the outcome is known, however long that takes: after an unknown outcome it waits for the
reconciler, or the operator, to end the doubt.

It also owns the tasks of callers' requests to the exchange (:meth:`Executor.finish`). Such a task outlives its caller,
but not the engine: the engine waits for it while it drains, and cancels it before the store closes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeVar

import anyio
import anyio.lowlevel

from daemon.clock import NS_PER_MS, Clock, stopwatch_s
from daemon.core.rules.retries import may_refit, needs_last_price
from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer, NotSent, Refused
from daemon.core.values.orders import Order
from daemon.core.values.states import OUTCOME_UNKNOWN
from daemon.core.values.symbols import FRESH_MS, SymbolRules
from daemon.core.verbs.capping import priced
from daemon.core.verbs.dispatch import fire, may_go
from daemon.core.verbs.outcomes import answered
from daemon.engine.effects import Effects
from daemon.engine.observer import Observer, Timing
from daemon.engine.publisher import Publisher
from daemon.engine.resource_locks import ResourceLocks
from daemon.engine.shots import Left, Shots
from daemon.engine.trigger import Trigger
from daemon.engine.turns import Turns
from daemon.errors import NotReady
from daemon.exchange.port import Exchange, NotConnected, OrderRequest
from daemon.store.commit import Commit

NEAR_MS = 50
"""For so long before its instant an armed order waits for it without another look at the exchange's clock."""

T = TypeVar("T")


class _Prepared(NamedTuple):
    """A request that was prepared at once, inside its resource's lock."""

    request: OrderRequest
    lock: asyncio.Lock | None  # None: the order needs none
    began_ms: int
    began_s: float  # of the loop's clock

    def unlock(self) -> None:
        """Release the lock."""
        if self.lock is not None:
            self.lock.release()

    def give_up(self) -> None:
        """Give the connection back, on which nothing was written, and release the lock."""
        self.request.release()
        self.unlock()


class Executor:
    """Makes the attempts that the dispatcher decided."""

    def __init__(
        self,
        effects: Effects,
        exchange: Exchange,
        publisher: Publisher,
        clock: Clock,
        turns: Turns,
        observer: Observer,
        trigger: Trigger,
    ) -> None:
        self._observer = observer
        self._effects = effects
        self._exchange = exchange
        self._publisher = publisher
        self._clock = clock
        self._turns = turns
        self._locks = ResourceLocks()
        self._tasks = asyncio.TaskGroup()
        self._runs = False
        self._under_way = 0
        self._ended = asyncio.Event()
        self.shots = Shots(effects, exchange, clock, trigger, begin=self._begin, end=self._end)

    async def run(self) -> None:
        """Own the tasks of all requests to the exchange, until cancelled."""
        async with self._tasks:
            self._runs = True
            try:
                await anyio.sleep_forever()
            finally:
                self._runs = False
                self.shots.close()

    def start(self, send: Send, commit: Commit) -> None:
        """Make an attempt once it is durable."""
        timing = Timing(stopwatch_s())
        if send.fire_ms is not None:
            self._tasks.create_task(self._attempt_at_instant(send, commit, timing))
            return
        self._begin()
        prepared = self._prepare_now(send)
        if prepared is not None and prepared.request.connect_now():
            write = partial(self._write_prepared, send, commit, prepared, timing)
            commit.write_when_durable(partial(self._effects.guard, write), give_up=prepared.give_up)
            return
        if prepared is not None:
            prepared.unlock()
        self._tasks.create_task(self._attempt(send, commit, timing, prepared))

    def price(self, order: Order) -> None:
        """Query the price, and the pair's rules, that an order's cap follows from."""
        self._tasks.create_task(self._find_price(order))

    def hold(self, order: Order) -> None:
        """Take the lock again for an order whose outcome was unknown when the last process ended."""
        self._tasks.create_task(self._hold(order))

    async def finish(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a caller's work with the exchange to its end, even if the caller disconnects; return its result.

        An error of the work is raised, if the caller still waits.

        Raises:
            NotReady: the daemon is starting and nothing was done, or it ended before the work did.

        """
        if not self._runs:
            raise NotReady("the daemon is starting or ending, and nothing was asked of the exchange; ask again later")
        task = self._tasks.create_task(self._finished(work))
        await asyncio.wait([task])
        if task.cancelled():
            raise NotReady(
                "the daemon ended before the exchange answered, which may have done what was asked; look at it again "
                "when the daemon runs"
            )
        outcome = task.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def turn(self) -> None:
        """Return when a task that does nothing has run."""
        ran = asyncio.Event()

        async def nothing() -> None:
            ran.set()

        self._tasks.create_task(nothing())
        await ran.wait()

    async def idle(self) -> None:
        """Wait until no request is in flight."""
        while self._under_way:
            self._ended.clear()
            await self._ended.wait()

    def _prepare_now(self, send: Send) -> _Prepared | None:
        """Prepare a request inside its resource's lock; ``None`` if the lock has to be waited for."""
        lock = None if send.token is None else self._locks.try_acquire(send.order.resource)
        if lock is None and send.token is not None:
            return None
        began_s = asyncio.get_running_loop().time()
        return _Prepared(self._exchange.prepare(send.order, send.attempt), lock, self._clock.now_ms(), began_s)

    def _write_prepared(self, send: Send, commit: Commit, prepared: _Prepared, timing: Timing) -> None:
        """Write a prepared request, now that it is durable; if anything is in its way, make the attempt in a task."""
        if not self._runs:
            prepared.give_up()
            return  # as after a crash, the next start queries the order
        request, timing.wire_s = prepared.request, stopwatch_s()
        if (
            asyncio.get_running_loop().time() < prepared.began_s + request.fresh_s
            and may_go(self._effects.state, send, self._clock.now_ms()) is None
            and request.rate_slot_now()
            and request.write()
        ):
            self._tasks.create_task(self._finish_prepared(send, prepared, timing))
            return
        timing.wire_s = None
        prepared.give_up()
        self._tasks.create_task(self._attempt(send, commit, timing))

    async def _finish_prepared(self, send: Send, prepared: _Prepared, timing: Timing) -> None:
        try:
            await self._record(send, await prepared.request.answer(), prepared.began_ms, timing)
            await self._until_settled(send.order.order_id)
        finally:
            prepared.unlock()

    async def _attempt(self, send: Send, commit: Commit, timing: Timing, prepared: _Prepared | None = None) -> None:
        async with self._lock_of(send):
            await self._place(send, commit, timing, prepared)
            await self._until_settled(send.order.order_id)

    async def _attempt_at_instant(self, send: Send, commit: Commit, timing: Timing) -> None:
        """Make an attempt at its instant: as a shot, or if that is not possible, like any other.

        Its waits are outside the lock: it may be taken back, and another order sent.
        """
        await commit.durable()
        while (shared := await self.shots.ready(send)) is not None:
            try:
                async with self._lock_of(send):
                    left = await self.shots.shoot(send, shared)
                    if left is not None:
                        await self._follow(send, left, timing)
                        return
            finally:
                self.shots.release(send, shared)
        at_ns = await self._reach(send)
        timing.begin(self._clock.now_ns() - at_ns)
        async with self._lock_of(send):
            if not self._fire(send):
                return
            self._begin()
            await self._place(send, commit, timing, None)
            await self._until_settled(send.order.order_id)

    async def _follow(self, send: Send, left: Left, timing: Timing) -> None:
        """Read the answer to a shot that has left."""
        timing.begin(self._clock.now_ns() - left.at_ns)
        timing.left(left.wire_ns - left.at_ns)
        await self._record(send, await left.answer(), left.wire_ns // NS_PER_MS, timing)
        await self._until_settled(send.order.order_id)

    def _lock_of(self, send: Send) -> AbstractAsyncContextManager[None]:
        """Return the lock of a send's resource, if it needs one."""
        return nullcontext() if send.token is None else self._locks.of(send.order.resource)

    async def _place(self, send: Send, commit: Commit, timing: Timing, prepared: _Prepared | None) -> None:
        began_ms = self._clock.now_ms()
        await self._record(send, await self._send(send, commit, timing, prepared), began_ms, timing)

    async def _record(self, send: Send, answer: Answer, began_ms: int, timing: Timing) -> None:
        """Decide what follows from an answer; the request began at ``began_ms``."""
        timing.answered_s = stopwatch_s()
        await self._turns.after_urgent()
        new_rules = await self._rules_in_doubt(send, answer, began_ms)
        last_price = await self._price_in_doubt(send, answer)
        verdict, _ = self._effects.decide(answered, send.attempt, answer, new_rules=new_rules, last_price=last_price)
        self._end()
        self._observer.attempted(send, answer, timing)
        if verdict is not None and verdict.resync:
            await self._exchange.measure_clock()

    async def _send(self, send: Send, commit: Commit, timing: Timing, prepared: _Prepared | None = None) -> Answer:
        """Send an attempt's request, once. The order of these lines is the order of events.

        The connection opens while the disk writes. Nothing runs between the last check and the first byte.
        """
        now_s = asyncio.get_running_loop().time()
        if prepared is not None and now_s < prepared.began_s + prepared.request.fresh_s:
            request = prepared.request
        else:
            request = self._exchange.prepare(send.order, send.attempt)
        try:
            async with asyncio.timeout(request.timeout_s):
                is_written = False
                while not is_written:
                    await request.connect()
                    await commit.durable()
                    await request.rate_slot()
                    why = may_go(self._effects.state, send, self._clock.now_ms())
                    if why is not None:
                        return NotSent(why)
                    timing.wire_s = stopwatch_s()
                    is_written = request.write()
        except NotConnected as error:
            return request.not_written(str(error))
        except TimeoutError:
            return request.not_written("TimeoutError: no answer in time")
        finally:
            request.release()
        return await request.answer()

    async def _finished(self, work: Callable[[], Awaitable[T]]) -> T | Exception:
        """Do the work; return its error as a value, because an error of a task ends its whole group."""
        self._begin()
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - the caller raises it
            return error
        finally:
            self._end()

    def _begin(self) -> None:
        self._under_way += 1

    def _end(self) -> None:
        self._under_way -= 1
        self._ended.set()

    async def _rules_in_doubt(self, send: Send, answer: Answer, began_ms: int) -> SymbolRules | None:
        """Read a pair's rules again if a refusal puts them in doubt; return them if the order may be rounded to them.

        A refusal that is retried anyway does not wait for them; they are read after its first attempt only. They also
        state when a pair opens.
        """
        if not isinstance(answer, Refused):
            return None
        is_early = answer.not_open and send.order.execute_at_ms is not None
        if may_refit(send.order, answer):
            left_s = (self._effects.state.deadline_ms(send.order) - self._clock.now_ms()) / 1_000
            with anyio.move_on_after(left_s):
                return await self._new_rules(send.order.symbol, began_ms)
        elif send.attempt.number == 1 and (answer.doubts_rules or is_early):
            since_ms = began_ms if answer.doubts_rules else began_ms - FRESH_MS
            self._tasks.create_task(self._new_rules(send.order.symbol, since_ms))
        return None

    async def _price_in_doubt(self, send: Send, answer: Answer) -> Decimal | None:
        """Query a pair's last price if the price of the next attempt follows from it."""
        if not isinstance(answer, Refused) or not needs_last_price(send.order, answer):
            return None
        return await self._exchange.last_price(send.order.symbol)

    async def _find_price(self, order: Order) -> None:
        await self._new_rules(order.symbol, self._clock.now_ms() - FRESH_MS)
        price = await self._exchange.market_price(order.symbol, order.side)
        self._effects.decide(priced, order.order_id, price)

    async def _new_rules(self, symbol: str, since_ms: int) -> SymbolRules | None:
        try:
            return await self._exchange.fresh_rules(symbol, since_ms)
        except NotReady:
            return None

    async def _reach(self, send: Send) -> int:
        """Wait for an order's instant, which moves when the exchange's clock is measured; return it, by our clock."""
        while (left_ms := -((self._clock.now_ns() - (at_ns := self.shots.at_ns(send))) // NS_PER_MS)) > 0:
            await self._clock.reach(self._clock.now_ms() + (left_ms if left_ms <= NEAR_MS else left_ms // 2))
        return at_ns

    def _fire(self, send: Send) -> bool:
        """Move an armed order to in_flight at its instant; return false if it was taken back."""
        armed, _ = self._effects.decide(fire, send)
        return armed

    async def _hold(self, order: Order) -> None:
        async with self._locks.of(order.resource):
            await self._until_settled(order.order_id)

    async def _until_settled(self, order_id: str) -> None:
        """Keep the lock while the outcome is unknown, unless the operator has ended it."""
        state = self._effects.state
        while (order := state.orders.get(order_id)) is not None and order.state in OUTCOME_UNKNOWN:
            if state.lock_of(order) is None:
                return
            await self._publisher.changed(order_id)
