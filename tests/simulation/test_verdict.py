"""The checks of a simulated day: each one finds its breach."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.store import rows
from daemon.store.opening import prepare
from tests.chaos.trades import Told
from tests.simulation.verdict import Records, judge
from tests.support.making import NOW_MS, attempt, fill, order

GONE = order(1, state=State.EXPIRED, key_bound=False, finished_ms=NOW_MS, target_id=None)
NOTHING = Told(wish=0, asked_ms=NOW_MS, told_ms=NOW_MS + 100, status=400, succeeded=False, order_id=GONE.order_id)
SUCCESS = Told(
    wish=0,
    asked_ms=NOW_MS,
    told_ms=NOW_MS + 100,
    status=200,
    succeeded=True,
    exchange_order_id="C02__1",
    quantity=Decimal("0.001"),
    state="FILLED",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database that holds no order."""
    path = tmp_path / "day.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection, path)
    return path


def broken_by(path: Path, *, seen: Order = GONE, trades: list[tuple[str, Told]]) -> list[str]:
    """Judge a day on which nothing was placed and an order was removed."""
    records = Records()
    records.seen[seen.order_id] = seen
    records.trades = trades
    return judge(path, [], records).broken


def test_an_order_whose_key_no_longer_counts_may_be_removed(path: Path) -> None:
    assert broken_by(path, trades=[(GONE.order_id, NOTHING)]) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"key_bound": True}, id="its key counts"),
        pytest.param({"target_id": "T1"}, id="it buys a target"),
        pytest.param({"finished_ms": None}, id="it has not ended"),
    ],
)
def test_the_removal_of_an_order_that_must_stay_is_found(path: Path, changes: dict[str, Any]) -> None:
    [broken] = broken_by(path, seen=msgspec.structs.replace(GONE, **changes), trades=[])
    assert "was removed though its key counts" in broken


def test_a_success_that_the_book_does_not_have_is_found(path: Path) -> None:
    [broken] = broken_by(path, trades=[(GONE.order_id, SUCCESS)])
    assert "success, and order C02__1, which is not its order on the book" in broken


def test_a_reported_failure_is_no_breach_after_the_order_was_requeued(path: Path) -> None:
    records = Records()
    records.seen[GONE.order_id] = msgspec.structs.replace(GONE, state=State.FILLED, executed_quantity=Decimal(1))
    records.trades = [(GONE.order_id, NOTHING)]
    book = [book_entry(f"{GONE.order_id}-1")]
    assert any("nothing executed; the book has FILLED" in broken for broken in judge(path, book, records).broken)
    records.requeued.add(GONE.order_id)
    assert not any("nothing executed" in broken for broken in judge(path, book, records).broken)


def test_an_order_sent_beside_an_outstanding_one_is_found_unless_its_lock_was_released(
    path: Path,
) -> None:
    doubtful = order(1, state=State.IN_DOUBT)
    second = order(2, resource=doubtful.resource, state=State.IN_FLIGHT)
    sent = attempt(second)
    records = Records()
    with closing(sqlite3.connect(path, isolation_level=None)) as disk:
        disk.row_factory = sqlite3.Row
        disk.executemany(rows.UPSERT_ORDER, [rows.order_row(doubtful), rows.order_row(second)])
        disk.execute(rows.UPSERT_ATTEMPT, rows.attempt_row(sent))
        records.check_send(disk, sent.client_order_id, NOW_MS)
        assert any("was outstanding" in broken for broken in records.broken)
        records.broken.clear()
        records.released.add(doubtful.order_id)
        records.check_send(disk, sent.client_order_id, NOW_MS)
        assert records.broken == []


FILLED = order(
    1,
    state=State.FILLED,
    exchange_order_id="C02__1",
    client_order_id=f"{1:026d}-1",
    executed_quantity=Decimal(1),
    executed_quote=Decimal(10),
    finished_ms=NOW_MS,
)
TRADE = {
    "id": "1X1", "price": "10", "qty": "1", "quoteQty": "10", "commission": "0.0005", "commissionAsset": "BTC",
    "time": NOW_MS + 250, "isMaker": False,
}  # fmt: skip
STORED = fill(
    FILLED,
    trade_id="1X1",
    at_ms=NOW_MS,
    price=Decimal(10),
    quantity=Decimal(1),
    quote=Decimal(10),
    fee=Decimal("0.0005"),
)


@pytest.mark.parametrize(
    ("fills", "found"),
    [
        pytest.param([STORED], False, id="as on the exchange"),
        pytest.param([], True, id="missing"),
        pytest.param([msgspec.structs.replace(STORED, fee=Decimal("0.00051"))], True, id="another fee"),
        pytest.param([STORED, msgspec.structs.replace(STORED, trade_id="2")], True, id="one too many"),
    ],
)
def test_fills_that_differ_from_the_book_are_found(path: Path, fills: list[Fill], found: bool) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as disk:
        disk.execute(rows.UPSERT_ORDER, rows.order_row(FILLED))
        disk.executemany(rows.INSERT_FILL, map(rows.fill_row, fills))
    entry = book_entry(f"{FILLED.order_id}-1") | {"fills": [TRADE]}
    assert any("has the fills" in broken for broken in judge(path, [entry], Records()).broken) is found


def test_a_report_that_differs_from_the_book_is_found(path: Path) -> None:
    stored = msgspec.structs.replace(FILLED, executed_quote=Decimal("10.1"))
    with closing(sqlite3.connect(path, isolation_level=None)) as disk:
        disk.execute(rows.UPSERT_ORDER, rows.order_row(stored))
    entry = book_entry(f"{FILLED.order_id}-1") | {"fills": [TRADE]}
    [broken] = [each for each in judge(path, [entry], Records()).broken if each.startswith("the report says")]
    assert "'bought value': Decimal('10.1')" in broken
    assert "'bought value': Decimal('10')" in broken


def book_entry(client_order_id: str) -> dict[str, Any]:
    """Return a filled order as the exchange's book has it."""
    return {
        "symbol": GONE.symbol,
        "side": GONE.side,
        "clientOrderId": client_order_id,
        "orderId": "C02__1",
        "origQty": "1",
        "executedQty": "1",
        "cummulativeQuoteQty": "10",
        "status": "FILLED",
        "price": "10",
        "time": NOW_MS,
        "updateTime": NOW_MS,
        "fills": [{"time": NOW_MS, "price": "10", "qty": "1", "quoteQty": "10"}],
    }
