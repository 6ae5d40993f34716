"""What ``sniperd top`` shows, read anew each time: orders with what each waits for, locks, and how it stands."""

from pathlib import Path
from typing import Any, NamedTuple

from daemon.cli import show
from daemon.cli.client import Fail, ask, in_path
from daemon.cli.orders import what
from daemon.core.values.states import MEANINGS, RESTING, UNDER_WAY, UNRESOLVED, State

TIMEOUT_S = 3.0
LOOKED_UP = 10
"""So many orders in doubt are asked when they are looked for next."""

LISTED = 100
"""Orders of one state, and locks, that are shown at most."""

FIRST = (
    *(state.value for state, meaning in MEANINGS.items() if meaning.needs_operator),
    *(state.value for state in reversed(State) if state in UNDER_WAY),
)
LAST = tuple(state.value for state in reversed(State) if state in RESTING)
"""States that are listed before and after the queue; within a phase the later one comes first."""


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


class Snapshot(NamedTuple):
    """How it all stands."""

    status: dict[str, Any]
    orders: list[OrderRow]
    locks: list[LockRow]


def read(path: Path) -> Snapshot:
    """Ask the daemon.

    Raises:
        Fail: it does not answer.

    """
    status = show.for_a_person(ask(path, "GET", "/v1/status", timeout_s=TIMEOUT_S))
    locks = show.for_a_person(ask(path, "GET", "/v1/locks", timeout_s=TIMEOUT_S))
    now_ms, holders = status["nowMs"], {lock["resourceId"]: lock for lock in locks["locks"]}
    counts = {**status["orders"], "dead_letter": status["deadLetters"]}
    found = {state: _orders(path, state) for state in (*FIRST, *LAST) if counts.get(state)}
    rows = [
        _row(each, now_ms, _waits(path, each, at, now_ms))
        for state in FIRST
        for at, each in enumerate(found.get(state, []))
    ]
    if counts.get("queued"):
        rows += _queued(_orders(path, "queued", limit=1_000), locks["queue"], holders, now_ms)
    rows += [_row(each, now_ms, each["exchangeOrderId"] or "") for state in LAST for each in found.get(state, [])]
    return Snapshot(status, rows, [_lock(lock, now_ms) for lock in locks["locks"][:LISTED]])


def _orders(path: Path, state: str, limit: int = LISTED) -> list[dict[str, Any]]:
    """List the orders in a state, oldest first."""
    page = ask(path, "GET", f"/v1/orders?state={state}&limit={limit}", timeout_s=TIMEOUT_S)
    listed: list[dict[str, Any]] = show.for_a_person(page)["orders"]
    return listed[::-1]


def _row(order: dict[str, Any], now_ms: int, waits: str) -> OrderRow:
    age = show.ago(order["acceptedAtMs"], now_ms).removesuffix(" ago")
    return OrderRow(order["id"], order["state"], what(order), order["ownerId"], age, waits)


def _waits(path: Path, order: dict[str, Any], place: int, now_ms: int) -> str:
    """Say what an order waits for that is before or under way, or needs a person."""
    state = order["state"]
    if state in UNRESOLVED:
        return _next_look(path, order["id"]) if place < LOOKED_UP else ""
    if state == "armed":
        return f"fires {show.ago(order['executeAtMs'], now_ms)}"
    return "the exchange's answer" if state == "in_flight" else order["reason"] or ""


def _next_look(path: Path, order_id: str) -> str:
    """Say when an order is looked for next; it may have moved on meanwhile."""
    try:
        found = ask(path, "GET", f"/v1/orders/{in_path(order_id)}/explain", timeout_s=TIMEOUT_S)
    except Fail:
        return ""
    at_ms, now_ms = found["next"]["atMs"], found["nowMs"]
    if at_ms is None:
        return str(found["next"]["what"])
    return f"next look {'now' if at_ms <= now_ms else show.ago(at_ms, now_ms)}"


def _queued(
    orders: list[dict[str, Any]], queue: list[dict[str, Any]], holders: dict[str, Any], now_ms: int
) -> list[OrderRow]:
    """List what is queued in the order of service; what waits for its time comes after that."""
    places = {each["orderId"]: each["position"] for each in queue}
    rows = []
    for order in sorted(orders, key=lambda order: places.get(order["id"], len(queue) + 1))[:LISTED]:
        holder = holders.get(order["resource"])
        if order["id"] not in places:
            waits = "its time"
        elif holder is not None and holder["orderId"] != order["id"]:
            waits = f"#{places[order['id']]}, {holder['orderId'] or holder['ownerId']} to release"
        else:
            waits = f"#{places[order['id']]}, its turn"
        rows.append(_row(order, now_ms, f"{waits}; expires {show.ago(order['deadlineAtMs'], now_ms)}"))
    return rows


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
