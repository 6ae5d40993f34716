"""``sniperd doctor --live-probe``: who may be asked, whether it is meant, and that nothing stays behind."""

import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask, printable
from daemon.config.paths import database_for_commands, environment
from daemon.config.socket_record import socket_for_clients
from daemon.exit_codes import REFUSED

if TYPE_CHECKING:
    from daemon.config.tables import Config
    from daemon.exchange.mexc.single_requests import Server
    from daemon.probe.probe import Plan
    from daemon.probe.steps import Probe

RECORD = "probe-orders.jsonl"


class Ended(Exception):
    """A signal ended the probe."""


def probe(config_path: Path | None, *, symbol: str, most: str, confirm: str | None, as_json: bool) -> None:
    """Ask the exchange by orders; write the answers down.

    Raises:
        Fail: it may not be done, was broken off, or something is left open.

    """
    from daemon.app.hardening import leave_no_core  # noqa: PLC0415
    from daemon.config import probe_results  # noqa: PLC0415
    from daemon.config.loading import load  # noqa: PLC0415
    from daemon.config.tables import Config  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415
    from daemon.probe.probe import Orders  # noqa: PLC0415
    from daemon.probe.steps import Probe  # noqa: PLC0415

    leave_no_core()
    try:
        config = Config() if config_path is None else load(config_path)
    except BadConfig as error:
        raise Fail(str(error), error.exit_code) from None
    database = database_for_commands(config.store.path, environment())
    path = probe_results.place(config.exchange.facts_file, database)

    def tell(line: str) -> None:
        click.echo(printable(line), err=as_json)

    _refuse_while_halted(config, database)
    server = _server(config)
    limit = _limit(most)
    planned = _plan(server, symbol, limit)
    _make_sure(server, planned, limit, confirm, tell)
    orders = Orders(server, planned, path.with_name(RECORD), tell)
    asking = Probe(server, config.exchange.server, orders, tell)
    broken = _ask(asking)
    with _undisturbed():
        left = asking.clean_up()
        if asking.results.lookup_lag_ms is not None:
            probe_results.write(asking.results, path)
    effects = asking.results.effects() or ["nothing is done otherwise"]
    if as_json:
        sent = [{"clientOrderId": each.client_order_id, "orderId": each.exchange_order_id} for each in orders.sent]
        found = {"facts": _plain(asking.results), "effects": effects, "file": str(path)}
        show.print_json({**found, "orders": sent, "left": left})
    else:
        tell(f"written to {path}: {'; '.join(effects)}. It counts from the daemon's next start on")
    if left:
        raise Fail(f"NOT SEEN TO HAVE ENDED, cancel by hand on the exchange's page: {', '.join(left)}", REFUSED)
    if broken is not None:
        raise Fail(f"the probe was broken off: {broken}; every order of it has ended", REFUSED)


def _ask(asking: "Probe") -> str | None:
    """Ask, until it is done or something ends it; return what did."""
    from ssl import SSLError  # noqa: PLC0415

    from daemon.exchange.mexc.single_requests import Unanswered  # noqa: PLC0415
    from daemon.probe.probe import CannotProbe  # noqa: PLC0415

    try:
        with _ended_by_signals():
            asking.run()
    except (Unanswered, CannotProbe, SSLError, Ended) as error:
        return str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001  # whatever it was, what was placed must be cancelled, and it is told
        return f"{type(error).__name__}: {error}"
    return None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let TERM and HUP end the probe as Ctrl-C does: by an exception, so that what it placed is cancelled."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Ended(f"signal {signal.Signals(number).name}")

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no signal but KILL end the clean-up; it is bounded in time."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    yield


def _status(config: "Config") -> dict[str, Any] | None:
    """Ask the daemon how it stands; ``None`` where none runs."""
    path = socket_for_clients(config.sockets.status, "status", environment(), config.store.path)
    try:
        found: dict[str, Any] = ask(path, "GET", "/v1/status")
    except Fail:
        return None
    return found


