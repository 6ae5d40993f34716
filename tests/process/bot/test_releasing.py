"""``DELETE /api/transaction-locks``: by administrators, on record, and never over an unknown outcome."""

import json
from typing import Any

import pytest

from tests.process.bot.door import LOCKS, a_trade, book_of, drop, monitor, queue, resource_of, send, trade
from tests.process.bot.test_monitor import take
from tests.support import ME, Daemon, Exchange
from tests.support.other_user import NOBODY, ask_as
from tests.support.tables import events_of, locks_of

BLIND = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def status_of(daemon: Daemon, resource: str) -> list[str]:
    """Return what became of a resource's locks."""
    return [row["status"] for row in locks_of(daemon.database, resource)]


def forced(daemon: Daemon, resource: str) -> list[tuple[str, Any]]:
    """Return who released a resource's locks by force, and why."""
    events = [each for each in events_of(daemon.database, resource) if each["name"] == "lock.force_released"]
    return [(each["actor"], json.loads(each["detail"])["reason"]) for each in events]


def test_a_lock_is_released_by_its_id_with_reason_and_actor_on_record(daemon: Daemon) -> None:
    lease = take(daemon, "drop:1")
    answer = drop(daemon, lockId=lease["lockId"], reason="its bot crashed")
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Lock released successfully"})
    assert status_of(daemon, "drop:1") == ["failed"]
    assert forced(daemon, "drop:1") == [(ME, "its bot crashed")]
    [row] = locks_of(daemon.database, "drop:1")
    assert row["error_message"] == f"released by {ME}: its bot crashed"
    assert take(daemon, "drop:1")["fencingToken"] > lease["fencingToken"]


def test_all_locks_of_an_owner_are_released_and_nobody_elses(daemon: Daemon) -> None:
    for number in range(3):
        take(daemon, f"of-owner:{number}", ownerId="leaver")
    take(daemon, "of-owner:3", ownerId="stayer")
    answer = drop(daemon, ownerId="leaver")
    assert (answer.status, answer.json) == (
        200,
        {"success": True, "message": "Released 3 locks for owner leaver", "releasedCount": 3},
    )
    assert [status_of(daemon, f"of-owner:{number}") for number in range(4)] == [["failed"]] * 3 + [["active"]]
    assert forced(daemon, "of-owner:0") == [(ME, "released over the bot's monitor")]
    assert drop(daemon, ownerId="leaver").json["releasedCount"] == 0


def test_without_a_lock_or_an_owner_nothing_is_released(daemon: Daemon) -> None:
    answer = daemon.ask("DELETE", LOCKS)
    assert (answer.status, answer.json["success"], answer.json["error"]) == (
        400,
        False,
        "Either lockId or ownerId is required",
    )


@pytest.mark.needs("root")
def test_whoever_is_no_administrator_releases_nothing(daemon: Daemon) -> None:
    lease = take(daemon, "drop:2", ownerId="somebody")
    for query in (f"lockId={lease['lockId']}", f"lockId={lease['lockId']}&force=true", "ownerId=somebody"):
        refused = ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?{query}")
        assert (refused.status, refused.json["success"], refused.json["code"]) == (403, False, "not_allowed")
    assert status_of(daemon, "drop:2") == ["active"]
    assert forced(daemon, "drop:2") == []


@pytest.mark.parametrize("force", [{}, {"force": "true"}], ids=["plain", "force"])
def test_over_an_unknown_outcome_only_whoever_checked_the_exchange_releases(
    daemon: Daemon, exchange: Exchange, force: dict[str, str]
) -> None:
    exchange.inject("reply_lost", BLIND)
    wish = a_trade()
    trade(daemon, wish, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(wish))
    behind = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    [lock] = locks_of(daemon.database, resource_of(wish))
    lock_id = lock["lock_id"]
    refused = drop(daemon, lockId=lock_id, **force)
    assert (refused.status, refused.json["success"], refused.json["code"]) == (409, False, "wrong_state")
    of_owner = drop(daemon, ownerId=wish["userId"], **force).json
    assert (of_owner["releasedCount"], len(of_owner["kept"])) == (0, 1)
    assert (daemon.order(behind)["state"], exchange.arrivals(behind)) == ("queued", [])
    checked = drop(daemon, lockId=lock_id, exchangeChecked="true", reason="I looked", **force)
    assert checked.status == 200
    assert forced(daemon, resource_of(wish)) == [(ME, "I looked")]
    exchange.inject()
    daemon.until(behind, "filled")
    assert trade(daemon, wish).json["replayed"] is True
    assert len(book_of(daemon, exchange, wish)) == 2, "each wish once"


def test_while_an_order_is_in_flight_its_lock_stays(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    with exchange.frozen():
        send(daemon, wish)
        [lock] = monitor(daemon, resourceId=resource_of(wish))["locks"]
        assert drop(daemon, lockId=lock["lockId"], force="true").status == 409
        assert status_of(daemon, resource_of(wish)) == ["active"]
    assert trade(daemon, wish).json["order"]["status"] == "FILLED"
    assert status_of(daemon, resource_of(wish)) == ["released"]


@pytest.mark.parametrize("lock_id", ["lock-987654321", "nonsense", "lock-1' OR '1'='1"])
def test_a_lock_that_is_not_there_is_not_released(daemon: Daemon, lock_id: str) -> None:
    answer = drop(daemon, lockId=lock_id)
    assert (answer.status, answer.json["success"], answer.json["code"]) == (404, False, "unknown")


def test_a_lock_that_has_ended_stays_as_it_ended(daemon: Daemon) -> None:
    lease = take(daemon, "drop:3")
    drop(daemon, lockId=lease["lockId"], reason="first")
    before = locks_of(daemon.database, "drop:3")
    answer = drop(daemon, lockId=lease["lockId"], reason="second")
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")
    assert locks_of(daemon.database, "drop:3") == before
