"""The alert rules, made from the limits in config.toml ``[alerts]``.

``systemd/monitoring/sniperd.rules.yml`` holds the same rules for Prometheus. It is generated from these, with the
default limits: ``python -m tests.manual.generate``. A rule's ``todo`` is a command or a place to look. Neither it nor
``means`` names an order, a symbol or an owner: messages leave the machine.
"""

from daemon.config.tables import AlertsTable
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.monitoring.alerts import Rule, Severity
from daemon.monitoring.fleet_rules import fleet_rules

MINUTE_MS = 60_000
CONTRADICTED_MS = 15_000
"""A contradictory end is checked for 12 s before it is accepted."""
RESTART_MS = 5_000
"""After a restart, what became overdue while the daemon was down is searched first, and only then alerted."""

LOCKED_S = 2
"""A short lock of another program is normal; a longer one is not."""


def rules(limits: AlertsTable) -> tuple[Rule, ...]:
    """Return the rules for these limits."""
    return (*_orders(limits), *_traffic(limits), *fleet_rules(limits), *_machine(limits))


def _orders(limits: AlertsTable) -> list[Rule]:
    critical, warning = Severity.CRITICAL, Severity.WARNING
    return [
        Rule(
            name="order_lost",
            severity=critical,
            reads="lost",
            promql='sniperd_orders{state="lost"}',
            limit=0,
            clear=0,
            means="orders that are lost: {value}. Complete searches did not find them; they may exist",
            todo="`sniperd orders --state lost`, compare with the exchange's own list, then `sniperd resolve ORDER`",
        ),
        Rule(
            name="order_seen_late",
            severity=critical,
            reads="seen_late",
            promql=_events("order.seen_late", limits),
            limit=0,
            clear=0,
            means="orders that counted as not placed but exist on the exchange: {value}. One may be bought twice",
            todo="the log's order.seen_late names them: `sniperd explain ORDER`, and compare with the exchange at once",
        ),
        Rule(
            name="order_in_doubt",
            severity=critical,
            reads="past_grace",
            promql="sniperd_orders_past_grace",
            limit=0,
            clear=0,
            for_ms=RESTART_MS,
            means="orders in doubt for longer than their grace: {value}. They may exist on the exchange",
            todo="`sniperd orders --state in_doubt`, then `sniperd explain ORDER` for the evidence; send nothing again",
        ),
        Rule(
            name="order_contradicted",
            severity=warning,
            reads="contradicted",
            promql="sniperd_orders_contradicted",
            limit=0,
            clear=0,
            for_ms=CONTRADICTED_MS,
            means="orders whose answers contradict what was sent, or are not understood: {value}",
            todo="`sniperd orders`, then `sniperd explain ORDER`: order.contradicted says what is wrong; compare it "
            "with the exchange's own page",
        ),
        Rule(
            name="trading_halted",
            severity=critical,
            reads="halted",
            promql="sniperd_halted",
            limit=0,
            clear=0,
            resolve_ms=0,
            means="trading is halted: nothing new is sent",
            todo="`sniperd status` shows why; when that is fixed, `sniperd resume --reason …`",
        ),
        Rule(
            name="dead_letter",
            of_fleet=True,  # each member's copy has them
            severity=warning,
            reads="dead_letters",
            promql="sniperd_dead_letters",
            limit=0,
            clear=0,
            means="orders set aside for the operator: {value}. They were definitely not executed",
            todo="`sniperd orders --state dead_letter`, then `sniperd requeue ORDER` or `sniperd cancel ORDER`",
        ),
        Rule(
            name="armed_not_ready",
            severity=critical,
            reads="armed_not_ready",
            promql="sniperd_orders_not_ready",
            limit=0,
            clear=0,
            for_ms=RESTART_MS,
            resolve_ms=0,  # it names what is missing now, and never says that nothing is
            names_orders=True,
            means="orders whose instant is near are not ready: {value}. What is missing: {lacking}",
            todo="`sniperd explain ORDER` shows its countdown: top up, resume, or `sniperd reschedule ORDER`",
        ),
        Rule(
            name="listing_gone",
            severity=warning,
            reads="listing_gone",
            promql="sniperd_orders_listing_gone",
            limit=0,
            clear=0,
            for_ms=RESTART_MS,
            means="waiting orders whose pair is not shown any more, or opens more than 30 days ahead: {value}",
            todo="look at the exchange's announcements, then `sniperd cancel ORDER` or `sniperd reschedule ORDER`",
        ),
        Rule(
            name="failed_orders",
            severity=warning,
            reads="failed_percent",
            promql=_failed_share(limits),
            limit=limits.failed_percent,
            clear=limits.failed_percent / 2,
            for_ms=MINUTE_MS,
            means=f"{{value}} % of the orders settled in {_span(limits)} failed: rejected, expired, set aside or lost",
            todo="`sniperd orders` shows the reasons; `sniperd halt --reason …` if they make no sense",
        ),
    ]


