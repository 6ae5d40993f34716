"""The priority queue: who goes next, without ever looking at who cannot.

Entries wait in one heap per resource; the head of every resource that is free stands in a heap of heads. So a
resource that is held costs nothing while it is held, however many wait for it, and the next entry is found in the
time of a heap operation.

A resource that is held excludes others as well where one name is a part of the other
(:mod:`daemon.core.values.resources`).

Order is by rank: priority (1 is most urgent), then the sequence number that acceptance gave. No two who wait have the
same rank, so nothing but rank decides. An entry whose resource is :data:`NO_RESOURCE` waits for nobody.

Removal marks the entry as gone and leaves its place in the heap to be skipped later; when more places are skipped
than stand, the heap is built anew. So removal costs no scan either.

This is not a scheduler: deadlines, instants and capacity are decided by whoever calls.
"""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from daemon.core.values.resources import HeldResources, whole_of

NO_RESOURCE = ""
"""The resource of an entry that waits for no resource. A text like the others: entries must stay comparable, because
an entry that was removed may still lie in a heap beside the same waiter's next one."""


class Rank(NamedTuple):
    """Place in the order of service; less is sooner."""

    priority: int
    seq: int  # of the order, or of the last order accepted before whoever waits without one
    turn: int = 0  # place among those who came after that order and before the next; 0 is the order itself


class Entry(NamedTuple):
    """Somebody who waits."""

    rank: Rank
    entry_id: str
    resource: str


class PriorityQueue:
    """Entries by rank, those whose resource is held set aside."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, list[Entry]] = {}  # a heap per resource
        self._parts: dict[str, set[str]] = {}  # by whole: its parts for which entries wait
        self._heads: list[Entry] = []  # a heap; an entry in it counts only while it is the offered one
        self._offered: dict[str, Entry] = {}  # a free resource's head, as it stands among the heads
        self._held = HeldResources()
        self._aside: set[str] = set()  # not offered, though nobody holds them
        self._gone = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries by rank, those of held resources included. Takes the time of a sort."""
        return iter(sorted(self._entries.values()))

    def entries(self) -> Iterable[Entry]:
        """Return the entries in no order: for counting, without a sort."""
        return self._entries.values()

    def push(self, entry: Entry) -> None:
        """Add an entry, which must not be in the queue."""
        if entry.entry_id in self._entries:
            raise ValueError(f"{entry.entry_id} waits already")
        self._entries[entry.entry_id] = entry
        heap = self._heap(entry.resource)
        heappush(heap, entry)
        if heap[0] is entry:
            self._offer(entry.resource)

    def remove(self, entry_id: str) -> bool:
        """Take an entry out, wherever it stands; tell whether it was there."""
        if self._entries.pop(entry_id, None) is None:
            return False
        self._gone += 1
        if self._gone > len(self._entries) + 64:
            self._rebuild()
        return True

    def pop(self) -> Entry | None:
        """Take out the first entry whose resource is free."""
        head = self.peek()
        if head is not None:
            heappop(self._heads)
            heappop(self._waiting[head.resource])
            del self._offered[head.resource]
            del self._entries[head.entry_id]
            self._offer(head.resource)
        return head

    def peek(self) -> Entry | None:
        """Return the first entry whose resource is free, and leave it."""
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
        """Do not offer a resource's entries, nor those of a resource that it excludes, until :meth:`free`."""
        self._held.add(resource)
        for name in self._contenders(resource):
            self._offered.pop(name, None)

    def set_aside(self, resource: str) -> None:
        """Do not offer a resource's entries until :meth:`free`, though nobody holds it."""
        self._aside.add(resource)
        self._offered.pop(resource, None)

    def free(self, resource: str) -> None:
        """Let a resource's entries take part again, and those of the resources that it excluded."""
        self._held.discard(resource)
        self._aside.discard(resource)
        for name in self._contenders(resource):
            self._offer(name)

    def count(self, resource: str, below: Rank | None = None) -> int:
        """Count the entries that wait for a resource, or those below a rank. Takes the time of a scan of them."""
        standing = (entry for entry in self._waiting.get(resource, ()) if self._entries.get(entry.entry_id) is entry)
        return sum(below is None or entry.rank < below for entry in standing)

    def ahead_of(self, entry_id: str) -> int:
        """Count the entries of lesser rank. Takes the time of a scan."""
        mine = self._entries[entry_id]
        return sum(entry < mine for entry in self._entries.values())

    def first(self, resource: str) -> Entry | None:
        """Return a resource's first entry, held or not, and leave it."""
        heap = self._waiting.get(resource)
        while heap:
            if self._entries.get(heap[0].entry_id) is heap[0]:
                return heap[0]
            heappop(heap)
            self._gone -= 1
        if self._waiting.pop(resource, None) is not None:
            self._forget_part(resource)
        return None

    def _heap(self, resource: str) -> list[Entry]:
        """Return a resource's heap, made where there is none."""
        heap = self._waiting.get(resource)
        if heap is None:
            heap = self._waiting[resource] = []
            whole = whole_of(resource)
            if whole is not None:
                self._parts.setdefault(whole, set()).add(resource)
        return heap

    def _forget_part(self, resource: str) -> None:
        whole = whole_of(resource)
        if whole is not None:
            parts = self._parts[whole]
            parts.discard(resource)
            if not parts:
                del self._parts[whole]

    def _contenders(self, resource: str) -> tuple[str, ...]:
        """Return a resource, and the names that it excludes and for which entries may wait."""
        whole = whole_of(resource)
        return (resource, *self._parts.get(resource, ())) if whole is None else (resource, whole)

    def _is_offered(self, resource: str) -> bool:
        return not (resource in self._aside or self._held.exclude(resource))

    def _offer(self, resource: str) -> None:
        """Let a free resource's first entry stand among the heads, once."""
        first = self.first(resource)
        if first is None or not self._is_offered(resource):
            self._offered.pop(resource, None)
        elif self._offered.get(resource) is not first:
            self._offered[resource] = first
            heappush(self._heads, first)

    def _rebuild(self) -> None:
        """Build all heaps anew from the entries that stand."""
        self._waiting.clear()
        self._parts.clear()
        for entry in self._entries.values():
            self._heap(entry.resource).append(entry)
        for heap in self._waiting.values():
            heapify(heap)
        self._offered = {resource: heap[0] for resource, heap in self._waiting.items() if self._is_offered(resource)}
        self._heads = list(self._offered.values())
        heapify(self._heads)
        self._gone = 0
