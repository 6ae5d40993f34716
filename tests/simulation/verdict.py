"""The promises, checked against what really happened: by the exchange's own book, not by the daemon's records."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.exchange.mexc.order_rows import STATES
from daemon.simulator.exchange import Arrival
from daemon.store import rows
from daemon.store.opening import open_for_reading
from tests.chaos.trades import Entry, Told, mistold, orders_per_signal
from tests.simulation.reported import Sums, reported

RATE_PER_S, OVER_A_START = 5, 10
"""What the daemon may send. A process knows when those before it decided their requests, not when these left."""
LIMITED = frozenset({418, 429})
WEIGHT_COUNTS_MS = 10_000
ANSWER_SO = frozenset({"rate_limited", "refusal_with_order"})
"""Injected faults that answer with one of these statuses."""

CLOCK_ERROR_MS = 26
"""By how much the daemon may be wrong about the exchange's clock: a request takes 1 to 50 ms, and so does its answer,
and only their sum is known."""

ANY_AGE_MS = 1_000_000
"""An answer about a resting order may be as old as the last query, and the exchange may leave queries unanswered."""


class Verdict(msgspec.Struct, frozen=True):
    """The result of a day. ``broken`` names every promise that did not hold."""

    broken: list[str]
    states: dict[str, int]
    placed: int
    acknowledged: int
    trades: dict[str, int]  # what the trade route would have answered: success, or an HTTP status
    removed: int  # orders that clean-up removed
    batched: int  # orders that left in another order's request
    fills: int  # trades of orders on disk


class Records:
    """What was recorded during the day."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.acknowledged: dict[int, set[str]] = {}
        self.trades: list[tuple[str, Told]] = []  # what the trade route would answer, by order id
        self.requeued: set[str] = set()  # orders that an operator requeued: a failure reported before is no longer true
        self.released: set[str] = set()  # orders whose lock an operator released after checking the exchange
        self.seen: dict[str, Order] = {}  # orders as last seen on disk; clean-up removes some of them there
        self.halted = False  # halt was answered, and resume has not been requested since
        self.batched = 0  # orders that left in another order's request
        self.started_ms = 0  # when the process began
        self._sent_ms: list[int] = []

    def acknowledge(self, wish: int, order_id: str, on_disk: bool) -> None:
        """Record that the bot's signal was acknowledged with an order."""
        self.acknowledged.setdefault(wish, set()).add(order_id)
        if not on_disk:
            self.broken.append(f"wish {wish} was acknowledged with {order_id} before it was on disk")

    def look(self, disk: sqlite3.Connection) -> None:
        """Record the orders on disk."""
        orders = [rows.order_from(row) for row in disk.execute("SELECT * FROM orders")]
        self.seen.update({order.order_id: order for order in orders})

    def sent(self, now_ms: int) -> None:
        """Record a request that places orders. A cancel has its place in the rate before its connection is open."""
        self._sent_ms.append(now_ms)
        recent = [at_ms for at_ms in self._sent_ms[-OVER_A_START - 1 :] if at_ms > now_ms - 1_000]
        if len(recent) > OVER_A_START or sum(at_ms > self.started_ms for at_ms in recent) > RATE_PER_S:
            self.broken.append(f"{len(recent)} requests within a second at {now_ms}")

    def check_send(self, disk: sqlite3.Connection, client_order_id: str, now_ms: int) -> None:
        """Check what must be true when an order's first byte is sent."""
        if self.halted:
            self.broken.append(f"{client_order_id} left at {now_ms}, after halt was answered")
        attempt = disk.execute("SELECT * FROM attempts WHERE client_order_id = ?", (client_order_id,)).fetchone()
        if attempt is None or attempt["state"] != "in_flight":
            self.broken.append(f"{client_order_id} left before it was durable")
            return
        order = rows.order_from(
            disk.execute("SELECT * FROM orders WHERE order_id = ?", (attempt["order_id"],)).fetchone()
        )
        has_instant = order.execute_at_ms is not None
        if now_ms > order.deadline_ms + CLOCK_ERROR_MS * has_instant:
            self.broken.append(f"{client_order_id} left {now_ms - order.deadline_ms} ms after its deadline")
        if order.execute_at_ms is not None and now_ms < order.execute_at_ms - CLOCK_ERROR_MS:
            self.broken.append(f"{client_order_id} left {order.execute_at_ms - now_ms} ms before its instant")
        others = disk.execute(
            "SELECT order_id FROM orders WHERE resource = ? AND order_id <> ?"
            " AND state IN ('in_flight', 'in_doubt', 'lost') AND exchange_order_id IS NULL",
            (order.resource, order.order_id),
        ).fetchall()
        self.broken += [
            f"{client_order_id} left while {other} was outstanding on {order.resource}"
            for (other,) in others
            if other not in self.released
        ]


def limited(arrivals: Iterable[Arrival], starts_ms: Iterable[int] = ()) -> list[str]:
    """Name the requests, of any kind, that the exchange refused because the daemon itself made too many.

    A process does not know what those before it have requested, so those shortly after a start do not count.
    """
    starts_ms = list(starts_ms)
    return [
        f"{each.method} {each.path} at {each.received_ms} was refused with {each.status}: too many requests"
        for each in arrivals
        if each.status in LIMITED
        and not ANSWER_SO.intersection(each.faults)
        and not any(0 <= each.received_ms - start_ms < WEIGHT_COUNTS_MS for start_ms in starts_ms)
    ]


