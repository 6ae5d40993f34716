"""The preflight: checks whether this account can trade from here, without placing an order.

It queries the time, the account, and ``order/test``, in this order. ``order/test`` takes an order's parameters and
places nothing (documented; which checks it makes is not). The age of a key and its allowed addresses show only in a
refusal.

A server on this machine is a test server: it may lack these routes, and its clock may differ. There the preflight fails
only if the server does not answer, or clearly refuses.
"""

from daemon.clock import wall_ms
from daemon.core.values.exchange_replies import FIT, Advice, PreflightResult, PreflightVerdict
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.exchange.mexc import views
from daemon.exchange.mexc.replies import advice_of, raw
from daemon.exchange.mexc.requests import OK, ExchangeCall, Requests
from daemon.exchange.mexc.transport import Reply

ACCOUNT, TEST = "/api/v3/account", "/api/v3/order/test"
REFUSALS, SERVER_ERRORS = range(400, 500), range(500, 600)

TRIAL = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("quantity", "0.001"), ("price", "10000")]
"""An order for ``order/test``. Only a refusal because of the key counts, so the amounts need not be valid."""


async def run_preflight(requests: Requests) -> PreflightResult:
    """Run the preflight."""
    if requests.table.is_test:
        return await _of_test_server(requests)
    if not await requests.measure_clock():
        return _unknown(f"the exchange does not report its time: {requests.health().error or 'unreadable'}")
    clock = clock_result((requests.health().offset_ms or 0) + requests.clock.now_ms() - wall_ms())
    if clock.verdict is not PreflightVerdict.FIT:
        return clock
    account = _account(await requests.private("GET", ACCOUNT, [], weight=10))
    if account.verdict is not PreflightVerdict.FIT:
        return account
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
        return _unknown(f"the exchange shows no account: {reply.why}")
    accepted = key_result(reply.status, reply.body)
    return account_result(reply.body) if accepted.verdict is PreflightVerdict.FIT else accepted


def _trial(answer: ExchangeCall) -> PreflightResult:
    reply = answer.reply
    if not isinstance(reply, Reply):
        return _unknown(f"the exchange did not answer the test order: {reply.why}")
    return trial_result(reply.status, reply.body)


def clock_result(ahead_ms: int) -> PreflightResult:
    """Judge how far the exchange's clock is ahead of the machine's."""
    if abs(ahead_ms) <= FAR_MS:
        return FIT
    return PreflightResult(
        PreflightVerdict.UNFIT,
        f"the exchange's clock is {ahead_ms:+d} ms from the machine's: every recorded time would be wrong by as much",
        "set the machine's clock right: timedatectl, and systemctl enable --now systemd-timesyncd",
    )


def key_result(status: int, body: bytes) -> PreflightResult:
    """Judge from the answer to ``ACCOUNT`` whether the exchange accepts the key."""
    return FIT if status == OK else _refused(status, body, "does not accept the key")


def account_result(body: bytes) -> PreflightResult:
    """Judge an account: whether it may trade."""
    try:
        may_trade = views.may_trade(body)
    except views.UnreadableError as error:
        return _unknown(f"the exchange shows an account that cannot be read: {error}")
    if may_trade:
        return FIT
    return PreflightResult(
        PreflightVerdict.UNFIT,
        "the account may not trade (canTrade is false)",
        "the exchange's website says why",
    )


def trial_result(status: int, body: bytes) -> PreflightResult:
    """Judge from the answer to ``TRIAL`` whether the key may place orders; other refusals mean nothing."""
    if status == OK:
        return FIT
    judged = _refused(status, body, "does not let the key trade")
    return FIT if judged.verdict is PreflightVerdict.UNKNOWN and status in REFUSALS else judged


def _refused(status: int, body: bytes, what: str) -> PreflightResult:
    """Read a refusal: it is permanent only if it concerns key, signature or permission."""
    said = f"the exchange {what}: HTTP {status} {raw(body)}"
    if advice_of(body) is not Advice.HALT:
        return _unknown(said)
    return PreflightResult(
        PreflightVerdict.UNFIT,
        said,
        "check key and secret, that the key may trade on the spot market, and which addresses it is bound to",
    )


def _unknown(what: str) -> PreflightResult:
    return PreflightResult(PreflightVerdict.UNKNOWN, what)
