"""Configuration: every key, its default, its range; the file, and what is wrong with it.

The defaults are safe: the paper exchange, everything under the user's own directories, nothing on the network. Each
key's unit and reason stand in ``config.toml`` at the project's root, which a test holds to this module.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from daemon.addresses import address, is_loopback, is_server
from daemon.config_words import check_names, explain
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
    """A table of the file."""


class ExchangeTable(Table, frozen=True):
    """``[exchange]``: where to trade, and how fast."""

    mode: Literal["paper", "live"] = "paper"
    shadow: bool = False
    base_url: str = ""
    api_key_file: str = ""
    api_secret_file: str = ""
    recv_window_ms: Annotated[int, Meta(ge=500, le=60_000)] = 2_000
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    order_rate_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    weight_per_10s: Annotated[int, Meta(ge=50, le=1_000_000)] = 250
    requests_per_s: Annotated[int, Meta(ge=1, le=1_000_000)] = 8
    clock_check_s: Seconds = 30.0
    symbols_refresh_s: Seconds = 300.0
    paper_db: str = ""
    paper_spends_all: bool = False
    facts_file: str = ""

    @property
    def server(self) -> str:
        """Where orders go: the name of a place, by which what was found out about it is kept."""
        return (self.base_url or MEXC_URL).rstrip("/") if self.mode == "live" else "paper"

    @property
    def market(self) -> str:
        """The server that live mode trades on, and that shadow mode reads."""
        return (self.base_url or MEXC_URL).rstrip("/")


class StoreTable(Table, frozen=True):
    """``[store]``: the database."""

    path: str = ""
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 365


class SocketsTable(Table, frozen=True):
    """``[sockets]``: where to listen, and who may administer."""

    signals: str = ""
    status: str = ""
    admin_uids: list[Annotated[int, Meta(ge=0)]] = []
    body_limit_kb: Annotated[int, Meta(ge=1, le=10_240)] = 64
    read_timeout_s: Seconds = 5.0


class HttpTable(Table, frozen=True):
    """``[http]``: the loopback listener."""

    listen: str = ""
    token_file: str = ""


class LocksTable(Table, frozen=True):
    """``[locks]``: leases and their clean-up."""

    timeout_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 30_000
    scope: Literal["target", "symbol"] = "target"
    cleanup_interval_s: Seconds = 300.0
    retention_h: Annotated[float, Meta(gt=0, le=8_760)] = 24.0


class QueueTable(Table, frozen=True):
    """``[queue]``: priorities, deadlines, bounds."""

    buy_priority: Rank = 5
    sell_priority: Rank = 1
    buy_deadline_ms: Ms = 5_000
    sell_deadline_ms: Ms = 60_000
    manual_window_ms: Ms = 60_000
    arm_ahead_ms: Annotated[int, Meta(ge=10, le=60_000)] = 500
    max_queued: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_in_flight: Annotated[int, Meta(ge=1, le=10_000)] = 64
    drain_s: Seconds = 10.0


class RetryTable(Table, frozen=True):
    """``[retry]``: attempts after a definite refusal."""

    first_ms: Ms = 50
    factor: Annotated[float, Meta(ge=1, le=10)] = 1.5
    longest_ms: Ms = 1_000
    attempts: Annotated[int, Meta(ge=1, le=10_000)] = 200


class ReconcileTable(Table, frozen=True):
    """``[reconcile]``: the search for unknown outcomes."""

    first_ms: Ms = 100
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    longest_ms: Ms = 30_000
    grace_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 10_000
    negatives: Annotated[int, Meta(ge=2, le=100)] = 3
    lost_every_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 600_000
    startup_s: Seconds = 10.0


class GuardsTable(Table, frozen=True):
    """``[guards]``: what speaks against an order before it is one."""

    repeat_window_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 2_000
    max_notional_per_order: Quote = 0.0
    max_notional_per_day: Quote = 0.0
    notional_asset: Asset = "USDT"
    max_open_buys_per_owner: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    allowed_symbols: list[Pair] = []
    forbidden_symbols: list[Pair] = []
    price_band_percent: Annotated[float, Meta(ge=0, le=1_000)] = 0.0


class PollerTable(Table, frozen=True):
    """``[poller]``: reading the bot's targets, beside the signals that it sends."""

    enabled: bool = False
    base_url: str = "http://127.0.0.1:3008"
    user_id: str = ""
    token_file: str = ""
    interval_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 1_000
    longest_interval_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 60_000
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    body_limit_kb: Annotated[int, Meta(ge=1, le=10_240)] = 1_024
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    duplicate_window_ms: Ms = 60_000
    report_attempts: Annotated[int, Meta(ge=1, le=10_000)] = 20


class AlertsTable(Table, frozen=True):
    """``[alerts]``: when a person is called, and where."""

    window_s: Annotated[int, Meta(ge=30, le=3_600)] = 300
    queue_depth: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    lock_overdue_s: Annotated[float, Meta(ge=0, le=86_400)] = 10.0
    lock_timeouts: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
    failed_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0
    failed_at_least: Annotated[int, Meta(ge=1, le=1_000_000)] = 3
    rate_ban_s: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    unreachable_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    clock_offset_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 1_000
    slow_commits: Annotated[int, Meta(ge=0, le=1_000_000)] = 3
    reconcile_overdue_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    poller_failing_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    disk_free_mb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    webhook_file: str = ""
    webhook_timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    webhook_attempts: Annotated[int, Meta(ge=1, le=100)] = 8


class LogTable(Table, frozen=True):
    """``[log]``: what is written to standard output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"


class Config(Table, frozen=True):
    """The whole file."""

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
