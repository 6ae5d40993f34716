"""The lead: as configured, or half of the best round trip."""

import pytest

from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.lead import lead_ns


@pytest.mark.parametrize(
    ("table", "round_trip_ns", "lead"),
    [
        (LaunchTable(), 41_000_000, 20_000_000),
        (LaunchTable(), 400_000, -300_000),
        (LaunchTable(), 0, 0),
        (LaunchTable(lead_ms=0), 41_000_000, 0),
        (LaunchTable(lead_ms=12.5), 41_000_000, 12_500_000),
    ],
    ids=[
        "half of the round trip, less a margin",
        "a server that is near",
        "nothing measured",
        "no lead",
        "as configured",
    ],
)
def test_an_order_leaves_this_long_before_its_instant(table: LaunchTable, round_trip_ns: int, lead: int) -> None:
    assert lead_ns(table, round_trip_ns) == lead
