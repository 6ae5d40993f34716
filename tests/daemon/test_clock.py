"""The machine's clock is set back while the daemon is down: its own goes on, and nothing becomes younger by it."""

import json
import sqlite3
from contextlib import closing

from tests.processes import Daemon, Exchange, wall_ms
from tests.processes.signals import market_buy
from tests.processes.stage import Stage

HOUR_MS = 3_600_000


def test_a_clock_that_was_set_back_makes_no_order_younger_and_orders_are_still_taken_by_the_exchange(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    due = daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS // 2))
    daemon.kill()
    set_ahead(daemon, HOUR_MS)  # as if the machine's clock had been an hour ahead then
    daemon.start()
    assert daemon.look("/v1/status")["nowMs"] - wall_ms() > HOUR_MS - 60_000
    assert daemon.until(due, "expired")["attempts"] == 0
    daemon.wait_for("exchange.reachable")
    filled = daemon.submit(market_buy(), wait_s=10).json
    assert filled["state"] == "filled"
    assert filled["acceptedAtMs"] > daemon.order(due)["acceptedAtMs"]
    assert exchange.arrivals(due) == []


def set_ahead(daemon: Daemon, ms: int) -> None:
    """Let the last run have lived in another time."""
    with closing(sqlite3.connect(daemon.database, isolation_level=None)) as database:
        [[text]] = database.execute("SELECT value FROM facts WHERE name = 'clock'").fetchall()
        anchor = json.loads(text)
        anchor["unix_ms"] += ms
        database.execute("UPDATE facts SET value = ? WHERE name = 'clock'", (json.dumps(anchor),))
