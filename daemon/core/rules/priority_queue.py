"""The priority queue: finds the next entry without a scan of entries that cannot be next.

The first entry of each resource is kept apart from those behind it, which wait in one heap per resource. A held
resource also excludes other resources if one name is a part of the other (:mod:`daemon.core.values.resources`). So a
whole and its parts are one *family*: the first entries of its free resources are in a heap, and the first of those is
in the heap of heads, unless the whole is held. So a held resource costs nothing, however many entries or parts wait for
it; and to hold it, to free it, and to find the next entry takes the time of a heap operation.

Order is by rank: priority (1 is most urgent), then the sequence number from acceptance. No two waiting entries have the
same rank, so only the rank decides. An entry whose resource is :data:`NO_RESOURCE` waits for no other.

Removal needs no scan: a removed entry stays where it is and is skipped later. When more entries were removed than wait,
a pass drops them, one piece with each further removal.

Most orders wait alone for their resource, and there may be very many: an entry is one small object without a list.

This is not a scheduler: the caller decides about deadlines, instants and capacity.
"""

from collections.abc import Generator, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from daemon.core.values.resources import HeldResources, family_of

NO_RESOURCE = ""
"""The resource of an entry that waits for no resource. It is a string like the others, because entries must be
comparable: a removed entry may still be in a heap with the next entry of the same order or caller."""

PIECE = 500
"""Entries that a pass in pieces compares before it yields, so that other decisions may be made: a tenth of a
millisecond's work."""


_DONE = object()


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
        self._families: dict[str, list[Entry]] = {}  # by whole: a heap; only offered entries in it count
        self._offered: dict[str, Entry] = {}  # by resource that is free within its family: its entry in that heap
        self._heads: list[Entry] = []  # a heap; an entry counts only while it leads its family
        self._leads: dict[str, Entry] = {}  # by whole that is not held: the first offered entry of its family
        self._held = HeldResources()
        self._aside: set[str] = set()  # not offered, though they are not held
        self._gone = 0  # entries that were removed since the last pass that drops them
        self._tidying: Generator[None, None, None] | None = None

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
        if self._tidying is None and self._gone > len(self._entries) + 64:
            self._gone, self._tidying = 0, self._tidy()
        if self._tidying is not None and next(self._tidying, _DONE) is _DONE:
            self._tidying = None
        return True

    def pop(self) -> Entry | None:
        """Remove and return the first entry whose resource is free."""
        head = self.peek()
        if head is not None:
            heappop(self._heads)
            del self._leads[family_of(head.resource)], self._offered[head.resource]
            del self._entries[head.entry_id]
            self._advance(head.resource)
            self._offer(head.resource)
        return head

    def peek(self) -> Entry | None:
        """Return the first entry whose resource is free, without removing it."""
        while self._heads:
            head = self._heads[0]
            family = family_of(head.resource)
            if self._leads.get(family) is head:
                if self._counts(head):
                    return head
                self._lead(family)
            else:
                heappop(self._heads)
        return None

    def hold(self, resource: str) -> None:
        """Stop offering the entries of a resource, and of the resources that it excludes, until :meth:`free`."""
        self._held.add(resource)
        self._offered.pop(resource, None)
        family = family_of(resource)
        if family == resource:
            self._leads.pop(family, None)
        else:
            self._offered.pop(family, None)

    def set_aside(self, resource: str) -> None:
        """Stop offering the entries of a resource that is not held, until :meth:`free`."""
        self._aside.add(resource)
        self._offered.pop(resource, None)

    def free(self, resource: str) -> None:
        """Offer the entries of a resource again, and those of the resources that it excluded.

        Mostly none waits for them, and then nothing is looked for.
        """
        self._held.discard(resource)
        self._aside.discard(resource)
        family = family_of(resource)
        for each in (resource, family):
            if each in self._first:
                self._put_first(each, family)
        if family in self._families:
            self._lead(family)

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
        return None

    def _add(self, entry: Entry) -> bool:
        """Add an entry to those of its resource; return whether it is the first."""
        resource = entry.resource
        first = self._first.get(resource)
        if first is not None:
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

    def _is_offered(self, resource: str) -> bool:
        """Whether a resource is free within its family; a held whole closes the family instead."""
        return not (resource in self._aside or self._held.exclude_within_family(resource))

    def _counts(self, entry: Entry) -> bool:
        """Whether an entry of a family's heap is offered, and was not removed."""
        return self._offered.get(entry.resource) is entry and self._entries.get(entry.entry_id) is entry

    def _offer(self, resource: str) -> None:
        """Offer the first entry of a resource, if that is free within its family, and find who leads the family."""
        family = family_of(resource)
        self._put_first(resource, family)
        self._lead(family)

    def _put_first(self, resource: str, family: str) -> None:
        """Put the first entry of a free resource into its family's heap, unless it is there already."""
        first = self.first(resource)
        if first is None or not self._is_offered(resource):
            self._offered.pop(resource, None)
        elif self._offered.get(resource) is not first:
            self._offered[resource] = first
            heappush(self._families.setdefault(family, []), first)

    def _lead(self, family: str) -> None:
        """Put the first offered entry of a family among the heads, unless it is there already or the whole is held."""
        lead = None if family in self._held else self._first_of(family)
        if lead is None:
            self._leads.pop(family, None)
        elif self._leads.get(family) is not lead:
            self._leads[family] = lead
            heappush(self._heads, lead)

    def _first_of(self, family: str) -> Entry | None:
        """Return the first offered entry of a family."""
        heap = self._families.get(family, [])
        while heap:
            entry = heap[0]
            if self._counts(entry):
                return entry
            heappop(heap)
            if self._offered.get(entry.resource) is entry:  # removed: the next one of its resource is offered
                self._put_first(entry.resource, family)
        self._families.pop(family, None)
        return None

    def _tidy(self) -> Generator[None, None, None]:
        """Drop the removed entries, in pieces. Between them everything is offered as before."""
        for place, resource in enumerate(list(self._first)):
            self._tidy_resource(resource)
            if place % PIECE == PIECE - 1:
                yield
        yield
        entry_of, offered_of = self._entries.get, self._offered.get
        for place, family in enumerate(list(self._families)):
            heap = self._families.get(family, [])
            if len(heap) > 1:  # of one alone, its resource was enough
                heap[:] = [e for e in heap if offered_of(e.resource) is e and entry_of(e.entry_id) is e]
                heapify(heap)
            if place % PIECE == PIECE - 1:
                yield
        yield
        self._heads = list(self._leads.values())
        heapify(self._heads)

    def _tidy_resource(self, resource: str) -> None:
        """Drop the removed entries of a resource, and offer the first one that is left."""
        behind = self._behind.get(resource)
        if behind:
            entry_of = self._entries.get
            behind[:] = [entry for entry in behind if entry_of(entry.entry_id) is entry]
            heapify(behind)
        first = self._first.get(resource)
        if first is not None and self._entries.get(first.entry_id) is not first:
            self._offer(resource)
