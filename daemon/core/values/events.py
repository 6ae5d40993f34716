"""Events: the catalogue of everything that is recorded or logged.

The audit trail (table ``events``), the log, the stream and the metrics all come from events. Names and keys are those
of the catalogue below, whose rows about the fleet are in ``fleet_events.py``; a test checks both. Events about an order
or a lock, and those that the operator caused, are stored (``durable``) in the transaction of their change. The others
are only emitted.
"""

import msgspec

from daemon.core.values.event_kinds import Kind, Level
from daemon.core.values.fleet_events import FLEET_EVENTS
from daemon.core.values.states import State

__all__ = ["BOUND_KEYS", "CATALOGUE", "DAEMON", "Detail", "Event", "Kind", "Level", "level_of"]

DAEMON = "daemon"
"""The actor of events that no caller caused."""

Detail = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event. ``at_ms`` is Unix milliseconds of the daemon's clock."""

    name: str
    at_ms: int
    actor: str = DAEMON
    order_id: str | None = None
    lock_id: str | None = None
    resource: str | None = None
    client_order_id: str | None = None
    state: State | None = None  # of the order, after the event
    detail: dict[str, Detail] = msgspec.field(default_factory=dict)


_BOUND = ("order_id", "resource", "client_order_id", "lock_id", "state", "actor")
"""Keys that any event may have besides its own."""

