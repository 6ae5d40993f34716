"""Records of locks and releases, their clean-up, and who may release locks or skip them."""

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.process.bot.bot_api import (
    LOCKS,
    TRADE,
    a_trade,
    book_of,
    force_release,
    monitor,
    order_of,
    orders_of,
    place,
    queue,
    resource_of,
    send,
    trade,
)
from tests.process.bot.test_monitor import acquire, release
from tests.support import ME, Daemon, Exchange, eventually
from tests.support.other_user import NOBODY, ask_as
from tests.support.tables import events_of, locks_of, queue_of, read


def test_releasing_an_unknown_lock_is_refused(daemon: Daemon) -> None:
    assert force_release(daemon, lockId="lock-555555555").status == 404
    answer = daemon.ask("POST", "/v1/locks/lock-555555555/release", {"ownerId": "bot"})
    assert (answer.status, answer.json["error"]) == (404, "unknown")


def test_a_late_release_does_not_change_an_ended_lock(daemon: Daemon) -> None:
    lease = acquire(daemon, "late:1", timeoutMs=20)
    eventually(lambda: locks_of(daemon.database, "late:1")[0]["status"] == "expired", "its end")
    next_one = acquire(daemon, "late:1", ownerId="next")
    before = locks_of(daemon.database, "late:1")
    late = daemon.ask("POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "late:1", "result": "late"})
    assert late.status == 409
    assert force_release(daemon, lockId=lease["lockId"]).status == 409
    assert locks_of(daemon.database, "late:1") == before
    assert before[1]["lock_id"] == next_one["lockId"]


def test_clean_up_removes_locks_and_queue_rows_and_keeps_orders(quick_daemon: Daemon, exchange: Exchange) -> None:
    for request in (a_trade(side="SELL"), a_trade(side="SELL")):
        resource = resource_of(request)
        exchange.inject({"kind": "slow_after", "delay_ms": 50, "count": 1})
        send(quick_daemon, request)
        second = request | {"quantity": "0.002"}
        queued = queue(quick_daemon, second)["queueId"]
        quick_daemon.until(queued, "filled")
        acquire(
            quick_daemon, f"newest:{request['userId']}"
        )  # the newest lock is kept, because it holds the fencing token
        eventually(partial(_is_gone, locks_of, quick_daemon, resource), "the locks' removal")
        eventually(partial(_is_gone, queue_of, quick_daemon, resource), "the queue's removal")
        assert len(orders_of(quick_daemon, request)) == 2, "the orders are kept"


def _is_gone(rows: Callable[[Path, str], list[Any]], daemon: Daemon, resource: str) -> bool:
    """Return whether a resource has no rows any more."""
    return not rows(daemon.database, resource)


@pytest.mark.parametrize("timeout_ms", [1, 50, 333])
def test_a_lease_can_be_shorter_than_a_second(daemon: Daemon, timeout_ms: int) -> None:
    resource = f"short:{timeout_ms}"
    lease = acquire(daemon, resource, timeoutMs=timeout_ms)
    assert lease["expiresAt"] - lease["acquiredAt"] == timeout_ms
    eventually(lambda: locks_of(daemon.database, resource)[0]["status"] == "expired", "its end")
    [row] = locks_of(daemon.database, resource)
    assert timeout_ms <= row["released_at"] - row["acquired_at"] < 1_000


def test_the_counts_cover_more_than_one_page(daemon: Daemon) -> None:
    before = monitor(daemon, limit=1)["stats"]["recentlyCompleted"]
    for number in range(70):
        release(daemon, acquire(daemon, f"page:{number}"))
    seen = monitor(daemon)
    assert (seen["stats"]["recentlyCompleted"] - before, len(seen["locks"])) == (70, 50)


def test_a_forced_release_records_its_actor(daemon: Daemon) -> None:
    lease = acquire(daemon, "actor:1")
    force_release(daemon, lockId=lease["lockId"], force="true")
    body = [each for each in events_of(daemon.database, "actor:1") if each["name"] == "lock.force_released"]
    assert [(each["actor"], each["lock_id"]) for each in body] == [(ME, lease["lockId"])]


@pytest.mark.needs("root")
def test_only_an_administrator_releases_by_force_or_skips_the_lock(daemon: Daemon) -> None:
    for socket in (daemon.signals, daemon.status):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o660
    lease = acquire(daemon, "anybody:1")
    request = a_trade(side="SELL", skipLock=True)
    refused = [
        ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?lockId={lease['lockId']}&force=true"),
        ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?ownerId=anybody:1"),
        ask_as(NOBODY, daemon.signals, "POST", TRADE, request),
    ]
    assert [(each.status, each.json["code"]) for each in refused] == [(403, "not_allowed")] * 3
    assert locks_of(daemon.database, "anybody:1")[0]["status"] == "active"
    assert orders_of(daemon, request) == []


def test_an_order_that_skips_the_lock_is_recorded_with_its_key(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(side="SELL", quantity="0.002", skipLock=True)
    lease = acquire(daemon, resource_of(request))
    first = place(daemon, request)
    again = trade(daemon, request).json
    assert (again["order"]["orderId"], again["replayed"]) == (first["orderId"], True)
    order = order_of(daemon, request)
    assert (order["skip_lock"], order["key_bound"], order["state"]) == (1, 1, "filled")
    names = read(daemon.database, "SELECT name, actor FROM events WHERE order_id = ?", order["order_id"])
    assert {(each["name"], each["actor"]) for each in names} >= {("order.accepted", ME)}
    assert [row["lock_id"] for row in locks_of(daemon.database, resource_of(request))] == [lease["lockId"]]
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_buy_never_skips_the_lock(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(skipLock=True)
    refused = trade(daemon, request)
    assert (refused.status, refused.json["success"]) == (400, False)
    assert book_of(daemon, exchange, request) == []
