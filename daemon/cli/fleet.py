"""``sniperd fleet``: several daemons for one account."""

from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.admin import reason_option
from daemon.cli.client import ask
from daemon.cli.fleet_text import ALONE, fleet_lines
from daemon.cli.options import config_option, json_option, signals_socket, status_socket

HAND_OVER_S = 60.0
"""The owner first finishes what it has sent: [queue] drain_s, ten seconds by default."""

TAKE_S = 30.0


@click.group()
def fleet() -> None:
    """Run several daemons for one account: one owns it and trades, the others stand by.

    `sniperd manual fleet` says when that is worth it, and how to begin.
    """


@fleet.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Show the fleet as this machine's daemon sees it: owner, lease, members, database, latest takeover."""
    found = ask(status_socket(config_path), "GET", "/v1/fleet")
    show.answer(found, _show, as_json=as_json)


@fleet.command("hand-over")
@click.option("--to", metavar="NAME", help="Who takes over; by default any member that could.")
@reason_option
@config_option
@json_option
def hand_over(to: str | None, reason: str, config_path: Path | None, as_json: bool) -> None:
    """Let another member own the account, for an upgrade or a restart; at any member.

    The owner finishes the requests that it has sent, and gives the account up; the other takes over without waiting for
    the lease's end. Signals that arrive in between wait; none is refused.
    """
    body = {"reason": reason} | ({} if to is None else {"to": to})
    _change(config_path, "hand-over", body, as_json=as_json, timeout_s=HAND_OVER_S)


@fleet.command()
@reason_option
@config_option
@json_option
def take(reason: str, config_path: Path | None, as_json: bool) -> None:
    """Let this machine's daemon own the account at once, before the owner's lease has ended.

    No order is sent twice, because the former owner can write nothing more. But until its lease has ended, what it has
    signed may still reach the exchange: its armed orders are in doubt. Where you can wait a few seconds, wait: the
    takeover comes by itself. For an owner that works use `sniperd fleet hand-over`.
    """
    _change(config_path, "take", {"reason": reason}, as_json=as_json, timeout_s=TAKE_S)


def _change(config_path: Path | None, verb: str, body: dict[str, Any], *, as_json: bool, timeout_s: float) -> None:
    path = signals_socket(config_path)
    found = ask(
        path, "POST", f"/v1/admin/fleet/{verb}", body, timeout_s=timeout_s, options={"to": "--to", "reason": "--reason"}
    )
    show.answer(found, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    if found["fleet"] is None:
        click.echo(ALONE)
    else:
        show.pairs(fleet_lines(found["fleet"]))