def _traffic(limits: AlertsTable) -> list[Rule]:
    critical, warning = Severity.CRITICAL, Severity.WARNING
    return [
        Rule(
            name="queue_depth",
            severity=warning,
            reads="queue_depth",
            promql="sum without (priority) (sniperd_queue_orders) + sniperd_queue_callers",
            limit=limits.queue_depth,
            clear=limits.queue_depth / 2,
            for_ms=10_000,
            means="{value} orders and callers wait for their turn",
            todo="`sniperd locks` shows what they wait for and who holds it; `sniperd status` shows the rate budget",
        ),
        Rule(
            name="lock_overdue",
            severity=warning,
            reads="lock_overdue_s",
            promql="sniperd_lock_overdue_seconds",
            limit=limits.lock_overdue_s,
            clear=0,
            for_ms=RESTART_MS,
            means="a lock is held {value} s past the end of its lease",
            todo="`sniperd locks` names its order; `sniperd explain ORDER` shows what its outcome waits for",
        ),
        Rule(
            name="lock_timeouts",
            severity=warning,
            reads="lock_timeouts",
            promql=f"round(sum without (kind) (increase(sniperd_lock_timeouts_total[{_window(limits)}])))",
            limit=limits.lock_timeouts,
            clear=limits.lock_timeouts / 2,
            means=f"{{value}} lease or wait timeouts in {_span(limits)}",
            todo="`sniperd locks` shows the owners: they died, or hold too long; fix them, or raise timeoutMs",
        ),
        Rule(
            name="rate_ban",
            severity=critical,
            reads="rate_ban_s",
            promql="sniperd_rate_ban_seconds",
            limit=limits.rate_ban_s,
            clear=0,
            means="the exchange asked the daemon to wait: nothing is sent for another {value} s",
            todo="find other programs at this address or key; lower [exchange] order_rate_per_s and weight_per_10s",
        ),
        Rule(
            name="orders_turned_away",
            severity=critical,
            reads="turned_away",
            promql="sniperd_exchange_turned_away",
            limit=0,
            clear=0,
            means="the exchange's edge refuses orders: one order tries at growing intervals, the others wait",
            todo="`sniperd status` shows its answer: maintenance, or this address is blocked. "
            "`sniperd resume --clear-wait --reason WHY` lets one order try at once",
        ),
        Rule(
            name="exchange_unreachable",
            severity=critical,
            reads="unreachable",
            promql="1 - sniperd_exchange_reachable",
            limit=0,
            clear=0,
            for_ms=round(limits.unreachable_s * 1_000),
            means="the exchange does not answer",
            todo="`sniperd doctor` shows whether DNS, the network or the exchange fails",
        ),
        Rule(
            name="reconcile_stale",
            severity=critical,
            reads="reconcile_overdue_s",
            promql="sniperd_reconcile_overdue_seconds",
            limit=limits.reconcile_overdue_s,
            clear=limits.reconcile_overdue_s / 2,
            means="a query about an order's outcome has been due for {value} s",
            todo="`sniperd status`: a ban, or too little weight_per_10s, keeps queries waiting",
        ),
        Rule(
            name="poller_failing",
            severity=critical,
            reads="poller_failing_s",
            promql="sniperd_poller_failing_seconds",
            limit=limits.poller_failing_s,
            clear=0,
            means="the bot has shown no targets, or accepted no report, for {value} s",
            todo="`sniperd status` shows its answer: is the bot running, at [poller] base_url, with this token?",
        ),
    ]


