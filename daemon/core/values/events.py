"""Events: everything that is worth a line, listed once.

An event is the one source of the audit trail (table ``events``), of the log, and of whatever listens. Its name is
dotted, its keys are those of the catalogue below; a test holds both to it. Events that belong to an order or a lock, or
that a person caused, are stored (``durable``) in the transaction of the change they tell of; the others are only
logged.
"""

from enum import IntEnum

import msgspec

from daemon.core.values.states import State

DAEMON = "daemon"
"""The actor of what happens by itself."""

Detail = str | int | float | bool | None


class Level(IntEnum):
    """How loud an event is; the numbers are those of the standard library's logging."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something happened. ``at_ms`` is Unix milliseconds of the daemon's clock."""

    name: str
    at_ms: int
    actor: str = DAEMON
    order_id: str | None = None
    lock_id: str | None = None
    resource: str | None = None
    client_order_id: str | None = None
    state: State | None = None  # the order's, after the event
    detail: dict[str, Detail] = msgspec.field(default_factory=dict)


class Kind(msgspec.Struct, frozen=True):
    """One line of the catalogue."""

    level: Level
    meaning: str
    keys: tuple[str, ...] = ()
    durable: bool = True


_BOUND = ("order_id", "resource", "client_order_id", "lock_id", "state", "actor")
"""Keys that any event may carry beside its own."""

