"""Ten thousand take turns while the daemon is killed: never two holders, never a lost wake-up, always in order."""

import pytest

from tests.process.locks.pairs import Pairs
from tests.support.stage import Stage


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_thousand_pairs_over_three_kills_take_turns(own_stage: Stage, seed: int) -> None:
    daemon = own_stage.daemon(None, {"log": {"level": "info"}})
    daemon.start()
    pairs = Pairs(daemon, seed, pairs=10_000, clients=50, resources=100, patience_s=300)
    pairs.run(kills=3)
    pairs.judge()
