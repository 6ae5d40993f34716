"""The lead: as configured, or the quickest way there."""

import pytest

from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.lead import lead_ns


@pytest.mark.parametrize(
    ("table", "way_there_ns", "lead"),
    [
        (LaunchTable(), 21_000_000, 20_000_000),
        (LaunchTable(), 200_000, -800_000),
        (LaunchTable(), 0, 0),
        (LaunchTable(lead_ms=0), 20_500_000, 0),
        (LaunchTable(lead_ms=12.5), 20_500_000, 12_500_000),
    ],
    ids=[
        "the way there, less a margin",
        "a server that is near",
        "nothing measured",
        "no lead",
        "as configured",
    ],
)
def test_an_order_leaves_this_long_before_its_instant(table: LaunchTable, way_there_ns: int, lead: int) -> None:
    assert lead_ns(table, way_there_ns) == lead
