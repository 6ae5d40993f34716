"""The defects of the bot's records and rights, each shown impossible."""

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.process.bot.door import (
    LOCKS,
    TRADE,
    a_trade,
    book_of,
    drop,
    monitor,
    order_of,
    orders_of,
    place,
    queue,
    resource_of,
    send,
    trade,
)
from tests.process.bot.test_monitor import end, take
from tests.support import ME, Daemon, Exchange, eventually
from tests.support.other_user import NOBODY, ask_as
from tests.support.tables import events_of, locks_of, queue_of, read


def test_releasing_what_nobody_knows_returned_true(daemon: Daemon) -> None:
    assert drop(daemon, lockId="lock-555555555").status == 404
    answer = daemon.ask("POST", "/v1/locks/lock-555555555/release", {"ownerId": "bot"})
    assert (answer.status, answer.json["error"]) == (404, "unknown")


def test_a_late_release_overwrote_a_finished_state(daemon: Daemon) -> None:
    lease = take(daemon, "late:1", timeoutMs=20)
    eventually(lambda: locks_of(daemon.database, "late:1")[0]["status"] == "expired", "its end")
    next_one = take(daemon, "late:1", ownerId="next")
    before = locks_of(daemon.database, "late:1")
    late = daemon.ask("POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "late:1", "result": "late"})
    assert late.status == 409
    assert drop(daemon, lockId=lease["lockId"]).status == 409
    assert locks_of(daemon.database, "late:1") == before
    assert before[1]["lock_id"] == next_one["lockId"]


def test_cleaning_up_broke_off_for_ever_at_a_foreign_key(brisk: Daemon, exchange: Exchange) -> None:
    for wish in (a_trade(side="SELL"), a_trade(side="SELL")):
        resource = resource_of(wish)
        exchange.inject({"kind": "slow_after", "delay_ms": 50, "count": 1})
        send(brisk, wish)
        second = wish | {"quantity": "0.002"}
        queued = queue(brisk, second)["queueId"]
        brisk.until(queued, "filled")
        take(brisk, f"newest:{wish['userId']}")  # the newest lock stays: it remembers the token
        eventually(partial(_is_gone, locks_of, brisk, resource), "the locks' removal")
        eventually(partial(_is_gone, queue_of, brisk, resource), "the queue's removal")
        assert len(orders_of(brisk, wish)) == 2, "what was traded is kept"


def _is_gone(rows: Callable[[Path, str], list[Any]], daemon: Daemon, resource: str) -> bool:
    """Whether a resource has no rows any more."""
    return not rows(daemon.database, resource)


@pytest.mark.parametrize("timeout_ms", [1, 50, 333])
def test_a_lease_could_not_be_shorter_than_a_second(daemon: Daemon, timeout_ms: int) -> None:
    resource = f"short:{timeout_ms}"
    lease = take(daemon, resource, timeoutMs=timeout_ms)
    assert lease["expiresAt"] - lease["acquiredAt"] == timeout_ms
    eventually(lambda: locks_of(daemon.database, resource)[0]["status"] == "expired", "its end")
    [row] = locks_of(daemon.database, resource)
    assert timeout_ms <= row["released_at"] - row["acquired_at"] < 1_000


def test_the_counts_came_from_one_page(daemon: Daemon) -> None:
    before = monitor(daemon, limit=1)["stats"]["recentlyCompleted"]
    for number in range(70):
        end(daemon, take(daemon, f"page:{number}"))
    seen = monitor(daemon)
    assert (seen["stats"]["recentlyCompleted"] - before, len(seen["locks"])) == (70, 50)


def test_nobody_knew_who_had_released_by_force(daemon: Daemon) -> None:
    lease = take(daemon, "actor:1")
    drop(daemon, lockId=lease["lockId"], force="true")
    told = [each for each in events_of(daemon.database, "actor:1") if each["name"] == "lock.force_released"]
    assert [(each["actor"], each["lock_id"]) for each in told] == [(ME, lease["lockId"])]


@pytest.mark.needs("root")
def test_anybody_could_release_and_skip_the_lock(daemon: Daemon) -> None:
    for socket in (daemon.signals, daemon.status):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o660
    lease = take(daemon, "anybody:1")
    wish = a_trade(side="SELL", skipLock=True)
    refused = [
        ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?lockId={lease['lockId']}&force=true"),
        ask_as(NOBODY, daemon.signals, "DELETE", f"{LOCKS}?ownerId=anybody:1"),
        ask_as(NOBODY, daemon.signals, "POST", TRADE, wish),
    ]
    assert [(each.status, each.json["code"]) for each in refused] == [(403, "not_allowed")] * 3
    assert locks_of(daemon.database, "anybody:1")[0]["status"] == "active"
    assert orders_of(daemon, wish) == []


def test_whoever_skipped_the_lock_left_no_row_and_no_key(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(side="SELL", quantity="0.002", skipLock=True)
    lease = take(daemon, resource_of(wish))
    first = place(daemon, wish)
    again = trade(daemon, wish).json
    assert (again["order"]["orderId"], again["replayed"]) == (first["orderId"], True)
    order = order_of(daemon, wish)
    assert (order["skip_lock"], order["key_bound"], order["state"]) == (1, 1, "filled")
    names = read(daemon.database, "SELECT name, actor FROM events WHERE order_id = ?", order["order_id"])
    assert {(each["name"], each["actor"]) for each in names} >= {("order.accepted", ME)}
    assert [row["lock_id"] for row in locks_of(daemon.database, resource_of(wish))] == [lease["lockId"]]
    assert len(book_of(daemon, exchange, wish)) == 1


def test_a_buy_never_skips_the_lock(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(skipLock=True)
    refused = trade(daemon, wish)
    assert (refused.status, refused.json["success"]) == (400, False)
    assert book_of(daemon, exchange, wish) == []
