"""The lease queue: waiters are served in order, answered at once, and removed when they disconnect."""

import signal
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.process.locks.asking import (
    a_resource,
    acquire,
    enqueue,
    force,
    granted,
    holders,
    lease_request,
    read,
    release,
    take,
    waiting,
)
from tests.support import ME, Daemon, eventually
from tests.support.pending import Pending
from tests.support.tables import commits_blocked, events_of, locks_of, queue_of


def gone(daemon: Daemon, resource: str, *, still: int = 0) -> None:
    """Wait until at most ``still`` waiters are queued for a resource."""
    eventually(lambda: len(waiting(daemon, resource)) <= still, "the end of a wait")


def test_the_release_wakes_the_first_waiter(daemon: Daemon) -> None:
    lease = take(daemon, resourceId=a_resource())
    pending = enqueue(daemon, lease_request(resourceId=lease["resourceId"], ownerId="ben", timeoutMs=9_000))
    [row] = queue_of(daemon.database, lease["resourceId"])
    assert (row["status"], row["lock_id"], row["completed_at"]) == ("pending", None, None)
    ended = release(daemon, lease).json
    mine = granted(pending)
    [row] = queue_of(daemon.database, lease["resourceId"])
    assert (row["status"], row["lock_id"], row["owner_id"]) == ("completed", mine["lockId"], "ben")
    assert mine["fencingToken"] > lease["fencingToken"]
    assert mine["acquiredAt"] >= ended["releasedAt"]
    assert mine["expiresAt"] == mine["acquiredAt"] + 9_000, "the wait is no part of the lease"


