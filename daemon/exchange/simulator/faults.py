"""Faults on demand: what can go wrong between a client and MEXC, as a plan that a test lays down.

A fault strikes requests of one endpoint, with a probability, or the next so many, or both. All draws come from the
generator that the exchange was given, in the order of the requests, so that one seed and one sequence of requests
give one run. Faults are drawn for requests that passed the gateway (limits and signature), and several may strike
the same request: an order that stays invisible and whose reply is lost is two faults.

Nothing is done here: a fault is a value that says what shall happen, and `after_accept` what becomes of the reply.
The plan is forgotten when the server ends.

    before accept    request_lost  error_before  forbidden  rate_limited  refused
                     slow_before (the gateway has admitted it; the book sees it later)
    while accepting  invisible  duplicate_refused  type_refused  former_state
    while showing    ended_hidden  no_trading  no_sum
    after accept     reply_lost  error_after  forbidden_after  junk_body  no_order_id  slow_after
    in the streams   event_lost  stream_cut
"""

from collections.abc import Iterable
from random import Random
from typing import Literal, get_args

import msgspec

from daemon.exchange.simulator.errors import Code, ConfigurationInvalid, Refusal
from daemon.exchange.simulator.messages import Reply

Kind = Literal[
    "request_lost",
    "error_before",
    "forbidden",
    "rate_limited",
    "refused",
    "slow_before",
    "invisible",
    "duplicate_refused",
    "type_refused",
    "former_state",
    "ended_hidden",
    "no_trading",
    "no_sum",
    "reply_lost",
    "error_after",
    "forbidden_after",
    "junk_body",
    "no_order_id",
    "slow_after",
    "event_lost",
    "stream_cut",
]
"""
request_lost       the connection is cut, nothing was done
error_before       HTTP `status` (503) with `code` (the status), nothing was done
forbidden          HTTP 403 with an HTML page, nothing was done
rate_limited       HTTP 429 with `Retry-After: retry_after_s` (0: without), nothing was done
refused            refused with `code` (30001)
slow_before        admitted now, carried out `delay_ms` later, then answered
invisible          the placed order can't be seen for `delay_ms`
duplicate_refused  an order is refused with `code` when its client order id was used before (MEXC's is unknown: -2010)
type_refused       an IMMEDIATE_OR_CANCEL or FILL_OR_KILL order is refused with `code` (30041)
former_state       a cancellation shows the order as it was before
ended_hidden       an order that has ended is not found by its client order id
no_trading         the account shows that it may not trade
no_sum             orders are shown with `cummulativeQuoteQty` "0"; fills (`GET /api/v3/myTrades`) are not shown
reply_lost         done, then the connection is cut
error_after        done, then HTTP `status` (503) with `code` (the status)
forbidden_after    done, then HTTP 403 with an HTML page
junk_body          done, then answered with half of the answer and noise
no_order_id        done, then answered without orderId
slow_after         done, then answered `delay_ms` later
event_lost         the streams are not told what happened
stream_cut         the streams are told, then cut
"""

_PLACE = "POST /api/v3/order"
STREAMS = "streams"
_TARGETS: dict[str, str] = {
    "former_state": "DELETE /api/v3/order",
    "ended_hidden": "GET /api/v3/order",
    "no_trading": "GET /api/v3/account",
    "no_sum": "GET /api/v3/order",
    "event_lost": STREAMS,
    "stream_cut": STREAMS,
}

