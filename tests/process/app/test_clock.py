"""The machine's clock is set: the daemon's clock follows it forward at once, never back, not even over a restart."""

import json
import sqlite3
from contextlib import closing

from daemon.clock import CLOCK_FACT, NS_PER_MS
from tests.support import ME, Daemon, Exchange, wall_ms
from tests.support.command import Ran, sniperd
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.wall_clock import WallClock

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CLOCK_ERROR_MS = 20
"""By how much the daemon may be wrong about the exchange's clock while the machine is busy."""


def test_a_clock_set_back_makes_no_order_younger_and_the_exchange_still_accepts_orders(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    lease = {"resourceId": "trade:BTCUSDT:BUY:old", "ownerId": "bot", "timeoutMs": 60_000}
    assert daemon.ask("POST", "/v1/locks", lease).status == 201
    old = daemon.accept(market_buy(snipeTargetId="old", deadlineMs=60_000))
    due = daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS // 2))
    daemon.kill()
    set_ahead(daemon, HOUR_MS)  # as if the machine's clock had been an hour ahead then
    daemon.start()
    assert daemon.get("/v1/status")["nowMs"] - wall_ms() > HOUR_MS - 60_000
    assert daemon.until(old, "expired")["attempts"] == 0
    daemon.wait_for("exchange.reachable")
    filled = daemon.submit(market_buy(), wait_s=10).json
    assert filled["state"] == "filled"
    assert filled["acceptedAtMs"] > daemon.order(old)["acceptedAtMs"]
    assert exchange.arrivals(old) == []
    assert daemon.order(due)["state"] == "queued", "its instant is one of the exchange's clock"


def test_an_order_keeps_its_instant_when_a_clock_that_was_behind_is_set_right(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    wall = WallClock(daemon, ahead_ms=-20_000)
    daemon.start(with_rules=True)
    at_ms = wall_ms() + 3_000
    waiting = daemon.accept(market_buy(executeAt=at_ms, deadlineMs=5_000))
    past = daemon.submit(market_buy(executeAt=wall_ms() - 10_000, deadlineMs=5_000))
    assert past.status == 400, "it has expired by the exchange's clock"
    wall.set(0)
    jumped = daemon.wait_for("clock.jumped")
    assert 19_900 < jumped["followed_ms"] < 20_100
    daemon.until(waiting, "filled")
    [arrival] = exchange.arrivals(waiting)
    assert at_ms - CLOCK_ERROR_MS <= arrival["receivedMs"] < at_ms + 5_000
    assert abs(daemon.get("/v1/status")["exchange"]["offsetMs"]) < 10_000
    daemon.restart()
    assert daemon.get("/v1/status")["nowMs"] >= at_ms


def test_a_lease_keeps_its_length_when_the_clock_jumps(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    wall = WallClock(daemon, ahead_ms=-HOUR_MS)
    daemon.start()
    asked = {"resourceId": "wallet:1", "ownerId": "bot", "timeoutMs": 60_000}
    lease = daemon.ask("POST", "/v1/locks", asked).json
    wall.set(0)
    daemon.wait_for("clock.jumped")
    held = daemon.ask("POST", "/v1/locks", asked | {"ownerId": "other"})
    assert held.status == 409
    assert daemon.ask("POST", f"/v1/locks/{lease['lockId']}/release", {"ownerId": "bot"}).status == 200


def test_a_clock_set_back_while_the_daemon_runs_moves_no_instant_and_no_deadline(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    wall = WallClock(daemon)
    daemon.start(with_rules=True)
    due = daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS // 2))
    exchange.inject({"kind": "refused", "code": 30001, "endpoint": "POST /api/v3/order"})
    late = daemon.send(market_buy(deadlineMs=500))
    wall.set(-HOUR_MS)
    assert daemon.wait_for("clock.jumped")["followed_ms"] == 0
    daemon.until(late, "rejected", "expired")
    assert daemon.get("/v1/status")["nowMs"] > wall_ms() - HOUR_MS // 2
    assert daemon.order(due)["state"] == "queued"


def test_a_recorded_time_far_ahead_is_reported_everywhere_until_the_operator_resets_the_clock(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    wall = WallClock(daemon, ahead_ms=3 * DAY_MS)
    daemon.start(with_rules=True)
    bought = daemon.submit(market_buy(idempotencyKey="k1"), wait_s=10).json
    waiting = daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS))
    wall.set(0)
    daemon.restart()
    assert daemon.wait_for("alert.firing", alert="clock_wrong")["severity"] == "critical"
    status = daemon.get("/v1/status")
    assert status["nowMs"] > wall_ms() + 2 * DAY_MS, "over restarts"
    assert "259,200 s ahead of the exchange's" in status["clockWrong"]
    assert "259,200 s ahead" in run_cli(daemon, "status").output
    doctor = run_cli(daemon, "doctor", "--json")
    grades = {found["check"]: found["grade"] for found in doctor.json["findings"]}
    assert (doctor.code, grades["recorded"], grades["daemon"]) == (1, "failure", "failure")
    on_time(daemon, exchange)

    refused = run_cli(daemon, "reset-clock", "--reason", "ntp was off")
    assert (refused.code, "stop it first" in refused.errors) == (75, True)
    daemon.terminate()
    done = run_cli(daemon, "reset-clock", "--reason", "ntp was off", "--json")
    assert (done.code, done.json["waiting"]) == (0, 0)
    assert done.json["wasMs"] - done.json["nowMs"] > 2 * DAY_MS
    daemon.start(with_rules=True)
    assert daemon.get("/v1/status")["clockWrong"] is None
    assert abs(daemon.get("/v1/status")["nowMs"] - wall_ms()) < HOUR_MS
    assert (daemon.order(waiting)["state"], daemon.order(waiting)["attempts"]) == ("queued", 0)
    assert daemon.submit(market_buy(idempotencyKey="k1") | {"snipeTargetId": bought["snipeTargetId"]}).json["replayed"]
    on_time(daemon, exchange)
    with closing(sqlite3.connect(daemon.database)) as database:
        [[actor, detail]] = database.execute("SELECT actor, detail FROM events WHERE name = 'clock.reset'").fetchall()
    assert (actor, json.loads(detail)["reason"]) == (ME, "ntp was off")


def on_time(daemon: Daemon, exchange: Exchange) -> None:
    """Check that an order is sent at its instant by the exchange's clock, which is the machine's."""
    at_ms = wall_ms() + 1_000
    order = daemon.accept(market_buy(executeAt=at_ms, deadlineMs=10_000))
    daemon.until(order, "filled")
    [arrival] = exchange.arrivals(order)
    assert at_ms - CLOCK_ERROR_MS <= arrival["receivedMs"] < at_ms + 10_000


def run_cli(daemon: Daemon, *words: str) -> Ran:
    """Run a command in the daemon's environment, with its configuration and the machine's own clock."""
    return sniperd(*words, "--config", daemon.config_path, environ=daemon.environ, directory=daemon.directory)


def set_ahead(daemon: Daemon, ms: int) -> None:
    """Move the recorded time of the last run ahead."""
    with closing(sqlite3.connect(daemon.database, isolation_level=None)) as database:
        [[text]] = database.execute("SELECT value FROM facts WHERE name = ?", (CLOCK_FACT,)).fetchall()
        anchor = json.loads(text)
        anchor["unix_ns"] += ms * NS_PER_MS
        database.execute("UPDATE facts SET value = ? WHERE name = ?", (json.dumps(anchor), CLOCK_FACT))
