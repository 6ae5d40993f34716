"""Dispatch: send the orders that may be sent, grant leases, and do what is due.

An order may be sent if trading is not halted, it is the first by rank whose resource is free, its deadline has not
passed, the rate budget has room (or another order's request has, for the same instant), and in a fleet the owner's
lease leaves time for it. An order that is only armed gives its room to one of higher priority. Nothing here waits; for
an order that cannot be sent now, the instant at which to try again is returned.

A decision is short, however much there is to do: it sends, grants and does what is due in slices, and what is left is
for the next decision, which the dispatcher makes at once. Signals and answers that arrive meanwhile have their turn in
between. Nothing is sent while a slice of what is due is left, because an order whose time has come takes part in the
order of service; only an emergency SELL does not wait for that.
"""

import msgspec

from daemon.core.rules.lease_fence import may_sign
from daemon.core.state.changes import Send
from daemon.core.state.decision import Decision
from daemon.core.state.gate import LEASE_ENDS
from daemon.core.state.instant_requests import InstantRequest
from daemon.core.state.trading_state import TradingState
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.ids import client_order_id
from daemon.core.values.locks import Lock, LockState, OwnerType
from daemon.core.values.orders import Order
from daemon.core.values.states import OrderEvent, State
from daemon.core.verbs import batching, launching
from daemon.core.verbs.capping import cap_when_due
from daemon.core.verbs.fitting import fitted_at_arming
from daemon.core.verbs.lease_queue import grant
from daemon.errors import InvariantBroken

SLICE = 32
"""Orders and callers that a tick serves or ends at most: about a millisecond's work, and twice as much for requests."""

FEW = 4
"""The same for any other decision. There may be many of them in one turn of the event loop, like answers."""

LEASE_LOOK_MS = 50
"""How often an order is looked at again whose instant the lease does not cover yet."""

DUE = 256
"""What is due and not ended by that, like an order whose time has come, takes a tenth of the time."""


def dispatch(d: Decision, limit: int) -> int | None:
    """Grant leases to waiters and send orders, as far as they may be, ``limit`` in all at most.

    Returns:
        When to go on (Unix ms): now, if there is more than a slice; when the rate budget has room for the next order in
        the queue, if that is what it waits for.

    """
    if not d.state.gate.grants_leases:
        return None
    left = limit - grant(d, limit)
    if not (d.state.gate.sends_orders and d.state.gate.has_lease(d.exchange_ms)):
        return None if left else d.now_ms
    _disarm_what_must_wait(d)
    while left > 0 and (entry := d.state.queue.peek()) is not None:
        order = d.state.orders[entry.entry_id]
        if d.state.timers.are_behind and not order.skip_lock:
            return d.now_ms
        left -= 1
        if _changes(d, order):
            left -= grant(d, left)
            continue
        backoff_ms = _backoff_ms(d, order)
        if backoff_ms != d.now_ms:
            return backoff_ms
        instant = d.state.instant_ms(order)
        ready_ms = d.state.rate_budget.ready_ms(d.now_ms, instant, emergency=order.skip_lock)
        joined = None if ready_ms == d.now_ms else batching.to_join(d, order, ready_ms)
        if ready_ms != d.now_ms and joined is None:
            if not _make_room(d, order):
                return ready_ms
            # Their locks are free now: a waiter gets one, or an order that waited for one is first.
            left -= grant(d, left)
            continue
        fitted = fitted_at_arming(d, order)
        if fitted is None:
            left -= grant(d, left)
            continue
        d.state.queue.pop()
        _send(d, launching.at_known_cap(d, fitted), joined)
    return None if left > 0 else d.now_ms