def test_a_newcomer_does_not_pass_a_waiter(daemon: Daemon) -> None:
    lease = take(daemon)
    asked = lease_request(resourceId=lease["resourceId"])
    pending = enqueue(daemon, asked | {"ownerId": "ben"})
    daemon.process.send(signal.SIGSTOP)
    try:
        released = Pending(daemon.signals, "POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "anna"})
        newcomers = [Pending(daemon.signals, "POST", "/v1/locks", asked) for _ in range(5)]
    finally:
        daemon.process.send(signal.SIGCONT)
    assert released.answer().status == 200
    assert [each.answer().status for each in newcomers] == [409] * 5
    assert granted(pending)["ownerId"] == "ben"


def test_a_wait_that_ends_is_answered_with_the_holder_and_leaves_the_queue(daemon: Daemon) -> None:
    lease = take(daemon)
    refused = acquire(daemon, lease_request(resourceId=lease["resourceId"], ownerId="ben"), wait_s=0.05)
    assert (refused.status, refused.json["error"], refused.json["queueLength"]) == (409, "held", 0)
    assert refused.json["holder"] == read(daemon, lease)
    gone(daemon, lease["resourceId"])
    row = eventually(lambda: ended(daemon, lease["resourceId"]), "its row's end")
    assert (row["status"], row["lock_id"], row["error_message"]) == ("cancelled", None, "the caller's wait ended")
    assert row["completed_at"] - row["queued_at"] >= 50


def ended(daemon: Daemon, resource: str) -> dict[str, Any] | None:
    """Return the one row of a resource's queue, once its wait has ended."""
    [row] = queue_of(daemon.database, resource)
    return None if row["status"] == "pending" else row


def test_a_waiter_that_disconnects_leaves_the_queue_and_is_never_granted(daemon: Daemon) -> None:
    lease = take(daemon)
    resource = lease["resourceId"]
    first, second = (enqueue(daemon, lease_request(resourceId=resource, ownerId=name)) for name in ("ben", "cleo"))
    first.leave()
    gone(daemon, resource, still=1)
    release(daemon, lease)
    assert granted(second)["ownerId"] == "cleo"
    assert [row["owner_id"] for row in locks_of(daemon.database, resource)] == ["anna", "cleo"]
    rows = {row["owner_id"]: row for row in queue_of(daemon.database, resource)}
    assert (rows["ben"]["status"], rows["ben"]["error_message"]) == ("cancelled", "the caller went away")


def test_a_waiter_that_disconnects_at_the_moment_of_the_grant_delays_no_other(daemon: Daemon) -> None:
    lease = take(daemon)
    resource = lease["resourceId"]
    first, second = (enqueue(daemon, lease_request(resourceId=resource, ownerId=name)) for name in ("ben", "cleo"))
    daemon.process.send(signal.SIGSTOP)
    try:
        released = Pending(daemon.signals, "POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "anna"})
        first.leave()
    finally:
        daemon.process.send(signal.SIGCONT)
    assert released.answer().status == 200
    assert granted(second)["ownerId"] == "cleo"
    assert [row["owner_id"] for row in locks_of(daemon.database, resource) if row["status"] == "active"] == ["cleo"]


@pytest.mark.parametrize("key", [None, "a key"])
def test_a_caller_that_disconnects_before_the_answer_keeps_no_lease(daemon: Daemon, key: str | None) -> None:
    asked = lease_request(ownerId="ben") | ({} if key is None else {"idempotencyKey": a_resource()})
    resource = asked["resourceId"]
    with commits_blocked(daemon.database):
        pending = Pending(daemon.signals, "POST", "/v1/locks", asked)
        eventually(lambda: holders(daemon, resource), "the grant")
        pending.leave()
        eventually(lambda: not holders(daemon, resource), "its end, because it was not delivered")
    lease = take(daemon, resourceId=resource, ownerId="cleo")
    first, second = locks_of(daemon.database, resource)
    assert (first["status"], first["error_message"]) == ("failed", "the caller went away")
    assert second["fencing_token"] == lease["fencingToken"]


def test_a_repeated_request_keeps_the_lease_when_the_first_caller_disconnects(daemon: Daemon) -> None:
    lease = take(daemon)
    keyed = lease_request(resourceId=lease["resourceId"], ownerId="ben", idempotencyKey=a_resource())
    first = enqueue(daemon, keyed)
    with commits_blocked(daemon.database):
        path = f"/v1/locks/{lease['lockId']}/release"
        released = Pending(daemon.signals, "POST", path, {"ownerId": "anna"})
        eventually(lambda: [each for each in holders(daemon, keyed["resourceId"]) if each["ownerId"] == "ben"], "it")
        again = Pending(daemon.signals, "POST", "/v1/locks", keyed, headers={"Prefer": "wait=60"})
        for _ in range(3):
            holders(daemon, keyed["resourceId"])  # answered after what was sent before has been read
        first.leave()
        for _ in range(3):
            holders(daemon, keyed["resourceId"])
    assert released.answer().status == 200
    answer = again.answer()
    assert (answer.status, read(daemon, answer.json)["status"]) == (200, "active")
    assert acquire(daemon, lease_request(resourceId=keyed["resourceId"], ownerId="cleo")).status == 409


def test_a_repeated_request_waits_in_the_first_ones_place(daemon: Daemon) -> None:
    lease = take(daemon)
    resource = lease["resourceId"]
    keyed = lease_request(resourceId=resource, ownerId="ben", idempotencyKey=a_resource())
    first, other = enqueue(daemon, keyed), enqueue(daemon, lease_request(resourceId=resource, ownerId="cleo"))
    again = Pending(daemon.signals, "POST", "/v1/locks", keyed, headers={"Prefer": "wait=60"})
    assert acquire(daemon, keyed).status == 409  # sent after it, so the first request has been read
    assert len(waiting(daemon, resource)) == 2
    first.leave()
    release(daemon, lease)
    answer = again.answer()
    assert (answer.status, answer.json["ownerId"], answer.json["replayed"]) == (200, "ben", True)
    release(daemon, answer.json)
    assert granted(other)["ownerId"] == "cleo"
    assert len(queue_of(daemon.database, resource)) == 2


def test_all_callers_of_one_request_get_one_lease(daemon: Daemon) -> None:
    lease = take(daemon)
    keyed = lease_request(resourceId=lease["resourceId"], ownerId="ben", idempotencyKey=a_resource())
    first = enqueue(daemon, keyed)
    others = [Pending(daemon.signals, "POST", "/v1/locks", keyed, headers={"Prefer": "wait=60"}) for _ in range(9)]
    release(daemon, lease)
    answers = [each.answer() for each in (first, *others)]
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len({answer.json["fencingToken"] for answer in answers}) == 1


def test_the_end_of_a_lease_wakes_the_next_and_never_early(daemon: Daemon) -> None:
    late_ms = []
    for _ in range(12):
        lease = take(daemon, timeoutMs=30)
        mine = acquire(daemon, lease_request(resourceId=lease["resourceId"], ownerId="ben"), wait_s=30).json
        old, new = locks_of(daemon.database, lease["resourceId"])
        assert (old["status"], new["fencing_token"]) == ("expired", mine["fencingToken"])
        assert old["expires_at"] == old["acquired_at"] + 30
        assert new["acquired_at"] >= old["released_at"] >= old["expires_at"]
        late_ms.append(new["acquired_at"] - old["expires_at"])
    assert min(late_ms) <= 2, late_ms


def test_a_forced_release_wakes_the_next_and_is_recorded(daemon: Daemon) -> None:
    lease = take(daemon)
    pending = enqueue(daemon, lease_request(resourceId=lease["resourceId"], ownerId="ben"))
    forced = force(daemon, lease, reason="its bot crashed")
    assert (forced.status, forced.json["status"]) == (200, "failed")
    assert granted(pending)["ownerId"] == "ben"
    [event] = [
        each for each in events_of(daemon.database, lease["resourceId"]) if each["name"] == "lock.force_released"
    ]
    assert (event["actor"], event["lock_id"]) == (ME, lease["lockId"])
    assert '"reason":"its bot crashed"' in event["detail"]
    late = release(daemon, lease, result="late")
    assert (late.status, read(daemon, lease)["status"]) == (409, "failed")


ENDS: dict[str, Callable[[Daemon, dict[str, Any]], object]] = {
    "release": release,
    "failure": lambda daemon, lease: release(daemon, lease, error="it broke"),
    "force": force,
}


@pytest.mark.parametrize("how", ENDS)
def test_fifty_waiters_are_all_served_one_after_the_other(daemon: Daemon, how: str) -> None:
    lease = take(daemon)
    resource = lease["resourceId"]
    asked = [lease_request(resourceId=resource, ownerId=f"bot-{number}") for number in range(50)]
    line = [Pending(daemon.signals, "POST", "/v1/locks", each, headers={"Prefer": "wait=60"}) for each in asked]
    eventually(lambda: len(waiting(daemon, resource)) == 50, "fifty in the queue")
    by_owner = {each["ownerId"]: pending for each, pending in zip(asked, line, strict=True)}
    for each in waiting(daemon, resource):
        ENDS[how](daemon, lease)
        lease = granted(by_owner[each["ownerId"]])
    rows = locks_of(daemon.database, resource)
    assert [row["status"] for row in rows] == [{"release": "released"}.get(how, "failed")] * 50 + ["active"]
    assert all(old["released_at"] <= new["acquired_at"] for old, new in pairwise(rows))
