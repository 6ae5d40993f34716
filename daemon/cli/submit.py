"""``sniperd submit``."""

import getpass
import os
from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.client import ask
from daemon.cli.completing import complete_pair
from daemon.cli.instants import AHEAD
from daemon.cli.options import config_option, json_option, signals_socket, wait_option
from daemon.cli.orders import awaited, filled, print_order, rounded
from daemon.core.values.states import MEANINGS, OUTCOME_UNKNOWN
from daemon.exit_codes import NOTHING_TRADED, UNKNOWN

_EXIT = {
    state.value: UNKNOWN if state in OUTCOME_UNKNOWN else NOTHING_TRADED
    for state, meaning in MEANINGS.items()
    if state in OUTCOME_UNKNOWN or meaning.queue_status in {"failed", "cancelled"}
}


_OPTIONS = {
    "symbol": "SYMBOL",
    "side": "SIDE",
    "type": "--type",
    "quantity": "--quantity",
    "quoteOrderQty": "--quote",
    "price": "--price",
    "maxPrice": "--max-price",
    "slippagePercent": "--slippage",
    "ownerId": "--owner",
    "snipeTargetId": "--target",
    "idempotencyKey": "--key",
    "priority": "--priority",
    "executeAt": "--at",
    "deadlineMs": "--deadline",
    "timeoutMs": "--timeout",
    "allowRepeat": "--allow-repeat",
    "skipLock": "--skip-lock",
}
"""The options that fill a signal's fields."""


SIDES = ("BUY", "SELL")


def _sides(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the sides as they are written everywhere; click's own choices would be in lower case."""
    return [side for side in SIDES if side.startswith(incomplete.upper())]


def _user() -> str:
    """Return the user's name, or its number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid:{os.getuid()}"


@click.command()
@click.argument("side", type=click.Choice(SIDES, case_sensitive=False), shell_complete=_sides)
@click.argument("symbol", shell_complete=complete_pair)
@click.option("--quote", help="Amount of the quote asset to spend or receive (market orders), like 25.")
@click.option("--quantity", help="Amount of the base asset.")
@click.option("--price", help="Limit price. Makes it a limit order unless --type says otherwise.")
@click.option("--max-price", help="Highest price of a market buy: at a launch it goes as a limit order at this price.")
@click.option("--slippage", help="The same, in percent by which the price may be worse than the last one.")
@click.option("--type", "order_type", help="MARKET, LIMIT, LIMIT_MAKER, IOC or FOK.")
@click.option("--owner", default=_user, show_default="your user name", help="Owner of the order.")
@click.option("--target", help="The bot's snipe target; part of the lock's resource.")
@click.option("--key", help="Idempotency key. Without one, the same signal within a minute is a repetition.")
@click.option("--priority", type=click.IntRange(1, 10), help="1 is most urgent. Default: SELL 1, BUY 5.")
@click.option(
    "--at",
    "execute_at",
    type=AHEAD,
    metavar="INSTANT",
    help=f"When to send it, by the exchange's clock: {AHEAD.allowed}.",
)
@click.option("--deadline", type=int, help="Milliseconds within which it may be sent. Default: BUY 5000, SELL 60000.")
@click.option("--timeout", type=int, help="Lease of its lock, milliseconds. Default: 30000.")
@click.option("--allow-repeat", is_flag=True, help="Allow a second BUY of the symbol.")
@click.option("--skip-lock", is_flag=True, help="Emergency SELL that skips queue and lock; administrators only.")
@wait_option
@config_option
@json_option
def submit(side: str, symbol: str, wait: float, config_path: Path | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401  # click's options
    """Send a signal and show its order.

    \b
    sniperd submit BUY BTCUSDT --quote 25
    sniperd submit SELL BTCUSDT --quantity 0.001 --price 120000

    Exit code: 0 accepted; 3 nothing was bought or sold (rejected, expired, dead letter, cancelled without a fill); 4
    the outcome is unknown: do not send the signal again under another key.
    """  # noqa: D301  # click's mark, no backslash
    signal = {
        "side": side,
        "symbol": symbol,
        "type": options["order_type"] or ("LIMIT" if options["price"] else "MARKET"),
        "quantity": options["quantity"],
        "quoteOrderQty": options["quote"],
        "price": options["price"],
        "maxPrice": options["max_price"],
        "slippagePercent": options["slippage"],
        "ownerId": options["owner"],
        "snipeTargetId": options["target"],
        "idempotencyKey": options["key"],
        "priority": options["priority"],
        "executeAt": options["execute_at"],
        "deadlineMs": options["deadline"],
        "timeoutMs": options["timeout"],
        "allowRepeat": options["allow_repeat"],
        "skipLock": options["skip_lock"],
    }
    order = ask(
        signals_socket(config_path),
        "POST",
        "/v1/signals",
        {name: value for name, value in signal.items() if value is not None},
        headers={"Prefer": f"wait={wait:.3f}"} if wait else {},
        timeout_s=wait + 10,
        options=_OPTIONS,
    )
    show.answer(order, _show, as_json=as_json)
    raise SystemExit(_EXIT.get(order["state"], 0))


def _show(order: dict[str, Any]) -> None:
    print_order(order)
    show.pairs(
        [
            ("next", awaited(order)),
            ("rounded", rounded(order)),
            ("filled", filled(order)),
            ("reason", order["reason"]),
            ("exchange's id", order["exchangeOrderId"]),
            ("replayed", "yes: the same signal was sent before; use a new --key" if order["replayed"] else None),
            ("more", f"sniperd explain {order['id']}"),
        ]
    )
