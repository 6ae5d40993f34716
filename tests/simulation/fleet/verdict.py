"""The promises of a fleet, checked against the exchange's book and the log, never against what a member says."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from daemon.core.state.trading_state import BACKOFF_FACT
from daemon.core.values.attempts import AttemptState
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.fleet.entries import Body, decode
from daemon.fleet.port import Entry, Lease
from tests.simulation.fleet.schedule import NEWER

IN_TURN = frozenset({"the former owner's lease had ended", "nobody owned the account yet"})
"""Reasons of takeovers after the end of the lease before."""

NOT_PLACED = frozenset({State.QUEUED, State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.DEAD_LETTER})
"""States in which an order is believed not to be on the exchange."""


class Admission(msgspec.Struct, frozen=True):
    """An order that the exchange admitted."""

    client_order_id: str
    epoch: int  # of the member that sent it
    exchange_ms: int


class Verdict(msgspec.Struct, frozen=True):
    """The result of a schedule: every promise that did not hold, by kind, and figures."""

    broken: dict[str, list[str]]
    placed: int
    acknowledged: int
    owners: int
    forced: int
    late: int  # orders that the exchange refused because they came after their window
    doubts: int  # orders that ended in doubt
    blows: dict[str, int]
    older: int  # members that began as the older release
    stopped: int  # copies that stopped at an entry of the newer release


class Records:
    """What was seen during a schedule."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, set[str]] = {}  # by signal
        self.admitted: list[Admission] = []
        self.ends_ms: dict[int, int] = {}  # the latest end that the lease of an epoch had
        self.halted_by: int | None = None  # the epoch that answered halt, until resume is asked for
        self.left_after_halt: list[str] = []
        self.late = 0
        self.crashes: list[str] = []
        self.errors: list[str] = []  # of the schedule's own tasks
        self.blows: Counter[str] = Counter()
        self.older = 0
        self.stopped = 0
        self.readers: dict[bytes, int] = {}  # what who asked for a takeover reads, by the hash of its entry

    def lease_set(self, lease: Lease) -> None:
        """Record a lease that the database acknowledged."""
        self.ends_ms[lease.epoch] = max(lease.until_ms, self.ends_ms.get(lease.epoch, 0))

    def asked(self, takeover: Entry, newest: int) -> None:
        """Record that a member asked for a takeover, and the newest format that it reads."""
        self.readers[takeover.hash] = newest

    def note_stopped(self) -> None:
        """Record a member that stopped copying, at an entry of the newer release."""
        self.stopped += 1

    def note_late(self) -> None:
        """Record an order that came after its window."""
        self.late += 1

    def left(self, client_order_id: str, epoch: int) -> None:
        """Record the first byte of an order."""
        if self.halted_by is not None and epoch >= self.halted_by:
            self.left_after_halt.append(f"{client_order_id} left under epoch {epoch} after halt was answered")


class _Log:
    """What the log says."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.bodies: list[Body] = [decode(entry.body, NEWER) for entry in entries]
        self.orders: dict[str, Order] = {}
        self.facts: dict[str, str] = {}
        self.forced = {
            entry.epoch
            for entry, body in zip(entries, self.bodies, strict=True)
            if body.takeover is not None and body.takeover.reason not in IN_TURN
        }
        for body in self.bodies:
            self.orders |= {order.order_id: order for order in body.orders}
            self.facts |= body.facts

    @property
    def owners(self) -> int:
        """Count the owners."""
        return sum(body.takeover is not None for body in self.bodies)


class _Seen(NamedTuple):
    """What a schedule is judged by."""

    log: _Log
    held: Sequence[str]  # client order ids in the book
    records: Records


def judge(entries: Sequence[Entry], book: Sequence[dict[str, Any]], records: Records) -> Verdict:
    """Compare the exchange's book, the log, and what was seen."""
    log = _Log(entries)
    held = [str(entry["clientOrderId"]) for entry in book]
    broken = {kind: found for kind, check in CHECKS.items() if (found := list(check(_Seen(log, held, records))))}
    return Verdict(
        broken=broken,
        placed=len(held),
        acknowledged=len(records.acknowledged),
        owners=log.owners,
        forced=len(log.forced),
        late=records.late,
        doubts=sum(order.state in {State.IN_DOUBT, State.LOST} for order in log.orders.values()),
        blows=dict(records.blows),
        older=records.older,
        stopped=records.stopped,
    )


def waits(entries: Sequence[Entry]) -> bool:
    """Return whether any order still waits, or is in flight."""
    return any(_unsent(_Seen(_Log(entries), [], Records())))


