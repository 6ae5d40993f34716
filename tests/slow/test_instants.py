"""An armed order leaves at its instant, whatever the disk does for others at that moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.slow.tracing import tampered
from tests.support import Exchange, wall_ms
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs("strace")

SLOW_US = 400_000


def test_a_commit_of_another_signal_that_takes_400_ms_changes_nothing(own_stage: Stage) -> None:
    exchange: Exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    daemon.submit(market_buy(), wait_s=10)
    at_ms = wall_ms() + 3_000
    armed = daemon.accept(market_buy(executeAt=at_ms))
    daemon.wait_for("order.armed", order_id=armed)
    with (
        tampered(own_stage, daemon, "fdatasync", f"delay_enter={SLOW_US}:when=1") as notes,
        ThreadPoolExecutor() as pool,
    ):
        eventually(lambda: wall_ms() > at_ms - 150, "the moment before the instant")
        other = pool.submit(daemon.submit, market_buy(), wait_s=10)
        (arrival,) = exchange.wait_for_arrivals(armed)
        assert arrival["receivedMs"] - at_ms < 50
        assert other.result().json["state"] == "filled"
        assert "DELAYED" in notes.read_text(), "the commit was slow"
    daemon.until(armed, "filled")
