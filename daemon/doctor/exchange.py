"""The exchange: whether it can be reached, the offset of its clock, and what the key may do."""

import ssl
from collections.abc import Iterator

import msgspec

from daemon.config.credentials import Credentials
from daemon.config.tables import Config, ExchangeTable
from daemon.core.values.exchange_replies import Advice, PreflightResult, PreflightVerdict
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.exchange.mexc import views
from daemon.exchange.mexc.preflight import (
    ACCOUNT,
    TEST,
    TRIAL,
    account_result,
    clock_result,
    key_result,
    trial_result,
)
from daemon.exchange.mexc.replies import UNREADABLE, advice_of
from daemon.exchange.mexc.single_requests import Server, SingleAnswer, Unanswered

MUCH_MS = 1_000
"""The daemon compensates the offset. One above this limit means that the machine's clock is not synchronised."""

FEW_DAYS = 14
OK = 200
SELF_SYMBOLS = "/api/v3/selfSymbols"


class _Symbols(msgspec.Struct):
    """The pairs of a key."""

    data: list[str]


def examine(config: Config, keys: Credentials | None = None) -> Iterator[Finding]:
    """Query the exchange's time and, with keys, what they may do. No order is placed."""
    exchange = config.exchange
    if exchange.mode == "paper" and not exchange.shadow:
        yield ok("exchange", "the paper exchange, which the daemon starts itself")
        return
    server = Server(exchange.market, None if exchange.shadow else keys)
    try:
        took_ms = server.measure()
    except ssl.SSLError as error:
        yield failure(
            "exchange", f"{server.url}: TLS fails: {error}", "set the machine's clock, and install ca-certificates"
        )
        return
    except (Unanswered, views.UnreadableError) as error:
        yield failure("exchange", f"{server.url} does not answer: {error}", "check name resolution, route and firewall")
        return
    yield ok("exchange", f"{server.url} answers within {took_ms} ms{_shadow(exchange)}")
    if server.url.startswith("https:"):
        yield _certificate(server.certificate_days)
    yield _clock(server.offset_ms)
    if server.keys is not None:
        yield from _key(config, server)


def _shadow(exchange: ExchangeTable) -> str:
    return "; its market data is read, and no order is sent there" if exchange.shadow else ""


def _certificate(days: int | None) -> Finding:
    if days is None:
        return warning("tls", "the certificate's expiry is unknown", "inspect it: openssl s_client")
    text = f"the certificate is valid for another {days} days"
    if days < FEW_DAYS:
        return warning("tls", text, "have it renewed by the operator of the server or of the proxy in front of it")
    return ok("tls", text)


def _clock(offset_ms: int) -> Finding:
    text = f"the exchange's clock is {offset_ms:+d} ms from the machine's"
    if abs(offset_ms) > MUCH_MS:
        advice = "synchronise the machine's clock: systemctl enable --now systemd-timesyncd"
        return _finding("clock", clock_result(offset_ms), warning("clock", text, advice))
    return ok("clock", text)


def _finding(check: str, result: PreflightResult, fit: Finding) -> Finding:
    """Return the finding for a preflight result; ``fit`` if nothing speaks against trading."""
    match result.verdict:
        case PreflightVerdict.FIT:
            return fit
        case PreflightVerdict.UNFIT:
            return failure(check, result.what, result.advice)
        case PreflightVerdict.UNKNOWN:
            return warning(check, result.what, "run `sniperd doctor` again")


def _key(config: Config, server: Server) -> Iterator[Finding]:
    """Check what the key may do, as far as the exchange shows it."""
    try:
        account = server.private("GET", ACCOUNT, [])
        accepted = _accepted(account)
        yield accepted
        if account.status != OK:
            return
        yield _trading(account, server.private("POST", TEST, TRIAL))
        yield _pairs(config, server.private("GET", SELF_SYMBOLS, []))
    except (Unanswered, ssl.SSLError) as error:
        yield warning("key", f"no answer to a signed request: {error}", "run `sniperd doctor` again")


def _accepted(answer: SingleAnswer) -> Finding:
    if answer.status != OK and advice_of(answer.body) is Advice.RESYNC:
        return failure("key", f"the exchange refuses the time of requests: {answer.said}", "see the line `clock`")
    fit = ok("key", "the exchange accepts it, from this machine's address, with this clock")
    return _finding("key", key_result(answer.status, answer.body), fit)


def _trading(account: SingleAnswer, trial: SingleAnswer) -> Finding:
    """Judge by the account's permissions and by the answer to a test order."""
    taken = "taken" if trial.status == OK else f"refused: {trial.said}"
    fit = ok("trading", f"the account may trade; an order that was only tried was {taken}")
    tried = _finding("trading", trial_result(trial.status, trial.body), fit)
    return _finding("trading", account_result(account.body), tried)


def _pairs(config: Config, answer: SingleAnswer) -> Finding:
    try:
        pairs = set(msgspec.json.decode(answer.body, type=_Symbols).data) if answer.status == OK else None
    except UNREADABLE:
        pairs = None
    if pairs is None:
        return warning("pairs", f"the exchange does not show the key's pairs: {answer.said}", "check the key's page")
    if not pairs:
        return failure(
            "pairs", "the key may trade no pair", "link pairs to it on the key's page, or create a key without a list"
        )
    wanted = {pair.upper() for pair in config.guards.allowed_symbols}
    if missing := sorted(wanted - pairs):
        return warning(
            "pairs",
            f"the key may trade {len(pairs)} pairs, but not {', '.join(missing[:10])} of [guards] allowed_symbols",
            "link them to the key, or remove them from the list",
        )
    return ok("pairs", f"the key may trade {len(pairs)} pairs; new listings are included only if the key has no list")
