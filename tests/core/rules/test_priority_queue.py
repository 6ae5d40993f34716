"""The queue: the first entry by rank whose resource is free goes next; one that cannot go blocks no other."""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.core.rules.priority_queue import PIECE, Entry, PriorityQueue
from tests.core.judge import contend
from tests.support.steps import at_once, calls_in

FEW_CALLS = 60
"""More than a heap operation and its lookups make, and far less than a pass over the entries."""

RESOURCES = ("red", "green", "blue")
CONTENDING = ("trade:FOO", "trade:FOO:BUY:1", "trade:FOO:SELL:1", "trade:FOOBAR:BUY:1", "trade", "other:FOO:BUY:1")


def entry(entry_id: str, *, priority: int = 5, seq: int = 1, resource: str = "red") -> Entry:
    return Entry(priority, seq, 0, entry_id, resource)


def served(queue: PriorityQueue) -> list[str]:
    """Pop until no entry may go."""
    return [head.entry_id for head in iter(queue.pop, None)]


def test_an_empty_queue_serves_no_entry() -> None:
    queue = PriorityQueue()
    assert queue.peek() is None
    assert queue.pop() is None
    assert len(queue) == 0


def test_priority_goes_before_age_and_age_before_all_else() -> None:
    queue = PriorityQueue()
    queue.push(entry("young buy", seq=3, resource="red"))
    queue.push(entry("old buy", seq=1, resource="green"))
    queue.push(entry("youngest sell", priority=1, seq=4, resource="blue"))
    queue.push(entry("buy of the same resource", seq=2, resource="red"))
    assert served(queue) == ["youngest sell", "old buy", "buy of the same resource", "young buy"]


def test_an_entry_that_waits_for_a_held_resource_blocks_no_other() -> None:
    queue = PriorityQueue()
    queue.push(entry("blocked sell", priority=1, seq=1, resource="red"))
    queue.push(entry("buy", seq=2, resource="green"))
    queue.hold("red")
    assert served(queue) == ["buy"]
    assert "blocked sell" in queue
    queue.free("red")
    assert served(queue) == ["blocked sell"]


@pytest.mark.parametrize(
    ("held", "waits_for", "excluded"),
    [
        ("trade:FOO:BUY:1", "trade:FOO", True),
        ("trade:FOO", "trade:FOO:BUY:1", True),
        ("trade:FOO:SELL:1", "trade:FOO:BUY:1", False),
        ("trade:FOO", "trade:FOOBAR", False),
        ("other:FOO", "other:FOO:1", False),
    ],
)
def test_a_symbol_and_each_of_its_trades_exclude_one_another(held: str, waits_for: str, excluded: bool) -> None:
    queue = PriorityQueue()
    queue.push(entry("came before", seq=1, resource=waits_for))
    queue.hold(held)
    queue.push(entry("came after", seq=2, resource=waits_for))
    assert served(queue) == ([] if excluded else ["came before", "came after"])
    queue.free(held)
    assert served(queue) == (["came before", "came after"] if excluded else [])


def test_a_symbol_is_free_when_the_last_of_its_trades_is() -> None:
    queue = PriorityQueue()
    queue.push(entry("a", resource="trade:FOO"))
    for part in ("trade:FOO:BUY:1", "trade:FOO:SELL:1"):
        queue.hold(part)
        queue.hold(part)
    queue.free("trade:FOO:BUY:1")
    assert served(queue) == []
    queue.free("trade:FOO:SELL:1")
    assert served(queue) == ["a"]


def test_a_symbol_with_many_trades_is_held_and_freed_without_a_pass_over_them() -> None:
    queue = PriorityQueue()
    for seq in range(1_000):
        queue.push(entry(f"part {seq}", seq=seq, resource=f"trade:FOO:BUY:{seq}"))
    assert calls_in(lambda: queue.hold("trade:FOO")) < FEW_CALLS
    assert calls_in(queue.peek) < FEW_CALLS
    assert queue.peek() is None
    queue.push(entry("whole", priority=1, resource="trade:FOO"))
    assert calls_in(lambda: queue.free("trade:FOO")) < FEW_CALLS
    assert calls_in(queue.peek) < FEW_CALLS
    assert served(queue) == ["whole", *(f"part {seq}" for seq in range(1_000))]


