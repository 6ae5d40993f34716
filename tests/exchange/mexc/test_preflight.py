"""Whether this account can trade: what MEXC's answers say for good, what says nothing, and that nothing is placed."""

import msgspec
import pytest

from daemon.clock import wall_ms
from daemon.core.values.exchange_replies import PreflightVerdict
from daemon.exchange.mexc.client import MexcExchange

from .clocks import HandClock
from .scripted import ACCOUNT, EXCHANGE_INFO, HANG_UP, ORDER_PLACED, TIME, UNPACED, ScriptedExchange, bad, ok
from .wire import http

TEST = "POST /api/v3/order/test"
PAIR = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"}


@pytest.fixture
def well(exchange: ScriptedExchange) -> ScriptedExchange:
    """An exchange on which all is well."""
    exchange.on(TIME, ok({"serverTime": wall_ms()}))
    exchange.on(ACCOUNT, ok({"canTrade": True, "balances": []}))
    exchange.on(TEST, ok({}))
    exchange.on(EXCHANGE_INFO, ok({"symbols": [PAIR]}))
    return exchange


async def test_an_account_that_may_trade_is_fit_and_nothing_was_placed(
    well: ScriptedExchange, client: MexcExchange
) -> None:
    assert (await client.preflight()).verdict is PreflightVerdict.FIT
    assert client.knows("BTCUSDT")
    assert well.asked(ORDER_PLACED) == []


async def test_rules_that_are_known_are_not_loaded_again(well: ScriptedExchange, client: MexcExchange) -> None:
    await client.load_rules()
    assert (await client.preflight()).verdict is PreflightVerdict.FIT
    assert len(well.asked(EXCHANGE_INFO)) == 1


@pytest.mark.parametrize(
    ("endpoint", "answer", "verdict", "said"),
    [
        (TIME, http(503, "later"), PreflightVerdict.UNKNOWN, "does not tell the time"),
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
        (TEST, HANG_UP, PreflightVerdict.UNKNOWN, "does not try an order"),
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
async def test_only_what_speaks_of_key_account_or_permission_is_for_good(
    well: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: PreflightVerdict, said: str
) -> None:
    well.on(endpoint, answer)
    found = await client.preflight()
    assert (found.verdict, said in found.why) == (verdict, True), found


async def test_a_time_that_is_a_text_is_a_time(well: ScriptedExchange, client: MexcExchange) -> None:
    well.on(TIME, ok({"serverTime": str(wall_ms()), "timezone": None}))
    assert (await client.preflight()).verdict is PreflightVerdict.FIT


async def test_a_balance_that_cannot_be_read_hides_no_other(well: ScriptedExchange, client: MexcExchange) -> None:
    odd = {"asset": "USDT", "free": "", "locked": "0"}
    well.on(ACCOUNT, ok({"balances": [odd, {"asset": "BTC", "free": "1.5", "locked": "0"}, None]}))
    assert [(each.asset, str(each.free)) for each in await client.balances()] == [("BTC", "1.5")]


@pytest.mark.parametrize(
    ("off_ms", "verdict"),
    [(50_000, PreflightVerdict.FIT), (-70_000, PreflightVerdict.UNFIT), (70_000, PreflightVerdict.UNFIT)],
)
async def test_the_exchanges_clock_is_held_against_the_machines_and_not_the_daemons(
    well: ScriptedExchange, client: MexcExchange, clock: HandClock, off_ms: int, verdict: PreflightVerdict
) -> None:
    assert abs(clock.now_ms() - wall_ms()) > 70_000
    well.on(TIME, ok({"serverTime": wall_ms() + off_ms}))
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
async def test_of_a_test_server_only_a_definite_no_counts_and_that_it_answers(
    well: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: PreflightVerdict
) -> None:
    client.reload(msgspec.structs.replace(UNPACED, base_url="http://127.0.0.1:1"))
    well.on(endpoint, answer)
    assert (await client.preflight()).verdict is verdict
