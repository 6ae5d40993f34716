"""A lease is granted once, to one caller, durably; a repeated request gets the same lease."""

from typing import Any

import pytest

from tests.process.locks.asking import (
    a_resource,
    acquire,
    enqueue,
    holders,
    lease_request,
    read,
    release,
    renew,
    take,
    waiting,
)
from tests.support import Daemon, at_once
from tests.support.tables import locks_of, queue_of

JSON: list[object] = [
    None,
    True,
    0,
    -1.5,
    10**18,
    "",
    "ünïcode \u2028 \U0001f512",
    [],
    {},
    {"b": [1, {"a": None}], "a": "x"},
    [[[[[[[[[[]]]]]]]]]],
]


def test_a_free_resource_is_granted_and_on_disk_before_the_answer(daemon: Daemon) -> None:
    asked = lease_request(ownerType="workflow", transactionType="cancel", transactionData={"n": 1}, timeoutMs=12_345)
    answer = acquire(daemon, asked)
    lease = answer.json
    [row] = locks_of(daemon.database, asked["resourceId"])
    assert (answer.status, answer.headers["location"]) == (201, f"/v1/locks/{lease['lockId']}")
    assert "idempotent-replayed" not in answer.headers
    assert lease == {
        "lockId": row["lock_id"],
        "resourceId": asked["resourceId"],
        "ownerId": "anna",
        "ownerType": "workflow",
        "fencingToken": row["fencing_token"],
        "status": "active",
        "transactionType": "cancel",
        "transactionData": {"n": 1},
        "idempotencyKey": row["idempotency_key"],
        "orderId": None,
        "timeoutMs": 12_345,
        "acquiredAt": row["acquired_at"],
        "expiresAt": row["acquired_at"] + 12_345,
        "releasedAt": None,
        "overdue": False,
        "result": None,
        "error": None,
        "replayed": False,
    }
    assert (row["status"], row["lock_type"], row["expires_at"]) == ("active", "exclusive", lease["expiresAt"])
    assert read(daemon, lease) == {name: value for name, value in lease.items() if name != "replayed"}
    assert queue_of(daemon.database, asked["resourceId"]) == [], "a caller that did not wait has no row in the queue"


def test_absent_fields_have_the_bots_defaults(daemon: Daemon) -> None:
    lease = take(daemon)
    told = (lease["ownerType"], lease["transactionType"], lease["timeoutMs"], lease["transactionData"])
    assert told == ("user", "trade", 30_000, None)


def test_of_fifty_concurrent_requests_one_gets_the_lease(daemon: Daemon) -> None:
    resource = a_resource()
    answers = at_once(50, lambda number: acquire(daemon, lease_request(resourceId=resource, ownerId=f"bot-{number}")))
    [granted] = [answer.json for answer in answers if answer.status == 201]
    refused = [answer.json for answer in answers if answer.status == 409]
    assert len(refused) == 49
    assert {each["holder"]["lockId"] for each in refused} == {granted["lockId"]}
    assert [row["lock_id"] for row in locks_of(daemon.database, resource)] == [granted["lockId"]]


def test_a_held_resource_is_refused_with_its_holder_and_the_queue_length(daemon: Daemon) -> None:
    lease = take(daemon)
    asked = lease_request(resourceId=lease["resourceId"], ownerId="ben")
    line = [enqueue(daemon, asked), enqueue(daemon, asked)]
    refused = acquire(daemon, asked)
    assert (refused.status, refused.json["error"], refused.json["queueLength"]) == (409, "held", 2)
    assert refused.json["holder"] == read(daemon, lease)
    assert "Prefer: wait" in refused.json["message"]
    for each in line:
        each.leave()


def test_holders_and_waiters_are_listed_in_the_order_of_service(daemon: Daemon) -> None:
    lease = take(daemon)
    resource = lease["resourceId"]
    line = [
        enqueue(daemon, lease_request(resourceId=resource, ownerId=name, priority=priority))
        for name, priority in (("ben", 5), ("cleo", 1), ("dora", 5))
    ]
    assert [each["lockId"] for each in holders(daemon, resource)] == [lease["lockId"]]
    listed = waiting(daemon, resource)
    assert [(each["ownerId"], each["priority"], each["resourcePosition"]) for each in listed] == [
        ("cleo", 1, 1),
        ("ben", 5, 2),
        ("dora", 5, 3),
    ]
    assert all(each["queueId"].startswith("wait-") and each["orderId"] is None for each in listed)
    for pending in line:
        pending.leave()


@pytest.mark.parametrize("spelling", ["trade:FOOUSDT:buy:{}", "TRADE:foousdt:BUY:{}", " Trade:FooUsdt:Buy:{} "])
def test_a_trades_resource_has_one_name_in_any_case(daemon: Daemon, spelling: str) -> None:
    target = f"Target:{a_resource()}"
    held = take(daemon, resourceId=f"trade:FOOUSDT:BUY:{target}")
    assert held["resourceId"] == f"trade:FOOUSDT:BUY:{target}"
    assert acquire(daemon, lease_request(resourceId=spelling.format(target))).status == 409
    take(daemon, resourceId=spelling.format(target.lower()))


# Keys


