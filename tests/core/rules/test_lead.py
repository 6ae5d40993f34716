"""When an order leaves: as configured, or so that it arrives at its instant by the quickest way."""

import pytest

from daemon.clock import NS_PER_MS
from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.rules.lead import leave_ns

INSTANT_MS = 1_800_000_000_000


@pytest.mark.parametrize("lead_ms", [0, 12.5])
def test_a_configured_lead_counts_from_the_instant_of_the_exchanges_clock(lead_ms: float) -> None:
    clock = ExchangeClock()
    clock.sample(0, 2 * NS_PER_MS, 300, fresh_connection=False)
    leaves_ns = leave_ns(LaunchTable(lead_ms=lead_ms), clock, INSTANT_MS)
    assert leaves_ns == clock.local_ns(INSTANT_MS) - round(lead_ms * NS_PER_MS)


def test_by_default_the_quickest_way_counts() -> None:
    clock = ExchangeClock()
    clock.sample(0, 20 * NS_PER_MS, 300, fresh_connection=False)
    leaves_ns = leave_ns(LaunchTable(), clock, INSTANT_MS)
    assert leaves_ns == clock.leave_ns(INSTANT_MS) < clock.local_ns(INSTANT_MS)
