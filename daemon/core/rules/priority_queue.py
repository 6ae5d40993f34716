"""The priority queue: finds the next entry without a scan of entries that cannot be next.

The first entry of each resource is kept apart from those behind it, which wait in one heap per resource. The first
entry of each free resource is also in a heap of heads. So a held resource costs nothing, however many entries wait for
it, and the next entry is found in the time of a heap operation.

A held resource also excludes other resources if one name is a part of the other
(:mod:`daemon.core.values.resources`).

Order is by rank: priority (1 is most urgent), then the sequence number from acceptance. No two waiting entries have the
same rank, so only the rank decides. An entry whose resource is :data:`NO_RESOURCE` waits for no other.

Removal needs no scan: a removed entry stays where it is and is skipped later. When there are more removed entries than
waiting ones, everything is rebuilt.

Most orders wait alone for their resource, and there may be very many: an entry is one small object without a list.

This is not a scheduler: the caller decides about deadlines, instants and capacity.
"""

from collections.abc import Generator, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from daemon.core.values.resources import HeldResources, whole_of

NO_RESOURCE = ""
"""The resource of an entry that waits for no resource. It is a string like the others, because entries must be
comparable: a removed entry may still be in a heap with the next entry of the same order or caller."""

PIECE = 500
"""Entries that a pass in pieces compares before it yields, so that other decisions may be made: a tenth of a
millisecond's work."""


class Rank(NamedTuple):
    """Place in the order of service; the smaller rank is more urgent."""

    priority: int
    seq: int  # of the order; for a caller, of the last order accepted before it
    turn: int = 0  # of a caller: its place among those since that order; 0 is the order itself


class Entry(msgspec.Struct, frozen=True, order=True, gc=False):
    """A waiting order or caller. The order of entries is that of their ranks, whose fields come first."""

    priority: int
    seq: int
    turn: int
    entry_id: str
    resource: str

    @property
    def rank(self) -> Rank:
        """Its place in the order of service."""
        return Rank(self.priority, self.seq, self.turn)


