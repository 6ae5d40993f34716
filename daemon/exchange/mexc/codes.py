"""MEXC's error codes and what each means as the answer to an order request: one table, one row per code.

A row has the code, its class, the source of the row and the meaning of the code. The class is the advice that a refusal
calls for, or ``None`` for an unknown outcome. A code without a row is an unknown outcome too.

Every code of MEXC's published list has a row. A published code that cannot answer an order (transfers, withdrawals,
sub-accounts) is an unknown outcome: an order must not depend on an answer to another question.

Sources: ``DOC`` MEXC's published list · ``LIB`` a maintained client library knows the code (ccxt) · ``OBS`` observed in
an answer. What a sniper does about each code is this project's choice.
"""

from enum import StrEnum

import msgspec

from daemon.core.values.exchange_replies import Advice


class Source(StrEnum):
    """Where a row comes from."""

    DOC = "documented"
    LIB = "library"
    OBS = "observed"


class Row(msgspec.Struct, frozen=True):
    """One code."""

    code: int
    advice: Advice | None  # what the refusal calls for; None: the outcome is unknown
    source: Source
    says: str


_RETRY, _WAIT, _RESYNC, _REPRICE = Advice.RETRY, Advice.WAIT, Advice.RESYNC, Advice.REPRICE
_STOP, _FUNDS, _ALERT, _DEAD, _HALT = Advice.STOP, Advice.CHECK_FUNDS, Advice.ALERT, Advice.DEAD_LETTER, Advice.HALT
_DOC, _LIB, _OBS = Source.DOC, Source.LIB, Source.OBS

