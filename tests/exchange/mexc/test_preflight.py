"""The preflight: which replies are final, which prove nothing, and that nothing is placed."""

import msgspec
import pytest

from daemon.clock import wall_ms
from daemon.core.values.exchange_replies import PreflightVerdict
from daemon.exchange.mexc.client import MexcExchange

from .clocks import ManualClock
from .scripted import ACCOUNT, EXCHANGE_INFO, HANG_UP, ORDER_PLACED, TIME, UNPACED, ScriptedExchange, bad, ok
from .wire import http

TEST = "POST /api/v3/order/test"
PAIR = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"}


@pytest.fixture
def healthy(exchange: ScriptedExchange) -> ScriptedExchange:
    """An exchange on which every check passes."""
    exchange.on(TIME, ok({"serverTime": wall_ms()}))
    exchange.on(ACCOUNT, ok({"canTrade": True, "balances": []}))
    exchange.on(TEST, ok({}))
    exchange.on(EXCHANGE_INFO, ok({"symbols": [PAIR]}))
    return exchange


async def test_an_account_that_can_trade_passes_the_preflight_and_nothing_is_placed(
    healthy: ScriptedExchange, client: MexcExchange
) -> None:
    assert (await client.preflight()).verdict is PreflightVerdict.FIT
    assert client.known_rules("BTCUSDT") is not None
    assert healthy.requests(ORDER_PLACED) == []


async def test_rules_that_are_known_are_not_loaded_again(healthy: ScriptedExchange, client: MexcExchange) -> None:
    await client.load_rules()
    assert (await client.preflight()).verdict is PreflightVerdict.FIT
    assert len(healthy.requests(EXCHANGE_INFO)) == 1


@pytest.mark.parametrize(
    ("endpoint", "answer", "verdict", "said"),
    [
        (TIME, http(503, "later"), PreflightVerdict.UNKNOWN, "does not report its time"),
        (ACCOUNT, HANG_UP, PreflightVerdict.UNKNOWN, "shows no account"),
        (ACCOUNT, http(503, "later"), PreflightVerdict.UNKNOWN, "HTTP 503"),
        (ACCOUNT, http(403, "<html>"), PreflightVerdict.UNKNOWN, "HTTP 403"),
        (ACCOUNT, http(200, "<html>"), PreflightVerdict.UNKNOWN, "cannot be read"),
        (ACCOUNT, ok([]), PreflightVerdict.UNKNOWN, "cannot be read"),
        (ACCOUNT, ok({"balances": []}), PreflightVerdict.FIT, ""),
        (ACCOUNT, ok({}), PreflightVerdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": True}), PreflightVerdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": None, "balances": None}), PreflightVerdict.FIT, ""),
        (
            ACCOUNT,
            ok({"canTrade": True, "balances": [{"asset": "USDT", "free": "", "locked": "0"}]}),
            PreflightVerdict.FIT,
            "",
        ),
        (ACCOUNT, ok({"canTrade": "yes"}), PreflightVerdict.FIT, ""),
        (ACCOUNT, ok({"balances": [], "canTrade": False}), PreflightVerdict.UNFIT, "canTrade is false"),
        (ACCOUNT, ok({"canTrade": "false", "balances": ""}), PreflightVerdict.UNFIT, "canTrade is false"),
        (ACCOUNT, bad(10072, "invalid access key"), PreflightVerdict.UNFIT, "check key and secret"),
        (
            ACCOUNT,
            bad(700002, "Signature for this request is not valid."),
            PreflightVerdict.UNFIT,
            "does not accept the key",
        ),
        (ACCOUNT, bad(700006, "IP non white list"), PreflightVerdict.UNFIT, "which addresses"),
        (ACCOUNT, bad(700003, "Timestamp"), PreflightVerdict.UNKNOWN, "700003"),
        (ACCOUNT, http(429, "slow down"), PreflightVerdict.UNKNOWN, "HTTP 429"),
        (TEST, HANG_UP, PreflightVerdict.UNKNOWN, "did not answer the test order"),
        (TEST, http(500, "oh"), PreflightVerdict.UNKNOWN, "HTTP 500"),
        (
            TEST,
            bad(700007, "No permission to access the endpoint."),
            PreflightVerdict.UNFIT,
            "does not let the key trade",
        ),
        (TEST, bad(30004, "Insufficient position"), PreflightVerdict.FIT, ""),
        (TEST, bad(400, " quantity scale is invalid"), PreflightVerdict.FIT, ""),
        (TEST, bad(10007, "symbol not support api"), PreflightVerdict.FIT, ""),
        (EXCHANGE_INFO, http(503, "later"), PreflightVerdict.UNKNOWN, "rules are not known"),
        (EXCHANGE_INFO, ok({"symbols": []}), PreflightVerdict.UNKNOWN, "lists no pair"),
    ],
)
async def test_only_a_refusal_of_key_account_or_permission_is_final(
    healthy: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: PreflightVerdict, said: str
) -> None:
    healthy.on(endpoint, answer)
    found = await client.preflight()
    assert (found.verdict, said in found.why) == (verdict, True), found


async def test_a_time_can_be_a_string(healthy: ScriptedExchange, client: MexcExchange) -> None:
    healthy.on(TIME, ok({"serverTime": str(wall_ms()), "timezone": None}))
    assert (await client.preflight()).verdict is PreflightVerdict.FIT


async def test_an_unreadable_balance_hides_no_other(healthy: ScriptedExchange, client: MexcExchange) -> None:
    odd = {"asset": "USDT", "free": "", "locked": "0"}
    healthy.on(ACCOUNT, ok({"balances": [odd, {"asset": "BTC", "free": "1.5", "locked": "0"}, None]}))
    assert [(each.asset, str(each.free)) for each in await client.balances()] == [("BTC", "1.5")]


@pytest.mark.parametrize(
    ("off_ms", "verdict"),
    [(50_000, PreflightVerdict.FIT), (-70_000, PreflightVerdict.UNFIT), (70_000, PreflightVerdict.UNFIT)],
)
async def test_the_exchanges_clock_is_compared_with_the_machines_clock(
    healthy: ScriptedExchange, client: MexcExchange, clock: ManualClock, off_ms: int, verdict: PreflightVerdict
) -> None:
    assert abs(clock.now_ms() - wall_ms()) > 70_000
    healthy.on(TIME, ok({"serverTime": wall_ms() + off_ms}))
    assert (await client.preflight()).verdict is verdict


@pytest.mark.parametrize(
    ("endpoint", "answer", "verdict"),
    [
        (TIME, http(404, "no such page"), PreflightVerdict.FIT),
        (ACCOUNT, http(404, "no such page"), PreflightVerdict.FIT),
        (TEST, http(404, "no such page"), PreflightVerdict.FIT),
        (ACCOUNT, bad(10072, "invalid access key"), PreflightVerdict.UNFIT),
        (ACCOUNT, http(503, "later"), PreflightVerdict.UNKNOWN),
        (ACCOUNT, HANG_UP, PreflightVerdict.UNKNOWN),
    ],
)
async def test_on_a_test_server_only_a_definite_refusal_or_no_reply_fails(
    healthy: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: PreflightVerdict
) -> None:
    client.reload(msgspec.structs.replace(UNPACED, base_url="http://127.0.0.1:1"))
    healthy.on(endpoint, answer)
    assert (await client.preflight()).verdict is verdict