def _changes(d: Decision, order: Order) -> bool:
    """Change an order before it is sent, if it must be; return whether.

    It ends if its deadline passed, waits if it has to for its pair's open or for a longer lease, and goes at its cap if
    that is due.
    """
    if d.now_ms > d.state.deadline_ms(order):
        expire(d, order)
    elif d.state.start_ms(order) > d.now_ms:
        d.state.leave(order)
        d.enqueue(order)
    elif not _is_covered(d.state, order):
        d.state.leave(order)
        d.state.timers.set(d.now_ms + LEASE_LOOK_MS, order.order_id)
        d.state.orders.later[order.order_id] = None
    else:
        return launching.wait_for_turn(d, order) or cap_when_due(d, order)
    return True


def _is_covered(state: TradingState, order: Order) -> bool:
    """Whether the lease lasts beyond the instant of an order, if it has one."""
    if state.gate.lease is None or order.execute_at_ms is None:
        return True
    return may_sign(state.gate.lease, state.exchange_time.exchange_ms(state.instant_ms(order) or 0))


def tick(d: Decision) -> int:
    """Do a slice of what is due: deadlines, the end of waits, the end of leases.

    Returns:
        How many orders and leases ended.

    """
    ended = 0
    for subject_id in d.state.timers.due(d.now_ms, DUE):
        order = d.state.orders.get(subject_id)
        if order is None:
            ended += _end_lease(d, subject_id)
        elif order.state is State.QUEUED and d.now_ms > d.state.deadline_ms(order):
            expire(d, order)
            ended += 1
        elif order.state is State.QUEUED and subject_id not in d.state.queue:
            d.enqueue(order)
        if ended == SLICE:
            break
    d.state.timers.are_behind = d.state.timers.are_due(d.now_ms)
    return ended


def expire(d: Decision, order: Order) -> None:
    """End an order whose deadline passed before it was sent."""
    d.state.leave(order)
    waited_for = order.reason or d.state.gate.why_no_turn(d.exchange_ms) or "no turn came in time"
    order = d.move(order, OrderEvent.EXPIRE, reason=f"the deadline passed: {waited_for}")
    d.free_lock(order, error=order.reason)
    d.record("order.expired", order, deadline_ms=order.deadline_ms, execute_at_ms=order.execute_at_ms,
             reason=order.reason)  # fmt: skip


def disarm(d: Decision, order: Order, reason: str) -> Order:
    """Take an armed order back before its instant, and queue it; return it in flight if its request has left."""
    order = take_back(d, order)
    if order.state is not State.ARMED:
        return order
    order = d.move(order, OrderEvent.DISARM, reason=reason)
    d.record("order.disarmed", order, reason=reason)
    d.enqueue(order)
    return order


def disarm_all(d: Decision, reason: str) -> None:
    """Take back every armed order whose request has not left."""
    for order in _armed(d.state):
        disarm(d, order, reason)


def take_back(d: Decision, order: Order) -> Order:
    """Record that an unsent order's attempt was never made, and free what it held.

    An armed order's request may leave at any moment, without a decision. So it is recalled first. If it has left, the
    order is in flight, and nothing else is changed.

    Returns:
        The order, in its state before; or in flight.

    """
    if order.state is State.ARMED and not d.state.recall_shot(order.client_order_id or ""):
        return _left(d, order, d.now_ms)
    attempt = d.state.open_attempts.pop(order.client_order_id or "", None)
    if attempt is not None:
        batching.give_back(d, order)
        d.changes.attempts[attempt.client_order_id] = msgspec.structs.replace(
            attempt, state=AttemptState.NOT_SENT, answered_ms=d.now_ms
        )
    d.free_lock(order)
    return order


def fire(d: Decision, send: Send, sent_ms: int | None = None) -> bool:
    """Move an armed order to in_flight at its instant; return false if it was taken back.

    Args:
        send: what was armed.
        sent_ms: when its request left (Unix ms), if it has left.

    """
    order = d.state.orders.get(send.order.order_id)
    if order is None or order.client_order_id != send.attempt.client_order_id:
        return False
    if order.state is State.ARMED:
        order = _left(d, order, d.now_ms if sent_ms is None else sent_ms)
    return order.state is State.IN_FLIGHT  # also where a recall came too late


