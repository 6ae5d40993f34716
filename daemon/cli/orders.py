"""``sniperd orders``, and how commands show an order."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.completing import complete_order, complete_pair
from daemon.cli.instants import PAST
from daemon.cli.lists import MOST, pages, write_csv
from daemon.cli.options import Command, config_option, json_option, status_socket
from daemon.core.values.states import WAITING, State

CSV_FIELDS = (
    "id", "acceptedAt", "state", "side", "symbol", "type", "quantity", "quoteOrderQty", "price", "executedQuantity",
    "averagePrice", "executedQuote", "executeAt", "sentAt", "finishedAt", "ownerId", "snipeTargetId", "exchangeOrderId",
    "reason",
)  # fmt: skip
"""The columns of ``--csv``. ``executedQuote`` is the value of the fills, in the quote asset."""


def _states(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [state for state in State if state.startswith(incomplete)]


@click.command()
@click.option("--state", shell_complete=_states, help="Only orders in this state, like in_doubt or dead_letter.")
@click.option("--symbol", shell_complete=complete_pair, help="Only orders of this pair.")
@click.option("--owner", help="Only orders of this owner.")
@click.option("--since", type=PAST, metavar="INSTANT", help=f"Only orders accepted since then: {PAST.allowed}.")
@click.option("--limit", type=click.IntRange(1, MOST), help="How many at most. Default: 20; with --csv: all.")
@click.option("--cursor", help="Continue a list: the cursor that the previous page printed.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with a line of names, for programs.")
@config_option
@json_option
def orders(config_path: Path | None, as_json: bool, as_csv: bool, **filters: Any) -> None:  # noqa: ANN401  # click's options
    """List orders, newest first."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    found = pages(status_socket(config_path), "/v1/orders", filters, for_programs=as_csv)
    if as_csv:
        write_csv(CSV_FIELDS, (page["orders"] for page in islice(found, None if filters["limit"] is None else 1)))
    else:
        show.answer(next(found), _print_page, as_json=as_json)


def order_argument(*, required: bool = True) -> Callable[[Command], Command]:
    """Add the argument ORDER."""
    return click.argument("order", callback=_not_empty, required=required, shell_complete=complete_order)


def _not_empty(_context: click.Context, _parameter: click.Parameter, order: str | None) -> str | None:
    if order is not None and not order:
        raise click.BadParameter("an order's id is needed; `sniperd orders` lists them")
    return order


def _print_page(page: dict[str, Any]) -> None:
    show.table(
        ["order", "accepted", "state", "what", "filled", "average", "value", "why"],
        [
            [
                order["id"],
                show.at(order["acceptedAtMs"]),
                show.state(order["state"]),
                order["asks"],
                order["executedQuantity"],
                order["averagePrice"] or "-",
                order["executedQuote"] or "?",
                order["reason"] or awaited(order),
            ]
            for order in page["orders"]
        ],
    )
    if page["next"]:
        click.echo(click.style(f"more: --cursor {page['next']}", dim=True))


def awaited(order: dict[str, Any]) -> str:
    """Say which instant a waiting order waits for."""
    waits = order["executeAtMs"] is not None and order["state"] in WAITING
    return f"waits for {show.at(order['executeAtMs'])}" if waits else ""


def print_order(order: dict[str, Any]) -> None:
    """Print an order and its state in one line."""
    click.echo(f"{show.state(order['state'])}  {order['asks']}  order {order['id']}")


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
