"""The rows that ``sniperd top`` shows: the daemon's board, and the dead letters, which the board does not list."""

from pathlib import Path
from typing import Any, NamedTuple

from daemon.cli import show
from daemon.cli.client import ask
from daemon.core.values.states import OUTCOME_UNKNOWN, State

TIMEOUT_S = 3.0

DEAD_LETTERS = 100
"""Largest number of dead letters shown."""


class OrderRow(NamedTuple):
    """One order."""

    id: str
    state: str
    what: str
    owner: str
    age: str
    waits: str


class LockRow(NamedTuple):
    """One lock."""

    id: str
    resource: str
    owner: str
    order_id: str | None
    token: str
    left: str
    overdue: bool


class Board(NamedTuple):
    """One reading of the daemon: ``GET /v1/status`` as JSON, and the rows of both tables."""

    status: dict[str, Any]
    orders: list[OrderRow]
    locks: list[LockRow]


def read(path: Path) -> Board:
    """Read the daemon's board.

    Raises:
        Fail: the daemon does not answer.

    """
    found = show.escaped(ask(path, "GET", "/v1/board", timeout_s=TIMEOUT_S))
    status, holders = found["status"], {lock["resourceId"]: lock for lock in found["locks"]}
    now_ms = status["nowMs"]
    doubts = [order for order in found["orders"] if order["state"] in OUTCOME_UNKNOWN]
    others = [order for order in found["orders"] if order["state"] not in OUTCOME_UNKNOWN]
    dead = _dead_letters(path) if status["deadLetters"] else []
    rows = [
        *(_row(order, now_ms, _next_query(order, now_ms)) for order in doubts),
        *(_row(order, now_ms, order["reason"] or "") for order in dead),
        *(_row(order, now_ms, _waits(order, holders, now_ms)) for order in others),
    ]
    return Board(status, rows, [_lock(lock, now_ms) for lock in found["locks"]])


def _dead_letters(path: Path) -> list[dict[str, Any]]:
    """List the dead letters, oldest first."""
    page = ask(path, "GET", f"/v1/orders?state={State.DEAD_LETTER}&limit={DEAD_LETTERS}", timeout_s=TIMEOUT_S)
    listed: list[dict[str, Any]] = show.escaped(page)["orders"]
    return listed[::-1]


def _row(order: dict[str, Any], now_ms: int, waits: str) -> OrderRow:
    age = show.ago(order["acceptedAtMs"], now_ms).removesuffix(" ago")
    return OrderRow(order["id"], order["state"], order["asks"], order["ownerId"], age, waits)


def _next_query(order: dict[str, Any], now_ms: int) -> str:
    """Return when the exchange is queried next about an order whose outcome is unknown."""
    if order["search"] is None:
        return str(order["next"]["what"])
    at_ms = order["search"]["nextAtMs"]
    return f"next query {'now' if at_ms <= now_ms else show.ago(at_ms, now_ms)}"


def _waits(order: dict[str, Any], holders: dict[str, Any], now_ms: int) -> str:
    """Return what an active order waits for."""
    match order["state"]:
        case State.ARMED:
            return f"fires {show.ago(order['executeAtMs'], now_ms)}"
        case State.IN_FLIGHT:
            return "the exchange's answer"
        case State.QUEUED:
            return f"{_queue_place(order, holders)}; expires {show.ago(order['deadlineAtMs'], now_ms)}"
        case _:
            return order["exchangeOrderId"] or ""


def _queue_place(order: dict[str, Any], holders: dict[str, Any]) -> str:
    if order["position"] is None:
        return "its time"
    holder = holders.get(order["resource"])
    if holder is not None and holder["orderId"] != order["id"]:
        return f"#{order['position']}, {holder['orderId'] or holder['ownerId']} to release"
    return f"#{order['position']}, its turn"


def _lock(lock: dict[str, Any], now_ms: int) -> LockRow:
    left = "overdue" if lock["overdue"] else show.ago(lock["expiresAt"], now_ms).removeprefix("in ")
    return LockRow(
        lock["lockId"],
        lock["resourceId"],
        lock["ownerId"],
        lock["orderId"],
        str(lock["fencingToken"]),
        left,
        lock["overdue"],
    )
