"""Fault injection: a test defines a plan of what goes wrong between a client and MEXC.

A fault applies to requests of one endpoint, with a probability, with a maximum number of injections, or both. All draws
use the exchange's random generator in the order of the requests: one seed and one sequence of requests give one run.
Faults are drawn for requests that have passed the gateway (limits and signature). A request can get several: an order
that stays invisible and whose reply is lost has two faults.

A fault is a value and does nothing itself; `before_accept` and `after_accept` compute the reply. The plan is not
stored: it ends with the server. `fault_kinds` lists the kinds with their effects and settings.
"""

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Literal, get_args

import msgspec

from daemon.simulator import altered_replies
from daemon.simulator.errors import Code, ConfigurationInvalid, Refusal
from daemon.simulator.fault_kinds import KINDS, STREAMS, VIEW_ENDPOINTS, VIEWS
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

_PREVENTS_EXECUTION = frozenset(
    {"request_lost", "error_before", "forbidden", "maintenance", "rate_limited", "refused", "echo"}
)
_OK, _TOO_MANY_REQUESTS, _UNAVAILABLE = 200, 429, 503
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
    """One kind of fault, with the requests that it applies to."""

    kind: Kind
    endpoint: str = ""
    """`POST /api/v3/order`, or `*` for all; empty: the kind's default (`fault_kinds`)."""
    probability: float = 1.0
    count: int | None = None
    """The maximum number of injections; None: no limit."""
    delay_ms: int = 3_000
    status: int = 0
    """HTTP status of the reply; 0: the kind's default."""
    code: int = 0
    """A code from MEXC's table; 0: the kind's default."""
    retry_after_s: int = 1
    field: str | None = None
    """A field of the reply; None: the kind's default."""
    value: str = ""
    """The field's value: JSON, otherwise text."""
    share: Decimal = Decimal("0.6")
    """The share of the quantity that is shown as executed."""

    def __post_init__(self) -> None:
        """Check what the types cannot express."""
        if self.endpoint and KINDS[self.kind].target == STREAMS:
            raise ValueError(f"{self.kind} applies to the streams and takes no endpoint")
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
        """The endpoint that it applies to."""
        return self.endpoint or KINDS[self.kind].target


Injected = dict[str, Fault]
"""The faults of one request, by kind."""


class FaultPlan:
    """The active faults, each with the number of its injections."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = [(fault, fault.target) for fault in faults]
        self._times = [0] * len(self._faults)

    def draw(self, endpoint: str, random: Random) -> Injected:
        """Draw a request's faults. A fault that prevents its execution is the last one drawn."""
        injected: Injected = {}
        for index, (fault, target) in enumerate(self._faults):
            if not _matches(target, endpoint) or fault.kind in injected or self._is_spent(index):
                continue
            if fault.probability < 1 and random.random() >= fault.probability:
                continue
            self._times[index] += 1
            injected[fault.kind] = fault
            if fault.kind in _PREVENTS_EXECUTION:
                break
        return injected

    def report(self) -> list[dict[str, object]]:
        """Return the active faults, each with the number of its injections."""
        return [
            msgspec.to_builtins(fault) | {"endpoint": target, "struck": times}
            for (fault, target), times in zip(self._faults, self._times, strict=True)
        ]

    def _is_spent(self, index: int) -> bool:
        count = self._faults[index][0].count
        return count is not None and self._times[index] >= count


def _matches(target: str, endpoint: str) -> bool:
    if target == VIEWS:
        return endpoint in VIEW_ENDPOINTS
    return target == endpoint or (target == "*" and endpoint != STREAMS)


