"""Orders with an instant are sent by the exchange's clock, however far it is from ours, and however ours is set."""

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.command import sniperd
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.waiting import eventually
from tests.support.wall_clock import WallClock

CLOCK_ERROR_MS = 20
"""By how much the daemon may be wrong about the exchange's clock while the machine is busy."""

LATE_MS = 200
"""How late the best of several orders may come while the machine is busy: less than the clocks differ."""


def lateness_ms(daemon: Daemon, exchange: Exchange, offset_ms: int, *, meanwhile: WallClock | None = None) -> int:
    """Let three orders come at their instants; return how late the best one was, by the exchange's clock.

    None is early. ``meanwhile``: the machine's clock is set forward while they wait.
    """
    at_ms = [wall_ms() + offset_ms + 2_000 + 300 * number for number in range(3)]
    orders = [daemon.accept(market_buy(executeAt=each_ms, deadlineMs=5_000)) for each_ms in at_ms]
    if meanwhile is not None:
        meanwhile.set(0)
        daemon.wait_for("clock.jumped")
    late_ms: list[int] = []
    for order, each_ms in zip(orders, at_ms, strict=True):
        daemon.until(order, "filled")
        [arrival] = exchange.arrivals(order)
        late_ms.append(arrival["receivedMs"] - each_ms)
    assert min(late_ms) >= -CLOCK_ERROR_MS
    return min(late_ms)


@pytest.mark.parametrize("offset_ms", [300, -300, 20_000, -20_000])
def test_an_armed_order_comes_at_its_instant_by_the_exchanges_clock(own_stage: Stage, offset_ms: int) -> None:
    exchange = own_stage.exchange("--clock-offset-ms", str(offset_ms))
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    assert lateness_ms(daemon, exchange, offset_ms) < LATE_MS
    found = daemon.get("/v1/status")["exchange"]
    assert abs(found["offsetMs"] - offset_ms) <= CLOCK_ERROR_MS
    assert 0 < found["uncertaintyMs"] <= CLOCK_ERROR_MS


@pytest.mark.parametrize("ahead_ms", [-20_000, 20_000], ids=["forward", "back"])
def test_a_step_of_the_machines_clock_moves_no_order_from_its_instant(own_stage: Stage, ahead_ms: int) -> None:
    """It was wrong, and is set right while orders wait; the exchange's clock was right all the time."""
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    wall = WallClock(daemon, ahead_ms=ahead_ms)
    daemon.start(with_rules=True)
    assert lateness_ms(daemon, exchange, 0, meanwhile=wall) < LATE_MS


def test_an_exchange_whose_clock_steps_is_followed(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, {"exchange": {"clock_check_s": 0.2}})
    daemon.start(with_rules=True)
    exchange.close()
    behind = own_stage.exchange("--clock-offset-ms", "-20000", "--listen", exchange.url.removeprefix("http://"))
    eventually(
        lambda: abs(daemon.get("/v1/status")["exchange"]["offsetMs"] + 20_000) <= CLOCK_ERROR_MS, "the step is followed"
    )
    assert lateness_ms(daemon, behind, -20_000) < LATE_MS


def test_status_doctor_and_explain_state_how_well_the_exchanges_clock_is_known(own_stage: Stage) -> None:
    exchange = own_stage.exchange("--clock-offset-ms", "300")
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    order = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    for words in (["status"], ["explain", order]):
        ran = sniperd(*words, "--config", daemon.config_path, environ=daemon.environ, directory=daemon.directory)
        assert "the exchange's is +" in ran.output, words
        assert " ms from ours, known to " in ran.output, words
    found = daemon.explain(order)["exchangeClock"]
    assert abs(found["offsetMs"] - 300) <= CLOCK_ERROR_MS
    assert 0 < found["uncertaintyMs"] <= CLOCK_ERROR_MS
    assert found["roundTripMs"] <= 2 * CLOCK_ERROR_MS
    metrics = daemon.ask("GET", "/metrics").raw.decode()
    [line] = [line for line in metrics.splitlines() if line.startswith("sniperd_exchange_clock_uncertainty_seconds")]
    assert 0 < float(line.rpartition(" ")[2]) <= CLOCK_ERROR_MS / 1_000
