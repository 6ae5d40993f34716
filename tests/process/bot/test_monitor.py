"""``/api/transaction-locks``: the lock monitor of the bot's dashboard, in the bot's JSON shape."""

import json
import re
from typing import Any

import pytest

from tests.process.bot.bot_api import LOCKS, a_trade, check, monitor, place, queue, resource_of, send, trade
from tests.support import Daemon, Exchange, ask
from tests.support.tables import locks_of

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOCK_FIELDS = {
    "id", "lockId", "resourceId", "idempotencyKey", "ownerId", "ownerType", "acquiredAt", "expiresAt", "releasedAt",
    "status", "lockType", "transactionType", "transactionData", "maxRetries", "currentRetries", "timeoutMs", "result",
    "errorMessage", "createdAt", "updatedAt",
}  # fmt: skip
QUEUE_FIELDS = {
    "id", "queueId", "lockId", "resourceId", "priority", "transactionType", "transactionData", "idempotencyKey",
    "status", "queuedAt", "processingStartedAt", "completedAt", "result", "errorMessage", "attempts", "ownerId",
    "ownerType", "createdAt", "updatedAt",
}  # fmt: skip


def acquire(daemon: Daemon, resource: str, **changes: Any) -> dict[str, Any]:
    """Acquire a lease."""
    answer = daemon.ask("POST", "/v1/locks", {"resourceId": resource, "ownerId": resource} | changes)
    assert answer.status == 201, answer.raw
    lease: dict[str, Any] = answer.json
    return lease


def release(daemon: Daemon, lease: dict[str, Any], **outcome: Any) -> None:
    """Release a lease."""
    path = f"/v1/locks/{lease['lockId']}/release"
    assert daemon.ask("POST", path, {"ownerId": lease["ownerId"]} | outcome).status == 200


def test_locks_and_queue_have_the_bots_fields(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        queued = queue(daemon, request | {"quantity": "0.002"})
        seen = monitor(daemon, resourceId=resource_of(request))
    [lock], [row] = seen["locks"], seen["queue"]
    assert set(lock) >= LOCK_FIELDS
    assert set(row) >= QUEUE_FIELDS
    assert (lock["status"], lock["ownerId"], lock["lockType"], lock["id"]) == (
        "active",
        request["userId"],
        "exclusive",
        int(lock["lockId"].removeprefix("lock-")),
    )
    assert (row["queueId"], row["status"], row["priority"]) == (queued["queueId"], "pending", 5)
    assert json.loads(row["transactionData"])["quantity"] == "0.002"
    dates = [lock["acquiredAt"], lock["expiresAt"], lock["createdAt"], row["queuedAt"], row["createdAt"]]
    assert all(ISO.fullmatch(date) for date in dates)
    assert (lock["releasedAt"], row["completedAt"]) == (None, None)


def test_data_and_result_are_json_in_strings(daemon: Daemon) -> None:
    lease = acquire(daemon, "texts:1", transactionData={"a": [1]})
    release(daemon, lease, result={"ok": True})
    [lock] = monitor(daemon, resourceId="texts:1")["locks"]
    assert (json.loads(lock["transactionData"]), json.loads(lock["result"])) == ({"a": [1]}, {"ok": True})
    assert (lock["status"], bool(ISO.fullmatch(lock["releasedAt"]))) == ("released", True)


def test_locks_are_newest_first_and_filtered_and_counted_over_all_of_them(daemon: Daemon) -> None:
    before = monitor(daemon)["stats"]
    leases = [acquire(daemon, f"many:{number}", ownerId="many") for number in range(60)]
    for number, lease in enumerate(leases[:-5]):
        release(daemon, lease, **({"error": "x"} if number < 10 else {}))
    page = monitor(daemon, ownerId="many")
    assert [lock["resourceId"] for lock in page["locks"]] == [f"many:{number}" for number in range(59, 9, -1)]
    assert len(monitor(daemon, ownerId="many", limit=60)["locks"]) == 60
    assert len(monitor(daemon, ownerId="many", status="failed")["locks"]) == 10
    assert len(monitor(daemon, ownerId="many", status="active", limit=3)["locks"]) == 3
    assert monitor(daemon, ownerId="no such owner") | {"stats": None} == {"locks": [], "queue": [], "stats": None}
    after = monitor(daemon, limit=1)["stats"]
    grown = {name: after[name] - before[name] for name in after}
    assert grown == {
        "activeLocks": 5,
        "expiredLocks": 0,
        "queueLength": 0,
        "recentlyCompleted": 45,
        "recentlyFailed": 10,
    }
    for lease in leases[-5:]:
        release(daemon, lease)


def test_the_queue_is_shown_by_priority_then_age(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        first = [queue(daemon, request | {"quantity": quantity}) for quantity in ("0.002", "0.003")]
        urgent = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.004", "priority": 2,
                  "ownerId": request["userId"], "snipeTargetId": request["snipeTargetId"]}  # fmt: skip
        order_id = daemon.accept(urgent)
        seen = monitor(daemon, resourceId=resource_of(request))
        assert seen["stats"]["queueLength"] >= 3
    assert [row["queueId"] for row in seen["queue"]] == [order_id, *(each["queueId"] for each in first)]
    daemon.until(first[-1]["queueId"], "filled")
    assert monitor(daemon, resourceId=resource_of(request))["queue"] == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"limit": 1_001}, {"status": "odd"}], ids=str)
