"""``DELETE /api/transaction-locks``: only administrators release locks, each release is recorded.

A lock whose order has an unknown outcome is released only after the exchange was checked.
"""

import json
from typing import Any

import pytest

from tests.process.bot.bot_api import LOCKS, a_trade, book_of, force_release, monitor, queue, resource_of, send, trade
from tests.process.bot.test_monitor import acquire
from tests.support import ME, Daemon, Exchange
from tests.support.other_user import NOBODY, ask_as
from tests.support.tables import events_of, locks_of

QUERIES_FAIL = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def status_of(daemon: Daemon, resource: str) -> list[str]:
    """Return the states of a resource's locks."""
    return [row["status"] for row in locks_of(daemon.database, resource)]


def forced_releases(daemon: Daemon, resource: str) -> list[tuple[str, Any]]:
    """Return actor and reason of each forced release of a resource's locks."""
    events = [each for each in events_of(daemon.database, resource) if each["name"] == "lock.force_released"]
    return [(each["actor"], json.loads(each["detail"])["reason"]) for each in events]


def test_a_release_by_id_records_reason_and_actor(daemon: Daemon) -> None:
    lease = acquire(daemon, "drop:1")
    answer = force_release(daemon, lockId=lease["lockId"], reason="its bot crashed")
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Lock released successfully"})
    assert status_of(daemon, "drop:1") == ["failed"]
    assert forced_releases(daemon, "drop:1") == [(ME, "its bot crashed")]
    [row] = locks_of(daemon.database, "drop:1")
    assert row["error_message"] == f"released by {ME}: its bot crashed"
    assert acquire(daemon, "drop:1")["fencingToken"] > lease["fencingToken"]


def test_a_release_by_owner_ends_the_locks_of_that_owner_only(daemon: Daemon) -> None:
    for number in range(3):
        acquire(daemon, f"of-owner:{number}", ownerId="leaver")
    acquire(daemon, "of-owner:3", ownerId="stayer")
    answer = force_release(daemon, ownerId="leaver")
    assert (answer.status, answer.json) == (
        200,
        {"success": True, "message": "Released 3 locks for owner leaver", "releasedCount": 3},
    )
    assert [status_of(daemon, f"of-owner:{number}") for number in range(4)] == [["failed"]] * 3 + [["active"]]
    assert forced_releases(daemon, "of-owner:0") == [(ME, "released over the bot's monitor")]
    assert force_release(daemon, ownerId="leaver").json["releasedCount"] == 0


def test_without_a_lock_or_an_owner_nothing_is_released(daemon: Daemon) -> None:
    answer = daemon.ask("DELETE", LOCKS)
    assert (answer.status, answer.json["success"], answer.json["error"]) == (
        400,
        False,
        "Either lockId or ownerId is required",
    )


@pytest.mark.needs("root")
def test_only_an_administrator_releases_locks(daemon: Daemon) -> None:
    lease = acquire(daemon, "drop:2", ownerId="somebody")
    for query in (f"lockId={lease['lockId']}", f"lockId={lease['lockId']}&force=true", "ownerId=somebody"):
        refused = ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?{query}")
        assert (refused.status, refused.json["success"], refused.json["code"]) == (403, False, "not_allowed")
    assert status_of(daemon, "drop:2") == ["active"]
    assert forced_releases(daemon, "drop:2") == []


@pytest.mark.parametrize("force", [{}, {"force": "true"}], ids=["plain", "force"])
def test_a_lock_with_an_unknown_outcome_is_released_only_with_exchange_checked(
    daemon: Daemon, exchange: Exchange, force: dict[str, str]
) -> None:
    exchange.inject("reply_lost", QUERIES_FAIL)
    request = a_trade()
    trade(daemon, request, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(request))
    behind = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    [lock] = locks_of(daemon.database, resource_of(request))
    lock_id = lock["lock_id"]
    refused = force_release(daemon, lockId=lock_id, **force)
    assert (refused.status, refused.json["success"], refused.json["code"]) == (409, False, "wrong_state")
    of_owner = force_release(daemon, ownerId=request["userId"], **force).json
    assert (of_owner["releasedCount"], len(of_owner["kept"])) == (0, 1)
    assert (daemon.order(behind)["state"], exchange.arrivals(behind)) == ("queued", [])
    checked = force_release(daemon, lockId=lock_id, exchangeChecked="true", reason="I looked", **force)
    assert checked.status == 200
    assert forced_releases(daemon, resource_of(request)) == [(ME, "I looked")]
    exchange.inject()
    daemon.until(behind, "filled")
    assert trade(daemon, request).json["replayed"] is True
    assert len(book_of(daemon, exchange, request)) == 2, "each trade once"


def test_while_an_order_is_in_flight_its_lock_stays(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        [lock] = monitor(daemon, resourceId=resource_of(request))["locks"]
        assert force_release(daemon, lockId=lock["lockId"], force="true").status == 409
        assert status_of(daemon, resource_of(request)) == ["active"]
    assert trade(daemon, request).json["order"]["status"] == "FILLED"
    assert status_of(daemon, resource_of(request)) == ["released"]


@pytest.mark.parametrize("lock_id", ["lock-987654321", "nonsense", "lock-1' OR '1'='1"])
def test_releasing_an_unknown_lock_id_is_refused(daemon: Daemon, lock_id: str) -> None:
    answer = force_release(daemon, lockId=lock_id)
    assert (answer.status, answer.json["success"], answer.json["code"]) == (404, False, "unknown")


def test_an_ended_lock_is_not_changed(daemon: Daemon) -> None:
    lease = acquire(daemon, "drop:3")
    force_release(daemon, lockId=lease["lockId"], reason="first")
    before = locks_of(daemon.database, "drop:3")
    answer = force_release(daemon, lockId=lease["lockId"], reason="second")
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")
    assert locks_of(daemon.database, "drop:3") == before