def test_what_is_skipped_excludes_no_other_entry() -> None:
    queue = PriorityQueue()
    queue.push(entry("whole", seq=1, resource="trade:FOO"))
    queue.push(entry("part", seq=2, resource="trade:FOO:BUY:1"))
    queue.set_aside("trade:FOO")
    assert served(queue) == ["part"]
    queue.free("trade:FOO")
    assert served(queue) == ["whole"]


def test_a_new_entry_for_a_held_resource_waits_behind_older_ones() -> None:
    queue = PriorityQueue()
    queue.hold("red")
    queue.push(entry("elder", seq=1))
    queue.push(entry("newcomer", seq=2))
    queue.free("red")
    assert served(queue) == ["elder", "newcomer"]


def test_an_entry_without_a_resource_waits_for_none() -> None:
    queue = PriorityQueue()
    queue.push(entry("free", resource=""))
    for resource in RESOURCES:
        queue.hold(resource)
    assert served(queue) == ["free"]


def test_a_queued_entry_cannot_be_queued_twice() -> None:
    queue = PriorityQueue()
    queue.push(entry("a"))
    with pytest.raises(ValueError, match="waits already"):
        queue.push(entry("a", seq=2, resource="green"))
    assert served(queue) == ["a"]


def test_a_removed_entry_is_never_served() -> None:
    queue = PriorityQueue()
    for seq, name in enumerate("abc", start=1):
        queue.push(entry(name, seq=seq))
    assert queue.remove("a")
    assert queue.remove("b")
    assert not queue.remove("b")
    assert served(queue) == ["c"]


@pytest.mark.parametrize("first", ["", "red"], ids=["waited for nobody", "waited for a resource"])
@pytest.mark.parametrize("second", ["", "red"], ids=["waits for nobody", "waits for a resource"])
def test_an_entry_that_comes_back_with_its_old_rank_is_served_once(first: str, second: str) -> None:
    """An order whose lease ended keeps its rank and waits for its resource again."""
    queue = PriorityQueue()
    queue.push(entry("a", resource=first))
    queue.remove("a")
    queue.push(entry("a", resource=second))
    assert list(queue) == [entry("a", resource=second)]
    assert served(queue) == ["a"]


def test_many_removals_leave_the_order_of_service_as_it_was() -> None:
    queue = PriorityQueue()
    names = [f"{seq:03}" for seq in range(200)]
    for seq, name in enumerate(names):
        queue.push(entry(name, seq=seq, resource=RESOURCES[seq % 3]))
    queue.hold("blue")
    for name in names:
        if not name.endswith("7"):
            queue.remove(name)
    stay = [name for name in names if name.endswith("7")]
    assert [waiting.entry_id for waiting in queue] == stay
    free = [name for name in stay if RESOURCES[int(name) % 3] != "blue"]
    assert served(queue) == free
    queue.free("blue")
    assert served(queue) == [name for name in stay if name not in free]


def test_of_very_many_entries_each_removal_drops_a_piece() -> None:
    """A pass over all of them in one removal would hold up everything else."""
    queue = PriorityQueue()
    names = [f"{seq:05}" for seq in range(40 * PIECE)]
    for seq, name in enumerate(names):
        queue.push(entry(name, seq=seq, resource=f"trade:S{seq // 2}:BUY:{seq}"))
    stay = names[::3]
    calls = [calls_in(partial(queue.remove, name)) for name in names if int(name) % 3]
    assert max(calls) < 20 * PIECE
    assert max(calls) > PIECE, "they were dropped"
    assert served(queue) == stay


def test_iteration_and_places_count_those_of_held_resources_too() -> None:
    queue = PriorityQueue()
    queue.push(entry("buy", seq=1))
    queue.push(entry("sell", priority=1, seq=2, resource="green"))
    queue.hold("green")
    assert [waiting.entry_id for waiting in queue] == ["sell", "buy"]
    assert at_once(queue.ahead_of("sell")) == 0
    assert at_once(queue.ahead_of("buy")) == 1
    assert at_once(queue.ahead_of("nobody")) == 0


