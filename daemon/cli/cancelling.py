"""``sniperd cancel``: one order, or all of them."""

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask, in_path
from daemon.cli.completing import complete_pair
from daemon.cli.options import config_option, json_option, signals_socket, status_socket, wait_option
from daemon.cli.orders import filled, order_argument, print_order
from daemon.clock import stopwatch_s
from daemon.core.values.states import RESTING, WAITING, State
from daemon.exit_codes import REFUSED, UNKNOWN

CANCEL_WAIT_S = 10.0
LOOK_S = 0.2
"""Pause between two looks at orders whose cancel was sent."""

PAGE = 1_000
_RESTS = "the cancel was sent, and the order still rests as far as is known: check again with `sniperd explain`"
_AFTER_CANCEL = {state.value: (UNKNOWN, _RESTS) for state in RESTING} | {
    State.FILLED.value: (REFUSED, "it was filled before the cancel arrived; nothing is left to cancel")
}
"""Exit code and note, by the order's state after a cancel; every other state means success."""


@click.command()
@order_argument(required=False)
@click.option("--all", "everything", is_flag=True, help="Every order that waits or rests, in place of one ORDER.")
@click.option("--symbol", shell_complete=complete_pair, help="With --all: only orders of this pair.")
@click.option("--reason", default="cancelled by hand", show_default=True)
@wait_option
@config_option
@json_option
def cancel(
    order: str | None,
    everything: bool,
    symbol: str | None,
    reason: str,
    wait: float,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Cancel an order: withdraw it while unsent, ask the exchange while it rests, discard a dead letter.

    The command waits for a resting order: the exchange's answer to a cancel proves nothing, so the order is queried.
    With --all, orders that wait are withdrawn first, then those on the exchange are cancelled. An order whose request
    is under way at that moment is left alone; `sniperd halt --cancel-open` sends nothing new either.

    Exit code: 0 the order is cancelled, withdrawn or discarded; 1 it was filled, or there is nothing to cancel; 4 it
    still rests as far as is known: check again with `sniperd explain`. With --all, the highest of them; 0 if there was
    none.
    """
    if everything == (order is not None):
        raise click.UsageError("name one ORDER, or --all")
    if symbol is not None and not everything:
        raise click.UsageError("--symbol needs --all")
    if order is None:
        states = [*WAITING, *RESTING]
        cancel_all(config_path, reason=reason, states=states, symbol=symbol, wait_s=wait, as_json=as_json)
        return
    found = _cancel(signals_socket(config_path), order, reason, wait)
    show.answer(found, _print_cancelled, as_json=as_json)
    raise SystemExit(_code(found))


def cancel_all(
    config_path: Path | None,
    *,
    reason: str,
    states: Collection[State],
    symbol: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Cancel every order in some states, print each, and end the command with its exit code."""
    signals, status = signals_socket(config_path), status_socket(config_path)
    ended: list[dict[str, Any]] = []
    sent: list[str] = []
    for state in states:
        for order_id in list(_ids(status, state, symbol)):
            try:
                found = _cancel(signals, order_id, reason, 0)
            except Fail as failed:
                if failed.exit_code != REFUSED:
                    raise
                found = ask(status, "GET", f"/v1/orders/{in_path(order_id)}")  # it has ended meanwhile
            if found["state"] in RESTING:
                sent.append(order_id)
            else:
                ended.append(_shown(found, as_json))
    until_s = stopwatch_s() + wait_s
    for order_id in sent:
        found = ask(status, "GET", f"/v1/orders/{in_path(order_id)}")
        while found["state"] in RESTING and stopwatch_s() < until_s:
            time.sleep(LOOK_S)
            found = ask(status, "GET", f"/v1/orders/{in_path(order_id)}")
        ended.append(_shown(found, as_json))
    if as_json:
        show.print_json({"orders": ended})
    else:
        click.echo(_summary(ended))
    raise SystemExit(max(map(_code, ended), default=0))


def _ids(status: Path, state: State, symbol: str | None) -> Iterator[str]:
    cursor: str | None = None
    while True:
        query = {"state": state.value, "symbol": symbol, "limit": PAGE, "cursor": cursor}
        wanted = urlencode({name: value for name, value in query.items() if value is not None})
        page = ask(status, "GET", f"/v1/orders?{wanted}")
        for order in page["orders"]:
            yield order["id"]
        cursor = page["next"]
        if cursor is None:
            return


def _cancel(signals: Path, order_id: str, reason: str, wait_s: float) -> dict[str, Any]:
    found: dict[str, Any] = ask(
        signals,
        "DELETE",
        f"/v1/orders/{in_path(order_id)}?reason={in_path(reason)}",
        headers={"Prefer": f"wait={wait_s:.3f}"},
        timeout_s=wait_s + 10,
    )
    return found


def _shown(order: dict[str, Any], as_json: bool) -> dict[str, Any]:
    if not as_json:
        print_order(show.escaped(order))
    return order


def _summary(ended: list[dict[str, Any]]) -> str:
    codes = [_code(order) for order in ended]
    parts = [f"{codes.count(0)} cancelled"]
    if REFUSED in codes:
        parts.append(f"{codes.count(REFUSED)} filled before")
    if UNKNOWN in codes:
        parts.append(f"{codes.count(UNKNOWN)} still rest as far as is known: check again with `sniperd orders`")
    return ", ".join(parts)


def _code(order: dict[str, Any]) -> int:
    code, _ = _AFTER_CANCEL.get(order["state"], (0, None))
    return code


def _print_cancelled(order: dict[str, Any]) -> None:
    print_order(order)
    _, note = _AFTER_CANCEL.get(order["state"], (0, None))
    show.pairs([("filled", filled(order)), ("note", note)])
