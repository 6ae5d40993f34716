"""What one decision changed: the rows to be written in one commit, and what is sent or shown after that.

A row holds a whole value as it is after the decision. So writing a row twice is harmless, and the last one is right.
Nothing of a change set may be shown or sent before its rows are durable (:mod:`daemon.engine.effects`).

The store and the publisher get only the change set of a decision, not the trading state.
"""

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import Waiter


class Send(msgspec.Struct, frozen=True):
    """An attempt to be made once its row is durable."""

    order: Order
    attempt: Attempt
    token: int | None  # fencing token of the lock under which it is sent
    fire_ms: int | None = None  # the instant of an armed order, by the exchange's clock
    request: str | None = None  # the name of an armed order's request, which it may share with others


class ChangeSet(msgspec.Struct):
    """Rows to be written together, then requests to be made and leases to be given to callers."""

    orders: dict[str, Order] = {}
    attempts: dict[str, Attempt] = {}
    locks: dict[str, Lock] = {}
    waiters: dict[str, Waiter] = {}
    facts: dict[str, str] = {}
    fills: list[Fill] = []
    events: list[Event] = []  # stored, then emitted
    notes: list[Event] = []  # only emitted
    sends: list[Send] = []
    unpriced: list[Order] = []  # orders that wait for a price, which is to be queried
    grants: list[Lock] = []  # new leases, to be given to their callers
    may_wait: bool = False  # no caller waits for the commit of these rows

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        others = self.waiters or self.facts or self.fills
        return bool(self.orders or self.attempts or self.locks or self.events or others)

    @property
    def is_urgent(self) -> bool:
        """Whether a caller, a request or a lease waits for the commit."""
        return bool(not self.may_wait or self.sends or self.locks)
