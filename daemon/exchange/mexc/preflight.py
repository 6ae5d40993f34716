"""Whether the exchange lets this account trade from here, found out without placing anything.

Asked for, in this order: the time, the account, and ``order/test``, which takes an order's parameters and places
nothing (documented; how deep it checks is not). What MEXC does not tell, a key's age and the addresses that it is
bound to, shows only in a refusal.

A server on this machine is a test server: it may not know these questions, and its clock is its own matter. There only
a definite no counts, and that it answers at all.
"""

from daemon.clock import wall_ms
from daemon.core.values.exchange_replies import FIT, Advice, PreflightResult, PreflightVerdict
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.exchange.mexc import views
from daemon.exchange.mexc.replies import advice_of, raw
from daemon.exchange.mexc.requests import OK, ExchangeCall, Requests
from daemon.exchange.mexc.transport import Reply

ACCOUNT, TEST = "/api/v3/account", "/api/v3/order/test"
SERVER_ERRORS = range(500, 600)

TRIAL = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("quantity", "0.001"), ("price", "10000")]
"""An order for ``order/test``. Only a refusal that speaks of the key counts, so the figures need not be good ones."""


async def run_preflight(requests: Requests) -> PreflightResult:
    """Ask the exchange."""
    if requests.table.is_test:
        return await _of_test_server(requests)
    if not await requests.measure_clock():
        return PreflightResult(
            PreflightVerdict.UNKNOWN, f"the exchange does not tell the time: {requests.health().error or 'unreadable'}"
        )
    far_ms = (requests.health().offset_ms or 0) + requests.clock.now_ms() - wall_ms()
    if abs(far_ms) > FAR_MS:
        return PreflightResult(
            PreflightVerdict.UNFIT,
            f"the exchange's clock is {far_ms:+d} ms from the machine's: let the machine keep time (systemctl enable "
            "--now systemd-timesyncd), then start again",
        )
    account = await requests.private("GET", ACCOUNT, [], weight=10)
    judged = _account(account)
    if judged.verdict is not PreflightVerdict.FIT:
        return judged
    return _trial(await requests.private("POST", TEST, TRIAL, weight=1))


async def _of_test_server(requests: Requests) -> PreflightResult:
    await requests.measure_clock()
    answer = await requests.private("GET", ACCOUNT, [], weight=10)
    judged = _account(answer)
    if judged.verdict is PreflightVerdict.FIT:
        answer = await requests.private("POST", TEST, TRIAL, weight=1)
        judged = _trial(answer)
    knows_not = isinstance(answer.reply, Reply) and answer.reply.status not in SERVER_ERRORS
    return FIT if judged.verdict is PreflightVerdict.UNKNOWN and knows_not else judged


def _account(answer: ExchangeCall) -> PreflightResult:
    reply = answer.reply
    if not isinstance(reply, Reply):
        return PreflightResult(PreflightVerdict.UNKNOWN, f"the exchange shows no account: {reply.why}")
    if reply.status != OK:
        return _refused(reply, "does not accept the key")
    try:
        may_trade = views.may_trade(reply.body)
    except views.UnreadableError as error:
        return PreflightResult(PreflightVerdict.UNKNOWN, f"the exchange shows an account that cannot be read: {error}")
    if not may_trade:
        return PreflightResult(
            PreflightVerdict.UNFIT,
            "the account may not trade (canTrade is false): see the exchange's own page for why, then start again",
        )
    return FIT


def _trial(answer: ExchangeCall) -> PreflightResult:
    reply = answer.reply
    if not isinstance(reply, Reply):
        return PreflightResult(PreflightVerdict.UNKNOWN, f"the exchange does not try an order: {reply.why}")
    if reply.status == OK:
        return FIT
    judged = _refused(reply, "does not let the key trade")
    return judged if judged.verdict is PreflightVerdict.UNFIT or reply.status // 100 != 4 else FIT  # noqa: PLR2004  # HTTP's class


def _refused(reply: Reply, what: str) -> PreflightResult:
    """Read a refusal: only one that speaks of key, signature or permission is for good."""
    advice = advice_of(reply.body)
    said = f"HTTP {reply.status} {raw(reply.body)}"
    if advice is Advice.HALT:
        return PreflightResult(
            PreflightVerdict.UNFIT,
            f"the exchange {what}: {said}; check key and secret, that the key may trade on the spot market, and which "
            "addresses it is bound to, then start again",
        )
    return PreflightResult(PreflightVerdict.UNKNOWN, f"the exchange {what}: {said}")