def _refuse_while_halted(config: "Config", database: Path) -> None:
    """Send nothing while the kill switch is on, whether the daemon runs or not."""
    from daemon.store.opening import open_for_reading  # noqa: PLC0415  # loaded when needed

    status = _status(config)
    halted = None if status is None else status["halted"]
    if status is None and database.exists():
        try:
            with closing(open_for_reading(database)) as connection:
                row = connection.execute("SELECT value FROM facts WHERE name = 'halted'").fetchone()
                halted = row and row[0]
        except sqlite3.Error as error:
            raise Fail(f"whether trading is halted cannot be read from {database}: {error}", REFUSED) from None
    if halted:
        raise Fail(
            f"trading is halted ({halted}), so nothing is sent, no probe either; `sniperd resume` ends it", REFUSED
        )


def _server(config: "Config") -> "Server":
    from daemon.config.credentials import PAPER  # noqa: PLC0415  # loaded when needed
    from daemon.doctor import keys  # noqa: PLC0415
    from daemon.exchange.mexc.single_requests import Server  # noqa: PLC0415

    if config.exchange.mode == "paper":
        status = _status(config)
        if status is None or status["mode"] != "paper":
            raise Fail("no daemon runs whose paper exchange could be asked; start one: sniperd run", 69)
        return Server(status["exchangeUrl"], PAPER)
    found = keys.find(config.exchange, environment())
    if found is None:
        raise Fail("there is no key pair that can be read here; see the line credentials of `sniperd doctor`", 77)
    return Server(config.exchange.market, found)


def _limit(most: str) -> Decimal:
    try:
        limit = Decimal(most)
    except InvalidOperation:
        limit = Decimal(0)
    if not (limit.is_finite() and limit > 0):
        raise click.BadParameter("an amount above 0, like 10", param_hint="--most")
    return limit


def _plan(server: "Server", symbol: str, limit: Decimal) -> "Plan":
    from ssl import SSLError  # noqa: PLC0415  # loaded when needed

    from daemon.exchange.mexc.single_requests import Unanswered  # noqa: PLC0415
    from daemon.exchange.mexc.views import UnreadableError  # noqa: PLC0415
    from daemon.probe.probe import CannotProbe, plan  # noqa: PLC0415

    try:
        server.measure()
        return plan(server, symbol, limit)
    except (CannotProbe, Unanswered, SSLError, UnreadableError) as error:
        raise Fail(f"nothing was sent: {error}", REFUSED) from None


def _make_sure(
    server: "Server", planned: "Plan", limit: Decimal, confirm: str | None, tell: Callable[[str], None]
) -> None:
    """Let somebody type a phrase that names the place and the money, so that nobody says it by habit."""
    from daemon.core.values.decimals import plain  # noqa: PLC0415  # loaded when needed
    from daemon.probe.probe import MOST_ORDERS  # noqa: PLC0415

    host = urlsplit(server.url).hostname
    phrase = f"place and cancel {MOST_ORDERS} orders of at most {plain(limit)} {planned.quote_asset} on {host}"
    tell(
        f"Each is a BUY of {plain(planned.quantity)} {planned.symbol} at {plain(planned.price)}, worth "
        f"{plain(planned.cost)} {planned.quote_asset}, a fifth below the market. None is meant to trade; if the market "
        "falls so far meanwhile, one can."
    )
    if confirm is None:
        if not sys.stdin.isatty():
            raise Fail(f"nothing was sent: nobody is there to confirm; --confirm '{phrase}' does", REFUSED)
        confirm = click.prompt(f'Type "{phrase}" to go on', default="", show_default=False, err=True)
    if confirm.strip() != phrase:
        raise Fail(f"nothing was sent: that is not the phrase, which is: {phrase}", REFUSED)


def _plain(found: object) -> object:
    import msgspec  # noqa: PLC0415

    return msgspec.to_builtins(found)