def judge(path: Path, book: list[dict[str, Any]], records: Records) -> Verdict:
    """Compare the exchange's book with the daemon's database."""
    with closing(open_for_reading(path)) as disk:
        on_disk = {order_id for (order_id,) in disk.execute("SELECT order_id FROM orders")}
        fills = [rows.fill_from(row) for row in disk.execute("SELECT * FROM fills")]
        reported_sums = reported(disk)
        records.look(disk)
    by_id = records.seen
    orders = list(by_id.values())
    broken = [*records.broken, *_mistold(book, records)]
    broken += [
        f"{order.order_id}, {order.state}, was removed though its key counts"
        for order in orders
        if order.order_id not in on_disk and not _may_go(order)
    ]
    known, sums = [], Sums()
    for entry in book:
        order_id = str(entry["clientOrderId"]).rpartition("-")[0]
        order = by_id.get(order_id)
        if order is None:
            broken.append(f"the exchange holds {entry['clientOrderId']}, of which the daemon knows nothing")
            continue
        known.append(msgspec.convert(entry, Entry, strict=False))
        broken += _differences(order, entry)
        if order_id in on_disk:
            broken += _other_fills(order, entry, fills)
            sums.add(entry, [fill for fill in fills if fill.order_id == order_id])
    if reported_sums != sums.by_pair:
        broken.append(f"the report says {reported_sums}; by the book it is {sums.by_pair}")
    placed = orders_per_signal(known, lambda entry: by_id[entry.client_order_id.rpartition("-")[0]].key)
    broken += [f"{key} has {count} orders on the exchange" for key, count in placed.items() if count > 1]
    for wish, order_ids in records.acknowledged.items():
        broken += [f"wish {wish} was acknowledged as {order_id} and forgotten" for order_id in order_ids - by_id.keys()]
    held = {entry["clientOrderId"] for entry in book}
    placed_ids = {client_order_id.rpartition("-")[0] for client_order_id in held}
    broken += [
        f"{order.order_id} is {order.state} and not on the exchange"
        for order in orders
        if order.state in STATES.values() and order.client_order_id not in held
    ]
    states = Counter(order.state.value for order in orders)
    broken += [
        f"fill {fill.trade_id} is of {fill.order_id}, which is not on the exchange"
        for fill in fills
        if fill.order_id not in placed_ids
    ]
    unsettled = {State.ARMED, State.IN_FLIGHT, State.QUEUED}
    broken += [f"{order.order_id} is still {order.state} at the end" for order in orders if order.state in unsettled]
    trades = Counter("success" if told.succeeded else str(told.status) for _, told in records.trades)
    return Verdict(
        broken=broken,
        states=dict(sorted(states.items())),
        placed=sum(placed.values()),
        acknowledged=len(records.acknowledged),
        trades=dict(sorted(trades.items())),
        removed=len(by_id) - len(on_disk),
        batched=records.batched,
        fills=len(fills),
    )


def _may_go(order: Order) -> bool:
    """Return whether clean-up may remove an order: it ended, and its key no longer counts."""
    buys_target = order.side is Side.BUY and order.target_id is not None
    counts_for_ever = order.key_bound and order.key_until_ms is None
    return order.finished_ms is not None and not buys_target and not counts_for_ever


def _mistold(book: list[dict[str, Any]], records: Records) -> list[str]:
    """Compare what the bot would have been told with the book."""
    entries = msgspec.convert(book, list[Entry], strict=False)
    broken: list[str] = []
    for order_id, told in records.trades:
        if order_id in records.requeued and told.status == 400:
            continue
        own = [entry for entry in entries if entry.client_order_id.rpartition("-")[0] == order_id]
        sizes = {told.wish: (own[-1].symbol, own[-1].orig_qty) if own else ("", Decimal(0))}
        broken += mistold([told], own, sizes, ANY_AGE_MS)
    return broken


def _other_fills(order: Order, entry: dict[str, Any], fills: list[Fill]) -> list[str]:
    """Compare the fills of an order that has ended with the book, to the last digit."""
    shown = {
        Fill(
            symbol=entry["symbol"],
            trade_id=each["id"],
            order_id=order.order_id,
            at_ms=each["time"] // 1_000 * 1_000,
            price=Decimal(each["price"]),
            quantity=Decimal(each["qty"]),
            quote=Decimal(each["quoteQty"]),
            fee=Decimal(each["commission"]),
            fee_asset=each["commissionAsset"],
            is_maker=each["isMaker"],
        )
        for each in entry["fills"]
    }
    known = {fill for fill in fills if fill.order_id == order.order_id}
    if known == shown or (order.finished_ms is None and known <= shown):
        return []
    return [f"{order.order_id} has the fills {known}; the exchange shows {shown}"]


def _differences(order: Order, entry: dict[str, Any]) -> list[str]:
    shown = STATES[entry["status"]]
    filled = Decimal(entry["executedQty"])
    if shown is State.CANCELED and filled:
        shown = State.PARTIALLY_CANCELED
    if order.state is not shown or order.executed_quantity != filled:
        known = f"{order.client_order_id} is {order.state} with {order.executed_quantity} filled ({order.reason})"
        return [f"{known}; the exchange shows {shown} with {filled}"]
    return []
