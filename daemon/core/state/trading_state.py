"""The trading state: what decisions read, in memory, by subject.

Each subject is a small class with its own indices, independent of the others. What concerns two of them (a granted lock
holds its resource in both queues) is here. The methods here record nothing. Verbs make changes that must be written
through a :class:`~daemon.core.state.decision.Decision`:

===============  ===================================================================
``deciding``     every decision: run the verb, then dispatch
``intake``       a signal becomes an order, or is answered by an earlier one
``dispatch``     send the next orders, and do what is due
``outcomes``     an answer or a search's result arrived
``fills``        trades of orders arrived
``launching``    attempts around the open of a pair
``batching``     armed orders share a request
``fitting``      a waiting order is rounded to its pair's rules
``capping``      a MARKET order goes as a limit order at its cap
``listings``     the exchange shows something new of a pair
``operator``     the operator cancels, resolves, requeues, halts, resumes
``rescheduling`` an order that waits gets another instant
``leases``       a caller acquires, renews and releases a lease
``lease_queue``  callers wait for leases and are granted them
``lifecycle``    trading opens, the preflight ends, the daemon drains; the lease
``recovery``     a start loads the state from the disk
``restored``     the first start from a backup
``clock_steps``  the daemon's clock stepped, or the exchange's was measured
===============  ===================================================================

Memory is ahead of the disk by at most the decisions that are being written. Nothing leaves the process before its
decision is on disk.
"""

from collections.abc import Callable, Generator, Sequence

import msgspec

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.launch_window import instant_ms
from daemon.core.rules.priority_queue import PriorityQueue
from daemon.core.rules.rate import RateBudget
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet
from daemon.core.state.exchange_time import ExchangeTime
from daemon.core.state.fills import Fills
from daemon.core.state.gate import Gate
from daemon.core.state.instant_requests import InstantRequests
from daemon.core.state.instants import Instants
from daemon.core.state.launches import Launches
from daemon.core.state.leases import LeaseKeys, LeaseQueue
from daemon.core.state.listings import Listings
from daemon.core.state.orders import Orders
from daemon.core.state.searches import Searches
from daemon.core.state.timers import Timers
from daemon.core.values.attempts import Attempt
from daemon.core.values.locks import Lock, LockState, LockTable
from daemon.core.values.orders import Order
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.symbols import SymbolRules

RATE_BACKOFF_FACT = "keep_still_until_ms"
BACKOFF_FACT = "turned_away"
"""Name of the stored reason why the exchange accepts no orders; empty while it accepts them."""

HALT_FACT = "halted"
"""Name of the stored reason of the kill switch; empty while it is off."""


PIECE = 128
"""Orders that are kept in their compact form, or removed, before other decisions may be made: less than a millisecond's
work."""


