"""What members must agree on: the hashes differ where an owner would decide differently, and only there."""

from typing import Any

import pytest

from daemon.config.credentials import Secret
from daemon.config.loading import parse
from daemon.config.tables import Config
from daemon.fleet.agreement import account_hash, configuration_hash

KEY = Secret("mx0vPlantedKey1234567")


@pytest.mark.parametrize(
    "changed",
    [
        {"guards": {"max_notional_per_day": 1}},
        {"guards": {"forbidden_symbols": ["BTCUSDT"]}},
        {"queue": {"buy_deadline_ms": 1}},
        {"exchange": {"order_rate_per_s": 9}},
        {"poller": {"enabled": True}},
        {"exchange": {"mode": "live"}},
        {"exchange": {"mode": "live", "base_url": "https://mirror.example"}},
    ],
    ids=str,
)
def test_another_rule_is_another_hash(changed: dict[str, Any]) -> None:
    assert configuration_hash(parse(changed)) != configuration_hash(Config())


@pytest.mark.parametrize(
    "changed",
    [
        {"fleet": {"name": "tokyo-2"}},
        {"store": {"path": "/elsewhere"}},
        {"exchange": {"weight_per_10s": 100}},
        {"alerts": {"queue_depth": 1}},
        {"log": {"level": "debug"}},
    ],
    ids=str,
)
def test_what_belongs_to_one_machine_is_no_part_of_it(changed: dict[str, Any]) -> None:
    assert configuration_hash(parse(changed)) == configuration_hash(Config())


def test_an_account_is_known_by_its_key_and_the_key_is_not_shown() -> None:
    known = account_hash(KEY)
    assert known == account_hash(Secret(KEY.reveal()))
    assert known != account_hash(Secret("mx0vAnotherKey1234567"))
    assert KEY.reveal() not in known
