"""``sniperd alerts`` and ``alerts test``."""

from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.client import ask
from daemon.cli.options import config_option, json_option, signals_socket, status_socket
from daemon.exit_codes import REFUSED

TIMEOUT_S = 70.0
"""Longer than the largest [alerts] webhook_timeout_ms."""


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def alerts(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """List alerts, and what to do about each.

    The limits are in the table [alerts] of the configuration. A pending alert is beyond its limit, but not yet for
    long enough.
    """
    if context.invoked_subcommand is None:
        show.answer(ask(status_socket(config_path), "GET", "/v1/alerts"), _print_alerts, as_json=as_json)


@alerts.command()
@config_option
@json_option
@click.pass_context
def test(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """Send a test message to every webhook and print each result; exit code 1 if one did not accept it."""
    path = signals_socket(config_path or (context.parent.params["config_path"] if context.parent else None))
    found = ask(path, "POST", "/v1/admin/alerts/test", timeout_s=TIMEOUT_S)
    show.answer(found, _print_test, as_json=as_json)
    if not all(each["delivered"] for each in found["webhooks"]):
        context.exit(REFUSED)


def _print_alerts(found: dict[str, Any]) -> None:
    if not found["alerts"]:
        click.echo("no alerts")
        return
    show.table(
        ["alert", "severity", "state", "since", "what is wrong, and what to do"],
        [
            [
                each["name"],
                each["severity"],
                state(each),
                show.at(each["sinceMs"]),
                "; ".join([f"{each['summary']}. {each['todo']}", *each["orders"]]),
            ]
            for each in found["alerts"]
        ],
    )


def state(alert: dict[str, Any]) -> str:
    """Colour an alert's state."""
    colour = "yellow" if alert["state"] == "pending" or alert["severity"] == "warning" else "red"
    return click.style(alert["state"], fg=colour, bold=alert["state"] == "firing")


def _print_test(found: dict[str, Any]) -> None:
    show.table(
        ["webhook", "test"],
        [
            [each["webhook"], click.style("delivered", fg="green") if each["delivered"] else each["error"]]
            for each in found["webhooks"]
        ],
    )