_ENDS_BEFORE = frozenset({"request_lost", "error_before", "forbidden", "rate_limited", "refused"})
_HTML_403 = Reply(
    403,
    b"<html><head><title>403 Forbidden</title></head><body><h1>Access Denied</h1></body></html>",
    {"Content-Type": "text/html"},
)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of trouble, and when it strikes."""

    kind: Kind
    endpoint: str = ""
    """`POST /api/v3/order`, or `*` for all; empty: where the kind belongs, mostly the placing of orders."""
    probability: float = 1.0
    count: int | None = None
    """How often it strikes before it is spent; None: for ever."""
    delay_ms: int = 3_000
    status: int = 503
    code: int = 0
    """One of MEXC's table; 0: the kind's own."""
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if self.endpoint and _TARGETS.get(self.kind) == STREAMS:
            raise ValueError(f"{self.kind} strikes the streams, no endpoint")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if self.count is not None and self.count < 0:
            raise ValueError("count must not be negative")
        if self.delay_ms < 0 or self.retry_after_s < 0:
            raise ValueError("a duration must not be negative")
        if not 200 <= self.status <= 599:  # noqa: PLR2004 - an HTTP status that ends a request
            raise ValueError("status must be between 200 and 599")
        if self.code:
            Code(self.code)

    @property
    def target(self) -> str:
        """The endpoint that it strikes."""
        return self.endpoint or _TARGETS.get(self.kind, _PLACE)


Struck = dict[str, Fault]
"""The faults that strike one request, by kind."""


class FaultPlan:
    """The faults in force, and how often each has struck."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = [(fault, fault.target) for fault in faults]
        self._times = [0] * len(self._faults)

    def draw(self, endpoint: str, random: Random) -> Struck:
        """Return what strikes a request. Nothing more is drawn once it is sure that the request won't be done."""
        struck: Struck = {}
        for index, (fault, target) in enumerate(self._faults):
            if not _meets(target, endpoint) or fault.kind in struck or self._is_spent(index):
                continue
            if fault.probability < 1 and random.random() >= fault.probability:
                continue
            self._times[index] += 1
            struck[fault.kind] = fault
            if fault.kind in _ENDS_BEFORE:
                break
        return struck

    def report(self) -> list[dict[str, object]]:
        """Return the faults in force with how often each has struck."""
        return [
            msgspec.to_builtins(fault) | {"endpoint": target, "struck": times}
            for (fault, target), times in zip(self._faults, self._times, strict=True)
        ]

    def _is_spent(self, index: int) -> bool:
        count = self._faults[index][0].count
        return count is not None and self._times[index] >= count


def _meets(target: str, endpoint: str) -> bool:
    return target == endpoint or (target == "*" and endpoint != STREAMS)


def before_accept(struck: Struck) -> Reply | None:
    """Return the reply to a request that will not be done, None for one that will.

    Raises:
        Refusal: the fault is a refusal.
    """
    if "request_lost" in struck:
        return Reply(500, b"", drop_reply=True)
    if fault := struck.get("error_before"):
        return _server_error(fault)
    if "forbidden" in struck:
        return _HTML_403
    if fault := struck.get("rate_limited"):
        raise Refusal(Code.TOO_MANY_REQUESTS, retry_after_s=fault.retry_after_s)
    if fault := struck.get("refused"):
        raise Refusal(Code(fault.code or Code.DIRECTION_NOT_ALLOWED.value))
    return None


def after_accept(struck: Struck, reply: Reply) -> Reply:
    """Return what becomes of the reply to a request that was done."""
    if fault := struck.get("error_after"):
        reply = _server_error(fault)
    elif "forbidden_after" in struck:
        reply = _HTML_403
    elif "junk_body" in struck:
        reply = msgspec.structs.replace(reply, body=reply.body[: len(reply.body) // 2] + b"\xff\x00")
    elif "no_sum" in struck:
        reply = msgspec.structs.replace(reply, body=_without_sums(reply.body))
    elif "no_order_id" in struck:
        reply = msgspec.structs.replace(reply, body=_without_order_id(reply.body))
    delay_ms = struck["slow_after"].delay_ms if "slow_after" in struck else 0
    return msgspec.structs.replace(reply, delay_ms=delay_ms, drop_reply="reply_lost" in struck)


def parse_fault(text: str) -> Fault:
    """Read `KIND` or `KIND:name=value,name=value`.

    Raises:
        ConfigurationInvalid: it is neither, or a value is out of its range.
    """
    kind, _, settings = text.partition(":")
    pairs = dict(pair.partition("=")[::2] for pair in settings.split(",") if pair)
    try:
        return msgspec.convert({"kind": kind, **pairs}, Fault, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigurationInvalid(f"the fault {text!r}: {error}; kinds: {', '.join(get_args(Kind))}") from None


def read_faults(content: object) -> list[Fault]:
    """Read a plan, `{"faults": [{"kind": …}, …]}`, as it comes from a file or a control request.

    Raises:
        ConfigurationInvalid: it is no such thing.
    """
    try:
        return msgspec.convert(content, _Plan).faults
    except msgspec.ValidationError as error:
        raise ConfigurationInvalid(f"faults: {error}") from None


class _Plan(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


def _server_error(fault: Fault) -> Reply:
    return Reply.of({"code": fault.code or fault.status, "msg": "execution status unknown"}, fault.status)


def _without_sums(body: bytes) -> bytes:
    content = msgspec.json.decode(body)
    if isinstance(content, list):
        content = [item for item in content if "quoteQty" not in item]
    for item in content if isinstance(content, list) else [content]:
        if "cummulativeQuoteQty" in item:
            item["cummulativeQuoteQty"] = "0"
    return msgspec.json.encode(content)


def _without_order_id(body: bytes) -> bytes:
    content = msgspec.json.decode(body)
    for item in content if isinstance(content, list) else [content]:
        item.pop("orderId", None)
    return msgspec.json.encode(content)
