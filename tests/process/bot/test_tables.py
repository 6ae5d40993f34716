"""``transaction_locks`` and ``transaction_queue`` show the current state at every moment."""

import json
import threading

import pytest

from tests.process.bot.bot_api import a_trade, queue, resource_of, send, start_trade, trade
from tests.support import Daemon, Exchange, at_once, eventually
from tests.support.pending import Pending
from tests.support.stage import Stage
from tests.support.tables import locks_of, queue_of, read

QUERIES_FAIL = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def row_of(daemon: Daemon, queue_id: str) -> tuple[str, bool, bool, bool]:
    """Return a queue row's status, and whether it has a lock, a start time and an end time."""
    [row] = read(daemon.database, "SELECT * FROM transaction_queue WHERE queue_id = ?", queue_id)
    return (
        row["status"],
        *(row[name] is not None for name in ("lock_id", "processing_started_at", "completed_at")),
    )


def test_the_queue_table_shows_a_trade_that_waits_is_sent_and_completes(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    second, third = (request | {"quantity": quantity} for quantity in ("0.002", "0.003"))
    exchange.inject({"kind": "slow_after", "delay_ms": 300})
    first = start_trade(daemon, request)
    daemon.wait_for("order.sent", resource=resource_of(request))
    waiting, behind = queue(daemon, second)["queueId"], queue(daemon, third)["queueId"]
    assert row_of(daemon, waiting) == ("pending", False, False, False)
    assert first.answer().status == 200
    daemon.wait_for("order.sent", order_id=waiting)
    assert row_of(daemon, waiting) == ("processing", True, True, False)
    assert row_of(daemon, behind) == ("pending", False, False, False)
    exchange.inject()
    daemon.until(behind, "filled")
    assert [row_of(daemon, each) for each in (waiting, behind)] == [("completed", True, True, True)] * 2
    rows, locks = queue_of(daemon.database, resource_of(request)), locks_of(daemon.database, resource_of(request))
    assert [row["lock_id"] for row in rows] == [lock["lock_id"] for lock in locks[1:]]
    assert [json.loads(row["result"])["orderId"] for row in rows] == [
        exchange.orders(row["queue_id"])[0]["orderId"] for row in rows
    ]
    assert {lock["status"] for lock in locks} == {"released"}


@pytest.mark.parametrize("how", ["refused", "withdrawn"])
def test_the_queue_table_shows_a_trade_that_failed_or_was_withdrawn(
    daemon: Daemon, exchange: Exchange, how: str
) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        order_id = queue(daemon, request | {"quantity": "1000"})["queueId"]
        if how == "withdrawn":
            assert daemon.ask("DELETE", f"/v1/orders/{order_id}").status == 200
    daemon.until(order_id, "dead_letter", "withdrawn")
    status, *_, ended = row_of(daemon, order_id)
    assert (status, ended) == ({"refused": "failed", "withdrawn": "cancelled"}[how], True)
    [row] = queue_of(daemon.database, resource_of(request))
    assert (row["error_message"] is not None) is (how == "refused")


def test_the_lock_of_an_order_whose_outcome_is_unknown_is_active(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost", QUERIES_FAIL)
    doubtful = a_trade()
    trade(daemon, doubtful, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(doubtful))
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(doubtful))] == ["active"]
    exchange.inject()
    trade(daemon, doubtful)
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(doubtful))] == ["released"]


def test_the_queue_table_shows_lease_waiters(daemon: Daemon) -> None:
    resource = "tables:1"
    lease = daemon.ask("POST", "/v1/locks", {"resourceId": resource, "ownerId": "anna"}).json
    asked = {"resourceId": resource, "ownerId": "ben", "priority": 2, "transactionData": [1], "idempotencyKey": "t-1"}
    granted, gone = (
        Pending(daemon.signals, "POST", "/v1/locks", each, headers={"Prefer": "wait=60"})
        for each in (asked, {"resourceId": resource, "ownerId": "cleo"})
    )
    rows = eventually(lambda: rows_if(daemon, resource, 2), "two rows")
    assert {(row["owner_id"], row["status"], row["lock_id"]) for row in rows} == {
        ("ben", "pending", None),
        ("cleo", "pending", None),
    }
    gone.leave()
    eventually(lambda: [row for row in queue_of(daemon.database, resource) if row["status"] == "cancelled"], "the end")
    daemon.ask("POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "anna"})
    mine = granted.answer().json
    ben, cleo = sorted(queue_of(daemon.database, resource), key=lambda row: str(row["owner_id"]))
    assert (ben["status"], ben["lock_id"], ben["priority"], json.loads(ben["transaction_data"])) == (
        "completed",
        mine["lockId"],
        2,
        [1],
    )
    assert (ben["idempotency_key"], ben["processing_started_at"]) == ("t-1", mine["acquiredAt"])
    assert (cleo["status"], cleo["lock_id"], cleo["error_message"]) == ("cancelled", None, "the caller went away")


def test_no_reader_sees_two_active_locks_on_a_resource(daemon: Daemon, exchange: Exchange) -> None:
    del exchange
    request = a_trade()
    over, seen = threading.Event(), []
    query = "SELECT resource_id, count(*) AS n FROM transaction_locks WHERE status = 'active' GROUP BY resource_id"

    def count_active_locks() -> None:
        while not over.is_set():
            seen.append(max((row["n"] for row in read(daemon.database, query)), default=0))

    reader = threading.Thread(target=count_active_locks)
    reader.start()
    try:
        answers = at_once(30, lambda number: trade(daemon, request | {"quantity": f"0.00{number + 1}"}))
    finally:
        over.set()
        reader.join()
    assert {answer.status for answer in answers} == {200}
    assert max(seen) == 1


def test_the_tables_are_right_after_a_kill_and_a_restart(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    request = a_trade()
    exchange.inject({"kind": "slow_after", "delay_ms": 2_000, "count": 1})
    order_id = send(daemon, request)
    queued = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    exchange.wait_for_arrivals(order_id)
    daemon.kill()
    assert row_of(daemon, queued) == ("pending", False, False, False)
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(request))] == ["active"]
    daemon.start()
    daemon.until(queued, "filled")
    assert trade(daemon, request).json["replayed"] is True
    assert {lock["status"] for lock in locks_of(daemon.database, resource_of(request))} == {"released"}
    assert row_of(daemon, queued) == ("completed", True, True, True)


def rows_if(daemon: Daemon, resource: str, count: int) -> list[dict[str, object]] | None:
    """Return a resource's queue rows if there are ``count`` of them."""
    rows = queue_of(daemon.database, resource)
    return rows if len(rows) == count else None
