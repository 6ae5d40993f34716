"""Reads and checks the configuration file."""

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from daemon.config.addresses import address, is_loopback, is_server
from daemon.config.errors import check_names, explain
from daemon.config.tables import NO_CALENDAR, Config, ExchangeTable, HttpTable, PollerTable, tables
from daemon.config.trading_tables import GuardsTable
from daemon.errors import BadConfig

QUICK_LISTEN = "127.0.0.1:8808"
"""Where the dashboard listens without a configuration file."""

MEXC_ORDER_RATE, MEXC_WEIGHT = 12, 300
"""MEXC's documented limits: orders and cancels per second together, weight of all requests per 10 seconds."""


def quick_start() -> Config:
    """Return the configuration without a file: the defaults, and the dashboard, because it is paper trading."""
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
    """Check values that depend on each other.

    Raises:
        BadConfig: two values contradict each other, or one breaks a promise.

    """
    _check_exchange(config.exchange)
    _check_guards(config.guards)
    _check_budget(config)
    _check_poller(config.poller)
    _check_fleet(config)
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
            "readers need a separate socket"
        )
    if config.http.listen:
        address(config.http.listen)
    return config


def _check_exchange(exchange: ExchangeTable) -> None:
    _check_mode(exchange)
    if exchange.base_url and not is_server(exchange.base_url):
        raise BadConfig(f"[exchange] base_url = {exchange.base_url!r}; allowed: https://HOST[:PORT]")
    _check_calendar(exchange.calendar_url)
    if is_loopback(exchange.base_url) or (exchange.mode == "paper" and not exchange.shadow):
        return
    if urlsplit(exchange.market).scheme != "https":
        what = (
            "would accept prices that others on the network can change"
            if exchange.shadow
            else "would send the key unencrypted"
        )
        raise BadConfig(f"[exchange] base_url = {exchange.base_url!r} {what}; allowed: https://")
    if exchange.mode == "live":
        _check_rates(exchange)


def _check_calendar(url: str) -> None:
    if url in ("", NO_CALENDAR):
        return
    if not is_server(url) or not (is_loopback(url) or urlsplit(url).scheme == "https"):
        raise BadConfig(
            f'[exchange] calendar_url = {url!r} could move orders by what others on the network write; allowed: "off", '
            "https://HOST[:PORT], or a server on this machine"
        )


def _check_mode(exchange: ExchangeTable) -> None:
    """Check that no key of another mode is set."""
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
            f'[exchange] base_url = {exchange.base_url!r} goes with mode = "live", or with shadow = true: the '
            "daemon starts the paper exchange itself; remove it, or set one of these"
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
    """Require notional limits for real money."""
    exchange, guards = config.exchange, config.guards
    if exchange.mode != "live" or is_loopback(exchange.base_url):
        return
    for name, what in (("max_notional_per_order", "one BUY"), ("max_notional_per_day", "the BUYs of a day")):
        if not getattr(guards, name):
            raise BadConfig(
                f"[guards] {name} = 0 is no limit, and {exchange.market} trades real money; allowed: a number above 0, "
                f"the most that {what} may cost in {guards.notional_asset}"
            )


def _check_fleet(config: Config) -> None:
    """Check the fleet's table, and that members could know the same orders."""
    fleet, exchange = config.fleet, config.exchange
    fleet.check(exchange.recv_window_ms)
    if fleet.url and exchange.mode == "paper":
        what = "shadow = true" if exchange.shadow else 'mode = "paper"'
        raise BadConfig(
            f"[fleet] url does not go with [exchange] {what}: each member would have a paper exchange with a book of "
            "its own, and after a takeover every order would be lost; to rehearse, start one `sniperd exchange`, and "
            'give all members mode = "live" with its address on this machine as base_url'
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
            f"[poller] base_url = {poller.base_url!r} would accept targets that others on the network can change; "
            "allowed: https://"
        )