CATALOGUE: dict[str, Kind] = {
    "order.accepted": Kind(
        Level.INFO,
        "a signal became an order and is on disk",
        ("symbol", "side", "type", "quantity", "quote_quantity", "price", "max_price", "slippage_percent",
         "asked_quantity", "asked_quote_quantity", "asked_price", "owner_id", "target_id", "key", "priority",
         "deadline_ms", "execute_at_ms", "quote_asset"),
    ),
    "order.key_freed": Kind(
        Level.INFO, "the order was cancelled with nothing executed; the same signal may become a new order", ("key",)
    ),
    "order.replayed": Kind(
        Level.INFO, "a signal was repeated and got the order of the first one",
        ("key",), durable=False,
    ),
    "order.armed": Kind(
        Level.INFO, "an order was made durable ahead of its execution time",
        ("attempt", "fire_ms", "token"),
    ),
    "order.disarmed": Kind(
        Level.WARNING, "an armed order will not be sent at its execution time; nothing was sent",
        ("reason",),
    ),
    "order.sent": Kind(Level.INFO, "an attempt was passed to the exchange's client", ("attempt", "token", "waited_ms")),
    "order.placed": Kind(Level.INFO, "the exchange accepted the order", ("exchange_order_id", "took_ms")),
    "order.deferred": Kind(
        Level.WARNING, "an attempt was refused or not sent; the order waits for the next attempt",
        ("reason", "not_before_ms", "price", "quantity"),
    ),
    "order.refitted": Kind(
        Level.WARNING,
        "the amounts were rounded to the pair's rules again: these appeared or changed before the order's instant, or "
        "an attempt was refused for its amounts",
        ("quantity", "quote_quantity", "price", "asked_quantity", "asked_quote_quantity", "asked_price"),
    ),
    "order.capped": Kind(
        Level.INFO,
        "a MARKET order is sent as a limit order at its cap: its pair is opening, or the exchange refused MARKET",
        ("type", "quantity", "quote_quantity", "price", "asked_quantity", "asked_quote_quantity", "asked_price"),
    ),
    "order.repriced": Kind(
        Level.INFO, "the price is lowered to the cap that the exchange has stated to another order of the pair",
        ("quantity", "quote_quantity", "price", "asked_quantity", "asked_quote_quantity", "asked_price"),
    ),
    "order.unfit": Kind(
        Level.WARNING,
        "the rules that a pair shows before its open refuse a waiting order's amounts; it ends if they still do at its "
        "arming",
        ("reason",),
    ),
    "order.rejected": Kind(Level.ERROR, "the order was definitely not executed", ("reason",)),
    "order.dead_letter": Kind(
        Level.ERROR, "the order was definitely not executed and waits for the operator",
        ("reason",),
    ),
    "order.in_doubt": Kind(Level.WARNING, "the outcome is unknown; the search has started", ("reason",)),
    "order.looked": Kind(
        Level.DEBUG, "the result of one query to one source", ("witness", "asked", "answered", "failed", "found")
    ),
    "order.seen": Kind(
        Level.INFO,
        "a query found the order in another state than was known; `after_ms` counts from its signal, or its instant",
        ("exchange_order_id", "executed_quantity", "executed_quote", "was", "side", "after_ms", "quote_asset"),
    ),
    "order.price_unknown": Kind(
        Level.WARNING, "the order was filled, but neither it nor its fills show a sum; its price stays unknown",
        ("reason",),
    ),
    "order.fills_unknown": Kind(
        Level.WARNING, "the exchange does not show all fills of an ended order; the rest, and its fees, stay unknown",
        ("executed_quantity", "fills"),
    ),
    "order.seen_late": Kind(
        Level.CRITICAL,
        "a query found an order that counted as not placed: compare with the exchange at once",
        ("exchange_order_id", "executed_quantity", "executed_quote", "was", "side", "after_ms", "quote_asset"),
    ),
    "order.contradicted": Kind(
        Level.ERROR,
        "what the exchange shows contradicts what was sent or known, or is not understood; recorded once",
        ("reason",),
    ),
    "order.lost": Kind(
        Level.CRITICAL,
        "the search found nothing at any source; the lock stays until you resolve it with `sniperd resolve`",
        ("reason",),
    ),
    "order.ruled": Kind(Level.WARNING, "the operator resolved an unknown outcome", ("ruling", "reason")),
    "order.expired": Kind(Level.WARNING, "the deadline passed before the order was sent",
                          ("deadline_ms", "execute_at_ms", "reason")),
    "order.withdrawn": Kind(Level.INFO, "the order was cancelled before it was sent", ("reason",)),
    "order.requeued": Kind(
        Level.WARNING, "the operator sent a dead letter back to the queue",
        ("reason", "deadline_ms"),
    ),
    "order.rescheduled": Kind(
        Level.WARNING, "the order was moved to another instant, and its deadline with it; the operator did it, or the "
        "listing of its pair moved",
        ("reason", "from_ms", "to_ms", "deadline_ms"),
    ),
    "order.cancel_requested": Kind(Level.INFO, "a cancel is sent to the exchange", ("reason",)),
    "order.cancel_answered": Kind(
        Level.INFO, "the exchange answered a cancel; queries will show the result", ("asked", "answered", "outcome")
    ),
    "order.late_answer": Kind(
        Level.WARNING, "an answer came after the order had moved on; recorded, nothing changed", ("answer",)
    ),
    "lock.acquired": Kind(
        Level.INFO,
        "a caller was granted a lease; its row has the owner, the times and the end",
        ("owner_id", "token", "expires_ms", "waited_ms"),
        durable=False,
    ),
    "lock.renewed": Kind(Level.DEBUG, "a lease was renewed", ("token", "expires_ms"), durable=False),
    "lock.released": Kind(Level.INFO, "the owner released a lease", ("token", "failed"), durable=False),
    "lock.abandoned": Kind(
        Level.INFO, "a caller left the queue for a lease",
        ("requested", "owner_id", "waited_ms", "reason"), durable=False,
    ),
    "lock.force_released": Kind(
        Level.WARNING, "an administrator released a lock", ("owner_id", "token", "reason", "exchange_checked")
    ),
    "lock.overdue": Kind(
        Level.ERROR, "a lease ended with an order's outcome outstanding; the lock stays held", ("token", "expires_ms")
    ),
    "lock.expired": Kind(
        Level.WARNING, "a lease ended with nothing outstanding; the resource is free",
        ("token", "owner_id"),
    ),
    "trading.halted": Kind(Level.CRITICAL, "the kill switch is on: nothing new is sent", ("reason",)),
    "trading.resumed": Kind(Level.WARNING, "the kill switch is off", ("reason",)),
    "daemon.starting": Kind(
        Level.INFO, "the daemon starts and reads its state", ("version", "mode", "shadow_of", "exchange", "database"),
        durable=False,
    ),
    "daemon.recovered": Kind(
        Level.INFO, "the state is in memory again", ("orders", "queued", "in_doubt", "took_ms"), durable=False
    ),
    "daemon.reconciling": Kind(
        Level.INFO, "the daemon searches for what was in flight before it accepts signals", ("in_doubt",), durable=False
    ),
    "daemon.ready": Kind(Level.INFO, "the daemon accepts signals", ("signals", "status", "http"), durable=False),
    "daemon.unreachable": Kind(
        Level.ERROR, "a socket was deleted or replaced, so nobody can call; the daemon drains and ends",
        ("socket",), durable=False,
    ),
    "daemon.no_dashboard": Kind(
        Level.WARNING, "the dashboard's default port is taken; it uses a free port, or none", ("error",),
        durable=False,
    ),
    "daemon.draining": Kind(
        Level.INFO, "the daemon sends nothing new and finishes what runs",
        ("in_flight",), durable=False,
    ),
    "daemon.stopped": Kind(
        Level.INFO, "the last line of a daemon that ends in order",
        ("in_flight", "exit_code", "reason"), durable=False,
    ),
    "daemon.failed": Kind(
        Level.CRITICAL, "the daemon stops because of an error",
        ("error", "exit_code", "traceback"), durable=False,
    ),
    "daemon.stuck": Kind(
        Level.ERROR, "parts of the daemon do not run; unless they do soon, the service manager ends it", ("parts",),
        durable=False,
    ),
    "daemon.reloaded": Kind(
        Level.INFO, "a changed configuration was applied",
        ("changed", "needs_restart"), durable=False,
    ),
    "daemon.reload_refused": Kind(
        Level.ERROR, "the new configuration is wrong; the old one stays", ("error",), durable=False
    ),
    "daemon.library": Kind(
        Level.WARNING, "a library logged something", ("library", "message", "traceback"),
        durable=False,
    ),
    "clock.jumped": Kind(
        Level.WARNING, "the machine's clock was set; the daemon's own clock follows it forward and never goes back",
        ("jump_ms", "followed_ms"), durable=False
    ),
    "clock.reset": Kind(
        Level.WARNING,
        "the operator set recorded times back to the machine's clock; orders that wait without an instant expire",
        ("reason", "was_ms", "set_ms", "waiting"),
    ),
    "exchange.started": Kind(Level.INFO, "the paper exchange runs beside the daemon", ("url", "pid"), durable=False),
    "exchange.ended": Kind(Level.ERROR, "the paper exchange ended; it is started again", ("exit_code",), durable=False),
    "exchange.reachable": Kind(
        Level.INFO, "the exchange answers and its clock is measured", ("offset_ms", "round_trip_ms"), durable=False
    ),
    "exchange.unreachable": Kind(Level.ERROR, "the exchange does not answer", ("error",), durable=False),
    "exchange.proven": Kind(Level.INFO, "the preflight succeeded: the exchange lets this account trade", durable=False),
    "exchange.unproven": Kind(
        Level.WARNING, "the preflight has no result yet; no order is sent until it has",
        ("reason",), durable=False,
    ),
    "exchange.facts": Kind(
        Level.INFO, "the results of the live probe are applied", ("path", "probed_ms", "effects"), durable=False
    ),
    "exchange.facts_ignored": Kind(
        Level.WARNING, "the results of the live probe are for another server and are ignored",
        ("path", "about"), durable=False,
    ),
    "exchange.turned_away": Kind(
        Level.WARNING,
        "the exchange's edge refused an order: nothing is sent until `next_ms`, and then one order alone",
        ("reason", "next_ms", "in_a_row"),
        durable=False,
    ),
    "exchange.takes_orders": Kind(
        Level.INFO, "the exchange accepts orders again", ("shut_ms",), durable=False
    ),
    "exchange.wait_cleared": Kind(
        Level.WARNING, "the operator ended a wait that the exchange had asked for", ("reason", "until_ms")
    ),
    "exchange.rate_limited": Kind(Level.WARNING, "the exchange asked to wait", ("wait_ms",), durable=False),
    "exchange.odd_row": Kind(
        Level.WARNING, "a row of another order cannot be read; it is skipped and recorded once",
        ("witness", "symbol", "row"), durable=False,
    ),
    "exchange.symbols_loaded": Kind(Level.DEBUG, "the trading rules were loaded", ("symbols",), durable=False),
    "listing.changed": Kind(
        Level.INFO, "the exchange shows something new of a pair for which orders wait for their instant",
        ("symbol", "shown", "tradable", "opens_ms", "source"), durable=False,
    ),
    "listing.calendar_failed": Kind(
        Level.WARNING,
        "the calendar of new listings cannot be read; until it answers again, only the exchange's API counts",
        durable=False,
    ),
    **FLEET_EVENTS,
    "poller.reachable": Kind(Level.INFO, "the bot shows its targets", ("targets",), durable=False),
    "poller.unreachable": Kind(
        Level.ERROR, "the bot does not show its targets; it is polled again at growing intervals",
        ("error",), durable=False,
    ),
    "poller.unreadable": Kind(
        Level.WARNING, "the bot shows rows that cannot be read; they are skipped", ("rows",), durable=False
    ),
    "poller.refused": Kind(Level.WARNING, "a target is not traded", ("target_id", "reason"), durable=False),
    "poller.waiting": Kind(Level.INFO, "a target is tried again later", ("target_id", "reason"), durable=False),
    "poller.rearmed": Kind(
        Level.WARNING, "a target that was already traded came back; it is not traded again", ("target_id",),
        durable=False,
    ),
    "poller.reported": Kind(
        Level.INFO, "the result of a target was reported to the bot",
        ("target_id", "report"), durable=False,
    ),
    "poller.report_dropped": Kind(
        Level.ERROR, "the bot accepts no report of a target; it is given up", ("target_id", "report", "error"),
        durable=False,
    ),
    "daemon.crowded": Kind(
        Level.WARNING, "connections beyond a listener's limit are refused; recorded every ten seconds at most",
        ("listener", "limit", "refused"), durable=False,
    ),
    "feed.cut_off": Kind(
        Level.WARNING, "a reader of `/v1/events` did not read and was disconnected", ("behind",), durable=False
    ),
    "alert.firing": Kind(
        Level.ERROR, "an alert fires", ("alert", "severity", "value", "summary", "todo", "orders"), durable=False
    ),
    "alert.resolved": Kind(
        Level.INFO, "an alert is over", ("alert", "severity", "value", "summary", "fired_ms"), durable=False
    ),
    "alert.delivered": Kind(Level.DEBUG, "a webhook accepted an alert", ("webhook", "alert", "attempt"), durable=False),
    "alert.undelivered": Kind(
        Level.ERROR, "a webhook did not accept an alert; it is given up", ("webhook", "alert", "error"), durable=False
    ),
    "notification.delivered": Kind(
        Level.DEBUG, "a webhook accepted a message about trades", ("webhook", "notification", "attempt"), durable=False
    ),
    "notification.undelivered": Kind(
        Level.WARNING, "a webhook did not accept a message about trades; it is dropped",
        ("webhook", "notification", "error"), durable=False,
    ),
    "store.slow_commit": Kind(Level.WARNING, "a commit was slow", ("took_ms", "rows"), durable=False),
    "store.cleaned": Kind(
        Level.INFO, "rows past their retention were removed",
        ("locks", "queue", "orders", "attempts", "fills", "events"), durable=False,
    ),
    "store.locked": Kind(
        Level.ERROR, "another program keeps the database locked; nothing is accepted or sent until it ends",
        durable=False,
    ),
    "store.gone": Kind(
        Level.ERROR, "the database's files were deleted, replaced or cut; the daemon saves what is open and ends",
        durable=False,
    ),
    "store.lock_file_renewed": Kind(
        Level.WARNING, "the lock file beside the database was deleted or replaced; it was created again", durable=False
    ),
    "request.refused": Kind(
        Level.WARNING, "a caller's request was refused", ("method", "path", "status", "code", "message"), durable=False
    ),
    "request.failed": Kind(
        Level.ERROR, "a request failed because of an error in sniperd",
        ("method", "path", "error"), durable=False,
    ),
}  # fmt: skip
"""Every event: its level, its meaning, and its keys besides the bound ones."""

BOUND_KEYS = frozenset(_BOUND)


def level_of(name: str) -> Level:
    """Return an event's level; one of a newer sniperd, which a member of a fleet may copy, has that of a note."""
    kind = CATALOGUE.get(name)
    return Level.INFO if kind is None else kind.level
