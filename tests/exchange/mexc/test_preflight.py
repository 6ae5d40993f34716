"""Whether this account can trade: what MEXC's answers say for good, what says nothing, and that nothing is placed."""

import msgspec
import pytest

from daemon.clock import wall_ms
from daemon.core.values.exchange_replies import Verdict
from daemon.exchange.mexc.client import MexcExchange

from .clocks import HandClock
from .scripted import ACCOUNT, EXCHANGE_INFO, HANG_UP, ORDER_PLACED, SETTINGS, TIME, ScriptedExchange, bad, ok
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
    assert (await client.prove()).verdict is Verdict.FIT
    assert client.knows("BTCUSDT")
    assert well.asked(ORDER_PLACED) == []


async def test_rules_that_are_known_are_not_loaded_again(well: ScriptedExchange, client: MexcExchange) -> None:
    await client.load_rules()
    assert (await client.prove()).verdict is Verdict.FIT
    assert len(well.asked(EXCHANGE_INFO)) == 1


@pytest.mark.parametrize(
    ("endpoint", "answer", "verdict", "said"),
    [
        (TIME, http(503, "later"), Verdict.UNKNOWN, "does not tell the time"),
        (ACCOUNT, HANG_UP, Verdict.UNKNOWN, "shows no account"),
        (ACCOUNT, http(503, "later"), Verdict.UNKNOWN, "HTTP 503"),
        (ACCOUNT, http(403, "<html>"), Verdict.UNKNOWN, "HTTP 403"),
        (ACCOUNT, http(200, "<html>"), Verdict.UNKNOWN, "cannot be read"),
        (ACCOUNT, ok([]), Verdict.UNKNOWN, "cannot be read"),
        (ACCOUNT, ok({"balances": []}), Verdict.FIT, ""),
        (ACCOUNT, ok({}), Verdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": True}), Verdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": None, "balances": None}), Verdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": True, "balances": [{"asset": "USDT", "free": "", "locked": "0"}]}), Verdict.FIT, ""),
        (ACCOUNT, ok({"canTrade": "yes"}), Verdict.FIT, ""),
        (ACCOUNT, ok({"balances": [], "canTrade": False}), Verdict.UNFIT, "canTrade is false"),
        (ACCOUNT, ok({"canTrade": "false", "balances": ""}), Verdict.UNFIT, "canTrade is false"),
        (ACCOUNT, bad(10072, "invalid access key"), Verdict.UNFIT, "check key and secret"),
        (ACCOUNT, bad(700002, "Signature for this request is not valid."), Verdict.UNFIT, "does not accept the key"),
        (ACCOUNT, bad(700006, "IP non white list"), Verdict.UNFIT, "which addresses"),
        (ACCOUNT, bad(700003, "Timestamp"), Verdict.UNKNOWN, "700003"),
        (ACCOUNT, http(429, "slow down"), Verdict.UNKNOWN, "HTTP 429"),
        (TEST, HANG_UP, Verdict.UNKNOWN, "does not try an order"),
        (TEST, http(500, "oh"), Verdict.UNKNOWN, "HTTP 500"),
        (TEST, bad(700007, "No permission to access the endpoint."), Verdict.UNFIT, "does not let the key trade"),
        (TEST, bad(30004, "Insufficient position"), Verdict.FIT, ""),
        (TEST, bad(400, " quantity scale is invalid"), Verdict.FIT, ""),
        (TEST, bad(10007, "symbol not support api"), Verdict.FIT, ""),
        (EXCHANGE_INFO, http(503, "later"), Verdict.UNKNOWN, "rules are not known"),
        (EXCHANGE_INFO, ok({"symbols": []}), Verdict.UNKNOWN, "lists no pair"),
    ],
)
async def test_only_what_speaks_of_key_account_or_permission_is_for_good(
    well: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: Verdict, said: str
) -> None:
    well.on(endpoint, answer)
    found = await client.prove()
    assert (found.verdict, said in found.why) == (verdict, True), found


async def test_a_time_that_is_a_text_is_a_time(well: ScriptedExchange, client: MexcExchange) -> None:
    well.on(TIME, ok({"serverTime": str(wall_ms()), "timezone": None}))
    assert (await client.prove()).verdict is Verdict.FIT


async def test_a_balance_that_cannot_be_read_hides_no_other(well: ScriptedExchange, client: MexcExchange) -> None:
    odd = {"asset": "USDT", "free": "", "locked": "0"}
    well.on(ACCOUNT, ok({"balances": [odd, {"asset": "BTC", "free": "1.5", "locked": "0"}, None]}))
    assert [(each.asset, str(each.free)) for each in await client.balances()] == [("BTC", "1.5")]


@pytest.mark.parametrize(
    ("off_ms", "verdict"), [(50_000, Verdict.FIT), (-70_000, Verdict.UNFIT), (70_000, Verdict.UNFIT)]
)
async def test_the_exchanges_clock_is_held_against_the_machines_and_not_the_daemons(
    well: ScriptedExchange, client: MexcExchange, clock: HandClock, off_ms: int, verdict: Verdict
) -> None:
    assert abs(clock.now_ms() - wall_ms()) > 70_000
    well.on(TIME, ok({"serverTime": wall_ms() + off_ms}))
    assert (await client.prove()).verdict is verdict


@pytest.mark.parametrize(
    ("endpoint", "answer", "verdict"),
    [
        (TIME, http(404, "no such page"), Verdict.FIT),
        (ACCOUNT, http(404, "no such page"), Verdict.FIT),
        (TEST, http(404, "no such page"), Verdict.FIT),
        (ACCOUNT, bad(10072, "invalid access key"), Verdict.UNFIT),
        (ACCOUNT, http(503, "later"), Verdict.UNKNOWN),
        (ACCOUNT, HANG_UP, Verdict.UNKNOWN),
    ],
)
async def test_of_a_test_server_only_a_definite_no_counts_and_that_it_answers(
    well: ScriptedExchange, client: MexcExchange, endpoint: str, answer: bytes, verdict: Verdict
) -> None:
    client.set_settings(msgspec.structs.replace(SETTINGS, is_test=True))
    well.on(endpoint, answer)
    assert (await client.prove()).verdict is verdict
