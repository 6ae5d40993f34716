"""Locks: one holder per resource, tokens that only grow, and a lease whose end is reported once something was sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.core.values.locks import Lock, LockState, LockTable, OwnerType
from tests.core.making import NOON_MS, lock

LEASE_MS = 30_000


def acquire(table: LockTable, resource: str = "red", *, timeout_ms: int = LEASE_MS, now_ms: int = NOON_MS) -> Lock:
    granted = acquire_or_none(table, resource, timeout_ms=timeout_ms, now_ms=now_ms)
    assert granted is not None
    return granted


def acquire_or_none(table: LockTable, resource: str, *, timeout_ms: int, now_ms: int) -> Lock | None:
    return table.acquire(
        resource=resource,
        owner_id="anna",
        owner_type=OwnerType.USER,
        order_id=None,
        key="k",
        timeout_ms=timeout_ms,
        now_ms=now_ms,
    )


@pytest.fixture
def table() -> LockTable:
    return LockTable()


def test_a_grant_has_all_its_fields(table: LockTable) -> None:
    granted = acquire(table, "red")
    assert granted == lock(
        1, lock_id="lock-1", resource="red", order_id=None, acquired_ms=NOON_MS, expires_ms=NOON_MS + LEASE_MS
    )
    assert table.holder("red") == table.active("lock-1") == granted
    assert list(table) == [granted]


def test_a_held_resource_is_not_granted_again(table: LockTable) -> None:
    first = acquire(table, "red")
    assert acquire_or_none(table, "red", timeout_ms=LEASE_MS, now_ms=NOON_MS) is None
    assert table.holder("red") is first
    assert acquire(table, "green").token == first.token + 1, "a refusal uses no token up"


@pytest.mark.parametrize(("one", "other"), [("trade:FOO", "trade:FOO:BUY:1"), ("trade:FOO:BUY:1", "trade:FOO")])
def test_a_symbol_and_each_of_its_trades_are_not_granted_together(table: LockTable, one: str, other: str) -> None:
    first = acquire(table, one)
    assert acquire_or_none(table, other, timeout_ms=LEASE_MS, now_ms=NOON_MS) is None
    assert table.blocker(other) is first
    assert table.holder(other) is None
    acquire(table, "trade:FOOBAR:BUY:1")
    table.release(first.lock_id, first.token, NOON_MS)
    assert table.blocker(other) is None
    acquire(table, other)


def test_a_symbol_is_granted_when_the_last_of_its_trades_has_ended(table: LockTable) -> None:
    parts = [acquire(table, f"trade:FOO:BUY:{target}") for target in (1, 2)]
    for part in parts:
        assert table.blocker("trade:FOO") in parts
        table.release(part.lock_id, part.token, NOON_MS)
    acquire(table, "trade:FOO")


def test_a_resource_that_was_never_granted_has_no_holder(table: LockTable) -> None:
    assert table.holder("red") is None
    assert table.active(None) is None
    assert table.active("lock-1") is None
    assert len(table) == 0


@pytest.mark.parametrize(
    ("error", "state"), [(None, LockState.RELEASED), ("refused", LockState.FAILED)], ids=["released", "failed"]
)
def test_a_released_resource_is_free(table: LockTable, error: str | None, state: LockState) -> None:
    granted = acquire(table)
    ended = table.release(granted.lock_id, granted.token, NOON_MS + 5, result="{}", error=error)
    assert ended is not None
    assert (ended.state, ended.released_ms, ended.result, ended.error) == (state, NOON_MS + 5, "{}", error)
    assert table.holder("red") is None
    assert acquire(table).token > granted.token


def test_a_second_release_changes_nothing(table: LockTable) -> None:
    granted = acquire(table)
    table.release(granted.lock_id, granted.token, NOON_MS)
    newer = acquire(table)
    assert table.release(granted.lock_id, granted.token, NOON_MS) is None
    assert table.holder("red") is newer


@pytest.mark.parametrize("lock_id", ["lock-2", "lock-1"], ids=["of the newer lock", "of its own"])
def test_an_older_token_changes_nothing(table: LockTable, lock_id: str) -> None:
    older = acquire(table)
    table.release(older.lock_id, older.token, NOON_MS)
    newer = acquire(table)
    assert table.release(lock_id, older.token, NOON_MS) is None
    assert table.renew(lock_id, older.token, NOON_MS) is None
    assert list(table) == [newer]


@pytest.mark.parametrize(("timeout_ms", "lease_ms"), [(None, LEASE_MS), (400, 400)], ids=["as before", "another"])
def test_a_renewal_restarts_the_lease(table: LockTable, timeout_ms: int | None, lease_ms: int) -> None:
    granted = acquire(table)
    renewed = table.renew(granted.lock_id, granted.token, NOON_MS + 9, timeout_ms)
    assert renewed is not None
    assert (renewed.token, renewed.acquired_ms) == (granted.token, granted.acquired_ms)
    assert (renewed.expires_ms, renewed.timeout_ms) == (NOON_MS + 9 + lease_ms, lease_ms)
    assert table.holder("red") is renewed


def test_a_lease_that_is_not_over_does_not_expire(table: LockTable) -> None:
    granted = acquire(table)
    assert table.expire(granted.lock_id, granted.expires_ms - 1, outstanding=False) is None
    assert table.expire("lock-9", granted.expires_ms, outstanding=False) is None
    assert table.holder("red") is granted


def test_a_lease_that_is_over_frees_the_resource_while_nothing_is_outstanding(table: LockTable) -> None:
    granted = acquire(table)
    ended = table.expire(granted.lock_id, granted.expires_ms, outstanding=False)
    assert ended is not None
    assert (ended.state, ended.released_ms) == (LockState.EXPIRED, granted.expires_ms)
    assert table.holder("red") is None
    assert table.release(granted.lock_id, granted.token, granted.expires_ms) is None, "late words change nothing"


def test_while_something_is_outstanding_the_end_of_a_lease_is_reported_once_and_the_lock_stays(
    table: LockTable,
) -> None:
    granted = acquire(table)
    alarm = table.expire(granted.lock_id, granted.expires_ms, outstanding=True)
    assert alarm is not None
    assert (alarm.state, alarm.overdue) == (LockState.ACTIVE, True)
    assert table.holder("red") is alarm
    assert table.expire(granted.lock_id, granted.expires_ms + 9, outstanding=True) is None
    renewed = table.renew(granted.lock_id, granted.token, granted.expires_ms + 10)
    assert renewed is not None
    assert not renewed.overdue


def test_a_restart_restores_the_locks_and_grants_only_greater_tokens(table: LockTable) -> None:
    kept = [acquire(table, "red"), acquire(table, "green")]
    gone = acquire(table, "blue")
    table.release(gone.lock_id, gone.token, NOON_MS)
    again = LockTable(last_token=gone.token)
    for each in kept:
        again.restore(each)
    assert list(again) == kept
    assert acquire(again, "blue").token > gone.token


def test_a_restored_lock_counts_for_the_last_token(table: LockTable) -> None:
    table.restore(lock(7, resource="red"))
    assert acquire(table, "green").token == 8


def test_a_held_resource_cannot_be_taken_by_a_second_row(table: LockTable) -> None:
    table.restore(lock(7, resource="red"))
    with pytest.raises(ValueError, match="red is held already"):
        table.restore(lock(8, resource="red"))
    assert [each.token for each in table] == [7]


class LocksAgainstModel(RuleBasedStateMachine):
    """The table beside a list of all locks that ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.table = LockTable()
        self.now_ms = NOON_MS
        self.ever: list[Lock] = []  # as last known, by token

    def _active(self) -> list[Lock]:
        return [each for each in self.ever if each.state is LockState.ACTIVE]

    def _note(self, changed: Lock) -> None:
        self.ever = [changed if each.token == changed.token else each for each in self.ever]

    @rule(resource=st.sampled_from(["red", "green", "blue"]), timeout_ms=st.integers(1, 50))
    def acquire(self, resource: str, timeout_ms: int) -> None:
        held = any(each.resource == resource for each in self._active())
        granted = acquire_or_none(self.table, resource, timeout_ms=timeout_ms, now_ms=self.now_ms)
        assert (granted is None) == held
        if granted is not None:
            assert granted.token > max((each.token for each in self.ever), default=0)
            self.ever.append(granted)

    @precondition(lambda self: self.ever)
    @rule(data=st.data(), off=st.sampled_from([0, 0, 0, -1, 1]), timeout_ms=st.sampled_from([None, 7]))
    def renew(self, data: st.DataObject, off: int, timeout_ms: int | None) -> None:
        known = self.ever[data.draw(st.integers(0, len(self.ever) - 1))]
        renewed = self.table.renew(known.lock_id, known.token + off, self.now_ms, timeout_ms)
        assert (renewed is not None) == (off == 0 and known.state is LockState.ACTIVE)
        if renewed is not None:
            lease_ms = timeout_ms or known.timeout_ms
            assert renewed == msgspec.structs.replace(
                known, expires_ms=self.now_ms + lease_ms, timeout_ms=lease_ms, overdue=False
            )
            self._note(renewed)

    @precondition(lambda self: self.ever)
    @rule(data=st.data(), off=st.sampled_from([0, 0, 0, -1, 1]), error=st.sampled_from([None, "failed"]))
    def release(self, data: st.DataObject, off: int, error: str | None) -> None:
        known = self.ever[data.draw(st.integers(0, len(self.ever) - 1))]
        ended = self.table.release(known.lock_id, known.token + off, self.now_ms, error=error)
        assert (ended is not None) == (off == 0 and known.state is LockState.ACTIVE)
        if ended is not None:
            state = LockState.RELEASED if error is None else LockState.FAILED
            assert ended == msgspec.structs.replace(known, state=state, released_ms=self.now_ms, error=error)
            self._note(ended)

    @rule(duration_ms=st.integers(0, 60), outstanding=st.booleans())
    def time_passes(self, duration_ms: int, outstanding: bool) -> None:
        self.now_ms += duration_ms
        for known in self.ever:
            over = known.state is LockState.ACTIVE and self.now_ms >= known.expires_ms and not known.overdue
            ended = self.table.expire(known.lock_id, self.now_ms, outstanding=outstanding)
            assert (ended is not None) == over
            if ended is not None:
                assert (ended.state is LockState.ACTIVE) == outstanding == ended.overdue
                self._note(ended)

    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        """Restore from the rows, in any order, and from the last token."""
        rows = data.draw(st.permutations(self._active()))
        self.table = LockTable(last_token=max((each.token for each in self.ever), default=0))
        for row in rows:
            self.table.restore(row)

    @invariant()
    def a_resource_has_at_most_one_holder_and_it_is_the_right_one(self) -> None:
        active = self._active()
        assert len({each.resource for each in active}) == len(active) == len(self.table)
        assert sorted(self.table, key=_token) == active
        for each in active:
            assert self.table.holder(each.resource) is self.table.active(each.lock_id)

    @invariant()
    def what_has_ended_is_nobodys(self) -> None:
        assert all(self.table.active(each.lock_id) is None for each in self.ever if each.released_ms is not None)


def _token(each: Lock) -> int:
    return each.token


TestLocksAgainstModel: Any = LocksAgainstModel.TestCase
