"""The kinds of faults: what each does, which endpoint it applies to, which settings it has.

`sniperd exchange --help` shows this table. The settings `endpoint`, `probability` and `count` belong to every kind; the
first lines of the help describe them. A kind ignores the settings that it does not list.
"""

import msgspec

PLACE, CANCEL, QUERY = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"
ACCOUNT, TRADES, HISTORY = "GET /api/v3/account", "GET /api/v3/myTrades", "GET /api/v3/allOrders"
STREAMS = "streams"
VIEWS = "views"
"""The four endpoints that show own orders and fills."""

VIEW_ENDPOINTS = frozenset({QUERY, "GET /api/v3/openOrders", HISTORY, TRADES})


class FaultKind(msgspec.Struct, frozen=True):
    """One kind of fault."""

    name: str
    does: str
    target: str = PLACE
    """The endpoint that it applies to by default."""
    options: dict[str, str] = {}
    """Its settings with their defaults."""


GROUPS: dict[str, tuple[FaultKind, ...]] = {
    "before the request is executed: it is never executed": (
        FaultKind("request_lost", "the connection is cut"),
        FaultKind("error_before", "answered with a server error", options={"status": "503", "code": "the status"}),
        FaultKind("forbidden", "answered with HTTP 403 and an HTML page"),
        FaultKind("maintenance", "answered with HTTP 503 and an HTML page"),
        FaultKind(
            "rate_limited", "answered with HTTP 429 and Retry-After (0: without it)", options={"retry_after_s": "1"}
        ),
        FaultKind("refused", "refused with a code from MEXC's table", options={"code": "30001"}),
        FaultKind(
            "echo", "answered with a page that repeats the request, and its signature in every notation",
            options={"status": "403"},
        ),
    ),
    "while the request is executed": (
        FaultKind(
            "slow_before", "admitted now, executed later (the gateway has it, the book does not)",
            options={"delay_ms": "3000"},
        ),
        FaultKind("invisible", "the placed order trades, but no query shows it at first", options={"delay_ms": "3000"}),
        FaultKind(
            "duplicate_refused", "refused if the client order id was used before (MEXC's code is unknown)",
            options={"code": "-2010"},
        ),
        FaultKind(
            "type_refused", "an IMMEDIATE_OR_CANCEL or FILL_OR_KILL order is refused", options={"code": "30041"}
        ),
        FaultKind("former_state", "an order is cancelled, and the reply shows its state before that", CANCEL),
    ),
    "in the contents of the reply": (
        FaultKind("ended_hidden", "an order that has ended is not found by its client order id", QUERY),
        FaultKind(
            "client_id_hidden", "no order is found by its client order id, and every row shows it as null", VIEWS
        ),
        FaultKind("no_trading", "the account is shown without permission to trade", ACCOUNT),
        FaultKind("no_sum", "orders are shown with a sum of 0; GET /api/v3/myTrades shows no fills", QUERY),
        FaultKind(
            "filled_early", "a filled order younger than delay_ms is shown as FILLED with a share of its quantity",
            VIEWS, {"delay_ms": "3000", "share": "0.6"},
        ),
        FaultKind(
            "odd_row", "a list begins with another program's order with an odd field (field empty: an empty row)",
            HISTORY, {"field": "executedQty", "value": "empty"},
        ),
        FaultKind("rows_twice", "a list shows every row twice", TRADES),
        FaultKind(
            "shown_as", "a field has another value everywhere in the reply: JSON, otherwise text",
            QUERY, {"field": "status", "value": "empty"},
        ),
        FaultKind("field_missing", "a field is missing everywhere in the reply", QUERY, {"field": "status"}),
    ),
    "after the request was executed": (
        FaultKind("reply_lost", "the connection is cut"),
        FaultKind("error_after", "answered with a server error", options={"status": "503", "code": "the status"}),
        FaultKind("forbidden_after", "answered with HTTP 403 and an HTML page"),
        FaultKind(
            "refusal_with_order", "answered with a refusal that contains the id of the placed order",
            options={"status": "429", "code": "the status", "retry_after_s": "1"},
        ),
        FaultKind("junk_body", "answered with half of the reply and invalid bytes"),
        FaultKind("no_order_id", "answered without orderId"),
        FaultKind("slow_after", "answered later", options={"delay_ms": "3000"}),
    ),
    "in the private streams": (
        FaultKind("event_lost", "the event is not pushed", STREAMS),
        FaultKind("stream_cut", "the event is pushed, then the connections are cut", STREAMS),
    ),
}  # fmt: skip

KINDS = {kind.name: kind for group in GROUPS.values() for kind in group}

_COMMON = """\
Define a fault with --fault KIND[:NAME=VALUE,…], or with tables [[faults]] in the file of --faults. While the exchange
runs, PUT /simulator/faults {"faults": [{"kind": …}, …]} replaces all faults.

Settings of every kind (default):
  endpoint     the endpoint, as in "POST /api/v3/order"; * for all endpoints (see each kind)
  probability  the probability for each request, 0 to 1 (1)
  count        the largest number of injections (no limit)

Kinds, each with its default endpoint and its own settings (default):"""


def help_text() -> str:
    """Return the help: every kind with its effect, its endpoint, and its settings with their defaults."""
    width = max(map(len, KINDS))
    lines = [_COMMON]
    for title, kinds in GROUPS.items():
        lines += ["", f"{title}"]
        for kind in kinds:
            lines.append(f"  {kind.name:<{width}}  {kind.does}")
            settings = ", ".join(f"{name} ({default})" for name, default in kind.options.items())
            where = {VIEWS: "queries of own orders and fills", STREAMS: "the streams"}.get(kind.target, kind.target)
            lines.append(f"  {'':<{width}}  {where}{'; ' if settings else ''}{settings}")
    return "\n".join(lines)