def may_go(state: TradingState, send: Send, now_ms: int) -> str | None:
    """Check a last time, before the durable attempt is written; return why it may not be sent, or ``None``."""
    if now_ms > state.deadline_ms(send.order):
        return "the deadline passed before the request could be written"
    if state.gate.halted is not None:
        return f"trading was halted ({state.gate.halted})"
    if not may_sign(state.gate.lease, state.exchange_time.exchange_ms(now_ms)):
        return LEASE_ENDS
    must_wait = _must_wait(state, send.attempt.client_order_id, now_ms)
    if must_wait is not None:
        return must_wait
    if send.token is not None:
        lock = state.locks.holder(send.order.resource)
        if lock is None or lock.token != send.token:
            return f"its lock (token {send.token}) is no longer the resource's"
    return None


def _must_wait(state: TradingState, client_order_id: str, at_ms: int) -> str | None:
    """Return why the exchange's wish to wait keeps an attempt from being sent at an instant, or ``None``."""
    turned_away = state.backoff.against(client_order_id)
    if turned_away is not None:
        return turned_away
    if at_ms < state.rate_budget.backoff_until_ms:
        return f"the exchange asked to wait until {state.rate_budget.backoff_until_ms}"
    return None


def _disarm_what_must_wait(d: Decision) -> None:
    """Take back the armed orders that could not be sent at their instants: nothing checks them there again."""
    if d.state.backoff.why is None and d.state.rate_budget.backoff_until_ms <= d.now_ms:
        return
    for order in _armed(d.state):
        why = _must_wait(d.state, order.client_order_id or "", order.sent_ms or d.now_ms)
        if why is not None:
            disarm(d, order, why)


def _armed(state: TradingState) -> list[Order]:
    found = (state.orders.get(attempt.order_id) for attempt in state.open_attempts.values())
    return [order for order in found if order is not None and order.state is State.ARMED]


def _left(d: Decision, order: Order, sent_ms: int) -> Order:
    """Move an armed order to in_flight: its request left at ``sent_ms``."""
    order = d.move(order, OrderEvent.SEND, sent_ms=sent_ms)
    attempt = msgspec.structs.replace(d.state.open_attempts[order.client_order_id or ""], started_ms=sent_ms)
    d.state.open_attempts[attempt.client_order_id] = d.changes.attempts[attempt.client_order_id] = attempt
    lock = d.state.lock_of(order)
    token = None if lock is None else lock.token
    d.record("order.sent", order, at_ms=sent_ms, attempt=order.attempts, token=token)
    return order


def _backoff_ms(d: Decision, order: Order) -> int | None:
    """Return when the backoff lets an order be sent. Until then none is armed: the one that tries is sent at once."""
    backoff_ms = d.state.backoff.ready_ms(d.now_ms)
    if d.state.backoff.why is None or backoff_ms is None:
        return backoff_ms
    return max(backoff_ms, d.state.instant_ms(order) or 0)


def _make_room(d: Decision, order: Order) -> bool:
    """Take back the armed orders that keep an order from being sent now; return whether there are any.

    If the request of one has left, its room is used. Then the others may not be enough, and the next look decides.
    """
    in_the_way = _armed_in_the_way(d, order)
    for armed in in_the_way:
        reason = f"its place in the exchange's rate goes to {order.order_id}"
        if disarm(d, armed, reason).state is State.IN_FLIGHT:
            break
    return bool(in_the_way)