class PriorityQueue:
    """Entries by rank; those whose resource is held are not offered."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._first: dict[str, Entry] = {}  # by resource; a removed one counts until :meth:`first` skips it
        self._behind: dict[str, list[Entry]] = {}  # by resource: a heap of the others, where there are others
        self._parts: dict[str, dict[str, None]] = {}  # by whole: its parts for which entries wait
        self._heads: list[Entry] = []  # a heap; an entry counts only while it is the offered one
        self._offered: dict[str, Entry] = {}  # by free resource: its entry among the heads
        self._held = HeldResources()
        self._aside: set[str] = set()  # not offered, though they are not held
        self._gone = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries by rank, including those of held resources. This sorts all entries."""
        return iter(sorted(self._entries.values()))

    def entries(self) -> Iterable[Entry]:
        """Return the entries in no particular order, without a sort."""
        return self._entries.values()

    def push(self, entry: Entry) -> None:
        """Add an entry, which must not be in the queue."""
        if entry.entry_id in self._entries:
            raise ValueError(f"{entry.entry_id} waits already")
        self._entries[entry.entry_id] = entry
        if self._add(entry):
            self._offer(entry.resource)

    def remove(self, entry_id: str) -> bool:
        """Remove an entry; return whether it was in the queue."""
        if self._entries.pop(entry_id, None) is None:
            return False
        self._gone += 1
        if self._gone > len(self._entries) + 64:
            self._rebuild()
        return True

    def pop(self) -> Entry | None:
        """Remove and return the first entry whose resource is free."""
        head = self.peek()
        if head is not None:
            heappop(self._heads)
            del self._offered[head.resource]
            del self._entries[head.entry_id]
            self._advance(head.resource)
            self._offer(head.resource)
        return head

    def peek(self) -> Entry | None:
        """Return the first entry whose resource is free, without removing it."""
        while self._heads:
            head = self._heads[0]
            if self._offered.get(head.resource) is head:
                if self._entries.get(head.entry_id) is head:
                    return head
                self._offer(head.resource)
            else:
                heappop(self._heads)
        return None

    def hold(self, resource: str) -> None:
        """Stop offering the entries of a resource, and of the resources that it excludes, until :meth:`free`."""
        self._held.add(resource)
        for name in self._contenders(resource):
            self._offered.pop(name, None)

    def set_aside(self, resource: str) -> None:
        """Stop offering the entries of a resource that is not held, until :meth:`free`."""
        self._aside.add(resource)
        self._offered.pop(resource, None)

    def free(self, resource: str) -> None:
        """Offer the entries of a resource again, and those of the resources that it excluded."""
        self._held.discard(resource)
        self._aside.discard(resource)
        for name in self._contenders(resource):
            self._offer(name)

    def count(self, resource: str, below: Rank | None = None) -> int:
        """Count the entries that wait for a resource, or those more urgent than ``below``. This scans its entries."""
        first = self.first(resource)
        if first is None:
            return 0
        standing = [entry for entry in self._behind.get(resource, ()) if self._entries.get(entry.entry_id) is entry]
        return sum(below is None or entry.rank < below for entry in (first, *standing))

    def ahead_of(self, entry_id: str) -> Generator[None, None, int]:
        """Count the entries that are more urgent, in pieces; 0 if the entry is not in the queue."""
        mine = self._entries.get(entry_id)
        if mine is None:
            return 0
        entries, count = list(self._entries.values()), 0
        for start in range(0, len(entries), PIECE):
            count += sum(entry < mine for entry in entries[start : start + PIECE])
            yield
        return count

    def first(self, resource: str) -> Entry | None:
        """Return the first entry of a resource, held or not, without removing it."""
        while (first := self._first.get(resource)) is not None:
            if self._entries.get(first.entry_id) is first:
                return first
            self._advance(resource)
            self._gone -= 1
        return None

    def _add(self, entry: Entry) -> bool:
        """Add an entry to those of its resource; return whether it is the first."""
        resource = entry.resource
        first = self._first.get(resource)
        if first is None:
            whole = whole_of(resource)
            if whole is not None:
                self._parts.setdefault(whole, {})[resource] = None
        else:
            heappush(self._behind.setdefault(resource, []), max(first, entry))
            if first < entry:
                return False
        self._first[resource] = entry
        return True

    def _advance(self, resource: str) -> None:
        """Remove the first entry of a resource; the next one behind it is the first then."""
        behind = self._behind.get(resource)
        if behind:
            self._first[resource] = heappop(behind)
            return
        del self._first[resource]
        self._behind.pop(resource, None)
        whole = whole_of(resource)
        if whole is not None:
            parts = self._parts[whole]
            del parts[resource]
            if not parts:
                del self._parts[whole]

    def _contenders(self, resource: str) -> tuple[str, ...]:
        """Return a resource, and those that it excludes and for which entries may wait."""
        whole = whole_of(resource)
        return (resource, *self._parts.get(resource, ())) if whole is None else (resource, whole)

    def _is_offered(self, resource: str) -> bool:
        return not (resource in self._aside or self._held.exclude(resource))

    def _offer(self, resource: str) -> None:
        """Put the first entry of a free resource among the heads, unless it is there already."""
        first = self.first(resource)
        if first is None or not self._is_offered(resource):
            self._offered.pop(resource, None)
        elif self._offered.get(resource) is not first:
            self._offered[resource] = first
            heappush(self._heads, first)

    def _rebuild(self) -> None:
        """Build everything again from the waiting entries."""
        self._first.clear()
        self._behind.clear()
        self._parts.clear()
        for entry in self._entries.values():
            self._add(entry)
        self._offered = {resource: first for resource, first in self._first.items() if self._is_offered(resource)}
        self._heads = list(self._offered.values())
        heapify(self._heads)
        self._gone = 0
