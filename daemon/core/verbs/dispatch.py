"""Dispatch: whoever may go next goes, and what is due is done.

May go: trading is not halted, the order is the first by rank whose resource is free, its deadline has not passed, and
the exchange's capacity has room; an order that is only armed gives its room to one of higher priority. Nothing here
waits; what cannot go now leaves an instant at which to look again.
"""

import msgspec

from daemon.core.state.decision import Decision, Send
from daemon.core.state.trading_state import TradingState
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.ids import client_order_id
from daemon.core.values.locks import Lock, LockState, OwnerType
from daemon.core.values.orders import Order
from daemon.core.values.states import OrderEvent, State
from daemon.core.verbs.lease_queue import grant
from daemon.errors import InvariantBroken


def dispatch(ledger: TradingState, step: Decision, now_ms: int) -> int | None:
    """Let go whoever may: whoever waits for a lease gets it, and orders are sent.

    Returns:
        When capacity is free for the next in the queue, if that is what it waits for.

    """
    if not ledger.sending:
        return None
    grant(ledger, step, now_ms)
    if ledger.halted is not None or ledger.preflight_pending is not None:
        return None
    while (entry := ledger.queue.peek()) is not None:
        order = ledger.orders[entry.entry_id]
        if now_ms > order.deadline_ms:
            expire(ledger, step, order, now_ms)
            grant(ledger, step, now_ms)
            continue
        backoff_ms = _backoff_ms(ledger, order, now_ms)
        if backoff_ms != now_ms:
            return backoff_ms
        ready_ms = ledger.capacity.ready_ms(now_ms, order.execute_at_ms, emergency=order.skip_lock)
        if ready_ms != now_ms:
            in_the_way = _armed_in_the_way(ledger, order, now_ms)
            if not in_the_way:
                return ready_ms
            for armed in in_the_way:
                disarm(ledger, step, armed, f"its place in the exchange's rate goes to {order.order_id}", now_ms)
            # Their locks are free now: a caller gets one, or an order that waited for one is first.
            grant(ledger, step, now_ms)
            continue
        ledger.queue.pop()
        _send(ledger, step, order, now_ms)
    return None


def tick(ledger: TradingState, step: Decision, now_ms: int) -> None:
    """Do what is due: deadlines, the end of waits, the end of leases."""
    for subject_id in ledger.due(now_ms):
        order = ledger.orders.get(subject_id)
        if order is None:
            _end_lease(ledger, step, subject_id, now_ms)
        elif order.state is State.QUEUED and now_ms > order.deadline_ms:
            expire(ledger, step, order, now_ms)
        elif order.state is State.QUEUED and subject_id not in ledger.queue:
            ledger.enqueue(order, now_ms)


def expire(ledger: TradingState, step: Decision, order: Order, now_ms: int) -> None:
    """End an order whose deadline passed before it was sent."""
    ledger.leave(order)
    waited_for = order.reason or "no turn came in time"
    order = ledger.move(step, order, OrderEvent.EXPIRE, now_ms, reason=f"the deadline passed: {waited_for}")
    ledger.free(step, order, now_ms, error=order.reason)
    ledger.tell(step, "order.expired", now_ms, order, deadline_ms=order.deadline_ms, reason=order.reason)


def disarm(ledger: TradingState, step: Decision, order: Order, reason: str, now_ms: int) -> Order:
    """Take an armed order back before its instant; nothing was sent."""
    order = ledger.move(step, order, OrderEvent.DISARM, now_ms, reason=reason)
    take_back(ledger, step, order, now_ms)
    ledger.tell(step, "order.disarmed", now_ms, order, reason=reason)
    ledger.enqueue(order, now_ms)
    return order


def take_back(ledger: TradingState, step: Decision, order: Order, now_ms: int) -> None:
    """Record that an armed order's attempt was never made, and free what it held."""
    attempt = ledger.flying.pop(order.client_order_id or "", None)
    if attempt is not None:
        ledger.capacity.give_back(order.sent_ms)
        step.attempts[attempt.client_order_id] = msgspec.structs.replace(
            attempt, state=AttemptState.NOT_SENT, answered_ms=now_ms
        )
    ledger.free(step, order, now_ms)


def fire(ledger: TradingState, step: Decision, send: Send, now_ms: int) -> bool:
    """Let an armed order's instant come; false where it is no longer armed under this attempt."""
    order = ledger.orders.get(send.order.order_id)
    if order is None or order.state is not State.ARMED or order.client_order_id != send.attempt.client_order_id:
        return False
    order = ledger.move(step, order, OrderEvent.SEND, now_ms, sent_ms=now_ms)
    attempt = msgspec.structs.replace(send.attempt, started_ms=now_ms)
    ledger.flying[attempt.client_order_id] = step.attempts[attempt.client_order_id] = attempt
    ledger.tell(step, "order.sent", now_ms, order, attempt=order.attempts, token=send.token)
    return True