def _armed_in_the_way(d: Decision, order: Order) -> list[Order]:
    """Return the armed orders of lower priority that keep an order from being sent now, last in rank first.

    None of them was sent. An armed order of the same priority keeps its room, even if it is younger: an order that is
    retried repeatedly must not displace one that waits for its instant. One that shares its request has none to give.
    """
    priority, instant = d.state.priority_of(order), d.state.instant_ms(order)
    lesser = [
        each
        for each in _armed(d.state)
        if d.state.priority_of(each) > priority and not d.state.instant_requests.is_shared(each.client_order_id or "")
    ]
    lesser.sort(key=lambda armed: (armed.priority, armed.seq))

    def is_ready(without: list[Order]) -> bool:
        budget = d.state.rate_budget.without(armed.sent_ms or d.now_ms for armed in without)
        return budget.ready_ms(d.now_ms, instant, emergency=order.skip_lock) == d.now_ms

    if not is_ready(lesser):
        return []
    for armed in list(lesser):
        rest = [each for each in lesser if each is not armed]
        if is_ready(rest):
            lesser = rest
    return lesser[::-1]


def _send(d: Decision, order: Order, joined: InstantRequest | None) -> None:
    number = order.attempts + 1
    lock = None if order.skip_lock else lock_for(d, order)
    instant = d.state.instant_ms(order)
    send_ms = d.now_ms if instant is None else max(instant, d.now_ms)
    fire_ms = d.state.exchange_time.exchange_ms(send_ms) if send_ms > d.now_ms else None
    request = batching.reserve(d, order, client_order_id(order.order_id, number), send_ms, joined)
    order = d.move(
        order,
        OrderEvent.SEND if fire_ms is None else OrderEvent.ARM,
        attempts=number,
        client_order_id=client_order_id(order.order_id, number),
        sent_ms=send_ms,
        lock_id=None if lock is None else lock.lock_id,
    )
    attempt = Attempt(
        client_order_id=order.client_order_id or "",
        order_id=order.order_id,
        number=number,
        price=order.price,
        started_ms=d.now_ms,
    )
    launching.join(d, order, send_ms)
    if d.state.backoff.why is not None:
        d.state.backoff.trying = attempt.client_order_id
    token = None if lock is None else lock.token
    d.state.open_attempts[attempt.client_order_id] = d.changes.attempts[attempt.client_order_id] = attempt
    d.changes.sends.append(Send(order, attempt, token, fire_ms, request))
    if fire_ms is None:
        waited_ms = d.now_ms - order.accepted_ms
        d.record("order.sent", order, attempt=number, token=token, waited_ms=waited_ms)
    else:
        d.record("order.armed", order, attempt=number, token=token, fire_ms=fire_ms)


def lock_for(d: Decision, order: Order) -> Lock:
    """Take the order's resource for it, or renew the lock that it holds already."""
    held = d.state.lock_of(order)
    if held is not None:
        lock = d.state.locks.renew(held.lock_id, held.token, d.now_ms)
    else:
        lock = d.state.locks.acquire(
            resource=order.resource,
            owner_id=order.owner_id,
            owner_type=OwnerType.USER,
            order_id=order.order_id,
            key=order.key,
            timeout_ms=order.timeout_ms,
            now_ms=d.now_ms,
        )
    if lock is None:
        raise InvariantBroken(f"{order.resource} was given to {order.order_id} while it is held")
    d.lock_taken(lock)
    return lock


def _end_lease(d: Decision, lock_id: str) -> bool:
    """End a lock whose lease is over; return whether it was."""
    lock = d.state.locks.active(lock_id)
    if lock is None:
        return False
    order = None if lock.order_id is None else d.state.orders.get(lock.order_id)
    outstanding = order is not None and order.state is not State.QUEUED
    ended = d.state.locks.expire(lock_id, d.now_ms, outstanding=outstanding)
    if ended is None:
        return False
    if ended.state is LockState.ACTIVE:
        d.changes.locks[lock_id] = ended
        d.record("lock.overdue", order, lock=ended, token=ended.token, expires_ms=ended.expires_ms)
        return True
    d.lock_ended(ended)
    d.record("lock.expired", order, lock=ended, token=ended.token, owner_id=ended.owner_id)
    if order is not None and d.state.leave(order):
        d.enqueue(order)
    return True