class TradingState:
    """All subjects. Only the event-loop thread uses it, and nothing here awaits, so a verb is atomic."""

    def __init__(
        self,
        rules: Rules,
        recall: Callable[[Sequence[str]], Sequence[Order]],
        recall_lease: Callable[[str], Lock | None],
        recall_shot: Callable[[str], bool] = lambda _: True,
        pair_rules: Callable[[str], SymbolRules | None] = lambda _: None,
    ) -> None:
        """Begin without orders.

        Args:
            rules: the rules of decisions.
            recall: finds on disk the orders that keys are bound to.
            recall_lease: finds on disk a key's latest lease.
            recall_shot: recalls an armed order's request by its client order id; false if its first byte has left. By
                default no request leaves without a decision.
            pair_rules: returns a pair's rules as the exchange showed them last, if they are known.

        """
        self.rules = rules
        self.recall_shot = recall_shot
        self.pair_rules = pair_rules
        self.gate = Gate()
        self.orders = Orders(recall)
        self.open_attempts: dict[str, Attempt] = {}  # requests without an answer, by client order id
        self.queue = PriorityQueue()  # orders that wait to be sent
        self.locks = LockTable()
        self.leases = LeaseKeys(recall_lease)
        self.lease_queue = LeaseQueue()
        self.rate_budget = RateBudget(rules.config)
        self.backoff = Backoff()
        self.launches = Launches()
        self.listings = Listings()
        self.searches = Searches(self.orders)
        self.fills = Fills()
        self.exchange_time = ExchangeTime()
        self.timers = Timers(self.exchange_time)
        self.instants = Instants()
        self.instant_requests = InstantRequests()

    def set_rules(self, rules: Rules) -> None:
        """Set new rules, for the next decisions."""
        self.rules = msgspec.structs.replace(rules, former_until_ms=self.rules.former_until_ms)
        self.rate_budget.config = rules.config

    def set_former_lease(self, until_ms: int) -> None:
        """Set until when requests of the fleet's former owner may be admitted, by our clock."""
        self.rules = msgspec.structs.replace(self.rules, former_until_ms=until_ms)

    def committed(self, changes: ChangeSet) -> Generator[None, None, None]:
        """Remove in pieces the finished orders and ended leases whose last row is now on disk."""
        for place, (order_id, order) in enumerate(changes.orders.items()):
            if place and place % PIECE == 0:
                yield
            if order.finished_ms is None:
                self.orders.written(order)
            elif self.orders.get(order_id) is order and order_id not in self.searches.running:
                self.orders.forget(order)
        for lock in changes.locks.values():
            if lock.state is not LockState.ACTIVE:
                self.leases.forget(lock)

    def lock_of(self, order: Order) -> Lock | None:
        """Return the lock that an order holds; ``None`` if it holds none."""
        lock = self.locks.active(order.lock_id)
        return lock if lock is not None and lock.order_id == order.order_id else None

    def priority_of(self, order: Order) -> int:
        """Return the priority in the queue; an emergency SELL goes first."""
        return 0 if order.skip_lock else order.priority

    def instant_ms(self, order: Order) -> int | None:
        """Return when an order is to be sent, by our clock; ``None`` if it has no instant."""
        instant = None if order.execute_at_ms is None else instant_ms(order, self.pair_rules(order.symbol))
        return None if instant is None else self.exchange_time.local_ms(instant)

    def quote_asset(self, symbol: str) -> str | None:
        """Return a pair's quote asset; ``None`` if it is not known."""
        rules = self.pair_rules(symbol)
        return quote_asset(symbol, None if rules is None else rules.quote_asset)

    def next_instant_ms(self, now_ms: int) -> int | None:
        """Return the next instant of any order, by our clock; ``None`` if no order has one."""
        next_ms = self.instants.next_ms(self.exchange_time.exchange_ms(now_ms))
        return None if next_ms is None else self.exchange_time.local_ms(next_ms)

    def start_ms(self, order: Order) -> int:
        """Return when an order joins the queue: at its next attempt, and long enough before its instant."""
        instant = self.instant_ms(order)
        if instant is None:
            return order.not_before_ms
        return max(order.not_before_ms, instant - self.rules.config.queue.arm_ahead_ms)

    def deadline_ms(self, order: Order) -> int:
        """Return until when an order may be sent, by our clock. A deadline counts by the clock that it counts from."""
        return order.deadline_ms if order.execute_at_ms is None else self.exchange_time.local_ms(order.deadline_ms)

    def waiting_for(self, resource: str) -> int:
        """Count the orders and callers that wait for a resource."""
        return self.queue.count(resource) + self.lease_queue.ranks.count(resource)

    def hold(self, lock: Lock) -> None:
        """Hold a lock's resource in both queues, and set a timer for the end of its lease."""
        self.queue.hold(lock.resource)
        self.lease_queue.ranks.hold(lock.resource)
        self.timers.set(lock.expires_ms, lock.lock_id)
        self.leases.note(lock)

    def release(self, lock: Lock) -> None:
        """Free an ended lock's resource in both queues."""
        self.queue.free(lock.resource)
        self.lease_queue.ranks.free(lock.resource)
        self.leases.note(lock)

    def leave(self, order: Order) -> bool:
        """Remove an order from the queue; return whether it was there. A caller that it outranked may be next."""
        if not self.queue.remove(order.order_id):
            return False
        if self.locks.holder(order.resource) is None:
            self.lease_queue.ranks.free(order.resource)
        return True
