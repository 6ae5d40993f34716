"""The ledger: what the daemon knows, in memory, and the few moves by which it changes.

It holds every order that is not finished, the queue, the locks, the capacity and the search for unknown outcomes. The
verbs that change it are the modules of ``core/verbs``, each a synchronous function that takes the time and a
:class:`~daemon.core.state.decision.Decision` to record into:

============  ==============================================================
``intake``    a signal becomes an order, or is answered by an earlier one
``dispatch``  the next order or lease goes; what is due is done
``outcomes``  a reply or a search's result arrived
``operator``  the operator cancels, resolves, requeues, halts, resumes
``leases``    a caller asks for a resource itself, renews and releases it
``recovery``  the disk's rows become memory again
============  ==============================================================

Memory is ahead of the disk by at most the steps that are being written; nothing leaves the process before its step is
written. An order that is finished stays here until its last step is on disk (:meth:`TradingState.committed`), so that
nobody can read an older state of it from the disk in between.
"""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.exposure import Exposure
from daemon.core.rules.priority_queue import Entry, PriorityQueue, Rank
from daemon.core.rules.rate import Capacity
from daemon.core.rules.reconciliation import Search
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet
from daemon.core.state.keys import Keys
from daemon.core.values.attempts import Attempt
from daemon.core.values.locks import Lock, LockState, LockTable
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.core.values.waiters import Waiter

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
        self.orders: dict[str, Order] = {}
        self.queue = PriorityQueue()
        self.locks = LockTable()
        self.waiters: dict[str, Waiter] = {}  # who waits for a lease
        self.line = PriorityQueue()  # the same, by rank; apart from the queue because a lease needs no capacity
        self.granted: dict[str, Lock] = {}  # what waiters were given, until they are told
        self.capacity = Capacity(rules.config)
        self.backoff = Backoff()
        self.searches: dict[str, Search] = {}
        self.counts: Counter[State] = Counter()  # orders in memory, by state
        self.queued: Counter[Side] = Counter()  # those that wait in the queue or for their time, by side
        self.unqueued: dict[str, None] = {}  # ids of orders in memory that do not wait to be sent
        self.later: dict[str, None] = {}  # ids of orders that wait for their time, before they wait for their turn
        self.exposure = Exposure()  # what was bought or may still be, finished orders included
        self.open_attempts: dict[str, Attempt] = {}  # requests under way, by client order id
        self.searching: set[str] = set()  # ids of orders that are being looked for at this moment
        self.odd_rows: set[str] = set()  # rows of other orders that were reported as unreadable
        self.halted: str | None = None  # the reason, while the kill switch is on
        self.sending = False  # recovery is over, draining has not begun
        self.taking = False  # signals come into the queue: while sending, and while another process is to follow
        self.preflight_pending: str | None = None  # why no order is sent yet
        self.last_seq = 0
        self.keys = Keys(self.orders, recall)
        self._recall_lease = recall_lease
        self._waiting_keys: dict[str, str] = {}  # of those in line, with their names
        self._arrivals = 0  # of those in line, ever
        self._leases: dict[str, Lock] = {}  # by key: the latest lease, while it is active or its end not on disk
        self._timers: list[tuple[int, str]] = []  # a heap; an order's id or a lock's
        self._search_times: tuple[list[tuple[int, str]], list[tuple[int, str]]] = (
            [],
            [],
        )  # heaps: for doubts, and for all else; an entry
        # counts only while it agrees with the watch
        self._turn = 0

    def set_rules(self, rules: Rules) -> None:
        """Take new rules; they count from the next decision on."""
        self.rules = rules
        self.capacity.config = rules.config

    def lease_by_key(self, key: str) -> Lock | None:
        """Return the latest lease that was granted under a caller's key, from memory or disk."""
        return self._leases.get(key) or self._recall_lease(key)

    def load(self, order: Order) -> None:
        """Take in an order as the disk has it."""
        self.keep(order)
        self.last_seq = max(self.last_seq, order.seq)

    def committed(self, changes: ChangeSet) -> None:
        """Let go of the finished orders whose last word is now on disk."""
        for order_id, order in changes.orders.items():
            still_so = self.orders.get(order_id) is order and order_id not in self.searching
            if order.finished_ms is not None and still_so:
                del self.orders[order_id]
                self.unqueued.pop(order_id, None)
                self.counts[order.state] -= 1
                self.keys.forget(order)
        for lock in changes.locks.values():
            if lock.state is not LockState.ACTIVE and self._leases.get(lock.key) is lock:
                del self._leases[lock.key]

    def lock_of(self, order: Order) -> Lock | None:
        """Return the lock that an order holds."""
        lock = self.locks.active(order.lock_id)
        return lock if lock is not None and lock.order_id == order.order_id else None

    def priority_of(self, order: Order) -> int:
        """Return the priority that counts; an emergency sell goes before everything."""
        return 0 if order.skip_lock else order.priority

    def stand_in_line(self, waiter: Waiter) -> None:
        """Let somebody wait for a lease, behind all of the same priority who came before."""
        self._arrivals += 1
        rank = Rank(waiter.asked.priority, self.last_seq, self._arrivals)
        self.waiters[waiter.waiter_id] = waiter
        self._waiting_keys[waiter.key] = waiter.waiter_id
        if self.locks.holder(waiter.asked.resource) is None:
            self.line.free(waiter.asked.resource)  # whoever was set aside behind an order may be outranked by this one
        self.line.push(Entry(rank, waiter.waiter_id, waiter.asked.resource))

    def leave_line(self, waiter_id: str) -> Waiter | None:
        """Let somebody wait no more; ``None`` where nobody of that name does."""
        waiter = self.waiters.pop(waiter_id, None)
        if waiter is not None:
            self.line.remove(waiter_id)
            del self._waiting_keys[waiter.key]
        return waiter

    def claim(self, lease: Lock) -> None:
        """Let a lease be a repeated request's: it stays, though whoever asked first goes away untold."""
        self.granted = {name: lock for name, lock in self.granted.items() if lock.lock_id != lease.lock_id}

    def waiter_by_key(self, key: str) -> Waiter | None:
        """Return who waits under a caller's key."""
        return self.waiters.get(self._waiting_keys.get(key, ""))

    def waiting_for(self, resource: str) -> int:
        """Count the orders and callers that wait for a resource."""
        return self.queue.count(resource) + self.line.count(resource)

    def hold(self, lock: Lock) -> None:
        """Set aside whoever waits for a lock's resource, and look again when its lease ends."""
        self.queue.hold(lock.resource)
        self.line.hold(lock.resource)
        self.set_timer(lock.expires_ms, lock.lock_id)
        self.remember_lease(lock)

    def remember_lease(self, lock: Lock) -> None:
        """Let a lease be its key's latest, until its end is on disk."""
        if lock.order_id is None:
            self._leases[lock.key] = lock

    def leave(self, order: Order) -> bool:
        """Take an order out of the queue, if it stands there; whoever it outranked in line may be next."""
        if not self.queue.remove(order.order_id):
            return False
        if self.locks.holder(order.resource) is None:
            self.line.free(order.resource)
        return True

    def set_timer(self, at_ms: int, subject_id: str) -> None:
        """Have something looked at again at an instant."""
        heappush(self._timers, (at_ms, subject_id))

    def due(self, now_ms: int) -> list[str]:
        """Take out the ids whose instant has come."""
        ids = []
        while self._timers and self._timers[0][0] <= now_ms:
            ids.append(heappop(self._timers)[1])
        return ids

    def next_timer_ms(self) -> int | None:
        """Tell when something is due next."""
        return self._timers[0][0] if self._timers else None

    def schedule_search(self, order: Order, search: Search) -> None:
        """Look for an order when its watch says."""
        self.searches[order.order_id] = search
        heappush(self._search_times[order.state is not State.IN_DOUBT], (search.next_ms, order.order_id))

    def due_search(self, now_ms: int) -> Order | None:
        """Take out an order whose time to be looked for has come; one look at a time for each.

        Doubts go first, but every fourth turn is the others', so that however many doubts there are, placed orders
        are still followed.
        """
        self._turn += 1
        doubts, others = self._search_times
        for heap in (others, doubts) if self._turn % 4 == 0 else (doubts, others):
            self._drop_stale(heap)
            if heap and heap[0][0] <= now_ms:
                order_id = heappop(heap)[1]
                self.searching.add(order_id)
                return self.orders[order_id]
        return None

    def next_search_ms(self) -> int | None:
        """Tell when the next order is to be looked for."""
        for heap in self._search_times:
            self._drop_stale(heap)
        return min((heap[0][0] for heap in self._search_times if heap), default=None)

    def _drop_stale(self, heap: list[tuple[int, str]]) -> None:
        while heap:
            at_ms, order_id = heap[0]
            search = self.searches.get(order_id)
            if search is not None and search.next_ms == at_ms and order_id not in self.searching:
                return
            heappop(heap)

    def keep(self, order: Order) -> None:
        """Hold a new or changed order, and bring every index over the orders up to date."""
        known = self.orders.get(order.order_id)
        if known is not None:
            self.counts[known.state] -= 1
            self.queued[known.side] -= known.state is State.QUEUED
        self.counts[order.state] += 1
        self.queued[order.side] += order.state is State.QUEUED
        self.exposure.note(known, order)
        self.orders[order.order_id] = order
        if order.state is State.QUEUED:
            self.unqueued.pop(order.order_id, None)
        else:
            self.unqueued[order.order_id] = None
            self.later.pop(order.order_id, None)
        self.keys.note(order)
