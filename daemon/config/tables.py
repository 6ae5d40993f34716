"""Configuration: every key, its default, its range, its description, and whether a change needs a restart.

The defaults are safe: the paper exchange, everything under the user's own directories, nothing on the network. A key's
description is the string below it. ``config.toml`` and the handbook's reference are generated from these tables:
``python -m tests.manual.generate``. The parts of the daemon take the tables as they are: a new key is a field here and
its use.
"""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from daemon.config.addresses import is_loopback
from daemon.config.fields import AtRestart, Ms, Seconds, Table, exact
from daemon.config.fleet_table import FleetTable
from daemon.config.trading_tables import GuardsTable, LaunchTable, LocksTable, QueueTable, ReconcileTable, RetryTable

MEXC_URL = "https://api.mexc.com"
MEXC_WEBSITE = "https://www.mexc.com"
NO_CALENDAR = "off"


class ExchangeTable(Table, frozen=True):
    """Where to trade, and how fast."""

    mode: AtRestart[Literal["paper", "live"]] = "paper"
    """Where to trade. "paper": a simulated exchange that the daemon starts itself; no money is at stake. "live": MEXC,
    or the server that base_url names. The default cannot lose money by accident."""
    shadow: AtRestart[bool] = False
    """Only with mode = "paper": trade on the paper exchange, but at the prices and by the rules of the real market that
    base_url names. No API key is read, and the real market gets nothing but public reads."""
    base_url: AtRestart[str] = ""
    """The server to trade on in live mode, or to read in shadow mode. Any server that speaks MEXC's protocol works. One
    on this machine (127.0.0.1, ::1, localhost) counts as a test server: it may use plain http, and MEXC's own limits do
    not apply. Empty: https://api.mexc.com."""
    api_key_file: AtRestart[str] = ""
    """The file that holds the API key and nothing else. Other users must not be able to read it (chmod 600).
    Credentials from the service manager (LoadCredential=mexc_api_key and mexc_api_secret) take precedence. Empty: the
    environment's MEXC_API_KEY."""
    api_secret_file: AtRestart[str] = ""
    """The file that holds the API secret, under the same conditions. Set both files or neither. Empty: the
    environment's MEXC_SECRET_KEY."""
    recv_window_ms: Annotated[int, Meta(ge=500, le=60_000)] = 2_000
    """Milliseconds after its timestamp in which MEXC accepts a request (recvWindow). A smaller window shortens the
    time in which MEXC can still admit a delayed request, but it must cover the way to MEXC and the difference of the
    clocks. MEXC's own default is 5000; two seconds are ample for a machine whose clock the daemon measures."""
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """Milliseconds in which a request must be written, and again in which its answer must arrive. A request that was
    not written is retried. Without an answer the order's outcome is unknown and the daemon searches for it. A short
    timeout ends the wait sooner and leaves more orders in doubt."""
    order_rate_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    """Orders and cancels in any one second, at most. MEXC accepts 12, place and cancel together, and bans an account
    that exceeds it; the default leaves room for cancels by hand. MEXC counts them as they arrive, and the ways there
    differ, so the daemon counts a second as 1.1 seconds. More than 12 is accepted only for paper and test servers."""
    weight_per_10s: Annotated[int, Meta(ge=50, le=1_000_000)] = 250
    """Weight of requests in any 10 seconds, at most. MEXC grants 300 per address and does not say how much is used; the
    default leaves room for another program at the same address. More than 300 is accepted only for paper and test
    servers. Queries of the exchange's time by the owner of a fleet, one a second
    by default, are counted, and do not wait."""
    requests_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 8
    """Requests per second that are not orders, at most: queries, the clock, the rules. MEXC's support speaks of 20
    requests per second, and does not say whether to one endpoint or in all; with 10 orders per second beside them these
    stay below in all."""
    clock_check_s: Seconds = 30.0
    """Seconds between two measurements of the exchange's clock. Timestamps must be right to a second; an ordinary clock
    drifts by milliseconds in half a minute, and a measurement costs a weight of 1. In the 30 seconds before an order's
    executeAt the clock is measured every two seconds, because the order is sent by it."""
    symbols_refresh_s: Seconds = 300.0
    """Seconds between two loads of all trading rules (precision, minimum, maximum of every pair). An unknown pair is
    queried when the first signal names it, and known rules are read again before they refuse a signal, at most every
    two seconds per pair. So this only catches other changes; it costs a weight of 25."""
    calendar_url: AtRestart[str] = ""
    """The server of the calendar of new listings, which is undocumented: a part of MEXC's website. It is read while an
    order waits for its executeAt, and moves the order if the API does not show the pair's open. Without it, and while
    it fails, only the API counts. "off" reads none. Empty: https://www.mexc.com where orders go to https://api.mexc.com;
    the paper exchange, or a test server, itself; none for any other server."""
    paper_db: AtRestart[str] = ""
    """The paper exchange's own book, an SQLite file. It survives restarts, as a real exchange's book does. Empty:
    paper-exchange.db beside the daemon's database, in shadow mode shadow-exchange.db."""
    paper_spends_all: AtRestart[bool] = False
    """Whether a market buy by quoteOrderQty spends all of it on the paper exchange. By default it does what MEXC does:
    it places a limit order 5 % above the best price and buys what the amount pays for at that limit, so about 95 % are
    spent."""
    facts_file: AtRestart[str] = ""
    """What `sniperd doctor --live-probe` measured on the exchange. The file counts only for the server that it was
    measured on; for everything that it does not settle the daemon assumes the worst. Empty: exchange-facts.toml beside
    the daemon's database, where it may be missing."""

    @property
    def server(self) -> str:
        """Where orders go: the name of a place, by which what was found out about it is kept."""
        return (self.base_url or MEXC_URL).rstrip("/") if self.mode == "live" else "paper"

    @property
    def market(self) -> str:
        """The server that live mode trades on, and that shadow mode reads."""
        return (self.base_url or MEXC_URL).rstrip("/")

    def calendar(self, url: str) -> str | None:
        """Return the address of the calendar of new listings; ``url`` is the exchange's. ``None``: there is none."""
        if self.calendar_url:
            return None if self.calendar_url == NO_CALENDAR else self.calendar_url
        if self.mode == "paper" or self.is_test:
            return url
        return MEXC_WEBSITE if self.market == MEXC_URL else None

    @property
    def is_test(self) -> bool:
        """Whether the server is on this machine: a test server, which may not know every request."""
        return is_loopback(self.base_url)


