"""A step: what one decision changed, and what is to be done once that is on disk.

The rows are snapshots, whole values as they stand after the step, so that writing a row twice is harmless and the
last one is right. Nothing of a step may be shown or sent before its rows are durable; whoever carries it out keeps to
that (:mod:`daemon.engine.engine`).
"""

from dataclasses import dataclass, field

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.events import Event
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import Waiter


class Send(msgspec.Struct, frozen=True):
    """An attempt to be made once its row is durable."""

    order: Order
    attempt: Attempt
    token: int | None  # fencing token of the lock it goes under
    fire_ms: int | None = None  # the instant of an armed order


@dataclass(slots=True)
class Decision:
    """Rows to be written together, then requests to be made."""

    orders: dict[str, Order] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    waiters: dict[str, Waiter] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)  # stored and logged
    notes: list[Event] = field(default_factory=list)  # logged
    sends: list[Send] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.orders or self.attempts or self.locks or self.waiters or self.facts or self.events)