CATALOGUE: dict[str, Kind] = {
    "order.accepted": Kind(
        Level.INFO,
        "a signal became an order; it is on disk",
        ("symbol", "side", "type", "quantity", "quote_quantity", "price", "asked_quantity", "asked_quote_quantity",
         "asked_price", "owner_id", "target_id", "key", "priority", "deadline_ms", "execute_at_ms"),
    ),
    "order.key_freed": Kind(
        Level.INFO, "it was cancelled with nothing executed; the same signal may become a new order", ("key",)
    ),
    "order.replayed": Kind(Level.INFO, "a signal came again and got the first one's order", ("key",), durable=False),
    "order.armed": Kind(Level.INFO, "made durable ahead of its instant", ("attempt", "fire_ms", "token")),
    "order.disarmed": Kind(Level.WARNING, "its instant will not come; nothing was sent", ("reason",)),
    "order.sent": Kind(Level.INFO, "handed to the exchange's client", ("attempt", "token", "waited_ms")),
    "order.placed": Kind(Level.INFO, "the exchange took it", ("exchange_order_id", "took_ms")),
    "order.deferred": Kind(
        Level.WARNING, "refused or not sent; it waits for another attempt", ("reason", "not_before_ms", "price")
    ),
    "order.refitted": Kind(
        Level.WARNING,
        "refused for its amounts; the next attempt has them rounded to rules that were read anew",
        ("quantity", "quote_quantity", "price", "asked_quantity", "asked_quote_quantity", "asked_price"),
    ),
    "order.rejected": Kind(Level.ERROR, "definitely not executed", ("reason",)),
    "order.dead_letter": Kind(Level.ERROR, "definitely not executed, set aside for a person", ("reason",)),
    "order.in_doubt": Kind(Level.WARNING, "the outcome is unknown; looking for it", ("reason",)),
    "order.looked": Kind(
        Level.DEBUG, "one look at one witness: evidence", ("witness", "asked", "answered", "failed", "found")
    ),
    "order.seen": Kind(
        Level.INFO,
        "a look-up found it in another state than was known",
        ("exchange_order_id", "executed_quantity", "executed_quote", "was"),
    ),
    "order.price_unknown": Kind(
        Level.WARNING, "it was filled, and neither it nor its fills show a sum; its price stays unknown", ("reason",)
    ),
    "order.seen_late": Kind(
        Level.CRITICAL,
        "a look-up found an order that was believed not placed: compare with the exchange at once",
        ("exchange_order_id", "executed_quantity", "executed_quote", "was"),
    ),
    "order.contradicted": Kind(
        Level.ERROR,
        "what the exchange shows of it contradicts what was sent or known, or is not understood; reported once",
        ("reason",),
    ),
    "order.lost": Kind(
        Level.CRITICAL,
        "looked for long and everywhere in vain; its lock stays; rule on it with `sniperd resolve`",
        ("reason",),
    ),
    "order.ruled": Kind(Level.WARNING, "a person ruled on an unknown outcome", ("ruling", "reason")),
    "order.expired": Kind(Level.WARNING, "its deadline passed before it was sent", ("deadline_ms", "reason")),
    "order.withdrawn": Kind(Level.INFO, "cancelled before it was sent", ("reason",)),
    "order.requeued": Kind(Level.WARNING, "a person sent a dead letter back", ("reason", "deadline_ms")),
    "order.cancel_requested": Kind(Level.INFO, "a cancel is sent to the exchange", ("reason",)),
    "order.cancel_answered": Kind(
        Level.INFO, "a cancel was answered; looks will tell what became of it", ("asked", "answered", "outcome")
    ),
    "order.late_answer": Kind(
        Level.WARNING, "an answer came for an order that had moved on; recorded, nothing changed", ("answer",)
    ),
    "lock.acquired": Kind(
        Level.INFO,
        "a caller was granted a lease; its row tells who, when, and what became of it",
        ("owner_id", "token", "expires_ms", "waited_ms"),
        durable=False,
    ),
    "lock.renewed": Kind(Level.DEBUG, "a lease begins anew", ("token", "expires_ms"), durable=False),
    "lock.released": Kind(Level.INFO, "a lease ended by its owner's word", ("token", "failed"), durable=False),
    "lock.abandoned": Kind(
        Level.INFO, "a caller waits no more", ("requested", "owner_id", "waited_ms", "reason"), durable=False
    ),
    "lock.force_released": Kind(
        Level.WARNING, "an administrator ended a lock", ("owner_id", "token", "reason", "exchange_checked")
    ),
    "lock.overdue": Kind(
        Level.ERROR, "its lease ended with an order's outcome outstanding; it stays held", ("token", "expires_ms")
    ),
    "lock.expired": Kind(Level.WARNING, "its lease ended with nothing outstanding; it is free", ("token", "owner_id")),
    "trading.halted": Kind(Level.CRITICAL, "the kill switch is on: nothing new is sent", ("reason",)),
    "trading.resumed": Kind(Level.WARNING, "the kill switch is off", ("reason",)),
    "daemon.starting": Kind(
        Level.INFO, "reads its state", ("version", "mode", "shadow_of", "exchange", "database"),
        durable=False,
    ),
    "daemon.recovered": Kind(
        Level.INFO, "its state is in memory again", ("orders", "queued", "in_doubt", "took_ms"), durable=False
    ),
    "daemon.reconciling": Kind(
        Level.INFO, "looking for what was in flight before signals are taken", ("in_doubt",), durable=False
    ),
    "daemon.ready": Kind(Level.INFO, "signals are taken", ("signals", "status", "http"), durable=False),
    "daemon.unreachable": Kind(
        Level.ERROR, "a socket was deleted or replaced: nobody can call; it drains and ends", ("socket",), durable=False
    ),
    "daemon.no_dashboard": Kind(
        Level.WARNING, "where the dashboard stands by default it cannot; it has a free port, or none", ("error",),
        durable=False,
    ),
    "daemon.draining": Kind(Level.INFO, "sends nothing new, finishes what runs", ("in_flight",), durable=False),
    "daemon.stopped": Kind(Level.INFO, "its last line", ("in_flight", "exit_code"), durable=False),
    "daemon.failed": Kind(Level.CRITICAL, "the process stops", ("error", "exit_code", "traceback"), durable=False),
    "daemon.stuck": Kind(
        Level.ERROR, "parts of it do not turn; unless they do soon, the service manager ends it", ("parts",),
        durable=False,
    ),
    "daemon.reloaded": Kind(Level.INFO, "a changed configuration counts", ("changed", "needs_restart"), durable=False),
    "daemon.reload_refused": Kind(
        Level.ERROR, "the new configuration is wrong; the old one stays", ("error",), durable=False
    ),
    "daemon.library": Kind(
        Level.WARNING, "a library that the daemon is built on logged something", ("library", "message", "traceback"),
        durable=False,
    ),
    "clock.jumped": Kind(
        Level.WARNING, "the machine's clock was set; the daemon's own follows it forward, and never goes back",
        ("jump_ms", "followed_ms"), durable=False
    ),
    "clock.reset": Kind(
        Level.WARNING, "a person took the recorded time back to the machine's clock; what waited expires",
        ("reason", "was_ms", "set_ms", "waiting"),
    ),
    "exchange.started": Kind(Level.INFO, "the paper exchange runs beside the daemon", ("url", "pid"), durable=False),
    "exchange.ended": Kind(Level.ERROR, "the paper exchange ended; it is started again", ("exit_code",), durable=False),
    "exchange.reachable": Kind(
        Level.INFO, "the exchange answers; its clock is measured", ("offset_ms", "round_trip_ms"), durable=False
    ),
    "exchange.unreachable": Kind(Level.ERROR, "the exchange does not answer", ("error",), durable=False),
    "exchange.proven": Kind(Level.INFO, "the exchange lets this account trade", durable=False),
    "exchange.unproven": Kind(
        Level.WARNING, "whether the exchange lets this account trade is not known; no order is sent until it is",
        ("reason",), durable=False,
    ),
    "exchange.facts": Kind(
        Level.INFO, "what the live probe found out counts", ("path", "probed_ms", "effects"), durable=False
    ),
    "exchange.facts_ignored": Kind(
        Level.WARNING, "what a live probe found out is about another server", ("path", "about"), durable=False
    ),
    "exchange.turned_away": Kind(
        Level.WARNING,
        "the exchange's edge turned an order away: nothing is sent until then, and then one order alone",
        ("reason", "next_ms", "in_a_row"),
        durable=False,
    ),
    "exchange.takes_orders": Kind(
        Level.INFO, "the exchange takes orders again", ("shut_ms",), durable=False
    ),
    "exchange.wait_cleared": Kind(
        Level.WARNING, "a person ended a wait that the exchange had asked for", ("reason", "until_ms")
    ),
    "exchange.rate_limited": Kind(Level.WARNING, "the exchange says wait", ("wait_ms",), durable=False),
    "exchange.odd_row": Kind(
        Level.WARNING, "a row of another order cannot be read; it is passed over and reported once",
        ("witness", "symbol", "row"), durable=False,
    ),
    "exchange.symbols_loaded": Kind(Level.DEBUG, "trading rules are known", ("symbols",), durable=False),
    "poller.reachable": Kind(Level.INFO, "the bot shows its targets", ("targets",), durable=False),
    "poller.unreachable": Kind(
        Level.ERROR, "the bot does not show its targets; it is asked again, ever less often", ("error",), durable=False
    ),
    "poller.unreadable": Kind(
        Level.WARNING, "the bot shows rows that cannot be recognised; they are left out", ("rows",), durable=False
    ),
    "poller.refused": Kind(Level.WARNING, "a target is not traded", ("target_id", "reason"), durable=False),
    "poller.waiting": Kind(Level.INFO, "a target is tried again later", ("target_id", "reason"), durable=False),
    "poller.rearmed": Kind(
        Level.WARNING, "a target came back that was traded already; it is not traded again", ("target_id",),
        durable=False,
    ),
    "poller.reported": Kind(Level.INFO, "the bot was told of a target", ("target_id", "report"), durable=False),
    "poller.report_dropped": Kind(
        Level.ERROR, "the bot takes no report of a target; it is given up", ("target_id", "report", "error"),
        durable=False,
    ),
    "daemon.crowded": Kind(
        Level.WARNING, "connections beyond a listener's limit are refused; told every ten seconds at most",
        ("listener", "limit", "refused"), durable=False,
    ),
    "feed.cut_off": Kind(
        Level.WARNING, "a reader of /v1/events did not read; its connection was closed", ("behind",), durable=False
    ),
    "alert.firing": Kind(
        Level.ERROR, "a figure calls for a person", ("alert", "severity", "value", "summary", "todo"), durable=False
    ),
    "alert.resolved": Kind(
        Level.INFO, "a figure no longer does", ("alert", "severity", "value", "summary", "fired_ms"), durable=False
    ),
    "alert.delivered": Kind(Level.DEBUG, "a webhook took an alert", ("webhook", "alert", "attempt"), durable=False),
    "alert.undelivered": Kind(
        Level.ERROR, "a webhook took no alert; it is given up", ("webhook", "alert", "error"), durable=False
    ),
    "store.slow_commit": Kind(Level.WARNING, "a commit took long", ("took_ms", "rows"), durable=False),
    "store.cleaned": Kind(
        Level.INFO, "rows past retention were removed", ("locks", "queue", "orders", "attempts", "events"),
        durable=False,
    ),
    "store.locked": Kind(
        Level.ERROR, "another program has the database locked; nothing is accepted or sent until it lets go",
        durable=False,
    ),
    "store.gone": Kind(
        Level.ERROR, "the database's files were deleted, replaced or cut; what is open is saved, then it ends",
        durable=False,
    ),
    "store.lock_file_renewed": Kind(
        Level.WARNING, "the lock file beside the database was deleted or replaced; it was made again", durable=False
    ),
    "request.refused": Kind(
        Level.WARNING, "a caller was refused", ("method", "path", "status", "code", "message"), durable=False
    ),
    "request.failed": Kind(Level.ERROR, "a request met our own error", ("method", "path", "error"), durable=False),
}  # fmt: skip
"""Every event: how loud, what it means, which keys it has beside the bound ones."""

BOUND_KEYS = frozenset(_BOUND)