class StoreTable(Table, frozen=True):
    """The database."""

    path: AtRestart[str] = ""
    """The daemon's database, an SQLite file on a local disk: every order, attempt, lock and event. Without it the
    protection against buying twice is gone, so it belongs on a disk that survives a restart of the machine. Empty:
    sniperd.db in $STATE_DIRECTORY, else in ~/.local/state/sniperd."""
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 365
    """Days for which orders, attempts and events are kept after an order's end: 3 kB per order. A year covers the
    questions of a tax year. An order whose key still counts (a caller's own key, a target's buy) stays, without its
    events and attempts: it is never bought again. Open orders and dead letters stay whole. 0 keeps everything."""


class SocketsTable(Table, frozen=True):
    """The Unix sockets, and who may administer."""

    signals: AtRestart[str] = ""
    """The socket for signals, locks and administration (mode 0660): every user who can open it can trade. Empty:
    signals.sock in $RUNTIME_DIRECTORY, else in $XDG_RUNTIME_DIR/sniperd."""
    status: AtRestart[str] = ""
    """The read-only socket (mode 0660): status, orders, metrics, dashboard. It must differ from signals. Empty:
    status.sock in $RUNTIME_DIRECTORY, else in $XDG_RUNTIME_DIR/sniperd."""
    admin_uids: list[Annotated[int, Meta(ge=0)]] = msgspec.field(default_factory=list)
    """Numeric user ids that may administer, beside root and the daemon's own user: halt, resume, resolve, force a
    release, skip a lock. The default is the safe one, because a wrong resolution can buy twice."""
    body_limit_kb: Annotated[int, Meta(ge=1, le=10_240)] = 64
    """The longest request body, in KiB. A signal has less than one; a batch of a hundred has about thirty."""
    read_timeout_s: Seconds = 5.0
    """Seconds in which a caller must send the head of a request, and again its body. After that it gets 408 and the
    connection is closed. Callers are on this machine: a slower one is stuck."""


class HttpTable(Table, frozen=True):
    """The listener on a loopback address."""

    listen: AtRestart[str] = ""
    """Where to listen on TCP as well, for the dashboard and for a bot that cannot use Unix sockets. It is off by
    default, because every program on this machine can read the orders there; changes need the token. Other machines
    never reach it. Without any configuration file it is on, at 127.0.0.1:8808, because the money is paper. Empty: no
    listener. Otherwise a loopback address and a port, like "127.0.0.1:8808"."""
    token_file: AtRestart[str] = ""
    """The file that holds the token for changes over TCP. The first start creates it, readable by the daemon's user
    only. The token grants what an administrator may do. For a new token remove the file and restart. Empty: http-token
    beside the database."""


