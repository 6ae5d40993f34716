"""``sniperd status``."""

from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.alerts import state
from daemon.cli.client import ask
from daemon.cli.fleet_text import fleet_lines
from daemon.cli.options import config_option, json_option, status_socket
from daemon.core.values.states import Tone

TONES = {Tone.GOOD: "green", Tone.WARN: "yellow", Tone.BAD: "red"}


@click.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Show the daemon's state."""
    found = ask(status_socket(config_path), "GET", "/v1/status")
    show.answer(found, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    exchange, now_ms = found["exchange"], found["nowMs"]
    reachable = {None: "not tried yet", True: "reachable", False: click.style("unreachable", fg="red")}
    stage = click.style(found["stage"], fg="green" if found["stage"] == "ready" else "yellow", bold=True)
    if found["halted"]:
        stage += "  " + click.style(f"HALTED: {found['halted']}", fg="red", bold=True)
    mode, market = found["mode"], found["shadowOf"]
    if market is not None:
        mode = click.style(f"SHADOW of {market}", fg="magenta", bold=True)
    active = ", ".join(f"{count} {show.state(word)}" for word, count in found["orders"].items())
    rate = f"{found['ordersLastSecond']} of {found['ordersPerSecond']} orders in the last second"
    summary = found["summary"]
    click.echo(click.style(summary["sentence"], fg=TONES.get(summary["tone"]), bold=True))
    show.pairs(
        [
            *([] if found["fleet"] is None else fleet_lines(found["fleet"])),
            ("sniperd", f"{stage}  {mode}, {found['version']}, pid {found['pid']}"),
            ("no orders", found["unproven"]),
            ("no orders", _circuit(found, now_ms)),
            ("up", show.ago(now_ms - found["uptimeMs"], now_ms).removesuffix(" ago")),
            ("exchange", f"{found['exchangeUrl']}  {reachable[exchange['reachable']]}"),
            ("", exchange["error"]),
            ("clock", _clock(found)),
            ("poller", _poller(found["poller"], now_ms)),
            ("orders", active or "no active ones"),
            (
                "queue",
                f"{found['queueLength']} waiting, {found['inFlight']} in flight, {found['activeLocks']} locks held",
            ),
            ("spent", f"{summary['spending']['text']}, today (UTC)"),
            ("attention", _attention(found)),
            ("alerts", ", ".join(f"{each['name']} {state(each)}" for each in found["alerts"])),
            ("rate", f"{rate}, weight {exchange['weightUsed']} of {exchange['weightLimit']} in ten"),
            ("database", f"{found['database']}  {found['databaseBytes'] / 1e6:.1f} MB"),
        ]
    )


def _circuit(found: dict[str, Any], now_ms: int) -> str | None:
    if found["turnedAway"] is None:
        return None
    wait_s = max(0, found["nextTryMs"] - now_ms) / 1_000
    return f"the exchange refuses orders: {found['turnedAway']}; one order is tried in {wait_s:.1f} s"


def _clock(found: dict[str, Any]) -> str | None:
    if found["clockWrong"]:
        return click.style(found["clockWrong"], fg="red", bold=True)
    return show.clock(found["exchange"])


def _poller(poller: dict[str, Any] | None, now_ms: int) -> str | None:
    if poller is None:
        return None
    if poller["reachable"] is None:
        return f"{poller['url']}  no request yet"
    if poller["failingMs"]:
        since = show.ago(now_ms - poller["failingMs"], now_ms).removesuffix(" ago")
        return f"{poller['url']}  " + click.style(f"failing for {since}: {poller['error']}", fg="red")
    return f"{poller['url']}  {poller['targets']} targets shown, {poller['untold']} reports not accepted"


def _attention(found: dict[str, Any]) -> str | None:
    """Return what the operator should check."""
    words = [
        f"{found['inDoubt']} in doubt" if found["inDoubt"] else None,
        f"{found['lost']} lost (sniperd orders --state lost)" if found["lost"] else None,
        f"{found['deadLetters']} dead letters (sniperd orders --state dead_letter)" if found["deadLetters"] else None,
    ]
    text = ", ".join(word for word in words if word)
    return click.style(text, fg="yellow", bold=True) if text else None
