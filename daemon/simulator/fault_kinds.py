"""The kinds of faults, for whoever lays them down: what each does, where it strikes, which settings it has.

`sniperd exchange --help` shows this table. The settings `endpoint`, `probability` and `count` belong to every kind and
stand in the help's first lines. A setting that a kind does not list has no effect on it.
"""

import msgspec

PLACE, CANCEL, LOOK_UP = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"
ACCOUNT, TRADES, HISTORY = "GET /api/v3/account", "GET /api/v3/myTrades", "GET /api/v3/allOrders"
STREAMS = "streams"
VIEWS = "views"
"""The four endpoints that show own orders and fills."""

OF_VIEWS = frozenset({LOOK_UP, "GET /api/v3/openOrders", HISTORY, TRADES})


class FaultKind(msgspec.Struct, frozen=True):
    """One kind of fault."""

    name: str
    does: str
    target: str = PLACE
    """The endpoint that it strikes where the fault names none."""
    options: dict[str, str] = {}
    """The settings that count for it, with their defaults."""


GROUPS: dict[str, tuple[FaultKind, ...]] = {
    "before the request is done: it is not done at all": (
        FaultKind("request_lost", "the connection is cut"),
        FaultKind("error_before", "answered with a server's error", options={"status": "503", "code": "the status"}),
        FaultKind("forbidden", "answered with HTTP 403 and an HTML page"),
        FaultKind("maintenance", "answered with HTTP 503 and an HTML page"),
        FaultKind(
            "rate_limited", "answered with HTTP 429 and Retry-After (0: without it)", options={"retry_after_s": "1"}
        ),
        FaultKind("refused", "refused with a code of MEXC's table", options={"code": "30001"}),
        FaultKind(
            "echo", "answered with a page that quotes the request and its signature in every notation",
            options={"status": "403"},
        ),
    ),
    "while the request is done": (
        FaultKind(
            "slow_before", "admitted now, done later (the gateway has it, the book does not)",
            options={"delay_ms": "3000"},
        ),
        FaultKind("invisible", "the placed order trades, and is shown nowhere at first", options={"delay_ms": "3000"}),
        FaultKind(
            "duplicate_refused", "refused where the client order id was used before (MEXC's code is unknown)",
            options={"code": "-2010"},
        ),
        FaultKind(
            "type_refused", "an IMMEDIATE_OR_CANCEL or FILL_OR_KILL order is refused", options={"code": "30041"}
        ),
        FaultKind("former_state", "a cancellation is done and shows the order as it was before", CANCEL),
    ),
    "what is shown": (
        FaultKind("ended_hidden", "an order that has ended is not found by its client order id", LOOK_UP),
        FaultKind(
            "client_id_hidden", "no order is found by its client order id, and every row shows it as null", VIEWS
        ),
        FaultKind("no_trading", "the account shows that it may not trade", ACCOUNT),
        FaultKind("no_sum", "orders are shown with a sum of 0; GET /api/v3/myTrades shows no fills", LOOK_UP),
        FaultKind(
            "filled_early", "a filled order is shown as FILLED with a share of its quantity until it is so old",
            VIEWS, {"delay_ms": "3000", "share": "0.6"},
        ),
        FaultKind(
            "odd_row", "a list begins with another program's order in which a field is odd (field empty: an empty row)",
            HISTORY, {"field": "executedQty", "value": "empty"},
        ),
        FaultKind("rows_twice", "a list shows every row twice", TRADES),
        FaultKind(
            "shown_as", "a field has another value wherever it stands in the reply: JSON, or else a text",
            LOOK_UP, {"field": "status", "value": "empty"},
        ),
        FaultKind("field_missing", "a field is left out wherever it stands in the reply", LOOK_UP, {"field": "status"}),
    ),
    "after the request was done": (
        FaultKind("reply_lost", "the connection is cut"),
        FaultKind("error_after", "answered with a server's error", options={"status": "503", "code": "the status"}),
        FaultKind("forbidden_after", "answered with HTTP 403 and an HTML page"),
        FaultKind(
            "refusal_with_order", "answered with a refusal that names the order that was placed",
            options={"status": "429", "code": "the status", "retry_after_s": "1"},
        ),
        FaultKind("junk_body", "answered with half of the answer and noise"),
        FaultKind("no_order_id", "answered without orderId"),
        FaultKind("slow_after", "answered later", options={"delay_ms": "3000"}),
    ),
    "in the private streams": (
        FaultKind("event_lost", "the streams are not told what happened", STREAMS),
        FaultKind("stream_cut", "the streams are told, then cut", STREAMS),
    ),
}  # fmt: skip

KINDS = {kind.name: kind for group in GROUPS.values() for kind in group}

_COMMON = """\
A fault is laid down by --fault KIND[:NAME=VALUE,…], by the tables [[faults]] of the file that --faults names, or, while
the exchange runs, by PUT /simulator/faults {"faults": [{"kind": …}, …]}, which replaces all.

Settings of every kind:
  endpoint     the endpoint that it strikes, as in "POST /api/v3/order"; * strikes all of them (default: shown below)
  probability  of striking a request, 0 to 1 (1)
  count        how often it strikes before it is spent (without end)

Kinds, each with the endpoint that it strikes by default and its own settings:"""


def help_text() -> str:
    """Write the help: every kind with what it does, where it strikes, and its settings with their defaults."""
    width = max(map(len, KINDS))
    lines = [_COMMON]
    for title, kinds in GROUPS.items():
        lines += ["", f"{title}"]
        for kind in kinds:
            lines.append(f"  {kind.name:<{width}}  {kind.does}")
            settings = ", ".join(f"{name} ({default})" for name, default in kind.options.items())
            where = {VIEWS: "look-ups and lists of own orders and fills", STREAMS: "the streams"}.get(
                kind.target, kind.target
            )
            lines.append(f"  {'':<{width}}  {where}{'; ' if settings else ''}{settings}")
    return "\n".join(lines)