class PollerTable(Table, frozen=True, dict=True):
    """Reading the bot's targets that are ready, beside the signals that it sends, and reporting the result of each."""

    enabled: AtRestart[bool] = False
    """Whether the bot's targets are read and traded. It is off by default, because nothing trades by itself unless
    asked. While it is on, a BUY that is sent for a target without a key of its own gets the target's key, so that both
    are one."""
    base_url: AtRestart[str] = "http://127.0.0.1:3008"
    """The bot's server, where /api/snipe-targets is. Another machine needs https."""
    user_id: AtRestart[str] = ""
    """The bot's id of the user whose targets are traded; rows of other users are ignored. Empty: none, so it must be
    set while enabled."""
    token_file: AtRestart[str] = ""
    """The file of a token that is sent to the bot as "Authorization: Bearer TOKEN", where the bot requires one. Other
    users must not be able to read it (chmod 600). The credential bot_token from the service manager takes precedence.
    Empty: no token is sent."""
    interval_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 1_000
    """Milliseconds between two reads. A target is late by half of it on average, so a sniper reads often; a target with
    a target_execution_time that is read before then is not late at all."""
    longest_interval_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 60_000
    """The longest wait between two reads, in milliseconds, while the bot does not answer: each wait is twice the one
    before."""
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """Milliseconds that a request to the bot may take. Trading does not wait for it."""
    body_limit_kb: Annotated[int, Meta(ge=1, le=10_240)] = 1_024
    """The longest answer of the bot that is read, in KiB. The bot shows at most a hundred rows of less than one
    each."""
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """The least confidence_score of a target that is traded, as a share; the bot's 80 and 0.8 are both 0.8. 0 sets no
    minimum, because the bot decides which targets are ready."""
    slippage_percent: Annotated[float, Meta(ge=0, le=99)] = 0.0
    """Percent by which the price of a target bought at the market may be worse than the pair's last one: at a launch,
    or where MARKET is refused, the order goes as IMMEDIATE_OR_CANCEL at that price. MEXC cancels market orders in a
    listing's first minute. 0 is off: how much a launch may cost is not the daemon's to decide."""
    cap_at_entry_price: bool = False
    """Whether a target that is bought at the market has its entry_price, where it has one, as the highest price, in
    place of slippage_percent. It is known before the first trade, which a last price is not. Off, because the bot shows
    entry_price for information too."""
    duplicate_window_ms: Ms = 60_000
    """Milliseconds within which two targets of one coin and user are a double click: only the one with the lower id is
    traded."""
    report_attempts: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Attempts for a report that the bot answers with an error, at growing intervals; then it is given up, and the log
    says so. While the bot does not answer at all, reports wait for it."""

    @cached_property
    def slippage(self) -> Decimal:
        """``slippage_percent``, exactly; 0 is off."""
        return exact(self.slippage_percent)

    @cached_property
    def least_confidence(self) -> Decimal:
        """``min_confidence``, exactly."""
        return exact(self.min_confidence)


class AlertsTable(Table, frozen=True):
    """When the operator is alerted.

    An alert is a line in the log, in `sniperd alerts` and in `sniperd status`, and a message to every webhook. The same
    limits are in the Prometheus rules, systemd/monitoring/sniperd.rules.yml: change both. An order that is lost or in
    doubt for longer than its grace, a dead letter and a halt always alert.
    """

    window_s: Annotated[int, Meta(ge=30, le=3_600)] = 300
    """Seconds over which lock timeouts, failures and slow commits are counted. A shorter window forgets before the
    operator has looked; a longer one keeps alerting after the problem has ended."""
    queue_depth: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    """Alert when more orders and callers than this wait for their turn for ten seconds. Ten orders per second go to the
    exchange: a longer queue means seconds of waiting, and a snipe is worth something in its first."""
    lock_overdue_s: Annotated[float, Meta(ge=0, le=86_400)] = 10.0
    """Alert when a lock is still held this many seconds past the end of its lease: an outcome is outstanding under
    it."""
    lock_timeouts: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
    """Alert when more leases, or waits for one, than this time out in the window: owners die or hold for too long. A
    few are usual."""
    failed_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0
    """Alert when more than this percentage of the orders settled in the window were rejected, expired, set aside or
    lost."""
    failed_at_least: Annotated[int, Meta(ge=1, le=1_000_000)] = 3
    """Failures in the window from which their percentage counts: one of two is no rate."""
    rate_ban_s: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    """Alert when the exchange asks for a wait of more seconds than this: a ban. An ordinary "too many requests" ends
    after two."""
    unreachable_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert after this many seconds without an answer from the exchange; its clock is queried every [exchange]
    clock_check_s."""
    clock_offset_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 1_000
    """Alert when this machine's clock and the exchange's differ by more milliseconds than this for a minute. The daemon
    corrects for the offset; a machine whose clock is a second off is not synchronised, and its logs are hard to
    compare."""
    armed_not_ready_min: Annotated[int, Meta(ge=1, le=60)] = 5
    """Minutes before an order's executeAt from which on an alert says what the order lacks: the listing of its pair,
    funds, the key's permission, the exchange's answer, its clock, or a resume. The balance and the key's pairs are
    queried every 30 seconds, from a minute earlier on. Five minutes are enough to top up a balance."""
    slow_commits: Annotated[int, Meta(ge=0, le=1_000_000)] = 3
    """Alert when more commits than this in the window took longer than 100 ms. Every order waits for a commit, and a
    healthy disk takes one or two milliseconds."""
    reconcile_overdue_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert when a query about an order's outcome has been due for more seconds than this: reconciliation does not keep
    up."""
    poller_failing_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert when the bot fails to show its targets to the poller, or to accept a report, for more seconds than this.
    Its own restart is shorter. Without [poller] enabled this alert never fires."""
    fleet_lag: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    """Alert when this member's copy of the fleet's log lacks more entries than this for ten seconds. A burst of a
    thousand signals makes a few hundred entries, and a copy has them within half a second. Without [fleet] url this
    alert never fires."""
    disk_free_mb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    """Alert when fewer megabytes than this are free where the database is. When the disk is full the daemon stops."""
    webhook_file: AtRestart[str] = ""
    """The file of the webhooks that alerts are sent to, one per line: "json ADDRESS", "slack ADDRESS", "discord
    ADDRESS" or "telegram ADDRESS CHAT"; eight at most. With "alerts" or "trades" after that a webhook gets only alerts,
    or only the messages of [notifications]. An address is all that it takes to write there, so other users must not be
    able to read the file (chmod 600). The credential alert_webhooks from the service manager takes precedence. Empty:
    no webhooks."""
    webhook_timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """Milliseconds that a webhook may take to answer. Trading does not wait for it."""
    webhook_attempts: Annotated[int, Meta(ge=1, le=100)] = 8
    """Attempts for a message that a webhook does not accept, one second apart, then two, four, up to a minute. Eight
    take two minutes; after that the log says that it was given up."""


