"""Ten thousand lock holders while the daemon is killed: never two at once, no lost wake-up, always in order."""

import pytest

from tests.process.locks.pairs import Pairs
from tests.support.stage import Stage


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_thousand_pairs_take_turns_over_three_kills(own_stage: Stage, seed: int) -> None:
    daemon = own_stage.daemon(None, {"log": {"level": "info"}})
    daemon.start()
    pairs = Pairs(daemon, seed, pairs=10_000, clients=50, resources=100, patience_s=300)
    pairs.run(kills=3)
    pairs.judge()
