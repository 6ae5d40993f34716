"""``sniperd doctor --live-probe``: checks that it is allowed, asks for confirmation, runs it, cleans up."""

import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask
from daemon.config.paths import database_for_commands, environment
from daemon.config.socket_record import socket_for_clients
from daemon.core.values.texts import printable
from daemon.exit_codes import REFUSED

if TYPE_CHECKING:
    from daemon.config.tables import Config
    from daemon.exchange.mexc.single_requests import Server
    from daemon.probe.probe import Plan
    from daemon.probe.steps import Probe

RECORD = "probe-orders.jsonl"


class Ended(Exception):
    """A signal ended the probe."""


def probe(
    config_path: Path | None, *, symbol: str, most: str, idle_s: float, confirm: str | None, as_json: bool
) -> None:
    """Run the live probe and write its results to the file.

    Raises:
        Fail: the probe is not allowed or was broken off, or an order is left open.

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
    environ = environment(config_path)
    database = database_for_commands(config.store.path, environ)
    path = probe_results.place(config.exchange.facts_file, database)

    def report(line: str) -> None:
        click.echo(printable(line), err=as_json)

    _refuse_while_halted(config, environ, database)
    server = _server(config, environ)
    limit = _limit(most)
    planned = _plan(server, symbol, limit)
    _confirm(server, planned, limit, confirm, report)
    orders = Orders(server, planned, path.with_name(RECORD), report)
    running = Probe(server, config.exchange.server, orders, report, idle_s=idle_s)
    broken = _run(running)
    with _undisturbed():
        left = running.clean_up()
        if running.results.lookup_lag_ms is not None:
            probe_results.write(running.results, path)
    effects = running.results.effects() or ["nothing changes"]
    if as_json:
        sent = [{"clientOrderId": each.client_order_id, "orderId": each.exchange_order_id} for each in orders.sent]
        found = {"facts": _plain(running.results), "effects": effects, "file": str(path)}
        show.print_json({**found, "orders": sent, "left": left})
    else:
        report(f"written to {path}: {'; '.join(effects)}. The daemon uses it from its next start on")
    if left:
        raise Fail(f"these orders may still be open, cancel them on the exchange's page: {', '.join(left)}", REFUSED)
    if broken is not None:
        raise Fail(f"the probe was broken off: {broken}; all its orders have ended", REFUSED)


def _run(running: "Probe") -> str | None:
    """Run the probe; return why it was broken off, or ``None``."""
    from ssl import SSLError  # noqa: PLC0415

    from daemon.exchange.mexc.single_requests import Unanswered  # noqa: PLC0415
    from daemon.probe.probe import CannotProbe  # noqa: PLC0415

    try:
        with _ended_by_signals():
            running.run()
    except (Unanswered, CannotProbe, SSLError, Ended) as error:
        return str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001  # after any error the placed orders must be cancelled
        return f"{type(error).__name__}: {error}"
    return None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let TERM and HUP end the probe like Ctrl-C, by an exception, so that its orders are cancelled."""

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
    """Ignore signals during the clean-up, which is bounded in time."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    yield


def _status(config: "Config", environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the daemon's status; ``None`` if no daemon runs."""
    path = socket_for_clients(config.sockets.status, "status", environ, config.store.path)
    try:
        found: dict[str, Any] = ask(path, "GET", "/v1/status")
    except Fail:
        return None
    return found


def _refuse_while_halted(config: "Config", environ: Mapping[str, str], database: Path) -> None:
    """Refuse while trading is halted, whether the daemon runs or not."""
    from daemon.store.opening import open_for_reading  # noqa: PLC0415  # slow to import

    status = _status(config, environ)
    halted = None if status is None else status["halted"]
    if status is None and database.exists():
        try:
            with closing(open_for_reading(database)) as connection:
                row = connection.execute("SELECT value FROM facts WHERE name = 'halted'").fetchone()
                halted = row and row[0]
        except sqlite3.Error as error:
            raise Fail(f"cannot read from {database} whether trading is halted: {error}", REFUSED) from None
    if halted:
        raise Fail(
            f"trading is halted ({halted}), so the probe sends nothing either; `sniperd resume` ends the halt", REFUSED
        )


def _server(config: "Config", environ: Mapping[str, str]) -> "Server":
    from daemon.config.credentials import PAPER  # noqa: PLC0415  # slow to import
    from daemon.doctor import keys  # noqa: PLC0415
    from daemon.exchange.mexc.single_requests import Server  # noqa: PLC0415

    if config.exchange.mode == "paper":
        status = _status(config, environ)
        if status is None or status["mode"] != "paper":
            raise Fail("no daemon with a paper exchange is running; start one: sniperd run", 69)
        return Server(status["exchangeUrl"], PAPER)
    found = keys.find(config.exchange, environ)
    if found is None:
        raise Fail("no readable key pair was found; see the line `credentials` of `sniperd doctor`", 77)
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
    from ssl import SSLError  # noqa: PLC0415  # slow to import

    from daemon.exchange.mexc.single_requests import Unanswered  # noqa: PLC0415
    from daemon.exchange.mexc.views import UnreadableError  # noqa: PLC0415
    from daemon.probe.probe import CannotProbe, plan  # noqa: PLC0415

    try:
        server.measure()
        return plan(server, symbol, limit)
    except (CannotProbe, Unanswered, SSLError, UnreadableError) as error:
        raise Fail(f"nothing was sent: {error}", REFUSED) from None


def _confirm(
    server: "Server", planned: "Plan", limit: Decimal, confirm: str | None, report: Callable[[str], None]
) -> None:
    """Ask for a phrase that names the exchange and the amount, so that it cannot be confirmed by habit."""
    from daemon.core.values.decimals import plain  # noqa: PLC0415  # slow to import
    from daemon.probe.probe import MOST_ORDERS  # noqa: PLC0415

    host = urlsplit(server.url).hostname
    phrase = f"place and cancel {MOST_ORDERS} orders of at most {plain(limit)} {planned.quote_asset} on {host}"
    report(
        f"Each order is a BUY of {plain(planned.quantity)} {planned.symbol} at {plain(planned.price)}, worth "
        f"{plain(planned.cost)} {planned.quote_asset}, a fifth below the market. It should not trade, but it can if "
        "the market falls that far."
    )
    if confirm is None:
        if not sys.stdin.isatty():
            raise Fail(f"nothing was sent: there is no terminal to confirm at; use --confirm '{phrase}'", REFUSED)
        confirm = click.prompt(f'Type "{phrase}" to go on', default="", show_default=False, err=True)
    if confirm.strip() != phrase:
        raise Fail(f"nothing was sent: that is not the phrase. The phrase is: {phrase}", REFUSED)


def _plain(found: object) -> object:
    import msgspec  # noqa: PLC0415

    return msgspec.to_builtins(found)
