"""Concurrent leases while the daemon is killed: never two holders, no lost wake-up, always in order."""

from tests.process.locks.pairs import Pairs
from tests.support.stage import Stage


def test_a_thousand_pairs_through_three_kills_exclude_each_other(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None, {"log": {"level": "info"}})
    daemon.start()
    pairs = Pairs(daemon, 1, pairs=1_000, clients=50, resources=20, patience_s=60)
    pairs.run(kills=3)
    pairs.judge()
