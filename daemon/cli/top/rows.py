"""The rows that ``sniperd top`` shows: the daemon's board, and the dead letters, which the board does not list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from daemon.cli import show
from daemon.cli.client import ask
from daemon.core.values.states import OUTCOME_UNKNOWN, State

READ_S = 15.0
"""The longest wait for an answer: in a fleet it may wait for the next owner, and then for the owner's answer."""

DEAD_LETTERS = 100
"""Largest number of dead letters shown."""

_LOUD = {"warning": "yellow", "critical": "bold red"}


class OrderOf(NamedTuple):
    """The order of a row."""

    id: str
    state: str
    what: str


class LockOf(NamedTuple):
    """The lock of a row."""

    id: str
    resource: str
    owner: str


class Row(NamedTuple):
    """One row of a section, and what a key acts on there."""

    key: str
    cells: tuple[Text, ...]
    order_id: str | None = None  # what is explained
    order: OrderOf | None = None
    lock: LockOf | None = None


class Board(NamedTuple):
    """One reading of the daemon."""

    status: dict[str, Any]  # of the owner, in a fleet, or of this member, if it shows its copy
    fleet: dict[str, Any] | None  # as this member knows it
    unshown: int
    rows: Mapping[str, Sequence[Row]]  # by section

    @property
    def is_copy(self) -> bool:
        """Whether a member that stands by shows its own copy, because the owner does not answer."""
        return bool(self.status["stage"] == "standby")


def read(path: Path) -> Board:
    """Read the daemon's board.

    Raises:
        Fail: the daemon does not answer.

    """
    found = show.escaped(ask(path, "GET", "/v1/board", timeout_s=READ_S))
    status = found["status"]
    now_ms = status["nowMs"]
    orders = {order["id"]: order for order in found["orders"]}
    queued = {each["orderId"] for each in found["queue"]}
    holders = {lock["resourceId"]: lock for lock in found["locks"]}
    unknown = [order for order in orders.values() if order["state"] in OUTCOME_UNKNOWN]
    others = [order for order in orders.values() if order["state"] not in OUTCOME_UNKNOWN and order["id"] not in queued]
    dead = _dead_letters(path) if status["deadLetters"] else []
    rows = {
        "alerts": [_alert(alert, now_ms) for alert in status["alerts"]],
        "unknown": [_order(each, each["inDoubtSinceMs"], now_ms, _next_query(each, now_ms)) for each in unknown],
        "orders": [
            *(_order(each, each["acceptedAtMs"], now_ms, each["reason"] or "") for each in dead),
            *(_order(each, each["acceptedAtMs"], now_ms, _awaited(each, now_ms)) for each in others),
        ],
        "locks": [_lock(lock, now_ms) for lock in found["locks"]],
        "queue": [_waiting(each, orders.get(each["orderId"]), holders, now_ms) for each in found["queue"]],
    }
    return Board(status, _fleet(path) if status["fleet"] else None, found["unshown"], rows)


def _dead_letters(path: Path) -> list[dict[str, Any]]:
    """List the dead letters, oldest first."""
    page = ask(path, "GET", f"/v1/orders?state={State.DEAD_LETTER}&limit={DEAD_LETTERS}", timeout_s=READ_S)
    listed: list[dict[str, Any]] = show.escaped(page)["orders"]
    return listed[::-1]


def _fleet(path: Path) -> dict[str, Any] | None:
    """Read how this member knows the fleet; the board's status may be the owner's."""
    found: dict[str, Any] = show.escaped(ask(path, "GET", "/v1/fleet", timeout_s=READ_S))
    fleet: dict[str, Any] | None = found["fleet"]
    return fleet


def _cells(*texts: str | Text) -> tuple[Text, ...]:
    return tuple(text if isinstance(text, Text) else Text(text) for text in texts)


def _alert(alert: dict[str, Any], now_ms: int) -> Row:
    name = Text(alert["name"], style=_LOUD.get(alert["severity"], ""))
    wrong = "; ".join([f"{alert['summary']}. {alert['todo']}", *alert["orders"]])
    return Row(alert["name"], _cells(name, show.age(alert["sinceMs"], now_ms), wrong))


def _order(order: dict[str, Any], since_ms: int | None, now_ms: int, comes: str) -> Row:
    state = Text(order["state"], style=show.COLOURS.get(order["state"], ""))
    age = show.age(order["acceptedAtMs"] if since_ms is None else since_ms, now_ms)
    return Row(order["id"], _cells(state, age, order["asks"], comes, order["ownerId"]), order["id"], _order_of(order))


def _order_of(order: dict[str, Any]) -> OrderOf:
    return OrderOf(order["id"], order["state"], order["asks"])


def _next_query(order: dict[str, Any], now_ms: int) -> str:
    """Return when the exchange is queried next about an order whose outcome is unknown."""
    if order["search"] is None:
        return str(order["next"]["what"])
    at_ms = order["search"]["nextAtMs"]
    return f"next query {'now' if at_ms <= now_ms else show.ago(at_ms, now_ms)}"


def _awaited(order: dict[str, Any], now_ms: int) -> str:
    """Return what an order waits for that is not in the queue."""
    match order["state"]:
        case State.ARMED:
            return f"fires {show.ago(order['executeAtMs'], now_ms)}"
        case State.IN_FLIGHT:
            return "the exchange's answer"
        case State.QUEUED:
            return f"its time; {_expiry(order, now_ms)}"
        case _:
            return order["exchangeOrderId"] or ""


def _expiry(order: dict[str, Any], now_ms: int) -> str:
    return f"expires {show.ago(order['deadlineAtMs'], now_ms)}"


def _waiting(
    waiting: dict[str, Any], order: dict[str, Any] | None, holders: Mapping[str, dict[str, Any]], now_ms: int
) -> Row:
    """Return the row of an order, or of a caller that waits for a lease."""
    holder = holders.get(waiting["resourceId"])
    comes = "its turn" if holder is None else f"{holder['orderId'] or holder['ownerId']} to release"
    if order is not None:
        comes = f"{comes}; {_expiry(order, now_ms)}"
    who = f"lease of {waiting['resourceId']}" if waiting["orderId"] is None else waiting["orderId"]
    cells = _cells(
        f"#{waiting['position']}",
        show.age(waiting["queuedAt"], now_ms),
        comes,
        who if order is None else order["asks"],
        waiting["ownerId"],
        str(waiting["priority"]),
    )
    return Row(waiting["queueId"], cells, waiting["orderId"], None if order is None else _order_of(order))


def _lock(lock: dict[str, Any], now_ms: int) -> Row:
    left = Text("overdue", style="bold red") if lock["overdue"] else Text(show.age(now_ms, lock["expiresAt"]))
    cells = _cells(
        lock["resourceId"],
        show.age(lock["acquiredAt"], now_ms),
        left,
        lock["orderId"] or "lease",
        lock["ownerId"],
        str(lock["fencingToken"]),
    )
    return Row(lock["lockId"], cells, lock["orderId"], lock=LockOf(lock["lockId"], lock["resourceId"], lock["ownerId"]))
