"""Unreadable fields that a daemon reads as it starts: a daemon for each."""

import json

import pytest

from tests.api.test_exchange_answers import shown_as
from tests.support import Exchange, wall_ms
from tests.support.signals import market_buy, market_sell
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def odd_exchange(shared_stage: Stage) -> Exchange:
    """An exchange for daemons that find it odd as they start."""
    return shared_stage.exchange()


@pytest.mark.parametrize(
    ("field", "value", "endpoint"),
    [
        ("status", "ENABLED", "exchangeInfo"),
        ("maxQuoteAmountMarket", "", "exchangeInfo"),
        ("baseSizePrecision", "", "exchangeInfo"),
        ("canTrade", "null", "account"),
        ("free", "", "account"),
        ("balances", "null", "account"),
        ("serverTime", "", "time"),
    ],
)
def test_an_unreadable_unused_field_does_not_stop_trading(
    own_stage: Stage, odd_exchange: Exchange, field: str, value: str, endpoint: str
) -> None:
    shown = f'"{wall_ms()}"' if endpoint == "time" else value
    odd_exchange.inject(shown_as(field, shown, f"GET /api/v3/{endpoint}"))
    daemon = own_stage.daemon(odd_exchange, {"exchange": {"recv_window_ms": 60_000}})
    daemon.start(with_rules=True)
    daemon.wait_for("exchange.proven")
    for wish in (market_buy(), market_sell()):
        assert daemon.submit(wish, wait_s=10).json["state"] == "filled", json.dumps(wish)
