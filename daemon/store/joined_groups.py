"""Joins groups of another database, so that a row that several of them hold is written once, as the last has it.

The log of an order's life holds it four times or more. A member that joins a long log would write all of them, and only
the last one stays. What is left is what the groups leave when they are written one after another:

- Rows keep the order in which they came first. So a lock is released before the next lock of its resource is there.
- An order that waited in one of the groups has a row in the queue, though the last group has it in another state.
- No two orders of one joined group are bound to the same key: the next group that binds it begins another one.
"""

from collections.abc import Iterable, Iterator

from daemon.core.state.changes import ChangeSet
from daemon.core.values.states import State
from daemon.store.commit import Commit


class JoinedGroups:
    """Groups that can be written as one."""

    def __init__(self) -> None:
        self.rows = Commit()
        self.waited: set[str] = set()  # the ids of the orders that waited in the queue
        self._bound: dict[str, str] = {}  # key → id of the order to which it is bound

    def can_join(self, group: ChangeSet) -> bool:
        """Return whether a group binds no key of another order of these."""
        return all(
            self._bound.get(order.key, order.order_id) == order.order_id
            for order in group.orders.values()
            if order.key_bound
        )

    def join(self, group: ChangeSet) -> None:
        """Add the next group."""
        self.rows.join(group)
        for order in group.orders.values():
            if order.state is State.QUEUED:
                self.waited.add(order.order_id)
            if order.key_bound:
                self._bound[order.key] = order.order_id


def joined(groups: Iterable[ChangeSet]) -> Iterator[JoinedGroups]:
    """Join groups, in their order, to as few as possible."""
    found = JoinedGroups()
    for group in groups:
        if not found.can_join(group):
            yield found
            found = JoinedGroups()
        found.join(group)
    yield found
