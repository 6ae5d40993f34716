"""A daemon that starts with ten thousand waiting orders accepts signals again within seconds.

The benchmark has the exact figure: ``python -m tests.bench memory``.
"""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import HALT_FACT
from daemon.core.values.orders import Side
from daemon.store.commit import Commit
from daemon.store.opening import prepare
from daemon.store.writer import write
from tests.support import Daemon, Exchange, eventually, making, wall_ms
from tests.support.stage import Stage

QUEUED = 10_000
DAY_MS = 86_400_000

BOUND_S = 10.0
"""Far more than it takes on any machine; only a loop over all orders within another would exceed it."""


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """An exchange without orders."""
    return own_stage.exchange()


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon whose database holds many queued orders; the kill switch keeps them there."""
    daemon = own_stage.daemon(exchange)
    fill(daemon.database)
    return daemon


def fill(database: Path) -> None:
    """Write the orders, sells among them, in one transaction."""
    now_ms = wall_ms()
    step = ChangeSet(facts={HALT_FACT: "to be recovered in peace"})
    for number in range(1, QUEUED + 1):
        side = Side.SELL if number % 3 == 0 else Side.BUY
        changes = {"side": side, "resource": f"trade:BTCUSDT:{side}:T{number}", "priority": 1 if number % 3 == 0 else 5}
        order = making.order(number, accepted_ms=now_ms, updated_ms=now_ms, deadline_ms=now_ms + DAY_MS, **changes)
        step.orders[order.order_id] = order
    group = Commit()
    group.join(step)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        prepare(connection, database)
        write(connection, group)


def test_ten_thousand_queued_orders_are_back_within_seconds(daemon: Daemon) -> None:
    daemon.launch()
    starting = daemon.wait_for("daemon.starting")
    recovered = daemon.wait_for("daemon.recovered")
    ready = daemon.wait_for("daemon.ready")
    assert (recovered["orders"], recovered["queued"], recovered["in_doubt"]) == (QUEUED, QUEUED, 0)
    took_s = (datetime.fromisoformat(ready["at"]) - datetime.fromisoformat(starting["at"])).total_seconds()
    assert took_s < BOUND_S
    status = daemon.get("/v1/status")
    assert (status["queueLength"], status["orders"]) == (QUEUED, {"queued": QUEUED})


def test_ten_thousand_queued_orders_are_sent_by_rank_over_a_crash(daemon: Daemon, exchange: Exchange) -> None:
    daemon.configure({"queue": {"max_in_flight": 1}})
    daemon.start(with_rules=True)
    assert daemon.ask("POST", "/v1/admin/resume", {"reason": "go on"}).status == 200
    wait_for_arrivals(exchange, 30)
    daemon.restart()
    wait_for_arrivals(exchange, 60)
    daemon.kill()
    came = [request["parameters"]["newClientOrderId"] for request in exchange.arrivals()]
    sells = [f"{number:026d}-1" for number in range(3, QUEUED, 3)]
    sells = sells[: sells.index(came[-1]) + 1]
    missing = [sell for sell in sells if sell not in came]
    assert came == [sell for sell in sells if sell not in missing]  # oldest first, each once
    assert len(missing) <= 1  # the open attempt when the daemon was killed is in doubt, and not sent again


def wait_for_arrivals(exchange: Exchange, count: int) -> None:
    """Wait until a number of orders has arrived."""
    eventually(lambda: len(exchange.arrivals()) >= count, f"{count} orders at the exchange")
