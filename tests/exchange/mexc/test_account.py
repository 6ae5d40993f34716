"""What the exchange shows of the account before an instant: balances, and the pairs of this key."""

from decimal import Decimal

import pytest

from daemon.core.values.account import Account
from daemon.exchange.mexc.client import MexcExchange

from .clocks import BEGIN_MS
from .scripted import ACCOUNT, HANG_UP, ScriptedExchange, bad, ok

PAIRS = "GET /api/v3/selfSymbols"
BALANCES = ok({"balances": [{"asset": "USDT", "free": "12.5", "locked": "1"}, {"asset": "ODD", "free": "?"}]})


async def test_free_balances_and_permitted_pairs_are_read(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ACCOUNT, BALANCES)
    exchange.on(PAIRS, ok({"code": 0, "data": ["BTCUSDT", "NEWUSDT"], "msg": "success", "timestamp": 1}))
    expected = Account(free={"USDT": Decimal("12.5")}, permitted=frozenset({"BTCUSDT", "NEWUSDT"}), seen_ms=BEGIN_MS)
    assert await client.account() == expected


@pytest.mark.parametrize(
    "reply", [HANG_UP, bad(500, status=500), ok({"data": None}), ok({"data": []}), ok([])], ids=str
)
async def test_what_cannot_be_read_is_not_known(exchange: ScriptedExchange, client: MexcExchange, reply: bytes) -> None:
    exchange.on(ACCOUNT, BALANCES)
    exchange.on(PAIRS, reply)
    assert (await client.account()).permitted is None
    exchange.on(ACCOUNT, HANG_UP)
    assert (await client.account()).free is None


async def test_a_connection_that_carried_a_request_is_warm(exchange: ScriptedExchange, client: MexcExchange) -> None:
    assert not client.is_warm()
    exchange.on(ACCOUNT, BALANCES)
    await client.balances()
    assert client.is_warm()
    assert client.is_warm(), "the question does not take it"
    exchange.on(ACCOUNT, HANG_UP)
