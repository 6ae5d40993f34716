"""A decision: one change of the trading state, at one instant, with the rows and events to write.

A verb (:mod:`daemon.core.verbs`) is a function that takes the decision as its first argument: ``def expire(d, order)``.
It reads ``d.state`` and ``d.now_ms``, and changes the state through the methods below. They also record the row, so a
verb that uses them cannot forget to write a change. One decision has one instant: nothing becomes due halfway through.

Verbs check before they change anything. A verb that refuses leaves the state unchanged and the change set empty
(:func:`daemon.core.verbs.deciding.decide`).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import msgspec

from daemon.core.rules.exposure import Exposure
from daemon.core.rules.priority_queue import NO_RESOURCE, Entry
from daemon.core.rules.reconciliation import begin
from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import BACKOFF_FACT, RATE_BACKOFF_FACT, TradingState
from daemon.core.values.decimals import plain
from daemon.core.values.events import CATALOGUE, DAEMON, Detail, Event
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import FINISHED, KEY_FREE, SEARCHED, UNDER_WAY, OrderEvent, State, after


class Decision:
    """A change of ``state`` at ``now_ms`` (Unix milliseconds), recorded in ``changes``."""

    __slots__ = ("changes", "now_ms", "state")

    def __init__(self, state: TradingState, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.changes = ChangeSet()

    @property
    def exchange_ms(self) -> int:
        """The time of the decision by the exchange's clock (Unix ms): for what is an instant of that clock."""
        return self.state.exchange_time.exchange_ms(self.now_ms)

    def add(self, order: Order) -> None:
        """Add a new order, or one that is only on disk."""
        self.state.orders.keep(order)
        self.changes.orders[order.order_id] = order

    def add_all(self, orders: Mapping[str, Order], counted: Exposure) -> None:
        """Add new queued orders, by id; ``counted`` has counted those of them that count, and nothing else."""
        self.state.orders.keep_new(orders, counted, self.now_ms)
        self.changes.orders.update(orders)

    def unbind(self, order: Order) -> None:
        """Free the key of a finished order."""
        order = self.changes.orders[order.order_id] = msgspec.structs.replace(order, key_bound=False)
        if order.order_id in self.state.orders:
            self.state.orders.keep(order)

    def move(self, order: Order, event: OrderEvent, *, reason: str | None = None, **changes: object) -> Order:
        """Move an order to the state that follows an event, with other changes of its fields.

        Raises:
            Impossible: the order's state has no such transition; nothing was changed.

        """
        state = after(order.state, event)
        if state in KEY_FREE:
            changes["key_bound"] = False
        order = msgspec.structs.replace(order, state=state, reason=reason, **changes)
        is_over = state in FINISHED and order.executed_sum is not None
        return self.change(order, finished_ms=self.now_ms if is_over else order.finished_ms)

    def change(self, order: Order, **changes: object) -> Order:
        """Change an order, and schedule its search if its state needs one."""
        state = self.state
        if changes.get("finished_ms") is not None and order.key_until_ms is not None:
            changes["key_until_ms"] = self.now_ms + state.rules.config.queue.manual_window_ms
        order = msgspec.structs.replace(order, updated_ms=self.now_ms, **changes)
        state.orders.keep(order)
        self.changes.orders[order.order_id] = order
        if order.state is not State.QUEUED and order.state not in UNDER_WAY:
            state.launches.leave(order)
        if order.state in SEARCHED and order.finished_ms is None:
            state.searches.schedule(order, begin(order, self.now_ms, state.rules))
        else:
            state.searches.end(order.order_id)
        if order.finished_ms is not None:
            state.fills.ended(order, self.now_ms)
        return order

    def enqueue(self, order: Order) -> None:
        """Let a queued order wait: until its time, then in the queue."""
        state = self.state
        start_ms = state.start_ms(order)
        has_instant = order.execute_at_ms is not None
        state.timers.set(state.deadline_ms(order) + 1, order.order_id, by_exchange=has_instant)
        instant_ms = state.instant_ms(order)
        if instant_ms is not None and instant_ms > self.now_ms:
            state.instants.add(state.exchange_time.exchange_ms(instant_ms), order.order_id, self.exchange_ms)
        if start_ms > self.now_ms:
            state.timers.set(start_ms, order.order_id, by_exchange=has_instant and start_ms > order.not_before_ms)
            state.orders.later[order.order_id] = None
            return
        state.orders.later.pop(order.order_id, None)
        waits_for = NO_RESOURCE if order.skip_lock or state.lock_of(order) else order.resource
        state.queue.push(Entry(state.priority_of(order), order.seq, 0, order.order_id, waits_for))

    def lock_taken(self, lock: Lock) -> None:
        """Record a lock that was granted or renewed; its resource is not granted again until it ends."""
        self.changes.locks[lock.lock_id] = lock
        self.state.hold(lock)

    def lock_ended(self, lock: Lock) -> None:
        """Record a lock that has ended; orders and callers that wait for its resource are offered again."""
        self.changes.locks[lock.lock_id] = lock
        self.state.release(lock)

    def free_lock(self, order: Order, *, result: str | None = None, error: str | None = None) -> None:
        """End the lock of an order, if it holds one."""
        held = self.state.lock_of(order)
        if held is None:
            return
        ended = self.state.locks.release(held.lock_id, held.token, self.now_ms, result=result, error=error)
        assert ended is not None
        self.lock_ended(ended)

    def back_off(self, until_ms: int) -> None:
        """Send nothing before then, because the exchange asked for it; the wait survives a restart."""
        rate_budget = self.state.rate_budget
        if until_ms > max(self.now_ms, rate_budget.backoff_until_ms):
            rate_budget.back_off(until_ms)
            self.changes.facts[RATE_BACKOFF_FACT] = str(until_ms)
            self.record("exchange.rate_limited", wait_ms=until_ms - self.now_ms)

    def end_backoff(self) -> None:
        """Let orders be sent again: the exchange accepts them."""
        shut_ms = self.now_ms - self.state.backoff.since_ms
        self.state.backoff.open()
        self.changes.facts[BACKOFF_FACT] = ""
        self.record("exchange.takes_orders", shut_ms=shut_ms)

    def record(
        self,
        name: str,
        order: Order | None = None,
        *,
        actor: str = DAEMON,
        lock: Lock | None = None,
        at_ms: int | None = None,
        **detail: Detail | Decimal,
    ) -> None:
        """Record an event, now or at ``at_ms``; amounts are written in plain digits."""
        for key, value in detail.items():
            if isinstance(value, Decimal):
                detail[key] = plain(value)
        event = Event(
            name=name,
            at_ms=self.now_ms if at_ms is None else at_ms,
            actor=actor,
            order_id=None if order is None else order.order_id,
            lock_id=lock.lock_id if lock is not None else None if order is None else order.lock_id,
            resource=lock.resource if lock is not None else None if order is None else order.resource,
            client_order_id=None if order is None else order.client_order_id,
            state=None if order is None else order.state,
            detail=cast("dict[str, Detail]", detail),
        )
        self.record_made(event)

    def record_made(self, event: Event) -> None:
        """Record an event that was made before."""
        (self.changes.events if CATALOGUE[event.name].durable else self.changes.notes).append(event)
