"""``transaction_locks`` and ``transaction_queue`` are true for whoever reads the file, at every moment."""

import json
import threading

import pytest

from tests.process.bot.door import a_trade, queue, resource_of, send, trade, trading
from tests.support import Daemon, Exchange, at_once, eventually
from tests.support.pending import Pending
from tests.support.stage import Stage
from tests.support.tables import locks_of, queue_of, read

BLIND = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def told(daemon: Daemon, queue_id: str) -> tuple[str, bool, bool, bool]:
    """Return a queue row's status, and whether it has a lock, a beginning, an end."""
    [row] = read(daemon.database, "SELECT * FROM transaction_queue WHERE queue_id = ?", queue_id)
    return (
        row["status"],
        *(row[name] is not None for name in ("lock_id", "processing_started_at", "completed_at")),
    )


def test_a_trade_that_waits_goes_and_is_done_is_so_in_the_queue(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    second, third = (wish | {"quantity": quantity} for quantity in ("0.002", "0.003"))
    exchange.inject({"kind": "slow_after", "delay_ms": 300})
    first = trading(daemon, wish)
    daemon.wait_for("order.sent", resource=resource_of(wish))
    waiting, behind = queue(daemon, second)["queueId"], queue(daemon, third)["queueId"]
    assert told(daemon, waiting) == ("pending", False, False, False)
    assert first.answer().status == 200
    daemon.wait_for("order.sent", order_id=waiting)
    assert told(daemon, waiting) == ("processing", True, True, False)
    assert told(daemon, behind) == ("pending", False, False, False)
    exchange.inject()
    daemon.until(behind, "filled")
    assert [told(daemon, each) for each in (waiting, behind)] == [("completed", True, True, True)] * 2
    rows, locks = queue_of(daemon.database, resource_of(wish)), locks_of(daemon.database, resource_of(wish))
    assert [row["lock_id"] for row in rows] == [lock["lock_id"] for lock in locks[1:]]
    assert [json.loads(row["result"])["orderId"] for row in rows] == [
        exchange.orders(row["queue_id"])[0]["orderId"] for row in rows
    ]
    assert {lock["status"] for lock in locks} == {"released"}


@pytest.mark.parametrize("how", ["refused", "withdrawn"])
def test_a_trade_that_waited_and_came_to_nothing_is_so_in_the_queue(
    daemon: Daemon, exchange: Exchange, how: str
) -> None:
    wish = a_trade()
    with exchange.frozen():
        send(daemon, wish)
        order_id = queue(daemon, wish | {"quantity": "1000"})["queueId"]
        if how == "withdrawn":
            assert daemon.ask("DELETE", f"/v1/orders/{order_id}").status == 200
    daemon.until(order_id, "dead_letter", "withdrawn")
    status, *_, ended = told(daemon, order_id)
    assert (status, ended) == ({"refused": "failed", "withdrawn": "cancelled"}[how], True)
    [row] = queue_of(daemon.database, resource_of(wish))
    assert (row["error_message"] is not None) is (how == "refused")


def test_an_order_whose_outcome_is_unknown_is_processing_and_its_lock_active(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject("reply_lost", BLIND)
    doubtful = a_trade()
    trade(daemon, doubtful, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(doubtful))
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(doubtful))] == ["active"]
    exchange.inject()
    trade(daemon, doubtful)
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(doubtful))] == ["released"]


def test_somebody_who_waits_for_a_lock_is_so_in_the_queue(daemon: Daemon) -> None:
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


def test_no_reader_ever_sees_two_holders_of_a_resource(daemon: Daemon, exchange: Exchange) -> None:
    del exchange
    wish = a_trade()
    over, seen = threading.Event(), []
    query = "SELECT resource_id, count(*) AS n FROM transaction_locks WHERE status = 'active' GROUP BY resource_id"

    def look() -> None:
        while not over.is_set():
            seen.append(max((row["n"] for row in read(daemon.database, query)), default=0))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        answers = at_once(30, lambda number: trade(daemon, wish | {"quantity": f"0.00{number + 1}"}))
    finally:
        over.set()
        reader.join()
    assert {answer.status for answer in answers} == {200}
    assert max(seen) == 1


def test_the_tables_are_true_over_the_end_of_the_process(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    wish = a_trade()
    exchange.inject({"kind": "slow_after", "delay_ms": 2_000, "count": 1})
    order_id = send(daemon, wish)
    queued = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    exchange.wait_for_arrivals(order_id)
    daemon.kill()
    assert told(daemon, queued) == ("pending", False, False, False)
    assert [lock["status"] for lock in locks_of(daemon.database, resource_of(wish))] == ["active"]
    daemon.start()
    daemon.until(queued, "filled")
    assert trade(daemon, wish).json["replayed"] is True
    assert {lock["status"] for lock in locks_of(daemon.database, resource_of(wish))} == {"released"}
    assert told(daemon, queued) == ("completed", True, True, True)


def rows_if(daemon: Daemon, resource: str, count: int) -> list[dict[str, object]] | None:
    """Return a resource's rows of the queue once there are so many."""
    rows = queue_of(daemon.database, resource)
    return rows if len(rows) == count else None
