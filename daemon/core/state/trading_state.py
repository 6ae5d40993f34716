"""The trading state: what the daemon knows, in memory, by subject.

Each subject is a small class that keeps its own indices and knows no other. What concerns two of them at once (a lock
that is granted sets both queues aside) is here. Nothing here is recorded: what has to be written changes through a
:class:`~daemon.core.state.decision.Decision`, which the verbs get:

============  ==============================================================
``intake``    a signal becomes an order, or is answered by an earlier one
``dispatch``  the next order or lease goes; what is due is done
``outcomes``  a reply or a search's result arrived
``operator``  the operator cancels, resolves, requeues, halts, resumes
``leases``    a caller asks for a resource itself, renews and releases it
``lifecycle`` the daemon opens, and drains
``recovery``  the disk's rows become memory again
============  ==============================================================

Memory is ahead of the disk by at most the decisions that are being written; nothing leaves the process before its
decision is on disk.
"""

from collections.abc import Callable

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.priority_queue import PriorityQueue
from daemon.core.rules.rate import RateBudget
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet
from daemon.core.state.gate import Gate
from daemon.core.state.leases import LeaseKeys, LeaseQueue
from daemon.core.state.orders import Orders
from daemon.core.state.searches import Searches
from daemon.core.state.timers import Timers
from daemon.core.values.attempts import Attempt
from daemon.core.values.locks import Lock, LockState, LockTable
from daemon.core.values.orders import Order

RATE_BACKOFF_FACT = "keep_still_until_ms"
BACKOFF_FACT = "turned_away"
"""Name under which is stored why the exchange takes no orders; empty while it takes them."""

HALT_FACT = "halted"
"""Name under which the kill switch's reason is stored; empty while it is off."""


class TradingState:
    """What the daemon knows. One event loop, no await in here: a verb is atomic."""

    def __init__(
        self, rules: Rules, recall: Callable[[str], Order | None], recall_lease: Callable[[str], Lock | None]
    ) -> None:
        """``recall`` finds on disk the order that a key is bound to, ``recall_lease`` a key's latest lease."""
        self.rules = rules
        self.gate = Gate()
        self.orders = Orders(recall)
        self.open_attempts: dict[str, Attempt] = {}  # requests without an answer, by client order id
        self.queue = PriorityQueue()  # orders that wait for their turn
        self.locks = LockTable()
        self.leases = LeaseKeys(recall_lease)
        self.lease_queue = LeaseQueue()
        self.rate_budget = RateBudget(rules.config)
        self.backoff = Backoff()
        self.searches = Searches(self.orders)
        self.timers = Timers()

    def set_rules(self, rules: Rules) -> None:
        """Take new rules; they count from the next decision on."""
        self.rules = rules
        self.rate_budget.config = rules.config

    def committed(self, changes: ChangeSet) -> None:
        """Let go of the finished orders and ended leases whose last row is now on disk."""
        for order_id, order in changes.orders.items():
            is_last = self.orders.get(order_id) is order and order_id not in self.searches.running
            if order.finished_ms is not None and is_last:
                self.orders.forget(order)
        for lock in changes.locks.values():
            if lock.state is not LockState.ACTIVE:
                self.leases.forget(lock)

    def lock_of(self, order: Order) -> Lock | None:
        """Return the lock that an order holds."""
        lock = self.locks.active(order.lock_id)
        return lock if lock is not None and lock.order_id == order.order_id else None

    def priority_of(self, order: Order) -> int:
        """Return the priority that counts; an emergency sell goes before everything."""
        return 0 if order.skip_lock else order.priority

    def waiting_for(self, resource: str) -> int:
        """Count the orders and callers that wait for a resource."""
        return self.queue.count(resource) + self.lease_queue.ranks.count(resource)

    def hold(self, lock: Lock) -> None:
        """Set aside all that wait for a lock's resource, and look at the lock again when its lease ends."""
        self.queue.hold(lock.resource)
        self.lease_queue.ranks.hold(lock.resource)
        self.timers.set(lock.expires_ms, lock.lock_id)
        self.leases.note(lock)

    def release(self, lock: Lock) -> None:
        """Let those who wait for an ended lock's resource take part again."""
        self.queue.free(lock.resource)
        self.lease_queue.ranks.free(lock.resource)
        self.leases.note(lock)

    def leave(self, order: Order) -> bool:
        """Take an order out of the queue, if it is there; the callers that it outranked may be next."""
        if not self.queue.remove(order.order_id):
            return False
        if self.locks.holder(order.resource) is None:
            self.lease_queue.ranks.free(order.resource)
        return True