def _machine(limits: AlertsTable) -> list[Rule]:
    critical, warning = Severity.CRITICAL, Severity.WARNING
    return [
        Rule(
            name="clock_offset",
            severity=warning,
            reads="clock_offset_ms",
            promql="abs(sniperd_exchange_clock_offset_seconds) * 1000",
            limit=limits.clock_offset_ms,
            clear=limits.clock_offset_ms / 2,
            for_ms=MINUTE_MS,
            means="this machine's clock and the exchange's differ by {value} ms",
            todo="`timedatectl` shows whether the clock is synchronised; the daemon corrects for the difference",
        ),
        Rule(
            name="clock_wrong",
            severity=critical,
            reads="clock_offset_ms",
            promql="abs(sniperd_exchange_clock_offset_seconds) * 1000",
            limit=FAR_MS,
            clear=FAR_MS / 2,
            for_ms=RESTART_MS,
            means="this machine's clock and the exchange's differ by {value} ms: recorded times are wrong by as much",
            todo="`sniperd doctor` shows whose clock is wrong, and what to do",
        ),
        Rule(
            name="slow_commits",
            severity=warning,
            reads="slow_commits",
            promql=_events("store.slow_commit", limits),
            limit=limits.slow_commits,
            clear=limits.slow_commits / 2,
            means=f"{{value}} commits took longer than 100 ms in {_span(limits)}: every order waits for one",
            todo="find what else writes to the database's disk, and check the disk's health",
        ),
        Rule(
            name="disk_low",
            severity=critical,
            reads="disk_free_mb",
            promql="sniperd_disk_free_bytes / 1e6",
            beyond="below",
            limit=limits.disk_free_mb,
            clear=limits.disk_free_mb * 1.1,
            means="{value} MB are free on the database's disk: the daemon stops when it is full",
            todo="free space on that file system: remove old backups and logs first, never the database or its -wal",
        ),
        Rule(
            name="database_locked",
            severity=critical,
            reads="database_locked_s",
            promql="sniperd_database_locked_seconds",
            limit=LOCKED_S,
            clear=0,
            resolve_ms=0,
            means="another program has kept the database locked for {value} s: nothing is accepted or sent",
            todo="`fuser DATABASE` names the program; end it. `sniperd backup` never locks the database",
        ),
    ]


def _window(limits: AlertsTable) -> str:
    """Return the window as a Prometheus duration."""
    return f"{limits.window_s}s" if limits.window_s % 60 else f"{limits.window_s // 60}m"


def _span(limits: AlertsTable) -> str:
    """Return the window in words."""
    return f"the last {limits.window_s} s" if limits.window_s % 60 else f"the last {limits.window_s // 60} min"


def _events(event: str, limits: AlertsTable) -> str:
    return f'round(increase(sniperd_events_total{{event="{event}"}}[{_window(limits)}]))'


def _failed_share(limits: AlertsTable) -> str:
    window = _window(limits)
    failed = f'sum without (result) (increase(sniperd_orders_settled_total{{result="failed"}}[{window}]))'
    return (
        f"(\n  100 * {failed}\n  / sum without (result) (increase(sniperd_orders_settled_total[{window}]))\n"
        f"  and round({failed}) >= {limits.failed_at_least}\n)"
    )