def test_a_repeated_request_gets_the_first_lease(daemon: Daemon) -> None:
    asked = lease_request(idempotencyKey=a_resource(), transactionData={"a": 1, "b": 2})
    lease = take(daemon, asked)
    again = acquire(daemon, asked | {"transactionData": {"b": 2, "a": 1}, "timeoutMs": 9, "priority": 1})
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert "location" not in again.headers
    assert again.json == lease | {"replayed": True}


def test_fifty_concurrent_requests_with_one_key_get_one_lease(daemon: Daemon) -> None:
    asked = lease_request(idempotencyKey=a_resource())
    answers = at_once(50, lambda _: acquire(daemon, asked))
    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    assert len({answer.json["fencingToken"] for answer in answers}) == 1
    assert len(locks_of(daemon.database, asked["resourceId"])) == 1


@pytest.mark.parametrize("result", JSON, ids=repr)
def test_after_the_release_a_repeated_request_gets_the_result(daemon: Daemon, result: object) -> None:
    asked = lease_request(idempotencyKey=a_resource())
    released = release(daemon, take(daemon, asked), result=result)
    assert (released.status, released.json["status"], released.json["result"]) == (200, "released", result)
    again = acquire(daemon, asked)
    assert (again.status, again.json) == (200, released.json | {"replayed": True})


@pytest.mark.parametrize("data", JSON, ids=repr)
def test_transaction_data_is_any_json_and_is_returned_unchanged(daemon: Daemon, data: object) -> None:
    lease = take(daemon, transactionData=data)
    assert lease["transactionData"] == read(daemon, lease)["transactionData"] == data


def test_after_a_failure_the_key_is_free_and_the_failure_is_not_replayed(daemon: Daemon) -> None:
    asked = lease_request(idempotencyKey=a_resource())
    lease = take(daemon, asked)
    failed = release(daemon, lease, error="it broke").json
    assert (failed["status"], failed["error"], failed["result"]) == ("failed", "it broke", None)
    assert take(daemon, asked)["fencingToken"] > lease["fencingToken"]


@pytest.mark.parametrize(
    "change",
    [{"resourceId": "another"}, {"ownerId": "ben"}, {"ownerType": "system"}, {"transactionType": "update"},
     {"transactionData": 2}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
@pytest.mark.parametrize("ends", [False, True], ids=["held", "released"])
def test_a_key_with_another_request_is_a_conflict(daemon: Daemon, change: dict[str, Any], ends: bool) -> None:
    asked = lease_request(idempotencyKey=a_resource(), transactionData=1)
    lease = take(daemon, asked)
    if ends:
        release(daemon, lease)
    before = read(daemon, lease)
    refused = acquire(daemon, asked | change, wait_s=10)
    assert (refused.status, refused.json["error"]) == (422, "key_conflict")
    assert read(daemon, lease) == before


# The owner's verbs


@pytest.mark.parametrize("verb", [release, renew])
def test_only_the_owner_renews_and_releases(daemon: Daemon, verb: Any) -> None:
    lease = take(daemon)
    refused = verb(daemon, lease, owner="mallory")
    assert (refused.status, refused.json["error"]) == (403, "not_allowed")
    assert read(daemon, lease)["status"] == "active"
    assert verb(daemon, lease).status == 200


@pytest.mark.parametrize("verb", [release, renew])
def test_an_unknown_lock_is_not_found(daemon: Daemon, verb: Any) -> None:
    answer = verb(daemon, {"lockId": "lock-999999999", "ownerId": "anna"})
    assert (answer.status, answer.json["error"]) == (404, "unknown")


@pytest.mark.parametrize("verb", [release, renew])
def test_an_ended_lease_is_not_changed(daemon: Daemon, verb: Any) -> None:
    lease = take(daemon)
    ended = release(daemon, lease, result={"n": 1}).json
    late = verb(daemon, lease)
    assert (late.status, late.json["error"]) == (409, "wrong_state")
    assert read(daemon, lease) == ended


@pytest.mark.parametrize("outcome", [{}, {"result": {"n": [1, 2.50]}}, {"error": "it broke"}])
def test_the_same_release_again_has_the_same_answer(daemon: Daemon, outcome: dict[str, Any]) -> None:
    lease = take(daemon)
    ended = release(daemon, lease, **outcome)
    rows = locks_of(daemon.database, lease["resourceId"])
    again = release(daemon, lease, **outcome)
    assert (again.status, again.json) == (200, ended.json)
    assert locks_of(daemon.database, lease["resourceId"]) == rows


def test_a_renewed_lease_ends_its_timeout_from_now(daemon: Daemon) -> None:
    lease = take(daemon, timeoutMs=5_000)
    longer = renew(daemon, lease, timeoutMs=60_000).json
    assert longer["expiresAt"] - lease["acquiredAt"] >= 60_000
    again = renew(daemon, lease).json
    assert (again["timeoutMs"], again["fencingToken"]) == (60_000, lease["fencingToken"])
    assert again["expiresAt"] >= longer["expiresAt"]
    [row] = locks_of(daemon.database, lease["resourceId"])
    assert (row["expires_at"], row["timeout_ms"]) == (again["expiresAt"], 60_000)
