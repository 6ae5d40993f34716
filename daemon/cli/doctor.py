"""``sniperd doctor``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask
from daemon.cli.options import config_option, json_option
from daemon.config.paths import config_of_service, database_for_commands, environment, instance_in, unit_name
from daemon.config.socket_record import socket_for_clients, unit_at
from daemon.core.values.texts import printable
from daemon.exit_codes import DONE, REFUSED

if TYPE_CHECKING:
    from daemon.config.tables import Config
    from daemon.doctor.findings import Finding

COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}


@click.command()
@config_option
@json_option
@click.option(
    "--live-probe", is_flag=True, help="Place and cancel a few tiny orders to measure what MEXC does not document."
)
@click.option("--symbol", default="BTCUSDT", show_default=True, help="Pair of the probe's orders.")
@click.option(
    "--most", default="10", show_default=True, metavar="AMOUNT", help="Largest value of one of its orders, in quote."
)
@click.option(
    "--idle",
    "idle_s",
    type=click.FloatRange(0, 45),
    default=45,
    show_default=True,
    metavar="SECONDS",
    help="How long to watch an idle connection, until the exchange closes it; 0 leaves that out.",
)
@click.option("--confirm", metavar="PHRASE", help="The phrase that the probe asks for; needed without a terminal.")
def doctor(
    config_path: Path | None,
    as_json: bool,
    live_probe: bool,
    symbol: str,
    most: str,
    idle_s: float,
    confirm: str | None,
) -> None:
    """Check the installation and the configuration: keys, exchange, database, disk, fleet, sockets, service.

    Each line is ok, a warning or a failure, and says what to do. The command changes nothing, sends no order and starts
    no daemon. Without --config it checks the service's configuration, unless you run a daemon of your own.

    Exit code: 0 no failure, 1 at least one failure.

    With --live-probe it sends orders: at most nine, each as small as the pair allows, far below the market, and cancels
    all of them. It asks for a phrase first. It writes the results into [exchange] facts_file, which the daemon reads at
    its next start, and every order that it sent into probe-orders.jsonl beside that file. In paper mode it uses the
    paper exchange of the running daemon.

    Exit code with --live-probe: 0 done; 1 refused or interrupted, or an order is left open.
    """
    config_path = config_path or config_of_service(environment())
    if live_probe:
        from daemon.cli.probe import probe  # noqa: PLC0415  # slow to import

        probe(config_path, symbol=symbol.upper(), most=most, idle_s=idle_s, confirm=confirm, as_json=as_json)
        return
    raise SystemExit(REFUSED if print_findings(config_path, as_json=as_json) else DONE)


def print_findings(config_path: Path | None, *, as_json: bool = False) -> bool:
    """Check everything and print the findings; return whether one is a failure."""
    findings = list(_examine(config_path))
    failed = any(finding.grade == "failure" for finding in findings)
    if as_json:
        rows = [
            {"check": each.check, "grade": each.grade.value, "text": each.text, "advice": each.advice}
            for each in findings
        ]
        show.print_json({"ok": not failed, "findings": rows})
    else:
        for finding in findings:
            _show(finding)
    return failed


def _show(finding: "Finding") -> None:
    grade = click.style(finding.grade.value.ljust(7), fg=COLOURS[finding.grade.value], bold=finding.grade != "ok")
    click.echo(f"{grade}  {finding.check.ljust(12)}  {printable(finding.text)}")
    if finding.advice is not None:
        click.echo(f"{'':23}→ {printable(finding.advice)}")


def _examine(config_path: Path | None) -> Iterator["Finding"]:
    from daemon.config.loading import load  # noqa: PLC0415
    from daemon.config.tables import Config  # noqa: PLC0415  # slow to import
    from daemon.doctor import findings  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415

    try:
        config = Config() if config_path is None else load(config_path)
    except BadConfig as error:
        yield findings.failure("config", str(error), "correct it, then run `sniperd config check`")
        return
    shadow = f", a shadow of {config.exchange.market}" if config.exchange.shadow else ""
    yield findings.ok("config", f"{config_path or 'the defaults'}: {config.exchange.mode} mode{shadow}")
    yield from _examine_all(config, environment(config_path))


def _examine_all(config: "Config", environ: Mapping[str, str]) -> Iterator["Finding"]:
    import sqlite3  # noqa: PLC0415

    from daemon.clock import wall_ms  # noqa: PLC0415
    from daemon.doctor import database, exchange, keys, probe_results, rates, service, sockets, sqlite_bugs  # noqa: PLC0415

    path = database_for_commands(config.store.path, environ)
    is_door = bool(config.fleet.url) and config.fleet.role == "door"
    yield keys.unneeded() if is_door else keys.examine(config.exchange, environ)
    yield from exchange.examine(config, keys.find(config.exchange, environ))
    if config.exchange.mode == "live" and not is_door:
        yield keys.age(config.exchange, wall_ms() / 1_000, environ)
    yield probe_results.examine(config.exchange, path, wall_ms())
    yield from database.examine(path, is_copy=bool(config.fleet.url))
    yield sqlite_bugs.examine(sqlite3.sqlite_version)
    if config.fleet.url:
        from daemon.doctor import fleet  # noqa: PLC0415  # with the drivers of its databases

        yield from fleet.examine(config, environ, keys.find(config.exchange, environ))
    names = ("signals", "status")
    places = {
        name: socket_for_clients(getattr(config.sockets, name), name, environ, config.store.path) for name in names
    }
    for name, place in places.items():
        yield sockets.examine(name, place)
    name = unit_name(instance_in(environ))
    unit = service.ask(f"{name}.service")
    yield service.examine(name, unit, service.ask(f"{name}.socket"))
    closed = service.exposure(name, unit)
    if closed is not None:
        yield closed
    sleeps = bool(unit_at(places["status"])) and unit.get("ActiveState", "active") != "active"
    if not sockets.may_connect(places["status"]) or sleeps:
        yield rates.examine(config, None)
        return
    status, found = _daemon(places["status"], name)
    yield rates.examine(config, status)
    yield found


def _daemon(path: Path, unit: str) -> tuple[dict[str, Any] | None, "Finding"]:
    """Return the status of a running daemon, and the finding about it."""
    from daemon.doctor.findings import warning  # noqa: PLC0415

    try:
        found = ask(path, "GET", "/v1/status")
        return found, _judge(found)
    except Fail as error:
        return None, warning("daemon", error.message, f"start it with `sniperd run`, or systemctl start {unit}.service")


def _judge(found: dict[str, Any]) -> "Finding":
    from daemon.doctor.findings import failure, ok, warning  # noqa: PLC0415

    if found["halted"]:
        return warning("daemon", f"trading is halted: {found['halted']}", "`sniperd resume` once the reason is gone")
    if found["exchange"]["reachable"] is False:
        error = found["exchange"]["error"]
        return failure("daemon", f"it cannot reach the exchange: {error}", "see the line `exchange`")
    if found["unproven"]:
        return failure("daemon", found["unproven"], "see the lines `exchange`, `key` and `trading`")
    if found["clockWrong"]:
        return failure("daemon", found["clockWrong"], "see the lines `clock` and `recorded`")
    if found["lost"] or found["deadLetters"]:
        return warning(
            "daemon",
            f"{found['lost']} lost orders, {found['deadLetters']} dead letters",
            "`sniperd orders --state lost` and `--state dead_letter`, then `sniperd resolve` or `requeue`",
        )
    clock = show.clock(found["exchange"]) or "the exchange's is not measured"
    return ok("daemon", f"{found['stage']}, {found['version']}, pid {found['pid']}; clock: {clock}")
