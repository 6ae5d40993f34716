"""``sniperd doctor``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask, printable
from daemon.cli.options import config_option, json_option
from daemon.paths import SYSTEM_RUNTIME, database_for_commands, environment, socket_for_clients

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.doctor.findings import Finding

FAILURE = 1
COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}


@click.command()
@config_option
@json_option
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Look whether all is there that the daemon needs: configuration, keys, exchange, database, disk, sockets, service.

    Each line is ok, a warning or a failure, and says what to do. Nothing is changed, no order is sent, and no daemon
    is started by it. Exit code: 0 no failure, 1 at least one.
    """
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
    raise SystemExit(FAILURE if failed else 0)


def _show(finding: "Finding") -> None:
    grade = click.style(finding.grade.value.ljust(7), fg=COLOURS[finding.grade.value], bold=finding.grade != "ok")
    click.echo(f"{grade}  {finding.check.ljust(12)}  {printable(finding.text)}")
    if finding.advice is not None:
        click.echo(f"{'':23}→ {printable(finding.advice)}")


def _examine(config_path: Path | None) -> Iterator["Finding"]:
    from daemon.config import Config, load  # noqa: PLC0415  # loaded when needed
    from daemon.doctor import findings  # noqa: PLC0415
    from daemon.errors import BadConfig  # noqa: PLC0415

    try:
        config = Config() if config_path is None else load(config_path)
    except BadConfig as error:
        yield findings.failure("config", str(error), "mend it; `sniperd config check` tells when it is right")
        return
    yield findings.ok("config", f"{config_path or 'the defaults'}: {config.exchange.mode} mode")
    yield from _examine_all(config)


def _examine_all(config: "Config") -> Iterator["Finding"]:
    from daemon.doctor import database, exchange, keys, service, sockets  # noqa: PLC0415

    environ = environment()
    yield keys.examine(config.exchange, environ)
    yield from exchange.examine(config)
    yield from database.examine(database_for_commands(config.store.path, environ))
    names = ("signals", "status")
    places = {name: socket_for_clients(getattr(config.sockets, name), f"{name}.sock", environ) for name in names}
    for name, path in places.items():
        yield sockets.examine(name, path)
    unit = service.ask(service.SERVICE)
    yield service.examine(unit, service.ask(service.SOCKET))
    sleeps = places["status"] == SYSTEM_RUNTIME / "status.sock" and unit.get("ActiveState", "active") != "active"
    if sockets.is_open_to_us(places["status"]) and not sleeps:
        yield _daemon(places["status"])


def _daemon(path: Path) -> "Finding":
    """Ask the daemon how it stands. One that sleeps behind systemd's sockets is not asked: that would start it."""
    from daemon.doctor.findings import failure, ok, warning  # noqa: PLC0415

    try:
        found = ask(path, "GET", "/v1/status")
    except Fail as error:
        return warning("daemon", error.message, "start it with `sniperd run`, or systemctl start sniperd.service")
    if found["halted"]:
        return warning("daemon", f"trading is halted: {found['halted']}", "`sniperd resume` once the reason is gone")
    if found["exchange"]["reachable"] is False:
        return failure("daemon", f"it cannot reach the exchange: {found['exchange']['error']}", "see the line exchange")
    if found["lost"] or found["deadLetters"]:
        return warning(
            "daemon",
            f"{found['lost']} orders lost, {found['deadLetters']} set aside",
            "`sniperd orders --state lost` and `--state dead_letter`, then `sniperd resolve` or `requeue`",
        )
    return ok("daemon", f"{found['stage']}, {found['version']}, pid {found['pid']}")
