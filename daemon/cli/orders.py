"""``sniperd orders`` and ``cancel``."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from daemon.cli import show
from daemon.cli.client import ask, in_path
from daemon.cli.options import Command, config_option, json_option, signals_socket, status_socket, wait_option
from daemon.core.values.states import RESTING, WAITING, State
from daemon.exit_codes import REFUSED, UNKNOWN


@click.command()
@click.option("--state", help="Only orders in this state, like in_doubt or dead_letter.")
@click.option("--symbol", help="Only orders of this pair.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--cursor", help="Continue a list: the cursor that the previous page printed.")
@config_option
@json_option
def orders(config_path: Path | None, as_json: bool, **filters: Any) -> None:  # noqa: ANN401  # click's options
    """List orders, newest first."""
    query = urlencode({name: value for name, value in filters.items() if value is not None})
    options = {name: f"--{name}" for name in filters}
    found = ask(status_socket(config_path), "GET", f"/v1/orders?{query}", options=options)
    show.answer(found, _print_page, as_json=as_json)


def order_argument(command: Command) -> Command:
    """Add the argument ORDER."""
    return click.argument("order", callback=_not_empty)(command)


def _not_empty(_context: click.Context, _parameter: click.Parameter, order: str) -> str:
    if not order:
        raise click.BadParameter("an order's id is needed; `sniperd orders` lists them")
    return order


def _print_page(page: dict[str, Any]) -> None:
    show.table(
        ["order", "accepted", "state", "what", "filled", "why"],
        [
            [
                order["id"],
                show.at(order["acceptedAtMs"]),
                show.state(order["state"]),
                what(order),
                order["executedQuantity"],
                order["reason"] or _awaited(order),
            ]
            for order in page["orders"]
        ],
    )
    if page["next"]:
        click.echo(click.style(f"more: --cursor {page['next']}", dim=True))


def _awaited(order: dict[str, Any]) -> str:
    """Say which instant a waiting order waits for."""
    waits = order["executeAtMs"] is not None and order["state"] in WAITING
    return f"waits for {show.at(order['executeAtMs'])}" if waits else ""


@click.command()
@order_argument
@click.option("--reason", default="cancelled by hand", show_default=True)
@wait_option
@config_option
@json_option
def cancel(order: str, reason: str, wait: float, config_path: Path | None, as_json: bool) -> None:
    """Cancel an order: withdraw it while unsent, ask the exchange while it rests, discard a dead letter.

    The command waits for a resting order: the exchange's answer to a cancel proves nothing, so the order is queried.

    Exit code: 0 the order is cancelled, withdrawn or discarded; 1 it was filled, or there is nothing to cancel; 4 it
    still rests as far as is known: check again with `sniperd explain`.
    """
    found = ask(
        signals_socket(config_path),
        "DELETE",
        f"/v1/orders/{in_path(order)}?reason={in_path(reason)}",
        headers={"Prefer": f"wait={wait:.3f}"},
        timeout_s=wait + 10,
    )
    show.answer(found, _print_cancelled, as_json=as_json)
    code, _ = _AFTER_CANCEL.get(found["state"], (0, None))
    raise SystemExit(code)


_RESTS = "the cancel was sent, and the order still rests as far as is known: check again with `sniperd explain`"
_AFTER_CANCEL = {state.value: (UNKNOWN, _RESTS) for state in RESTING} | {
    State.FILLED.value: (REFUSED, "it was filled before the cancel arrived; nothing is left to cancel")
}
"""Exit code and note, by the order's state after a cancel; every other state means success."""


def _print_cancelled(order: dict[str, Any]) -> None:
    print_order(order)
    _, note = _AFTER_CANCEL.get(order["state"], (0, None))
    show.pairs([("filled", filled(order)), ("note", note)])


def print_order(order: dict[str, Any]) -> None:
    """Print an order and its state in one line."""
    click.echo(f"{show.state(order['state'])}  {what(order)}  order {order['id']}")


def filled(order: dict[str, Any]) -> str | None:
    """Return how much of an order was filled and at which price; ``None`` if nothing was."""
    if order["averagePrice"] is None:
        return None if order["executedQuantity"] == "0" else f"{order['executedQuantity']}, price not known yet"
    return f"{order['executedQuantity']} at {order['averagePrice']}"


def rounded(order: dict[str, Any]) -> str | None:
    """Return what differs from the signal: amounts, and the type; ``None`` if nothing does."""
    names = {
        "quantity": "askedQuantity",
        "quoteOrderQty": "askedQuoteOrderQty",
        "price": "askedPrice",
        "type": "askedType",
    }
    differ = {name: order[asked] for name, asked in names.items() if order[asked] is not None}
    changes = [f"{name} {asked} to {order[name] or 'none'}" for name, asked in differ.items()]
    return ", ".join(changes) or None


def what(order: dict[str, Any]) -> str:
    """Return a short description of what an order trades."""
    amount = order["quantity"] or f"{order['quoteOrderQty']} in quote"
    price = f" at {order['price']}" if order["price"] else ""
    return f"{order['side']} {amount} {order['symbol']}{price} {order['type']}"
