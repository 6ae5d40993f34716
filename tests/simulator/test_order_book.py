"""Matching: best price first, the market before own orders; `match` changes nothing."""

from decimal import Decimal

import pytest

from daemon.simulator.order_book import Interest, OrderBook
from daemon.simulator.orders import Side


def level(price: str, quantity: str) -> tuple[Decimal, Decimal]:
    return Decimal(price), Decimal(quantity)


def own(sequence: int, price: str, quantity: str) -> Interest:
    return Interest(Decimal(price), Decimal(quantity), sequence)


@pytest.fixture
def book() -> OrderBook:
    book = OrderBook()
    book.refresh([level("99", "1"), level("98", "2")], [level("101", "1"), level("102", "2")])
    return book


def taken(matches: list[Interest]) -> list[tuple[str, str, int]]:
    return [(str(match.price), str(match.quantity), match.order_sequence) for match in matches]


def test_a_buyer_takes_the_cheapest_offers_up_to_its_limit(book: OrderBook) -> None:
    assert taken(book.match(Side.BUY, Decimal(102), Decimal(5))) == [("101", "1", 0), ("102", "2", 0)]
    assert taken(book.match(Side.BUY, Decimal(101), Decimal(5))) == [("101", "1", 0)]
    assert taken(book.match(Side.BUY, Decimal(100), Decimal(5))) == []


def test_a_seller_takes_the_highest_bids_down_to_its_limit(book: OrderBook) -> None:
    assert taken(book.match(Side.SELL, Decimal(98), Decimal("1.5"))) == [("99", "1", 0), ("98", "0.5", 0)]


def test_matching_changes_nothing_until_it_is_taken(book: OrderBook) -> None:
    matches = book.match(Side.BUY, Decimal(102), Decimal(2))
    assert book.match(Side.BUY, Decimal(102), Decimal(2)) == matches
    book.take(Side.BUY, matches)
    assert book.depth(Side.SELL, 10) == [level("102", "1")]


def test_at_one_price_the_market_comes_first_then_own_orders_by_age(book: OrderBook) -> None:
    book.rest(Side.SELL, own(8, "101", "1"))
    book.rest(Side.SELL, own(7, "101", "1"))
    matches = book.match(Side.BUY, Decimal(101), Decimal(3))
    assert [match.order_sequence for match in matches] == [0, 7, 8]


def test_a_better_own_price_comes_before_the_market(book: OrderBook) -> None:
    book.rest(Side.BUY, own(7, "99.5", "1"))
    assert book.best(Side.BUY) == Decimal("99.5")
    assert book.match(Side.SELL, Decimal(99), Decimal(1))[0].order_sequence == 7


def test_a_removed_order_is_gone(book: OrderBook) -> None:
    book.rest(Side.BUY, own(7, "99.5", "1"))
    book.remove(Side.BUY, 7)
    assert book.best(Side.BUY) == Decimal(99)
    assert not book.has_own_orders()


def test_an_empty_side_has_no_best_price() -> None:
    assert OrderBook().best(Side.SELL) is None


def test_depth_adds_up_the_quantities_at_one_price(book: OrderBook) -> None:
    book.rest(Side.BUY, own(7, "99", "3"))
    assert book.depth(Side.BUY, 1) == [level("99", "4")]
    assert book.depth(Side.BUY, 5) == [level("99", "4"), level("98", "2")]


def test_the_market_moving_through_an_own_order_fills_it_at_its_own_price(book: OrderBook) -> None:
    book.rest(Side.BUY, own(7, "100", "1"))
    traded = book.refresh([level("97", "1")], [level("98", "0.4"), level("99", "0.4"), level("101", "1")])
    assert taken(traded) == [("100", "0.4", 7), ("100", "0.4", 7)]
    assert book.depth(Side.BUY, 5) == [level("100", "0.2"), level("97", "1")]
    assert book.depth(Side.SELL, 5) == [level("101", "1")]


def test_the_rest_of_a_level_after_a_fill_is_offered(book: OrderBook) -> None:
    book.rest(Side.SELL, own(7, "100", "0.3"))
    assert taken(book.refresh([level("100.5", "1")], [])) == [("100", "0.3", 7)]
    assert book.depth(Side.BUY, 5) == [level("100.5", "0.7")]
    assert not book.has_own_orders()


def test_own_orders_do_not_trade_with_each_other_when_the_market_moves(book: OrderBook) -> None:
    book.rest(Side.BUY, own(7, "100", "1"))
    book.rest(Side.SELL, own(8, "100", "1"))
    assert book.refresh([], []) == []
    assert book.has_own_orders()
