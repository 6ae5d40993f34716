"""Orders for one instant over TLS, at a server 50 ms away that closes idle connections: all leave on warm ones."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.far import COUNTS, Burst, burst, far_daemon

SANE_MS = 2_000
"""The latest order, on a machine that is busy with other tests."""


@pytest.mark.parametrize("idle_s", [5, 10, 30])
def test_orders_for_an_instant_wait_for_no_handshake_and_none_is_lost(idle_s: int, tmp_path: Path) -> None:
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
    assert (found.handshakes, found.lost) == (0, 0)
    assert found.late_ms < SANE_MS
