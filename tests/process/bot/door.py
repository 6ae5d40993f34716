"""What a bot asks at its own door."""

import itertools
import os
from typing import Any
from urllib.parse import urlencode

from tests.support import Answer, Daemon, Exchange
from tests.support.pending import Pending
from tests.support.tables import read

Trade = dict[str, Any]

TRADE = "/api/mexc/trade"
LOCKS = "/api/transaction-locks"

_numbers = itertools.count(1)


def a_trade(**changes: Any) -> Trade:
    """Buy at the market, for a user and a target of its own; a change to ``None`` leaves a field out."""
    name = f"{os.getpid()}-{next(_numbers)}"
    given = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.001",
        "userId": f"user-{name}",
        "snipeTargetId": f"snipe-{name}",
    }
    return {field: value for field, value in (given | changes).items() if value is not None}


def resting(**changes: Any) -> Trade:
    """Buy far below the market."""
    return a_trade(**({"type": "LIMIT", "price": "50000"} | changes))


def trade(daemon: Daemon, wish: Trade, wait_s: float | None = None, key: str | None = None) -> Answer:
    """Trade; wait so long for the outcome, or as long as the bot does."""
    return daemon.ask("POST", TRADE, wish, headers=_headers(wait_s, key))


def trading(daemon: Daemon, wish: Trade, wait_s: float | None = None) -> Pending:
    """Trade; the answer is read later."""
    return Pending(daemon.signals, "POST", TRADE, wish, headers=_headers(wait_s, None))


def place(daemon: Daemon, wish: Trade) -> dict[str, Any]:
    """Trade; it must be placed, for the first time. Return the order as it is shown."""
    answer = trade(daemon, wish)
    assert (answer.status, answer.json.get("replayed")) == (200, None), answer.raw
    order: dict[str, Any] = answer.json["order"]
    return order


def queue(daemon: Daemon, wish: Trade) -> dict[str, Any]:
    """Trade without waiting; it must be queued. Return the answer."""
    answer = trade(daemon, wish, wait_s=0)
    assert answer.status == 202, answer.raw
    told: dict[str, Any] = answer.json
    assert told["queued"] is True
    return told


def send(daemon: Daemon, wish: Trade) -> str:
    """Trade without waiting; return the order's id when it is on its way."""
    mark = daemon.process.mark()
    trade(daemon, wish, wait_s=0)
    order_id = order_of(daemon, wish)["order_id"]
    daemon.wait_for("order.sent", since=mark, order_id=order_id)
    return str(order_id)


def monitor(daemon: Daemon, **query: Any) -> Any:
    """Read the monitor's tables."""
    return daemon.get(f"{LOCKS}?{urlencode(query)}")["data"]


def check(daemon: Daemon, resource: str) -> dict[str, Any]:
    """Ask whether a resource is locked."""
    answer = daemon.ask("POST", LOCKS, {"action": "check", "resourceId": resource})
    assert (answer.status, answer.json["success"]) == (200, True), answer.raw
    data: dict[str, Any] = answer.json["data"]
    return data


def drop(daemon: Daemon, **query: str) -> Answer:
    """Release locks by force."""
    return daemon.ask("DELETE", f"{LOCKS}?{urlencode(query)}")


def resource_of(wish: Trade) -> str:
    """Name what a trade locks."""
    return f"trade:{wish['symbol'].upper()}:{wish['side'].upper()}:{wish.get('snipeTargetId', 'manual')}"


def orders_of(daemon: Daemon, wish: Trade) -> list[dict[str, Any]]:
    """Return the orders that a user's trades became, oldest first."""
    return read(daemon.database, "SELECT * FROM orders WHERE owner_id = ? ORDER BY seq", wish["userId"])


def order_of(daemon: Daemon, wish: Trade) -> dict[str, Any]:
    """Return the newest order of a trade's user."""
    return orders_of(daemon, wish)[-1]


def book_of(daemon: Daemon, exchange: Exchange, wish: Trade) -> list[dict[str, Any]]:
    """Return what the exchange's own book has of a user's trades."""
    return [placed for order in orders_of(daemon, wish) for placed in exchange.orders(order["order_id"])]


def arrivals_of(daemon: Daemon, exchange: Exchange, wish: Trade) -> list[dict[str, Any]]:
    """Return the requests of a user's trades that reached the exchange."""
    return [each for order in orders_of(daemon, wish) for each in exchange.arrivals(order["order_id"])]


def _headers(wait_s: float | None, key: str | None) -> dict[str, str]:
    prefer = {} if wait_s is None else {"Prefer": f"wait={wait_s:g}"}
    return prefer if key is None else prefer | {"Idempotency-Key": key}
