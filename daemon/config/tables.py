"""Configuration: every key, its default, its range, its description; the file, and what is wrong with it.

The defaults are safe: the paper exchange, everything under the user's own directories, nothing on the network. A key's
description is the string below it. ``config.toml`` and the handbook's reference are generated from this module:
``python -m tests.manual.generate``.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from daemon.config.addresses import address, is_loopback, is_server
from daemon.config.errors import check_names, explain
from daemon.errors import BadConfig

MEXC_URL = "https://api.mexc.com"
QUICK_LISTEN = "127.0.0.1:8808"
"""Where the dashboard stands without a configuration file."""

MEXC_ORDER_RATE, MEXC_WEIGHT = 12, 300
"""MEXC's own limits: place and cancel together a second, weight of all requests in 10 seconds (documented)."""

Ms = Annotated[int, Meta(ge=1, le=86_400_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Rank = Annotated[int, Meta(ge=1, le=10)]
Quote = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Pair = Annotated[str, Meta(pattern=r"^\w{2,40}\Z")]
Asset = Annotated[str, Meta(pattern=r"^\w{1,20}\Z")]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. The docstring and the string below each key are its comments in ``config.toml``."""


class ExchangeTable(Table, frozen=True):
    """Where to trade, and how fast."""

    mode: Literal["paper", "live"] = "paper"
    """Where to trade. "paper": a simulated exchange that the daemon starts itself; no money is at stake. "live": MEXC,
    or the server that base_url names. The default cannot lose money by accident."""
    shadow: bool = False
    """Only with mode = "paper": trade on the paper exchange, but at the prices and by the rules of the real market that
    base_url names. No API key is read, and the real market gets nothing but public reads."""
    base_url: str = ""
    """The server to trade on in live mode, or to read in shadow mode. Any server that speaks MEXC's protocol works. One
    on this machine (127.0.0.1, ::1, localhost) counts as a test server: it may use plain http, and MEXC's own limits do
    not apply. Empty: https://api.mexc.com."""
    api_key_file: str = ""
    """The file that holds the API key and nothing else. Other users must not be able to read it (chmod 600).
    Credentials from the service manager (LoadCredential=mexc_api_key and mexc_api_secret) take precedence. Empty: the
    environment's MEXC_API_KEY."""
    api_secret_file: str = ""
    """The file that holds the API secret, under the same conditions. Set both files or neither. Empty: the
    environment's MEXC_SECRET_KEY."""
    recv_window_ms: Annotated[int, Meta(ge=500, le=60_000)] = 2_000
    """Milliseconds after its timestamp in which MEXC accepts a request (recvWindow). A smaller window settles sooner
    that no late copy of an order can be admitted any more, but it must cover the way to MEXC and the difference of the
    clocks. MEXC's own default is 5000; two seconds are ample for a machine whose clock the daemon measures."""
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """Milliseconds that a request may take, half of them to connect. Without an answer in this time the order's outcome
    is unknown and the daemon searches for it. A short timeout ends the wait sooner and leaves more orders in doubt."""
    order_rate_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    """Orders and cancels in any one second, at most. MEXC accepts 12, place and cancel together, and bans an account
    that exceeds it; the default leaves room for cancels by hand. More than 12 is accepted only for paper and test
    servers."""
    weight_per_10s: Annotated[int, Meta(ge=50, le=1_000_000)] = 250
    """Weight of requests in any 10 seconds, at most. MEXC grants 300 per address and does not say how much is used; the
    default leaves room for another program at the same address. More than 300 is accepted only for paper and test
    servers."""
    requests_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 8
    """Requests per second that are not orders, at most: queries, the clock, the rules. MEXC's support speaks of 20
    requests per second in all; with 10 orders per second beside them these stay below."""
    clock_check_s: Seconds = 30.0
    """Seconds between two measurements of the exchange's clock. Timestamps must be right to a second; an ordinary clock
    drifts by milliseconds in half a minute, and a measurement costs a weight of 1."""
    symbols_refresh_s: Seconds = 300.0
    """Seconds between two loads of all trading rules (precision, minimum, maximum of every pair). An unknown pair is
    queried when the first signal names it, and known rules are read again before they refuse a signal, at most every
    two seconds per pair. So this only catches other changes; it costs a weight of 25."""
    paper_db: str = ""
    """The paper exchange's own book, an SQLite file. It survives restarts, as a real exchange's book does. Empty:
    paper-exchange.db beside the daemon's database, in shadow mode shadow-exchange.db."""
    paper_spends_all: bool = False
    """Whether a market buy by quoteOrderQty spends all of it on the paper exchange. By default it does what MEXC does:
    it places a limit order 5 % above the best price and buys what the amount pays for at that limit, so about 95 % are
    spent."""
    facts_file: str = ""
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


class StoreTable(Table, frozen=True):
    """The database."""

    path: str = ""
    """The daemon's database, an SQLite file on a local disk: every order, attempt, lock and event. Without it the
    protection against buying twice is gone, so it belongs on a disk that survives a restart of the machine. Empty:
    sniperd.db in $STATE_DIRECTORY, else in ~/.local/state/sniperd."""
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 365
    """Days for which orders, attempts and events are kept after an order's end: 3 kB per order. A year covers the
    questions of a tax year. An order whose key still counts (a caller's own key, a target's buy) stays, without its
    events and attempts: it is never bought again. Open orders and dead letters stay whole. 0 keeps everything."""


class SocketsTable(Table, frozen=True):
    """The Unix sockets, and who may administer."""

    signals: str = ""
    """The socket for signals, locks and administration (mode 0660): every user who can open it can trade. Empty:
    signals.sock in $RUNTIME_DIRECTORY, else in $XDG_RUNTIME_DIR/sniperd."""
    status: str = ""
    """The read-only socket (mode 0660): status, orders, metrics, dashboard. It must differ from signals. Empty:
    status.sock in $RUNTIME_DIRECTORY, else in $XDG_RUNTIME_DIR/sniperd."""
    admin_uids: list[Annotated[int, Meta(ge=0)]] = []
    """Numeric user ids that may administer, beside root and the daemon's own user: halt, resume, resolve, force a
    release, skip a lock. The default is the safe one, because a wrong resolution can buy twice."""
    body_limit_kb: Annotated[int, Meta(ge=1, le=10_240)] = 64
    """The longest request body, in KiB. A signal has less than one; a batch of a hundred has about thirty."""
    read_timeout_s: Seconds = 5.0
    """Seconds in which a caller must send the head of a request, and again its body. After that it gets 408 and the
    connection is closed. Callers are on this machine: a slower one is stuck."""


class HttpTable(Table, frozen=True):
    """The listener on a loopback address."""

    listen: str = ""
    """Where to listen on TCP as well, for the dashboard and for a bot that cannot use Unix sockets. It is off by
    default, because every program on this machine can read the orders there; changes need the token. Other machines
    never reach it. Without any configuration file it is on, at 127.0.0.1:8808, because the money is paper. Empty: no
    listener. Otherwise a loopback address and a port, like "127.0.0.1:8808"."""
    token_file: str = ""
    """The file that holds the token for changes over TCP. The first start creates it, readable by the daemon's user
    only. The token grants what an administrator may do. For a new token remove the file and restart. Empty: http-token
    beside the database."""


class LocksTable(Table, frozen=True):
    """Locks, their leases, and the clean-up of both."""

    timeout_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 30_000
    """Milliseconds that a lock's lease lasts where the caller does not say; it is the bot's own figure. A lease that
    ends frees its lock only while nothing was sent under it. Afterwards it raises an alert, and the lock stays."""
    scope: Literal["target", "symbol"] = "target"
    """What a trade's lock covers. "target": one symbol, side and snipe target, as the bot does. "symbol": one trade per
    symbol at a time, whatever side and target. Locks on disk keep their names, and a lock of one form conflicts with
    those of the other."""
    cleanup_interval_s: Seconds = 300.0
    """Seconds between two clean-ups of finished locks and queue rows: the bot's five minutes. A clean-up makes short
    commits."""
    retention_h: Annotated[float, Meta(gt=0, le=8_760)] = 24.0
    """Hours for which finished locks and queue rows are kept for the bot's dashboard: the bot's own day. Orders,
    attempts and events are kept for longer: see [store] retention_days."""


class QueueTable(Table, frozen=True):
    """Priorities, deadlines and limits of the queue."""

    buy_priority: Rank = 5
    """A BUY's priority where the signal does not say; 1 is the most urgent. It is the bot's own figure."""
    sell_priority: Rank = 1
    """A SELL's priority where the signal does not say. It must be more urgent than buy_priority: a sell ends a risk, a
    buy starts one."""
    buy_deadline_ms: Ms = 5_000
    """Milliseconds after acceptance, or after executeAt, in which a BUY may still be sent. A snipe is worth something
    in its first seconds only; sent late it buys at the top."""
    sell_deadline_ms: Ms = 60_000
    """Milliseconds after acceptance, or after executeAt, in which a SELL may still be sent. A late sell is better than
    none, but not when the operator has stopped watching."""
    manual_window_ms: Ms = 60_000
    """Milliseconds after its order's end in which an identical SELL without a key, or signal without key and target,
    counts as a repetition: a double click, or a sender's retry. After that it is a new order, such as the next step of
    a ladder."""
    arm_ahead_ms: Annotated[int, Meta(ge=10, le=60_000)] = 500
    """Milliseconds before its executeAt at which an order is made durable, so that no disk write delays the send. Long
    enough for a slow disk, and short because an armed order is in doubt if the machine fails."""
    max_queued: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """Orders that may wait in the queue. Beyond that signals are refused at once (409), which is better than a queue
    that is never emptied within its deadlines: at 10 orders per second the default is more than a quarter of an hour.
    Orders that wait for their executeAt count. SELLs are counted among themselves only, so that BUYs never take a
    SELL's place."""
    max_in_flight: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Requests that may be on their way to the exchange at once, each on a connection of its own. At 10 orders per
    second and a timeout of 5 seconds there can be 50."""
    drain_s: Seconds = 10.0
    """Seconds for which a stopping daemon waits for the answers to requests on their way. The next start searches for
    what is still unanswered, so the wait saves a doubt and never an order. Keep it below the service's
    TimeoutStopSec."""


class RetryTable(Table, frozen=True):
    """Another attempt after a definite refusal, within the order's deadline.

    A definite refusal is "not open yet" or no connection, for example. After an unknown outcome nothing is ever sent
    again.
    """

    first_ms: Ms = 50
    """Milliseconds until the second attempt. At a launch every refusal costs a place in the row, so the first retries
    come fast."""
    factor: Annotated[float, Meta(ge=1, le=10)] = 1.5
    """Factor by which each further wait is longer than the one before: a launch that is late is not worth the whole
    order rate."""
    longest_ms: Ms = 1_000
    """The longest wait between two attempts, in milliseconds: a sniper must not sleep through the open."""
    attempts: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """Attempts per order, at most; after that the order becomes a dead letter for the operator. The deadline nearly
    always comes first: this bounds orders with a long one."""


class ReconcileTable(Table, frozen=True):
    """The search for orders whose outcome is unknown, and the tracking of placed ones."""

    first_ms: Ms = 100
    """Milliseconds until the second query; the first is made at once. MEXC may take some time to show a fresh order."""
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    """Factor by which each further wait is longer than the one before: a fresh query is answered soon, and an old one
    costs little."""
    longest_ms: Ms = 30_000
    """The longest wait between two queries, in milliseconds. A resting order is queried at this pace."""
    grace_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 10_000
    """Milliseconds after recv_window_ms has passed from which "not found" counts as evidence. MEXC's queries lag behind
    its books, by how much is undocumented: ten seconds are the least that is prudent."""
    negatives: Annotated[int, Meta(ge=2, le=100)] = 3
    """Consecutive complete searches without a result, over every source that can show an order, before an order is
    marked `lost` and the operator is alerted. Marking it frees nothing: its lock and its key stay until the operator
    resolves it, or it is found after all."""
    lost_every_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 600_000
    """Milliseconds between two queries for a lost order. They continue until the operator resolves it."""
    startup_s: Seconds = 10.0
    """Seconds for which a starting daemon searches for what was in flight when it ended, before it accepts signals.
    What is still in doubt then keeps its lock, so the bound serves everything else: the exchange may be down for
    hours."""


class GuardsTable(Table, frozen=True):
    """What is refused (409, `guarded`) before it becomes an order.

    Guards protect against buying: only the price band holds up a SELL, and nothing holds up an emergency SELL
    (`skipLock`). Repetitions place nothing and are always answered. A guard that is on and lacks a figure that it needs
    refuses. What was bought today still counts after a restart.
    """

    repeat_window_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 2_000
    """Milliseconds after a BUY in which another one of the same owner and symbol, but for another target, is refused,
    unless it says allowRepeat. A double click in the bot makes a second target and so a second key, and nobody clicks
    twice within two seconds on purpose. 0 is off."""
    max_notional_per_order: Quote = 0.0
    """The most that a single BUY may cost, in units of notional_asset: the bound for a typing error. A market order by
    quantity is judged by the pair's last price, and refused where that price is unavailable. 0 is off."""
    max_notional_per_day: Quote = 0.0
    """The most that the BUYs of a day (UTC) may cost, in units of notional_asset: the bound for a bot out of control.
    Every BUY accepted that day counts with the requested amount, unless it ended without being placed. 0 is off."""
    notional_asset: Asset = "USDT"
    """The asset of the two limits above. While one of them is set, pairs quoted in another asset are not bought: a
    hundred USDT and a hundred BTC have no sum."""
    max_open_buys_per_owner: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """BUYs of one owner that may be queued, in flight, in doubt or open on the exchange at a time, over all symbols. It
    bounds what a bot can start before the first results are known. 0 is off."""
    allowed_symbols: list[Pair] = []
    """The only pairs that may be bought. Selling is never restricted, so that a position can always be closed. Empty,
    the default, allows all: a sniper trades pairs that nobody can list beforehand."""
    forbidden_symbols: list[Pair] = []
    """Pairs that must not be bought. Selling is not restricted here either: a pair that becomes forbidden while it is
    held must still be sold."""
    price_band_percent: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    """Percent that a limit price may be worse than the pair's last price, a BUY above it or a SELL below: it catches a
    misplaced decimal point. It costs a request of weight 1 before the order, at most one per second and pair. A pair
    without a last price, as before its first trade, is refused: leave it off where you snipe listings. 0 is off."""


class PollerTable(Table, frozen=True):
    """Reading the bot's targets that are ready, beside the signals that it sends, and reporting the result of each."""

    enabled: bool = False
    """Whether the bot's targets are read and traded. It is off by default, because nothing trades by itself unless
    asked. While it is on, a BUY that is sent for a target without a key of its own gets the target's key, so that both
    are one."""
    base_url: str = "http://127.0.0.1:3008"
    """The bot's server, where /api/snipe-targets is. Another machine needs https."""
    user_id: str = ""
    """The bot's id of the user whose targets are traded; rows of other users are ignored. Empty: none, so it must be
    set while enabled."""
    token_file: str = ""
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
    duplicate_window_ms: Ms = 60_000
    """Milliseconds within which two targets of one coin and user are a double click: only the one with the lower id is
    traded."""
    report_attempts: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Attempts for a report that the bot answers with an error, at growing intervals; then it is given up, and the log
    says so. While the bot does not answer at all, reports wait for it."""


class AlertsTable(Table, frozen=True):
    """When the operator is alerted.

    An alert is a line in the log, in `sniperd alerts` and in `sniperd status`, and a message to every webhook. The same
    limits stand as Prometheus rules in systemd/monitoring/sniperd.rules.yml: change both. An order that is lost or in
    doubt for longer than its grace, a dead letter and a halt always alert.
    """

    window_s: Annotated[int, Meta(ge=30, le=3_600)] = 300
    """Seconds over which lock timeouts, failures and slow commits are counted. A shorter window forgets before anyone
    has looked; a longer one keeps alerting when all is well again."""
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
    """Alert when the exchange says wait for more seconds than this: a ban. An ordinary "too many requests" is over in
    two."""
    unreachable_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert after this many seconds without an answer from the exchange; its clock is queried every [exchange]
    clock_check_s."""
    clock_offset_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 1_000
    """Alert when this machine's clock and the exchange's differ by more milliseconds than this for a minute. The daemon
    corrects for the offset; a machine whose clock is a second off is not synchronised, and its logs are hard to
    compare."""
    slow_commits: Annotated[int, Meta(ge=0, le=1_000_000)] = 3
    """Alert when more commits than this in the window took longer than 100 ms. Every order waits for a commit, and a
    healthy disk takes one or two milliseconds."""
    reconcile_overdue_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert when a query about an order's outcome has been due for more seconds than this: reconciliation does not keep
    up."""
    poller_failing_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Alert when the bot fails to show its targets to the poller, or to accept a report, for more seconds than this.
    Its own restart is shorter. Without [poller] enabled this alert never fires."""
    disk_free_mb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    """Alert when fewer megabytes than this are free where the database is. When the disk is full the daemon stops."""
    webhook_file: str = ""
    """The file of the webhooks that alerts are sent to, one per line: "json ADDRESS", "slack ADDRESS", "discord
    ADDRESS" or "telegram ADDRESS CHAT"; eight at most. An address is all that it takes to write there, so other users
    must not be able to read the file (chmod 600). The credential alert_webhooks from the service manager takes
    precedence. Empty: no webhooks."""
    webhook_timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """Milliseconds that a webhook may take to answer. Trading does not wait for it."""
    webhook_attempts: Annotated[int, Meta(ge=1, le=100)] = 8
    """Attempts for a message that a webhook does not accept, one second apart, then two, four, up to a minute. Eight
    take two minutes; after that the log says that it was given up."""


class LogTable(Table, frozen=True):
    """What is written to standard output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is written. "debug" adds every single query to the exchange; "warning" leaves out what goes
    well."""
    format: Literal["auto", "json", "text"] = "auto"
    """The form of a line. "auto": colours on a terminal, JSON everywhere else."""


class Config(Table, frozen=True):
    """sniperd's configuration: every key with its default.

    Copy the file, change what differs, and start the daemon with `sniperd run --config FILE`. A missing key has the
    default shown here. An unknown key or a value out of range is refused at the start, with what is allowed.
    `sniperd config check --config FILE` checks a file without starting. After a change, `systemctl reload` (or SIGHUP)
    applies what can change while the daemon runs; the log names what needs a restart, and so does this file.

    The API keys never stand in this file: see api_key_file.
    """

    exchange: ExchangeTable = ExchangeTable()
    store: StoreTable = StoreTable()
    sockets: SocketsTable = SocketsTable()
    http: HttpTable = HttpTable()
    locks: LocksTable = LocksTable()
    queue: QueueTable = QueueTable()
    retry: RetryTable = RetryTable()
    reconcile: ReconcileTable = ReconcileTable()
    guards: GuardsTable = GuardsTable()
    poller: PollerTable = PollerTable()
    alerts: AlertsTable = AlertsTable()
    log: LogTable = LogTable()


def quick_start() -> Config:
    """Return what counts without a file: the defaults, and the dashboard, because the money is paper."""
    return Config(http=HttpTable(listen=QUICK_LISTEN))


def load(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        BadConfig: the file cannot be read, or a key or value is wrong; the message names it and what is allowed.

    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} is not TOML: {error}") from error
    try:
        return check(parse(found))
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def parse(found: dict[str, object]) -> Config:
    """Turn tables into a configuration.

    Raises:
        BadConfig: a table or key is unknown, or a value is out of range.

    """
    check_names(found, tables())
    try:
        return msgspec.convert(found, Config)
    except msgspec.ValidationError as error:
        raise BadConfig(explain(str(error), found, tables())) from None


def check(config: Config) -> Config:
    """Check what no single key can be wrong about.

    Raises:
        BadConfig: two values contradict each other, or a promise.

    """
    _check_exchange(config.exchange)
    _check_guards(config.guards)
    _check_budget(config)
    _check_poller(config.poller)
    queue = config.queue
    if queue.sell_priority >= queue.buy_priority:
        raise BadConfig(
            f"[queue] sell_priority = {queue.sell_priority} is not more urgent than "
            f"buy_priority = {queue.buy_priority}; sells go first: make it the lower number"
        )
    for name, table in (("retry", config.retry), ("reconcile", config.reconcile)):
        if table.first_ms > table.longest_ms:
            raise BadConfig(
                f"[{name}] first_ms = {table.first_ms} is longer than longest_ms = {table.longest_ms}; "
                "allowed: at most that"
            )
    if config.sockets.signals and config.sockets.signals == config.sockets.status:
        raise BadConfig(
            f"[sockets] signals and status are the same path, {config.sockets.signals!r}; "
            "who may only read needs a socket of its own"
        )
    if config.http.listen:
        address(config.http.listen)
    return config


def tables() -> dict[str, type[Table]]:
    """Return the tables by name."""
    return {field.name: field.type for field in msgspec.structs.fields(Config)}


def _check_exchange(exchange: ExchangeTable) -> None:
    _check_mode(exchange)
    if exchange.base_url and not is_server(exchange.base_url):
        raise BadConfig(f"[exchange] base_url = {exchange.base_url!r}; allowed: https://HOST[:PORT]")
    if is_loopback(exchange.base_url) or (exchange.mode == "paper" and not exchange.shadow):
        return
    if urlsplit(exchange.market).scheme != "https":
        what = "would take prices from whoever is on the way" if exchange.shadow else "would send the key unencrypted"
        raise BadConfig(f"[exchange] base_url = {exchange.base_url!r} {what}; allowed: https://")
    if exchange.mode == "live":
        _check_rates(exchange)


def _check_mode(exchange: ExchangeTable) -> None:
    """Check that the keys of one way to trade are not set beside another."""
    if exchange.mode == "live":
        if exchange.shadow:
            raise BadConfig(
                '[exchange] shadow = true goes with mode = "paper": it sends orders to the paper exchange, at the real '
                "market's prices; remove one of the two"
            )
        if exchange.paper_db:
            raise BadConfig(f'[exchange] paper_db = {exchange.paper_db!r} goes with mode = "paper"; remove it')
        if exchange.paper_spends_all:
            raise BadConfig('[exchange] paper_spends_all = true goes with mode = "paper"; remove it')
    elif exchange.base_url and not exchange.shadow:
        raise BadConfig(
            f'[exchange] base_url = {exchange.base_url!r} goes with mode = "live", or with shadow = true: the paper '
            "exchange is started by the daemon itself; remove it, or set one of these"
        )


def _check_rates(exchange: ExchangeTable) -> None:
    if exchange.order_rate_per_s > MEXC_ORDER_RATE:
        raise BadConfig(
            f"[exchange] order_rate_per_s = {exchange.order_rate_per_s} is above MEXC's own limit; "
            f"allowed: 1 to {MEXC_ORDER_RATE}"
        )
    if exchange.weight_per_10s > MEXC_WEIGHT:
        raise BadConfig(
            f"[exchange] weight_per_10s = {exchange.weight_per_10s} is above MEXC's own limit; "
            f"allowed: 50 to {MEXC_WEIGHT}"
        )


def _check_guards(guards: GuardsTable) -> None:
    both = sorted(
        {pair.upper() for pair in guards.allowed_symbols} & {pair.upper() for pair in guards.forbidden_symbols}
    )
    if both:
        raise BadConfig(
            f"[guards] allowed_symbols and forbidden_symbols both hold {', '.join(both)}; remove it from one of them"
        )


def _check_budget(config: Config) -> None:
    """Real money is traded within limits that somebody has thought of."""
    exchange, guards = config.exchange, config.guards
    if exchange.mode != "live" or is_loopback(exchange.base_url):
        return
    for name, what in (("max_notional_per_order", "one BUY"), ("max_notional_per_day", "the BUYs of a day")):
        if not getattr(guards, name):
            raise BadConfig(
                f"[guards] {name} = 0 is no limit, and {exchange.market} trades real money; allowed: a number above 0, "
                f"the most that {what} may cost in {guards.notional_asset}"
            )


def _check_poller(poller: PollerTable) -> None:
    if poller.interval_ms > poller.longest_interval_ms:
        raise BadConfig(
            f"[poller] interval_ms = {poller.interval_ms} is longer than "
            f"longest_interval_ms = {poller.longest_interval_ms}; allowed: at most that"
        )
    if not poller.enabled:
        return
    if not poller.user_id:
        raise BadConfig("[poller] user_id is empty; allowed: the bot's id of the user whose targets are traded")
    if not is_server(poller.base_url):
        raise BadConfig(f"[poller] base_url = {poller.base_url!r}; allowed: http://127.0.0.1[:PORT] or https://HOST")
    if not is_loopback(poller.base_url) and urlsplit(poller.base_url).scheme != "https":
        raise BadConfig(
            f"[poller] base_url = {poller.base_url!r} would take targets from whoever is on the way; allowed: https://"
        )
