"""The book: its state after a restart, its lock, and rollback after an internal error."""

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.simulator.book import Book
from daemon.simulator.errors import BookCannotBeCreated, BookInUse, BookUnreadable
from daemon.simulator.faults import Fault
from daemon.simulator.listings import Listing
from tests.simulator.trader import NOW_MS, Trader, order

Restart = Callable[..., Trader]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "book.db")


@pytest.fixture
def restart(path: str) -> Iterator[Restart]:
    """Return a function that ends the server, if one runs, and starts another on the same book."""
    traders: list[Trader] = []

    def end_and_start(**settings: Any) -> Trader:
        if traders:
            traders.pop().book.close()
        traders.append(Trader(book=Book(path), **settings))
        return traders[-1]

    yield end_and_start
    for trader in traders:
        trader.book.close()


@pytest.fixture
def stored(restart: Restart) -> Trader:
    """A trader on a new book on disk."""
    return restart()


def test_orders_fills_and_balances_survive(stored: Trader, restart: Restart) -> None:
    stored.offer(asks=[("94000", "0.004")])
    order_id = stored.place(price="95000", newClientOrderId="mine")
    shown, account = stored.query(order_id), stored.ask("GET", "account")
    trades = stored.ask("GET", "myTrades", symbol="BTCUSDT")
    again = restart()
    assert again.query(order_id) == shown
    assert again.ask("GET", "account") == account
    assert again.ask("GET", "myTrades", symbol="BTCUSDT") == trades


def test_an_open_order_can_trade_after_a_restart(stored: Trader, restart: Restart) -> None:
    stored.offer()
    order_id = stored.place(price="90000")
    again = restart()
    again.offer(asks=[("89000", "1")])
    assert again.query(order_id)["status"] == "FILLED"
    assert again.balance("USDT") == ("999100", "0")


def test_ids_continue_after_a_restart(stored: Trader, restart: Restart) -> None:
    stored.offer(asks=[("94000", "1")])
    first = stored.place(price="95000")
    again = restart()
    again.offer(asks=[("94000", "1")])
    second = again.place(price="95000")
    trade_ids = [trade["id"] for trade in again.ask("GET", "myTrades", symbol="BTCUSDT")]
    assert second > first
    assert len(set(trade_ids)) == 2


def test_an_invisible_order_stays_invisible_over_a_restart(stored: Trader, restart: Restart) -> None:
    stored.exchange.set_faults([Fault("invisible", delay_ms=2_000)])
    order_id = stored.place()
    again = restart()
    assert again.code("GET", "order", symbol="BTCUSDT", orderId=order_id) == -2013
    again.now_ms += 2_000
    assert again.query(order_id)["status"] == "NEW"


def test_listings_rules_and_prices_survive(stored: Trader, restart: Restart) -> None:
    stored.exchange.list_symbol(Listing("NEWUSDT", NOW_MS + 60_000, cap=Decimal("0.05")))
    stored.change("ETHUSDT", status="2")
    stored.change("SOLUSDT", price=Decimal(500))
    depth = stored.ask("GET", "depth", symbol="SOLUSDT")
    again = restart()
    assert again.refused(symbol="NEWUSDT", price="0.05", quantity="100")[0] == 30001
    assert again.refused(symbol="ETHUSDT", price="3000")[0] == 30000
    assert again.ask("GET", "depth", symbol="SOLUSDT") | {"lastUpdateId": depth["lastUpdateId"]} == depth


def test_a_repeated_listing_continues_from_its_saved_state(restart: Restart) -> None:
    listing = Listing("NEWUSDT", NOW_MS, price=Decimal(1))
    first = restart(listings=[listing])
    first.change("NEWUSDT", price=Decimal(5))
    again = restart(listings=[listing])
    assert Decimal(again.ask("GET", "ticker/price", symbol="NEWUSDT")["price"]) > 4
    later = restart(listings=[Listing("NEWUSDT", NOW_MS + 1, price=Decimal(1))])
    assert later.refused(symbol="NEWUSDT", price="1", quantity="10")[0] == 30001


