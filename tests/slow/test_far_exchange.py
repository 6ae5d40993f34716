"""Orders for one instant over TLS, at a server 50 ms away that closes idle connections: none is lost."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.far import COUNTS, Burst, burst, far_daemon

SANE_MS = 2_000
"""The latest order, on a machine that is busy with other tests."""


@pytest.mark.parametrize("idle_s", [5, 10, 30])
def test_no_order_for_an_instant_is_lost_after_a_start_or_idle_time(idle_s: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        daemons = [
            stack.enter_context(far_daemon(tmp_path / str(number), number, idle_s, checkout=None)) for number in COUNTS
        ]
        first = burst(daemons)
        time.sleep(idle_s + 1)  # the servers close every connection
        later = burst(daemons)
    for each in [*first, *later]:
        check(each)


def check(found: Burst) -> None:
    """Decide on counts alone, besides a generous bound."""
    assert found.lost == 0
    assert found.late_ms < SANE_MS