def may_go(ledger: TradingState, send: Send, now_ms: int) -> str | None:
    """Judge once more, when the attempt is durable and the wire is next; return what speaks against it."""
    if now_ms > send.order.deadline_ms:
        return "the deadline passed before the request could be written"
    if ledger.halted is not None:
        return f"trading was halted ({ledger.halted})"
    turned_away = ledger.backoff.against(send.attempt.client_order_id)
    if turned_away is not None:
        return turned_away
    if now_ms < ledger.capacity.backoff_until_ms:
        return f"the exchange says wait, until {ledger.capacity.backoff_until_ms}"
    if send.token is not None:
        lock = ledger.locks.holder(send.order.resource)
        if lock is None or lock.token != send.token:
            return f"its lock (token {send.token}) is no longer the resource's"
    return None


def _backoff_ms(ledger: TradingState, order: Order, now_ms: int) -> int | None:
    """Return when the exchange's door lets an order go; while it is shut none is armed, for one that tries goes now."""
    backoff_ms = ledger.backoff.ready_ms(now_ms)
    if ledger.backoff.why is None or backoff_ms is None:
        return backoff_ms
    return max(backoff_ms, order.execute_at_ms or 0)


def _armed_in_the_way(ledger: TradingState, order: Order, now_ms: int) -> list[Order]:
    """Return the armed orders of lesser priority that keep an order from going now, last in rank first.

    Nothing of them was sent. Among orders of the same priority a reservation stands, whoever is older: an order that
    is tried again and again must not take the place of one that waits for its instant.
    """
    priority = ledger.priority_of(order)
    flying = (ledger.orders.get(attempt.order_id) for attempt in ledger.flying.values())
    lesser = [each for each in flying if each and each.state is State.ARMED and ledger.priority_of(each) > priority]
    lesser.sort(key=lambda armed: (armed.priority, armed.seq))

    def is_ready(without: list[Order]) -> bool:
        capacity = ledger.capacity.without(armed.sent_ms or now_ms for armed in without)
        return capacity.ready_ms(now_ms, order.execute_at_ms, emergency=order.skip_lock) == now_ms

    if not is_ready(lesser):
        return []
    for armed in list(lesser):
        rest = [each for each in lesser if each is not armed]
        if is_ready(rest):
            lesser = rest
    return lesser[::-1]


def _send(ledger: TradingState, step: Decision, order: Order, now_ms: int) -> None:
    number = order.attempts + 1
    lock = None if order.skip_lock else lock_for(ledger, step, order, now_ms)
    fire_ms = order.execute_at_ms if order.execute_at_ms is not None and order.execute_at_ms > now_ms else None
    ledger.capacity.take(now_ms, fire_ms)
    order = ledger.move(
        step,
        order,
        OrderEvent.SEND if fire_ms is None else OrderEvent.ARM,
        now_ms,
        attempts=number,
        client_order_id=client_order_id(order.order_id, number),
        sent_ms=fire_ms or now_ms,
        lock_id=None if lock is None else lock.lock_id,
    )
    attempt = Attempt(
        client_order_id=order.client_order_id or "",
        order_id=order.order_id,
        number=number,
        price=order.price,
        started_ms=now_ms,
    )
    if ledger.backoff.why is not None:
        ledger.backoff.trying = attempt.client_order_id
    token = None if lock is None else lock.token
    ledger.flying[attempt.client_order_id] = step.attempts[attempt.client_order_id] = attempt
    step.sends.append(Send(order, attempt, token, fire_ms))
    if fire_ms is None:
        waited_ms = now_ms - order.accepted_ms
        ledger.tell(step, "order.sent", now_ms, order, attempt=number, token=token, waited_ms=waited_ms)
    else:
        ledger.tell(step, "order.armed", now_ms, order, attempt=number, token=token, fire_ms=fire_ms)


def lock_for(ledger: TradingState, step: Decision, order: Order, now_ms: int) -> Lock:
    """Take the order's resource for it, or renew the lock that it holds already."""
    held = ledger.lock_of(order)
    if held is not None:
        lock = ledger.locks.renew(held.lock_id, held.token, now_ms)
    else:
        lock = ledger.locks.acquire(
            resource=order.resource,
            owner_id=order.owner_id,
            owner_type=OwnerType.USER,
            order_id=order.order_id,
            key=order.key,
            timeout_ms=order.timeout_ms,
            now_ms=now_ms,
        )
    if lock is None:
        raise InvariantBroken(f"{order.resource} was given to {order.order_id} while it is held")
    ledger.took(step, lock)
    return lock


def _end_lease(ledger: TradingState, step: Decision, lock_id: str, now_ms: int) -> None:
    lock = ledger.locks.active(lock_id)
    if lock is None:
        return
    order = None if lock.order_id is None else ledger.orders.get(lock.order_id)
    outstanding = order is not None and order.state is not State.QUEUED
    ended = ledger.locks.expire(lock_id, now_ms, outstanding=outstanding)
    if ended is None:
        return
    if ended.state is LockState.ACTIVE:
        step.locks[lock_id] = ended
        ledger.tell(step, "lock.overdue", now_ms, order, lock=ended, token=ended.token, expires_ms=ended.expires_ms)
        return
    ledger.ended(step, ended)
    ledger.tell(step, "lock.expired", now_ms, order, lock=ended, token=ended.token, owner_id=ended.owner_id)
    if order is not None and ledger.leave(order):
        ledger.enqueue(order, now_ms)