def test_a_wrong_filter_is_refused_in_the_bots_shape(daemon: Daemon, query: dict[str, Any]) -> None:
    [(name, value)] = query.items()
    answer = ask(daemon.status, "GET", f"{LOCKS}?{name}={value}")
    assert (answer.status, answer.json["success"]) == (400, False)
    assert name in answer.json["message"]


def test_a_check_before_during_and_after_a_trade(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    resource = resource_of(request)
    free = {"isLocked": False, "lockCount": 0, "queueLength": 0, "activeLocks": []}
    assert check(daemon, resource) == free
    with exchange.frozen():
        send(daemon, request)
        queue(daemon, request | {"quantity": "0.002"})
        during = check(daemon, resource)
    [lock] = during.pop("activeLocks")
    assert during == {"isLocked": True, "lockCount": 1, "queueLength": 1}
    assert {name: lock[name] for name in ("lockId", "ownerId", "resourceId", "status", "transactionType")} == {
        "lockId": locks_of(daemon.database, resource)[0]["lock_id"],
        "ownerId": request["userId"],
        "resourceId": resource,
        "status": "active",
        "transactionType": "trade",
    }
    assert set(lock) == {"id", "lockId", "ownerId", "resourceId", "status", "createdAt", "acquiredAt", "expiresAt",
                         "transactionType"}  # fmt: skip
    assert all(ISO.fullmatch(lock[name]) for name in ("createdAt", "acquiredAt", "expiresAt"))
    trade(daemon, request | {"quantity": "0.002"})
    assert check(daemon, resource) == free


def test_a_check_works_in_any_letter_case_and_on_either_socket(daemon: Daemon) -> None:
    lease = acquire(daemon, "trade:FOOUSDT:BUY:spelling")
    body = {"action": "check", "resourceId": "trade:foousdt:buy:spelling"}
    answer = ask(daemon.status, "POST", LOCKS, body)
    assert answer.json["data"]["activeLocks"][0]["lockId"] == lease["lockId"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"action": "check"}, "resourceId is required for check action"),
        ({"action": "check", "resourceId": ""}, "resourceId is required for check action"),
        ({"action": "steal", "resourceId": "x"}, "Invalid action"),
        ({"resourceId": "x"}, "Invalid action"),
        ({}, "Invalid action"),
    ],
    ids=str,
)
def test_a_wrong_check_is_refused_in_the_bots_words(daemon: Daemon, body: dict[str, str], error: str) -> None:
    answer = daemon.ask("POST", LOCKS, body)
    assert (answer.status, answer.json["success"], answer.json["error"]) == (400, False, error)


def test_a_lock_of_a_trade_shows_its_order(daemon: Daemon) -> None:
    request = a_trade()
    order = place(daemon, request)
    [lock] = monitor(daemon, resourceId=resource_of(request))["locks"]
    assert lock["status"] == "released"
    assert order["orderId"] in lock["result"]
