"""Requests to the bot's API."""

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
    """Return a market buy with its own user and target; a change to ``None`` leaves a field out."""
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
    """Return a limit buy far below the market price."""
    return a_trade(**({"type": "LIMIT", "price": "50000"} | changes))


def trade(daemon: Daemon, request: Trade, wait_s: float | None = None, key: str | None = None) -> Answer:
    """Trade; wait ``wait_s`` seconds for the outcome, or the bot's default."""
    return daemon.ask("POST", TRADE, request, headers=_headers(wait_s, key))


def start_trade(daemon: Daemon, request: Trade, wait_s: float | None = None) -> Pending:
    """Trade; the answer is read later."""
    return Pending(daemon.signals, "POST", TRADE, request, headers=_headers(wait_s, None))


def place(daemon: Daemon, request: Trade) -> dict[str, Any]:
    """Place a new trade; return the order in the answer."""
    answer = trade(daemon, request)
    assert (answer.status, answer.json.get("replayed")) == (200, None), answer.raw
    order: dict[str, Any] = answer.json["order"]
    return order


def queue(daemon: Daemon, request: Trade) -> dict[str, Any]:
    """Trade without waiting, and check that it is queued; return the answer."""
    answer = trade(daemon, request, wait_s=0)
    assert answer.status == 202, answer.raw
    body: dict[str, Any] = answer.json
    assert body["queued"] is True
    return body


def send(daemon: Daemon, request: Trade) -> str:
    """Trade without waiting; return the order's id once it was sent."""
    mark = daemon.process.mark()
    trade(daemon, request, wait_s=0)
    order_id = order_of(daemon, request)["order_id"]
    daemon.wait_for("order.sent", since=mark, order_id=order_id)
    return str(order_id)


def monitor(daemon: Daemon, **query: Any) -> Any:
    """Read the lock monitor."""
    return daemon.get(f"{LOCKS}?{urlencode(query)}")["data"]


def check(daemon: Daemon, resource: str) -> dict[str, Any]:
    """Ask whether a resource is locked."""
    answer = daemon.ask("POST", LOCKS, {"action": "check", "resourceId": resource})
    assert (answer.status, answer.json["success"]) == (200, True), answer.raw
    data: dict[str, Any] = answer.json["data"]
    return data


def force_release(daemon: Daemon, **query: str) -> Answer:
    """Release locks by force."""
    return daemon.ask("DELETE", f"{LOCKS}?{urlencode(query)}")


def resource_of(request: Trade) -> str:
    """Return the resource that a trade locks."""
    return f"trade:{request['symbol'].upper()}:{request['side'].upper()}:{request.get('snipeTargetId', 'manual')}"


def orders_of(daemon: Daemon, request: Trade) -> list[dict[str, Any]]:
    """Return the orders of a trade's user, oldest first."""
    return read(daemon.database, "SELECT * FROM orders WHERE owner_id = ? ORDER BY seq", request["userId"])


def order_of(daemon: Daemon, request: Trade) -> dict[str, Any]:
    """Return the newest order of a trade's user."""
    return orders_of(daemon, request)[-1]


def book_of(daemon: Daemon, exchange: Exchange, request: Trade) -> list[dict[str, Any]]:
    """Return the exchange's orders of a trade's user."""
    return [placed for order in orders_of(daemon, request) for placed in exchange.orders(order["order_id"])]


def arrivals_of(daemon: Daemon, exchange: Exchange, request: Trade) -> list[dict[str, Any]]:
    """Return the requests of a trade's user that reached the exchange."""
    return [each for order in orders_of(daemon, request) for each in exchange.arrivals(order["order_id"])]


def _headers(wait_s: float | None, key: str | None) -> dict[str, str]:
    prefer = {} if wait_s is None else {"Prefer": f"wait={wait_s:g}"}
    return prefer if key is None else prefer | {"Idempotency-Key": key}