Notified = Literal["filled", "canceled", "rejected", "expired", "missed", "lost", "halted"]
"""What a message can be about."""


class NotificationsTable(Table, frozen=True):
    """Messages about trades, sent to the webhooks of [alerts] webhook_file.

    They have queues of their own: no order and no alert waits for them. A line of the webhook file that ends with
    "alerts" or "trades" gets only these.
    """

    events: list[Notified] = msgspec.field(default_factory=list)
    """What is sent. "filled": an order ended on the exchange with fills. "canceled": it ended there without one.
    "rejected": it was definitely not executed. "expired": its deadline passed before it was sent. "missed": the same,
    of an order with an executeAt. "lost": the search for it found nothing. "halted": the kill switch is on. Empty by
    default: a message leaves the machine and names the pair and the side, so nothing is sent unless asked."""
    amounts: bool = False
    """Whether messages show amounts, prices and values, and reasons, which may quote these. Off by default, because the
    service that shows the messages can read them."""
    per_minute: Annotated[int, Meta(ge=1, le=1_000)] = 20
    """Messages in any 60 seconds, at most. What is above it is counted and sent as one message, like "and 12 more
    filled". Telegram accepts 20 per minute in a group (documented)."""


class LogTable(Table, frozen=True):
    """What is written to standard output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is written. "debug" adds every single query to the exchange; "warning" leaves out what goes
    well."""
    format: AtRestart[Literal["auto", "json", "text"]] = "auto"
    """The form of a line. "json": every key of the event. "text": words for people, with local times, and colours on a
    terminal unless $NO_COLOR is set. "auto": text on a terminal, JSON everywhere else."""


class Config(Table, frozen=True):
    """sniperd's configuration: every key with its default.

    Copy the file, change what differs, and start the daemon with `sniperd run --config FILE`. A missing key has the
    default shown here. An unknown key or a value out of range is refused at the start, with what is allowed.
    `sniperd config check --config FILE` checks a file without starting. After a change, `systemctl reload` (or SIGHUP)
    applies what can change while the daemon runs; the log names what needs a restart, and so does this file.

    The API keys are never in this file: see api_key_file.
    """

    exchange: ExchangeTable = ExchangeTable()
    store: StoreTable = StoreTable()
    sockets: SocketsTable = SocketsTable()
    http: HttpTable = HttpTable()
    locks: LocksTable = LocksTable()
    queue: QueueTable = QueueTable()
    launch: LaunchTable = LaunchTable()
    retry: RetryTable = RetryTable()
    reconcile: ReconcileTable = ReconcileTable()
    guards: GuardsTable = GuardsTable()
    poller: PollerTable = PollerTable()
    fleet: FleetTable = FleetTable()
    alerts: AlertsTable = AlertsTable()
    notifications: NotificationsTable = NotificationsTable()
    log: LogTable = LogTable()


def tables() -> dict[str, type[Table]]:
    """Return the tables by name."""
    return {field.name: field.type for field in msgspec.structs.fields(Config)}
