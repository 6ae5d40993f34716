"""What a shell completes from the daemon: orders and pairs; nothing, if the daemon does not answer at once."""

from typing import TYPE_CHECKING, Any

import click

from daemon.cli.client import Fail, ask
from daemon.cli.options import status_socket
from daemon.config.socket_record import would_start

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

TIMEOUT_S = 0.5
"""A shell that does not react for longer is worse than nothing to choose from."""

NEWEST = 100
"""Orders that are offered."""


def complete_order(context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Offer the newest orders."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415  # only for a completion

    begin = incomplete.upper()
    return [
        CompletionItem(order["id"], help=f"{order['state']} {order['side']} {order['symbol']}")
        for order in _newest(context)
        if order["id"].startswith(begin)
    ]


def complete_pair(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the pairs of the newest orders."""
    pairs = dict.fromkeys(order["symbol"] for order in _newest(context))
    return [pair for pair in pairs if pair.startswith(incomplete.upper())]


def _newest(context: click.Context) -> list[dict[str, Any]]:
    """Return the newest orders. A key must not start the daemon, so a service that is down is not asked."""
    try:
        socket = status_socket(context.params.get("config_path"))
        if would_start(socket):
            return []
        found: list[dict[str, Any]] = ask(socket, "GET", f"/v1/orders?limit={NEWEST}", timeout_s=TIMEOUT_S)["orders"]
    except Fail:
        return []
    return found
