"""Faults on demand: what can go wrong between a client and MEXC, as a plan that a test lays down.

A fault strikes requests of one endpoint, with a probability, or the next so many, or both. All draws come from the
generator that the exchange was given, in the order of the requests, so that one seed and one sequence of requests
give one run. Faults are drawn for requests that passed the gateway (limits and signature), and several may strike
the same request: an order that stays invisible and whose reply is lost is two faults.

Nothing is done here: a fault is a value that says what shall happen, and `after_accept` what becomes of the reply.
The plan is forgotten when the server ends.

The kinds, what each does and which settings it has stand in `fault_kinds`.
"""

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Literal, get_args

import msgspec

from daemon.simulator import misshown
from daemon.simulator.errors import Code, ConfigurationInvalid, Refusal
from daemon.simulator.fault_kinds import KINDS, OF_VIEWS, STREAMS, VIEWS
from daemon.simulator.messages import Reply, Request

Kind = Literal[
    "request_lost",
    "error_before",
    "forbidden",
    "maintenance",
    "rate_limited",
    "refused",
    "echo",
    "slow_before",
    "invisible",
    "duplicate_refused",
    "type_refused",
    "former_state",
    "ended_hidden",
    "client_id_hidden",
    "no_trading",
    "no_sum",
    "filled_early",
    "odd_row",
    "rows_twice",
    "shown_as",
    "field_missing",
    "reply_lost",
    "error_after",
    "forbidden_after",
    "refusal_with_order",
    "junk_body",
    "no_order_id",
    "slow_after",
    "event_lost",
    "stream_cut",
]

_ENDS_BEFORE = frozenset(
    {"request_lost", "error_before", "forbidden", "maintenance", "rate_limited", "refused", "echo"}
)
_OK, _TOO_MANY, _UNAVAILABLE = 200, 429, 503
_LIMITED = frozenset({429, 418})
_HTML_403 = Reply(
    403,
    b"<html><head><title>403 Forbidden</title></head><body><h1>Access Denied</h1></body></html>",
    {"Content-Type": "text/html"},
)
_HTML_503 = msgspec.structs.replace(
    _HTML_403, status=503, body=b"<html><head><title>Maintenance</title></head><body>Back soon</body></html>"
)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of trouble, and when it strikes."""

    kind: Kind
    endpoint: str = ""
    """`POST /api/v3/order`, or `*` for all; empty: where the kind belongs (`fault_kinds`)."""
    probability: float = 1.0
    count: int | None = None
    """How often it strikes before it is spent; None: for ever."""
    delay_ms: int = 3_000
    status: int = 0
    """Of the answer; 0: the kind's own."""
    code: int = 0
    """One of MEXC's table; 0: the kind's own."""
    retry_after_s: int = 1
    field: str | None = None
    """A field of the reply; None: the kind's own."""
    value: str = ""
    """What the field shows: JSON, or else a text."""
    share: Decimal = Decimal("0.6")
    """Of the quantity that is shown as executed."""

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if self.endpoint and KINDS[self.kind].target == STREAMS:
            raise ValueError(f"{self.kind} strikes the streams, no endpoint")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if self.count is not None and self.count < 0:
            raise ValueError("count must not be negative")
        if self.delay_ms < 0 or self.retry_after_s < 0:
            raise ValueError("a duration must not be negative")
        if not 0 <= self.share <= 1:
            raise ValueError("share must be between 0 and 1")
        if self.status and not 200 <= self.status <= 599:  # noqa: PLR2004 - an HTTP status that ends a request
            raise ValueError("status must be between 200 and 599")
        if self.code:
            Code(self.code)

    @property
    def target(self) -> str:
        """The endpoint that it strikes."""
        return self.endpoint or KINDS[self.kind].target


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
    if target == VIEWS:
        return endpoint in OF_VIEWS
    return target == endpoint or (target == "*" and endpoint != STREAMS)


def before_accept(struck: Struck, request: Request) -> Reply | None:
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
    if fault := struck.get("echo"):
        return _echo(fault, request)
    if "maintenance" in struck:
        return _HTML_503
    if fault := struck.get("rate_limited"):
        raise Refusal(Code.TOO_MANY_REQUESTS, retry_after_s=fault.retry_after_s)
    if fault := struck.get("refused"):
        raise Refusal(Code(fault.code or Code.DIRECTION_NOT_ALLOWED.value))
    return None


def after_accept(struck: Struck, reply: Reply) -> Reply:
    """Return what becomes of the reply to a request that was done."""
    if reply.status == _OK:
        reply = msgspec.structs.replace(reply, body=_as_shown(struck, reply.body))
    if fault := struck.get("error_after"):
        reply = _server_error(fault)
    elif "forbidden_after" in struck:
        reply = _HTML_403
    elif (fault := struck.get("refusal_with_order")) and reply.status == _OK and "no_order_id" not in struck:
        reply = _refusal_with_order(fault, reply)
    elif "junk_body" in struck:
        reply = msgspec.structs.replace(reply, body=reply.body[: len(reply.body) // 2] + b"\xff\x00")
    delay_ms = struck["slow_after"].delay_ms if "slow_after" in struck else 0
    return msgspec.structs.replace(reply, delay_ms=delay_ms, drop_reply="reply_lost" in struck)


def _as_shown(struck: Struck, body: bytes) -> bytes:
    """Return what a reply shows instead of the truth."""
    if "client_id_hidden" in struck:
        body = misshown.with_field(body, "clientOrderId", "null")
    if "no_sum" in struck:
        body = misshown.without_sums(body)
    if fault := struck.get("shown_as"):
        body = misshown.with_field(body, fault.field or "status", fault.value)
    if fault := struck.get("field_missing"):
        body = misshown.without_field(body, fault.field or "status")
    if "no_order_id" in struck:
        body = misshown.without_field(body, "orderId")
    if fault := struck.get("odd_row"):
        body = misshown.with_odd_row(body, "executedQty" if fault.field is None else fault.field, fault.value)
    return misshown.twice(body) if "rows_twice" in struck else body


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
    status = fault.status or _UNAVAILABLE
    return Reply.of({"code": fault.code or status, "msg": "execution status unknown"}, status)


def _refusal_with_order(fault: Fault, reply: Reply) -> Reply:
    """Refuse what was placed, and name it."""
    placed = msgspec.json.decode(reply.body)
    status = fault.status or _TOO_MANY
    refusal = Reply.of({"code": fault.code or status, "msg": "refused", "orderId": placed.get("orderId")}, status)
    headers = {**refusal.headers, "Retry-After": str(fault.retry_after_s)} if status in _LIMITED else refusal.headers
    return msgspec.structs.replace(refusal, headers=headers)


def _echo(fault: Fault, request: Request) -> Reply:
    """Quote a request: as it came, its signature bare, as JSON, and as JSON within JSON."""
    signature = request.query.rpartition("signature=")[2]
    quoted = msgspec.json.encode({"signature": signature}).decode()
    twice = msgspec.json.encode(quoted).decode()
    page = f"{signature} {quoted} {twice} {request.method} {request.path}?{request.query} {dict(request.headers)}"
    return Reply(fault.status or _HTML_403.status, f"<html><pre>{page}</pre></html>".encode(), _HTML_403.headers)