class QueueAgainstList(RuleBasedStateMachine):
    """The queue beside a list that is sorted and searched each time."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PriorityQueue()
        self.waiting: dict[str, Entry] = {}
        self.held: set[str] = set()
        self.aside: set[str] = set()
        self.gone: dict[str, Entry] = {}
        self.seq = 0

    def _expected_head(self) -> Entry | None:
        return min((each for each in self.waiting.values() if self._is_free(each.resource)), default=None)

    def _is_free(self, resource: str) -> bool:
        return resource not in self.aside and not any(contend(held, resource) for held in self.held)

    def _push(self, new: Entry) -> None:
        self.queue.push(new)
        self.waiting[new.entry_id] = new
        self.gone.pop(new.entry_id, None)

    def _remove(self, entry_id: str) -> None:
        assert self.queue.remove(entry_id)
        self.gone[entry_id] = self.waiting.pop(entry_id)

    @rule(
        priorities=st.lists(st.integers(0, 3), min_size=1, max_size=40),
        resources=st.lists(st.sampled_from(["", *RESOURCES, *CONTENDING]), min_size=1),
    )
    def newcomers(self, priorities: list[int], resources: list[str]) -> None:
        for place, priority in enumerate(priorities):
            self.seq += 1
            self._push(
                entry(f"e{self.seq}", priority=priority, seq=self.seq, resource=resources[place % len(resources)])
            )

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), resource=st.sampled_from(["", *RESOURCES, *CONTENDING]))
    def one_comes_back(self, data: st.DataObject, resource: str) -> None:
        known = self.gone[data.draw(st.sampled_from(sorted(self.gone)))]
        self._push(msgspec.structs.replace(known, resource=resource))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_leaves(self, data: st.DataObject) -> None:
        self._remove(data.draw(st.sampled_from(sorted(self.waiting))))

    @precondition(lambda self: self.waiting)
    @rule(stay=st.integers(0, 3))
    def most_leave(self, stay: int) -> None:
        for entry_id in sorted(self.waiting)[stay:]:
            self._remove(entry_id)

    @rule()
    def a_stranger_leaves(self) -> None:
        assert not self.queue.remove("stranger")

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_comes_twice(self, data: st.DataObject) -> None:
        known = self.waiting[data.draw(st.sampled_from(sorted(self.waiting)))]
        with pytest.raises(ValueError, match="waits already"):
            self.queue.push(known)

    @rule(resource=st.sampled_from([*RESOURCES, *CONTENDING]))
    def hold(self, resource: str) -> None:
        self.queue.hold(resource)
        self.held.add(resource)

    @rule(resource=st.sampled_from([*RESOURCES, *CONTENDING]))
    def set_aside(self, resource: str) -> None:
        self.queue.set_aside(resource)
        self.aside.add(resource)

    @rule(resource=st.sampled_from([*RESOURCES, *CONTENDING]))
    def free(self, resource: str) -> None:
        self.queue.free(resource)
        self.held.discard(resource)
        self.aside.discard(resource)

    @rule(times=st.integers(1, 20))
    def serve(self, times: int) -> None:
        for _ in range(times):
            expected = self._expected_head()
            assert self.queue.pop() == expected
            if expected is not None:
                self.gone[expected.entry_id] = self.waiting.pop(expected.entry_id)

    @invariant()
    def the_head_is_the_first_whose_resource_is_free(self) -> None:
        assert self.queue.peek() == self._expected_head()

    @invariant()
    def nothing_is_lost_and_nothing_is_there_twice(self) -> None:
        assert list(self.queue) == sorted(self.waiting.values())
        assert len(self.queue) == len(self.waiting)
        assert all(entry_id in self.queue for entry_id in self.waiting)
        assert not any(entry_id in self.queue for entry_id in self.gone)

    @invariant()
    def a_place_is_the_number_of_those_before_it(self) -> None:
        for place, each in enumerate(sorted(self.waiting.values())[:5]):
            assert at_once(self.queue.ahead_of(each.entry_id)) == place

    def teardown(self) -> None:
        """Free everything: every entry is served, in order, to the last."""
        for resource in [*RESOURCES, *CONTENDING]:
            self.queue.free(resource)
        assert served(self.queue) == [each.entry_id for each in sorted(self.waiting.values())]
        assert len(self.queue) == 0


TestQueueAgainstList: Any = QueueAgainstList.TestCase