TABLE: tuple[Row, ...] = (
    # Not open yet, suspended, no counterparty: send again within the deadline.
    Row(30001, _RETRY, _DOC, "direction not allowed; the usual answer before a listing opens (observed)"),
    Row(10007, _RETRY, _DOC, "bad symbol: before the open, or never for this key"),
    Row(30016, _RETRY, _DOC, "trading disabled"),
    Row(30000, _RETRY, _DOC, "trading of the symbol is suspended"),
    Row(30014, _RETRY, _DOC, "invalid symbol"),
    Row(30021, _RETRY, _DOC, "invalid symbol"),
    Row(-1121, _RETRY, _LIB, "invalid symbol"),
    Row(730001, _RETRY, _DOC, "pair not found; the list has a second meaning, user information error"),
    Row(10232, _RETRY, _DOC, "currency does not exist: before a listing its name may not be known yet"),
    Row(30025, _RETRY, _DOC, "no opponent order: the other side of the book is empty"),
    Row(11444, _RETRY, _DOC, "feature temporarily unavailable"),
    # The exchange limits our requests.
    Row(429, _WAIT, _DOC, "too many requests"),
    # Our clock.
    Row(700003, _RESYNC, _DOC, "timestamp outside of recvWindow"),
    Row(10073, _RESYNC, _DOC, "invalid request time"),
    # Price.
    Row(30010, _REPRICE, _DOC, "no valid trade price; the message states a cap at a listing (observed)"),
    Row(30087, _REPRICE, _LIB, "price exceeds the allowed range"),
    # This order is impossible.
    Row(30018, _STOP, _DOC, "market orders disabled; also: the account cannot place orders (library)"),
    Row(30019, _STOP, _DOC, "market orders by API disabled"),
    Row(30051, _STOP, _OBS, "market orders by API disabled"),
    Row(30041, _STOP, _DOC, "this order type is not allowed"),
    Row(30069, _STOP, _OBS, "refused; MEXC publishes no meaning"),
    Row(30004, _FUNDS, _DOC, "insufficient position"),
    Row(10101, _FUNDS, _DOC, "insufficient balance"),
    Row(30005, _FUNDS, _DOC, "oversold"),
    # Permission, risk and the account: this order is impossible, and the operator should know.
    Row(26, _ALERT, _DOC, "operation not allowed"),
    Row(10001, _ALERT, _DOC, "user does not exist"),
    Row(10004, _ALERT, _OBS, "refused; MEXC publishes no meaning"),
    Row(10015, _ALERT, _DOC, "user id cannot be null"),
    Row(10098, _ALERT, _DOC, "risk control detected something abnormal"),
    Row(10099, _ALERT, _DOC, "the sub-account is not open"),
    Row(30020, _ALERT, _DOC, "no permission for the symbol"),
    Row(30027, _ALERT, _DOC, "maximum position reached, buying suspended"),
    Row(30028, _ALERT, _DOC, "risk control, selling suspended"),
    Row(30029, _ALERT, _DOC, "maximum number of orders"),
    Row(30032, _ALERT, _DOC, "maximum position"),
    Row(60005, _ALERT, _DOC, "the account is abnormal"),
    Row(70011, _ALERT, _DOC, "the pair is banned for this key"),
    Row(140001, _ALERT, _DOC, "the sub-account does not exist"),
    Row(140002, _ALERT, _DOC, "the sub-account is forbidden"),
    Row(200006, _ALERT, _OBS, "refused; MEXC publishes no meaning"),
    Row(200010, _ALERT, _OBS, "refused; MEXC publishes no meaning"),
    Row(730003, _ALERT, _DOC, "unsupported operation"),
    Row(730100, _ALERT, _DOC, "unusual user status"),
    # A bug or a bad signal.
    Row(30002, _DEAD, _DOC, "below the minimum"),
    Row(88013, _DEAD, _LIB, "below the minimum"),
    Row(30003, _DEAD, _DOC, "above the maximum"),
    Row(10095, _DEAD, _DOC, "amount cannot be null"),
    Row(10096, _DEAD, _DOC, "amount has too many decimals"),
    Row(10097, _DEAD, _DOC, "amount is wrong"),
    Row(10102, _DEAD, _DOC, "amount cannot be zero or negative"),
    Row(10222, _DEAD, _DOC, "currency cannot be null"),
    Row(20001, _DEAD, _DOC, "subsystem not supported"),
    Row(33333, _DEAD, _DOC, "parameter is wrong"),
    Row(44444, _DEAD, _DOC, "parameter cannot be null"),
    Row(-1128, _DEAD, _LIB, "combination of parameters"),
    Row(700004, _DEAD, _DOC, "mandatory parameter"),
    Row(700008, _DEAD, _DOC, "illegal characters in a parameter"),
    Row(730002, _DEAD, _DOC, "parameter is wrong"),
    # The key or the form of our requests: every request would be refused.
    Row(400, _HALT, _DOC, "API key required; also: an amount of this order has too many decimals (observed)"),
    Row(401, _HALT, _DOC, "no authority"),
    Row(402, _HALT, _LIB, "API key expired"),
    Row(602, _HALT, _DOC, "signature verification failed"),
    Row(10072, _HALT, _DOC, "invalid access key"),
    Row(700001, _HALT, _DOC, "API key format"),
    Row(700002, _HALT, _DOC, "signature not valid"),
    Row(700005, _HALT, _DOC, "recvWindow too long"),
    Row(700006, _HALT, _DOC, "address not on the key's list"),
    Row(700007, _HALT, _DOC, "no permission for the endpoint"),
    Row(700013, _HALT, _LIB, "content type"),
    # Unknown outcome: the list, or the code's meaning, does not say that nothing was executed.
    Row(500, None, _DOC, "internal error"),
    Row(503, None, _DOC, "service not available"),
    Row(504, None, _DOC, "gateway time-out"),
    Row(20002, None, _DOC, "internal system error"),
    Row(10203, None, _OBS, "operation is processing"),
    Row(403, None, _DOC, "access denied: at the firewall, like HTTP 403, which says nothing about execution"),
    Row(730000, None, _DOC, "request failed, without saying at which step"),
    Row(22222, None, _DOC, "record does not exist: a fresh order's record can be missing where it is read (observed)"),
    Row(30026, None, _DOC, "invalid order ids: may speak of an id that was used, so an order of ours may exist"),
    Row(-2010, None, _LIB, "duplicate order"),
    Row(-2011, None, _DOC, "unknown order: answers a cancel"),
    Row(-2013, None, _LIB, "order does not exist: answers a look-up"),
    *(
        Row(code, None, _DOC, "transfers, withdrawals, sub-accounts and keys: no answer to an order")
        for code in (
            10100, 10103, 10200, 10201, 10202, 10206, 10211, 10212, 10216, 10219, 10259, 10265, 10268,
            730101, 730600, 730601, 730602, 730700, 730701, 730702, 730703, 730704, 730705, 730706, 730707,
        )
    ),
)  # fmt: skip

ADVICE: dict[int, Advice] = {row.code: row.advice for row in TABLE if row.advice is not None}
"""The codes that are refusals, with what each calls for."""

ABOUT_RULES = frozenset({
    10007, 30014, 30021, -1121, 730001,  # the symbol
    30018, 30019, 30041, 30051,  # the type
    30002, 30003, 88013,  # minimum and maximum
    10096, 10097,  # the scale; code 400 speaks of it in its message
})  # fmt: skip
"""Refusals after which the pair's rules are queried again, because they may have changed."""

NOT_OPEN = frozenset({30001, 10007, 30016, 30000, 30014, 30021, -1121, 730001, 10232})
"""Refusals of a pair that is not open yet; of a listing, its name may not be known yet either."""

NO_MARKET = frozenset({30018, 30019, 30041, 30051})
"""Refusals of a MARKET order for its type."""

SERVER_CODES = frozenset({500, 503, 504, 20002, 10203})
"""Codes of the exchange's internal errors: the execution status of *any* request is unknown (documented)."""

UNKNOWN_CODES = frozenset(row.code for row in TABLE if row.advice is None)
"""The listed codes after which the outcome of an order request is unknown."""