def _order_of(client_order_id: str) -> str:
    return client_order_id.rpartition("-")[0]


def _doubles(seen: _Seen) -> Iterator[str]:
    known = [order for each in seen.held if (order := seen.log.orders.get(_order_of(each))) is not None]
    for what, counted in (
        ("key", Counter(order.key for order in known)),
        ("fingerprint", Counter(order.fingerprint for order in known)),
    ):
        yield from (f"{what} {name} has {count} orders on the exchange" for name, count in counted.items() if count > 1)


def _missing(seen: _Seen) -> Iterator[str]:
    for number, order_ids in seen.records.acknowledged.items():
        yield from (
            f"signal {number} was acknowledged as {order_id}" for order_id in sorted(order_ids - seen.log.orders.keys())
        )


def _passed_over(seen: _Seen) -> Iterator[str]:
    """Yield the BUYs that were sent while a SELL of an earlier entry waited that could have been sent."""
    known: dict[str, Order] = {}
    for body in seen.log.bodies:
        waiting = [order for order in known.values() if _waits(order) and order.side is Side.SELL]
        after = {order.order_id: order for order in body.orders}
        for attempt in body.attempts:
            order = after.get(attempt.order_id) or known[attempt.order_id]
            waiting = [each for each in waiting if each.order_id != order.order_id]
            is_new = attempt.number == 1 and attempt.state is AttemptState.IN_FLIGHT
            if not is_new or order.side is Side.SELL or order.execute_at_ms is not None:
                continue
            for each in waiting:
                if _waits(after.get(each.order_id, each)):
                    yield f"{order.order_id} (BUY) was sent before {each.order_id} (SELL)"
        known |= after


def _waits(order: Order) -> bool:
    """Whether an order waits for nothing but its turn, and was never tried."""
    return order.state is State.QUEUED and order.execute_at_ms is None and order.attempts == 0


def _after_lease(seen: _Seen) -> Iterator[str]:
    for each in seen.records.admitted:
        after_ms = each.exchange_ms - seen.records.ends_ms[each.epoch]
        if after_ms > 0:
            yield f"{each.client_order_id}, {after_ms} ms after the end of the lease of epoch {each.epoch}"


def _overlaps(seen: _Seen) -> Iterator[str]:
    """Yield what was admitted for an owner after something was for its successor, unless that one did not wait."""
    latest = 0
    for each in seen.records.admitted:
        if each.epoch < latest and not any(each.epoch < epoch <= latest for epoch in seen.log.forced):
            yield f"{each.client_order_id} of epoch {each.epoch}, after an order of epoch {latest}"
        latest = max(latest, each.epoch)


def _unreadable(seen: _Seen) -> Iterator[str]:
    newest = 0
    for entry, body in zip(seen.log.entries, seen.log.bodies, strict=True):
        reads = seen.records.readers.get(entry.hash, newest)
        if reads < newest:
            yield f"the owner of epoch {entry.epoch} reads format {reads}, and the log has format {newest}"
        newest = max(newest, body.format)


def _unknown(seen: _Seen) -> Iterator[str]:
    yield from (each for each in seen.held if _order_of(each) not in seen.log.orders)


def _denied(seen: _Seen) -> Iterator[str]:
    for each in seen.held:
        order = seen.log.orders.get(_order_of(each))
        if order is not None and order.state in NOT_PLACED:
            yield f"{each} is {order.state} in the log ({order.reason})"


def _unsent(seen: _Seen) -> Iterator[str]:
    """Yield what waits without a reason. While the exchange turns orders away, one at a time is tried."""
    if seen.log.facts.get(BACKOFF_FACT):
        return
    for order in seen.log.orders.values():
        if order.state in {State.QUEUED, State.ARMED, State.IN_FLIGHT}:
            yield f"{order.order_id} is {order.state} ({order.reason})"


CHECKS: dict[str, Callable[[_Seen], Iterable[str]]] = {
    "a key with two orders": _doubles,
    "an acknowledged signal is missing": _missing,
    "a BUY was sent before a SELL": _passed_over,
    "an order was admitted after its lease": _after_lease,
    "an order was admitted after a successor's": _overlaps,
    "a member owned a log that it cannot read": _unreadable,
    "an order left after halt was answered": lambda seen: seen.records.left_after_halt,
    "an order in the book is not in the log": _unknown,
    "an order in the book is denied by the log": _denied,
    "an order was not sent by the end": _unsent,
    "a member ended by an error": lambda seen: seen.records.crashes,
    "a bot, a blow or a machine ended by an error": lambda seen: seen.records.errors,
}
"""Every promise, as it is broken, and what finds that."""

KINDS = tuple(CHECKS)