def before_accept(injected: Injected, request: Request) -> Reply | None:
    """Return the reply to a request that will not be executed, None for one that will.

    Raises:
        Refusal: the fault is a refusal.
    """
    if "request_lost" in injected:
        return Reply(500, b"", drop_reply=True)
    if fault := injected.get("error_before"):
        return _server_error(fault)
    if "forbidden" in injected:
        return _HTML_403
    if fault := injected.get("echo"):
        return _echo(fault, request)
    if "maintenance" in injected:
        return _HTML_503
    if fault := injected.get("rate_limited"):
        raise Refusal(Code.TOO_MANY_REQUESTS, retry_after_s=fault.retry_after_s)
    if fault := injected.get("refused"):
        raise Refusal(Code(fault.code or Code.DIRECTION_NOT_ALLOWED.value))
    return None


def after_accept(injected: Injected, reply: Reply) -> Reply:
    """Apply the faults to the reply of an executed request."""
    if reply.status == _OK:
        reply = msgspec.structs.replace(reply, body=_as_shown(injected, reply.body))
    if fault := injected.get("error_after"):
        reply = _server_error(fault)
    elif "forbidden_after" in injected:
        reply = _HTML_403
    elif (fault := injected.get("refusal_with_order")) and reply.status == _OK and "no_order_id" not in injected:
        reply = _refusal_with_order(fault, reply)
    elif "junk_body" in injected:
        reply = msgspec.structs.replace(reply, body=reply.body[: len(reply.body) // 2] + b"\xff\x00")
    delay_ms = injected["slow_after"].delay_ms if "slow_after" in injected else 0
    return msgspec.structs.replace(reply, delay_ms=delay_ms, drop_reply="reply_lost" in injected)


def _as_shown(injected: Injected, body: bytes) -> bytes:
    """Apply the faults that alter a reply's contents."""
    if "client_id_hidden" in injected:
        body = altered_replies.with_field(body, "clientOrderId", "null")
    if "no_sum" in injected:
        body = altered_replies.without_sums(body)
    if fault := injected.get("shown_as"):
        body = altered_replies.with_field(body, fault.field or "status", fault.value)
    if fault := injected.get("field_missing"):
        body = altered_replies.without_field(body, fault.field or "status")
    if "no_order_id" in injected:
        body = altered_replies.without_field(body, "orderId")
    if fault := injected.get("odd_row"):
        body = altered_replies.with_odd_row(body, "executedQty" if fault.field is None else fault.field, fault.value)
    return altered_replies.twice(body) if "rows_twice" in injected else body


def parse_fault(text: str) -> Fault:
    """Parse `KIND` or `KIND:name=value,name=value`.

    Raises:
        ConfigurationInvalid: the text has another form, or a value is out of its range.
    """
    kind, _, settings = text.partition(":")
    pairs = dict(pair.partition("=")[::2] for pair in settings.split(",") if pair)
    try:
        return msgspec.convert({"kind": kind, **pairs}, Fault, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigurationInvalid(f"the fault {text!r}: {error}; kinds: {', '.join(get_args(Kind))}") from None


def read_faults(content: object) -> list[Fault]:
    """Parse a plan, `{"faults": [{"kind": …}, …]}`, from a file or a control request.

    Raises:
        ConfigurationInvalid: the content has another form.
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
    """Return a refusal that contains the id of the placed order."""
    placed = msgspec.json.decode(reply.body)
    status = fault.status or _TOO_MANY_REQUESTS
    refusal = Reply.of({"code": fault.code or status, "msg": "refused", "orderId": placed.get("orderId")}, status)
    headers = {**refusal.headers, "Retry-After": str(fault.retry_after_s)} if status in _LIMITED else refusal.headers
    return msgspec.structs.replace(refusal, headers=headers)


def _echo(fault: Fault, request: Request) -> Reply:
    """Return a page that repeats a request, and its signature as text, as JSON, and as JSON within JSON."""
    signature = request.query.rpartition("signature=")[2]
    quoted = msgspec.json.encode({"signature": signature}).decode()
    twice = msgspec.json.encode(quoted).decode()
    page = f"{signature} {quoted} {twice} {request.method} {request.path}?{request.query} {dict(request.headers)}"
    return Reply(fault.status or _HTML_403.status, f"<html><pre>{page}</pre></html>".encode(), _HTML_403.headers)
