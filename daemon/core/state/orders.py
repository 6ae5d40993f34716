"""The orders in memory, and every index over them.

An order is here until it is finished and its last row is on disk, so that no caller reads an older row from the disk.
An order is a value: a change replaces it. Only :meth:`Orders.keep` replaces orders, so every index agrees with them.

There may be very many queued orders, for a long time. As a value, one has a thousand bytes of objects of its own; so it
is compressed once its row is on disk, in 7 µs, to a sixth of that. It is expanded whenever it is read, in 3 µs. An
order that is sent at once is never compressed.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from daemon.core.rules.exposure import Exposure
from daemon.core.rules.idempotency import target_key
from daemon.core.rules.tally import Tally
from daemon.core.state.keys import Keys
from daemon.core.state.timed_orders import TimedOrders
from daemon.core.values.orders import Order, OrderType, Side, decoded, encoded
from daemon.core.values.resources import trade_resource
from daemon.core.values.states import State

_QUEUED, _FILLED = State.QUEUED, State.FILLED
"""Looked up once: the member of an enumeration takes Python 3.11 ten times as long to find as a global name."""

_TARGET = "00000000-0000-0000-0000-000000000000"
_USUAL = encoded(
    Order(
        seq=1_000, order_id="01K", state=_QUEUED, symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET, quantity=None,
        quote_quantity=Decimal("100.0"), price=None, owner_id="system", target_id=_TARGET,
        resource=trade_resource("BTCUSDT", Side.BUY, _TARGET, per_symbol=False), priority=5, key=target_key(_TARGET),
        fingerprint="0123456789abcdef", accepted_ms=1_790_000_000_000, deadline_ms=1_790_000_030_000,
        timeout_ms=30_000, updated_ms=1_790_000_000_000,
    )
)  # fmt: skip
"""An order like most: what another one has in common with it takes no room in its compressed form."""

_WINDOW = -10
"""1,024 bytes, for that order and another one; without header and checksum."""


def _compressed(order: Order) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, 2, zlib.Z_FIXED, _USUAL)
    return compressor.compress(encoded(order)) + compressor.flush()


def _expanded(kept: bytes) -> Order:
    return decoded(zlib.decompressobj(_WINDOW, _USUAL).decompress(kept))


class Orders(Mapping[str, Order]):
    """The orders, by id."""

    def __init__(self, recall: Callable[[Sequence[str]], Sequence[Order]]) -> None:
        """``recall`` finds on disk the orders that keys are bound to."""
        self._by_id: dict[str, Order | bytes] = {}
        self._keys = Keys(self, recall)
        self.by_key = self._keys.order_of
        self.ask_for = self._keys.ask
        self.decided = self._keys.decided
        self.watch_keys = self._keys.watch
        self.counts: Counter[State] = Counter()  # by state
        self.queued: Counter[Side] = Counter()  # those that wait in the queue, or until their time, by side
        self.unqueued: dict[str, None] = {}  # ids of those that do not wait to be sent
        self.later: dict[str, None] = {}  # ids of those that wait until their time, and are not in the queue yet
        self.timed = TimedOrders()
        self.exposure = Exposure()  # what was bought or may still be bought, including finished orders
        self.tally = Tally()
        self.last_seq = 0

    def __getitem__(self, order_id: str) -> Order:
        kept = self._by_id[order_id]
        return _expanded(kept) if isinstance(kept, bytes) else kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def not_queued(self) -> Iterator[Order]:
        """Yield the orders that do not wait to be sent. Queued ones may be very many."""
        return map(self.__getitem__, self.unqueued)

    def keep(self, order: Order) -> None:
        """Add or replace an order, and update every index."""
        known = self._by_id.get(order.order_id)
        if isinstance(known, bytes):
            known = _expanded(known)
        if known is not None:
            self.counts[known.state] -= 1
            self.queued[known.side] -= known.state is _QUEUED
            if order.state is _FILLED and known.state is not _FILLED:
                self.tally.fill(order.updated_ms)
        else:
            self.tally.accept(order.accepted_ms)
        is_queued = order.state is _QUEUED
        self.counts[order.state] += 1
        self.queued[order.side] += is_queued
        self.exposure.note(known, order)
        self._by_id[order.order_id] = order
        if is_queued:
            self.unqueued.pop(order.order_id, None)
        else:
            self.unqueued[order.order_id] = None
            self.later.pop(order.order_id, None)
        self._keys.note(order)
        if order.execute_at_ms is not None:
            self.timed.note(order)

    def keep_new(self, orders: Mapping[str, Order], counted: Exposure, accepted_ms: int) -> None:
        """Add new queued orders, by id, like :meth:`keep`, in a fraction of the time.

        Args:
            counted: has counted those of them that count, and nothing else.
            accepted_ms: the instant of their acceptance.

        """
        self._by_id.update(orders)
        self.counts[_QUEUED] += len(orders)
        self.queued.update(order.side for order in orders.values())
        self.exposure.add(counted, accepted_ms)
        self.tally.accept(accepted_ms)
        self._keys.note_new({order.key: order_id for order_id, order in orders.items()})
        for order in orders.values():
            if order.execute_at_ms is not None:
                self.timed.note(order)

    def load(self, order: Order) -> None:
        """Add an order as it is on disk."""
        self.keep(order)
        self.last_seq = max(self.last_seq, order.seq)

    def written(self, order: Order) -> None:
        """Keep a queued order compressed, if its last row is on disk. Its key is found there from now on."""
        if order.state is _QUEUED and self._by_id.get(order.order_id) is order:
            self._by_id[order.order_id] = _compressed(order)
            self._keys.forget(order)

    def forget(self, order: Order) -> None:
        """Remove a finished order whose last row is on disk."""
        del self._by_id[order.order_id]
        self.unqueued.pop(order.order_id, None)
        self.counts[order.state] -= 1
        self._keys.forget(order)