def test_a_book_keeps_its_balances_when_a_restart_names_others(restart: Restart) -> None:
    restart()
    assert restart(balances={"USDT": Decimal(1)}).balance("USDT") == ("1000000", "0")


def test_one_book_has_one_server(stored: Trader, path: str) -> None:
    with pytest.raises(BookInUse, match="another server has the book"):
        Book(path)
    stored.place()


def test_a_closed_book_can_be_opened(restart: Restart) -> None:
    restart()
    assert restart().ask("GET", "openOrders") == []


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be taken for one" * 40, b"short"], ids=["long", "short"]
)
def test_a_file_that_is_not_a_book_is_refused(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    with pytest.raises(BookUnreadable):
        Book(path)
    assert Path(path).read_bytes() == content


def test_another_programs_database_is_refused(path: str) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(BookUnreadable, match="is not a book"):
        Book(path)


def test_a_newer_book_is_refused(path: str) -> None:
    Book(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(BookUnreadable, match="newer version"):
        Book(path)


def test_a_damaged_book_is_refused(path: str) -> None:
    trader = Trader(book=Book(path))
    for _ in range(300):
        trader.place(symbol="XRPUSDT", quantity="1", price="1")
    trader.book.close()
    content = bytearray(Path(path).read_bytes())
    content[8_192:-4_096] = bytes(len(content) - 12_288)
    Path(path).write_bytes(content)
    with pytest.raises(BookUnreadable):
        Book(path)
    with pytest.raises(BookUnreadable):
        Book(path)


def test_a_book_in_a_missing_directory_cannot_be_created(tmp_path: Path) -> None:
    with pytest.raises(BookCannotBeCreated, match="No such file or directory"):
        Book(str(tmp_path / "missing" / "book.db"))


def test_a_directory_is_not_a_book(tmp_path: Path) -> None:
    with pytest.raises(BookCannotBeCreated, match="unable to open"):
        Book(str(tmp_path))


def test_an_empty_file_becomes_a_book(path: str, restart: Restart) -> None:
    Path(path).touch()
    assert restart().place()


def test_a_book_that_cannot_be_written_is_refused(path: str) -> None:
    Path(f"{path}-wal").mkdir()  # SQLite needs this path for its log
    with pytest.raises(BookCannotBeCreated, match="cannot write"):
        Book(path)


def test_an_internal_error_is_answered_logged_and_rolled_back(stored: Trader, path: str) -> None:
    """Another program renames a table: the order fails halfway, and none of its changes stays."""
    stored.offer(asks=[("94000", "1")])
    account, orders = stored.ask("GET", "account"), stored.exchange.orders()
    meddler = sqlite3.connect(path)
    meddler.execute("ALTER TABLE fills RENAME TO gone")
    with capture_logs() as logs:
        assert stored.refusal("POST", "order", **order(price="95000")) == (500, 500, "Internal error")
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("exchange.failed", "error")]
    meddler.execute("ALTER TABLE gone RENAME TO fills")
    meddler.close()
    assert stored.ask("GET", "account") == account
    assert stored.exchange.orders() == orders
    assert stored.query(stored.place(price="90000"))["status"] == "NEW"


def test_an_internal_error_of_a_query_is_answered(stored: Trader, path: str) -> None:
    stored.ask("GET", "openOrders", symbol="BTCUSDT")
    meddler = sqlite3.connect(path)
    meddler.execute("ALTER TABLE orders RENAME TO gone")
    with capture_logs():
        assert stored.code("GET", "allOrders", symbol="BTCUSDT") == 500
    meddler.execute("ALTER TABLE gone RENAME TO orders")
    meddler.close()
    assert stored.ask("GET", "allOrders", symbol="BTCUSDT") == []


def test_an_internal_error_of_a_delayed_request_is_answered(stored: Trader, path: str) -> None:
    stored.exchange.set_faults([Fault("slow_before")])
    later = stored.later("POST", "order", **order())
    meddler = sqlite3.connect(path)
    meddler.execute("ALTER TABLE orders RENAME TO gone")
    with capture_logs():
        assert stored.exchange.resume(later, stored.now_ms).status == 500
    meddler.execute("ALTER TABLE gone RENAME TO orders")
    meddler.close()
    assert stored.exchange.orders() == []
