"""``sniperd locks`` and ``release``."""

from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.admin import reason_option
from daemon.cli.client import ask, in_path
from daemon.cli.options import config_option, json_option, signals_socket, status_socket


@click.command()
@config_option
@json_option
def locks(config_path: Path | None, as_json: bool) -> None:
    """List active locks, and the waiting callers in the order of service."""
    show.answer(ask(status_socket(config_path), "GET", "/v1/locks"), _print_locks, as_json=as_json)


@click.command()
@click.argument("lock")
@reason_option
@click.option(
    "--exchange-checked",
    is_flag=True,
    help="Confirm that you have checked the outcome of the order sent under this lock on the exchange.",
)
@config_option
@json_option
def release(lock: str, reason: str, exchange_checked: bool, config_path: Path | None, as_json: bool) -> None:
    """Release any lock; administrators only."""
    body = {"reason": reason, "exchangeChecked": exchange_checked}
    found = ask(signals_socket(config_path), "POST", f"/v1/admin/locks/{in_path(lock)}/force-release", body)
    show.answer(found, _print_release, as_json=as_json)


def _print_locks(found: dict[str, Any]) -> None:
    show.table(
        ["lock", "resource", "owner", "held for", "acquired", "ends"],
        [
            [
                lock["lockId"],
                lock["resourceId"],
                lock["ownerId"],
                lock["orderId"] or lock["transactionType"],
                show.at(lock["acquiredAt"]),
                _end(lock),
            ]
            for lock in found["locks"]
        ],
    )
    if found["queue"]:
        click.echo()
        show.table(
            ["place", "waiting", "for", "owner", "priority", "since"],
            [
                [
                    str(each["position"]),
                    each["orderId"] or "lease",
                    each["resourceId"],
                    each["ownerId"],
                    str(each["priority"]),
                    show.at(each["queuedAt"]),
                ]
                for each in found["queue"]
            ],
        )


def _print_release(found: dict[str, Any]) -> None:
    click.echo(f"{found['lockId']} of {found['resourceId']} was released")


def _end(lock: dict[str, Any]) -> str:
    text = show.at(lock["expiresAt"])
    return click.style(f"{text} overdue", fg="red") if lock["overdue"] else text
