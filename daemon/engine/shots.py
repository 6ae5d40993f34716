"""Shots: armed orders whose requests leave at their instants without the event loop.

A shot is made ready shortly before its instant: its order is durable as armed, its request signed, and a warm
connection taken for it. Then the trigger holds it (:mod:`daemon.engine.trigger`). Until its first byte leaves, a
decision can recall it (:meth:`Shots.recall`, which the trading state calls); a recalled shot was never sent. After it
has left, the loop is told, decides what is known already (``fire``), and reads the answer.

Orders that share a request (:mod:`daemon.core.verbs.batching`) leave with one shot. When an order joins, or is
recalled, the shot is recalled, and the request is signed again for the orders that it has then. That happens when the
running decision has ended, so a decision that recalls several orders has recalled all of them before any can leave.

Where no warm connection or rate slot is there in time, or the connection drops, the executor sends the order at its
instant like any other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import anyio

from daemon.clock import NS_PER_MS, Clock
from daemon.core.rules.lead import leave_ns
from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer
from daemon.core.values.states import State
from daemon.core.verbs.dispatch import fire, may_go
from daemon.engine.effects import Effects
from daemon.engine.shared_requests import SharedRequest, SharedRequests
from daemon.engine.timers import Alarm
from daemon.engine.trigger import FIRED, Fired, Shot, Trigger
from daemon.errors import CommitFailed
from daemon.exchange.port import Exchange, NotConnected

NS_PER_S = 1_000_000_000

HOLD_AHEAD_MS = 500
"""How long before its instant a shot takes its connection: no longer, because it is idle meanwhile."""

TOO_LATE_NS = 5 * NS_PER_MS
"""So shortly before its instant an order that has no connection yet is sent by the loop itself."""

WARM_AHEAD_MS = 5_000
"""How long before an instant connections are opened for it: time for several handshakes and proofs at the rate of
[exchange] requests_per_s."""

TEND_S = 0.15
"""How often connections are looked after while an instant is near."""

SAMPLED_UNTIL_MS = 100
"""How long before an instant the exchange's clock is measured for the last time: the answer must not come while
requests leave. It is measured on a connection that no shot needs."""

UNWATCHED_MS = 5
"""How long before its instant a shot's connection is no longer watched. Otherwise the answers to the first requests of
an instant would wake the loop's thread, and it would keep the interpreter from the others. A connection that drops in
these milliseconds could not be replaced in time; a write looks whether it is open."""


JOINED_UNTIL_MS = 50
"""So shortly before its instant no order joins a request that the trigger holds: it is signed again for that."""


class Left(NamedTuple):
    """A shot that has left."""

    answer: Callable[[], Awaitable[Answer]]  # reads the answer to the order
    at_ns: int  # its instant by the daemon's clock, less the lead
    wire_ns: int  # when it was written


class _Held:
    """An order whose request the trigger holds, or will hold in a moment."""

    __slots__ = ("is_counted", "left", "shared")

    def __init__(self, shared: SharedRequest) -> None:
        self.shared = shared
        self.left: asyncio.Future[Left | None] = asyncio.get_running_loop().create_future()
        self.is_counted = False  # as a request under way

    def end(self, left: Left | None) -> None:
        """Tell its task what became of it; ``None`` if it was not written."""
        if not self.left.done():  # done: the task was cancelled
            self.left.set_result(left)


class Shots:
    """Makes shots ready, and follows them."""

    def __init__(
        self,
        effects: Effects,
        exchange: Exchange,
        clock: Clock,
        trigger: Trigger,
        *,
        begin: Callable[[], None],
        end: Callable[[], None],
    ) -> None:
        """Build it; ``begin`` and ``end`` count a request under way."""
        self._effects = effects
        self._exchange = exchange
        self._clock = clock
        self._trigger = trigger
        self._begin = begin
        self._end = end
        self._held: dict[str, _Held] = {}  # by client order id
        self._requests = SharedRequests()
        self._is_closed = False
        self._served: set[str] = set()  # ids of the orders that have a connection
        self._alarm = Alarm(clock)

    def at_ns(self, send: Send) -> int:
        """Return when an armed order is to leave, by the daemon's clock, so that it arrives at its instant."""
        return leave_ns(self._effects.state.rules.config.launch, self._exchange.clock, send.fire_ms or 0)

    def recall(self, client_order_id: str) -> bool:
        """Take an armed order's request back; false if it has left, or is leaving."""
        held = self._held.get(client_order_id)
        if held is None:
            return True
        if self._unhold(held.shared):
            self._drop(client_order_id, held)
            return True
        self._count(held)
        return False

    async def ready(self, send: Send) -> SharedRequest | None:
        """Wait until shortly before an order's instant; return its request on a warm connection.

        Returns:
            ``None``, perhaps before the instant, if it cannot leave as a shot, or was taken back.

        """
        ahead_ms = self.at_ns(send) // NS_PER_MS - HOLD_AHEAD_MS - self._clock.now_ms()
        if ahead_ms > 0:
            await anyio.sleep(ahead_ms / 1_000)
        left_ns = self.at_ns(send) - self._clock.now_ns() - TOO_LATE_NS
        at_ms = self.at_ns(send) // NS_PER_MS
        if left_ns <= 0 or not self._is_armed(send) or may_go(self._effects.state, send, at_ms) is not None:
            return None
        shared = self._requests.join(send.request or "", lambda: self._exchange.prepare_shot(send.fire_ms or 0))
        if shared is None:
            return None
        if not self._may_join(send, shared):
            self._requests.leave(shared)
            return None
        self._served.add(send.order.order_id)
        try:
            async with asyncio.timeout(left_ns / NS_PER_S):
                is_open = await shared.open(at_ms)
        except (NotConnected, TimeoutError):
            is_open = False
        except BaseException:
            self.release(send, shared)
            raise
        if not is_open:
            self.release(send, shared)
            return None
        return shared

    async def shoot(self, send: Send, shared: SharedRequest) -> Left | None:
        """Let the trigger fire a request at its instant; return ``None`` if it was not written.

        It was recalled then, or its connection dropped, perhaps before the instant.
        """
        if not self._is_armed(send) or not self._may_join(send, shared) or not self._unhold(shared):
            return None
        client_order_id = send.attempt.client_order_id
        held = self._held[client_order_id] = _Held(shared)
        shared.sends[client_order_id] = send
        if len(shared.sends) == 1:
            self._aim(shared)
        try:
            return await held.left
        finally:
            # If the task is cancelled while the request leaves, the order cannot be taken back any more.
            if not held.left.cancelled():
                self._held.pop(client_order_id, None)
            elif self._unhold(shared):
                self._drop(client_order_id, held)

    async def turn(self) -> None:
        """Return once the trigger has shown that it runs."""
        ran, loop = anyio.Event(), asyncio.get_running_loop()
        self._trigger.ask(partial(loop.call_soon_threadsafe, ran.set))
        await ran.wait()

    def release(self, send: Send, shared: SharedRequest) -> None:
        """Give back what a request holds that was not written, once no order's task has it any more."""
        self._requests.leave(shared)
        self._served.discard(send.order.order_id)

    def close(self) -> None:
        """Recall every shot: the engine ends."""
        self._is_closed = True
        self._trigger.close()

    def look_again(self) -> None:
        """Wake the task that looks after connections, if an instant is nearer than it knows."""
        self._alarm.bring_forward(self._due_ms())

    async def run(self) -> None:
        """Have warm connections when instants are near, until cancelled."""
        while True:
            state = self._effects.state
            now_ms = state.exchange_time.exchange_ms(self._clock.now_ms())
            limit = state.rules.config.queue.max_in_flight
            near = state.instants.until(now_ms, now_ms + WARM_AHEAD_MS, limit)
            wanted = sum(order_id not in self._served and self._waits(order_id) for order_id in near)
            next_ms = state.instants.next_ms(now_ms)
            sample = bool(near) and next_ms is not None and next_ms > now_ms + SAMPLED_UNTIL_MS
            if await self._exchange.tend_connections(wanted, sample=sample) or near:
                await anyio.sleep(TEND_S)
            else:
                await self._alarm.sleep_until(self._due_ms())

    def _waits(self, order_id: str) -> bool:
        order = self._effects.state.orders.get(order_id)
        return order is not None and order.state in {State.QUEUED, State.ARMED}

    def _due_ms(self) -> int | None:
        state = self._effects.state
        next_ms = state.next_instant_ms(self._clock.now_ms())
        return None if next_ms is None else next_ms - WARM_AHEAD_MS

    def _may_join(self, send: Send, shared: SharedRequest) -> bool:
        """Whether an order may still leave with a request, which may have other orders."""
        if shared.is_ended or (shared.shot is not None and shared.shot.state is FIRED):
            return False
        return not shared.sends or self.at_ns(send) - self._clock.now_ns() > JOINED_UNTIL_MS * NS_PER_MS

    def _unhold(self, shared: SharedRequest) -> bool:
        """Take a request back from the trigger, to sign it again; return false if it has left."""
        if shared.shot is None:
            return True
        if not self._trigger.recall(shared.shot):
            return False
        shared.shot = None
        asyncio.get_running_loop().call_soon(self._effects.guard, partial(self._aim, shared))
        return True

    def _aim(self, shared: SharedRequest) -> None:
        """Sign a request for the orders that it has now, and let the trigger hold it."""
        if not shared.sends or shared.shot is not None or self._is_closed:
            return
        sends = list(shared.sends.values())
        request, fire_ms = shared.request, sends[0].fire_ms or 0
        request.sign([(send.order, send.attempt) for send in sends])
        deadline_ms = min(send.order.deadline_ms for send in sends)
        until_deadline_ns = (deadline_ms + 1 - fire_ms) * NS_PER_MS - 1  # both by the exchange's clock
        loop, guard = asyncio.get_running_loop(), self._effects.guard
        shared.shot = Shot(
            fire_ms,
            partial(self.at_ns, sends[0]),
            latest_ns=min(round(request.fresh_s * NS_PER_S), until_deadline_ns),
            write=request.write,
            done=lambda fired: loop.call_soon_threadsafe(guard, partial(self._fired, shared, fired)),
        )
        request.watch(partial(self._dropped, shared))
        self._trigger.hold(shared.shot)
        watched_s = max(0, self.at_ns(sends[0]) // NS_PER_MS - UNWATCHED_MS - self._clock.now_ms()) / 1_000
        shared.watch_for(watched_s)

    def _dropped(self, shared: SharedRequest) -> None:
        """Let orders that have not left leave by another connection: the server gave this one up."""
        shared.request.unwatch()
        if shared.shot is None or self._trigger.recall(shared.shot):
            shared.shot = None
            self._give_up(shared)

    def _give_up(self, shared: SharedRequest) -> None:
        """Tell the tasks of a request's orders that it will not be written; their next attempts get another."""
        self._requests.end(shared)
        for client_order_id in list(shared.sends):
            if (held := self._held.get(client_order_id)) is not None:
                self._drop(client_order_id, held)

    def _drop(self, client_order_id: str, held: _Held) -> None:
        """Tell an order's task that its request will not be written for it."""
        held.shared.sends.pop(client_order_id, None)
        self._held.pop(client_order_id, None)
        held.end(None)
        if held.is_counted:
            self._end()  # last: its task runs first and counts it again, before a drain looks

    def _fired(self, shared: SharedRequest, fired: Fired) -> None:
        """Decide what the trigger has done; it runs in the loop."""
        shared.keep_watch()
        if not fired.written:
            self._give_up(shared)
            return
        for client_order_id, send in list(shared.sends.items()):
            held = self._held.get(client_order_id)
            if held is None or held.left.cancelled():
                continue  # as after a crash, the next start queries the order
            self._count(held)
            try:
                self._effects.decide(fire, send, fired.wire_ns // NS_PER_MS)
            except CommitFailed as failed:
                held.left.set_exception(failed)
            else:
                held.end(Left(partial(shared.answer, client_order_id), fired.at_ns, fired.wire_ns))

    def _count(self, held: _Held) -> None:
        if not held.is_counted:
            held.is_counted = True
            self._begin()

    def _is_armed(self, send: Send) -> bool:
        order = self._effects.state.orders.get(send.order.order_id)
        return (
            order is not None and order.state is State.ARMED and order.client_order_id == send.attempt.client_order_id
        )
