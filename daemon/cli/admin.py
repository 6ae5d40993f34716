"""``sniperd halt``, ``resume``, ``resolve``, ``requeue`` and ``reschedule``: administration, each with a reason."""

from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.cancelling import CANCEL_WAIT_S, cancel_all
from daemon.cli.client import ask, in_path
from daemon.cli.instants import AHEAD
from daemon.cli.options import Command, config_option, json_option, signals_socket
from daemon.cli.orders import order_argument, print_order
from daemon.core.values.states import RESTING

_OPTIONS = {
    "reason": "--reason",
    "ruling": "--as",
    "clearWait": "--clear-wait",
    "exchangeOrderId": "--exchange-id",
    "executedQuantity": "--filled",
    "executedQuote": "--filled-quote",
    "executeAt": "INSTANT",
}
"""The options that fill the fields of administrative requests."""

RESOLUTIONS = ("not-placed", "open", "filled", "canceled", "partially-canceled")


def reason_option(command: Command) -> Command:
    """Add ``--reason``, which administrative commands require."""
    return click.option("--reason", required=True, help="Why; recorded in the audit trail with your name.")(command)


@click.command()
@click.option("--reason", default="halted by hand", show_default=True, help="Why; recorded in the audit trail.")
@click.option("--cancel-open", is_flag=True, help="Also cancel every order that rests on the exchange.")
@config_option
@json_option
def halt(reason: str, cancel_open: bool, config_path: Path | None, as_json: bool) -> None:
    """Set the kill switch: nothing new is sent until `sniperd resume`.

    Orders on the exchange stay there, unless --cancel-open is given. With it the exit code is that of `sniperd cancel
    --all`.
    """
    found = ask(signals_socket(config_path), "POST", "/v1/admin/halt", {"reason": reason}, options=_OPTIONS)
    if not (cancel_open and as_json):  # then the orders are the answer
        show.answer(found, _print_switch, as_json=as_json)
    if cancel_open:
        cancel_all(config_path, reason=reason, states=RESTING, symbol=None, wait_s=CANCEL_WAIT_S, as_json=as_json)


@click.command()
@click.option(
    "--clear-wait",
    is_flag=True,
    help="Also end every wait that the exchange asked for (429, 418, blocks by its edge). "
    "If the edge refused orders, one order is tried first.",
)
@reason_option
@config_option
@json_option
def resume(reason: str, clear_wait: bool, config_path: Path | None, as_json: bool) -> None:
    """Release the kill switch."""
    body = {"reason": reason, "clearWait": clear_wait}
    found = ask(signals_socket(config_path), "POST", "/v1/admin/resume", body, options=_OPTIONS)
    show.answer(found, _print_switch, as_json=as_json)


@click.command()
@order_argument()
@click.option("--as", "resolution", type=click.Choice(RESOLUTIONS), required=True, help="What the exchange shows.")
@click.option("--exchange-id", help="The exchange's order id, if it was placed.")
@click.option("--filled", help="Base units filled.")
@click.option("--filled-quote", help="Quote units filled.")
@reason_option
@config_option
@json_option
def resolve(
    order: str, resolution: str, config_path: Path | None, as_json: bool, reason: str, **found: str | None
) -> None:
    """Resolve an order whose outcome is unknown (in_doubt or lost), after you have checked it on the exchange.

    `--as not-placed` frees its resource and its key, so the same signal can be placed again. Be sure. It is refused
    while the exchange may still admit the request; the message says when to try again. Afterwards the daemon queries
    the order a few more times; if a query finds it, that result counts.
    """
    body = {
        "reason": reason,
        "ruling": resolution.replace("-", "_"),
        "exchangeOrderId": found["exchange_id"],
        "executedQuantity": found["filled"],
        "executedQuote": found["filled_quote"],
    }
    _on_order(
        order, "resolve", {name: value for name, value in body.items() if value is not None}, config_path, as_json
    )


@click.command()
@order_argument()
@reason_option
@config_option
@json_option
def requeue(order: str, reason: str, config_path: Path | None, as_json: bool) -> None:
    """Send a dead letter back into the queue, with a new deadline."""
    _on_order(order, "requeue", {"reason": reason}, config_path, as_json)


@click.command()
@order_argument()
@click.argument("instant", type=AHEAD)
@reason_option
@config_option
@json_option
def reschedule(order: str, instant: int, reason: str, config_path: Path | None, as_json: bool) -> None:
    """Move an order that waits to be sent to another instant; its deadline moves with it.

    INSTANT is a time of the exchange's clock: +10s (also m, h, d), a time of day like 14:00, Unix milliseconds, or ISO
    8601 with its offset from UTC, like 2026-01-02T03:04:05.678Z. From then on the order stays at that instant, also if
    the listing of its pair moves.
    """
    body = {"reason": reason, "executeAt": instant}
    target = f"/v1/orders/{in_path(order)}/reschedule"
    found = ask(signals_socket(config_path), "POST", target, body, options=_OPTIONS)
    show.answer(found, print_order, as_json=as_json)


def _print_switch(found: dict[str, Any]) -> None:
    click.echo(f"halted: {found['halted']}" if found["halted"] else "trading: on")


def _on_order(order: str, verb: str, body: dict[str, Any], config_path: Path | None, as_json: bool) -> None:
    target = f"/v1/admin/orders/{in_path(order)}/{verb}"
    found = ask(signals_socket(config_path), "POST", target, body, options=_OPTIONS)
    show.answer(found, print_order, as_json=as_json)
