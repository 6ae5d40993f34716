"""The simulated market: its path depends on the seed only, and stays near the first price."""

from decimal import Decimal

import msgspec
import pytest

from daemon.simulator.market import TICK_MS, Market
from daemon.simulator.order_book import Interest
from daemon.simulator.orders import Side
from daemon.simulator.symbols import Symbol, default_symbols
from tests.simulator.trader import NOW_MS

BTC = default_symbols()["BTCUSDT"]

pytestmark = pytest.mark.usefixtures("exact")


def path(market: Market, ticks: int, start_ms: int = NOW_MS) -> list[Decimal]:
    prices = []
    for tick in range(ticks):
        market.advance(start_ms + tick * TICK_MS)
        prices.append(market.price)
    return prices


def test_the_same_seed_gives_the_same_path_and_the_same_levels() -> None:
    one, other = Market(BTC, 7), Market(BTC, 7)
    assert path(one, 50) == path(other, 50)
    assert one.book.depth(Side.BUY, 20) == other.book.depth(Side.BUY, 20)


def test_another_seed_or_symbol_gives_another_path() -> None:
    assert path(Market(BTC, 7), 50) != path(Market(BTC, 8), 50)
    renamed = msgspec.structs.replace(BTC, symbol="OTHERUSDT")
    assert path(Market(BTC, 7), 50) != path(Market(renamed, 7), 50)


def test_the_path_does_not_depend_on_how_often_it_is_advanced() -> None:
    often, once = Market(BTC, 7), Market(BTC, 7)
    path(often, 51)
    once.advance(NOW_MS)
    once.advance(NOW_MS + 50 * TICK_MS)
    assert (often.price, often.candles) == (once.price, once.candles)
    assert often.book.depth(Side.SELL, 20) == once.book.depth(Side.SELL, 20)


def test_a_restored_market_continues_the_same_path() -> None:
    running, stopped = Market(BTC, 7), Market(BTC, 7)
    path(running, 20)
    path(stopped, 20)
    taken_up = Market(BTC, 7, stopped.price, stopped.ticked_ms)
    assert taken_up.book.depth(Side.BUY, 20) == running.book.depth(Side.BUY, 20)
    assert path(taken_up, 20, NOW_MS + 20 * TICK_MS) == path(running, 20, NOW_MS + 20 * TICK_MS)


def test_the_price_stays_near_the_first_price() -> None:
    prices = path(Market(BTC, 7), 1_000)
    assert len(set(prices)) > 250
    assert min(prices) > BTC.price * Decimal("0.97")
    assert max(prices) < BTC.price * Decimal("1.03")


def test_bids_are_below_asks_and_every_level_has_a_legal_price_and_quantity() -> None:
    for symbol in default_symbols().values():
        market = Market(symbol, 7)
        path(market, 3)
        bids, asks = market.book.depth(Side.BUY, 50), market.book.depth(Side.SELL, 50)
        assert bids[0][0] < market.price < asks[0][0]
        assert len(asks) == 20
        for price, quantity in bids + asks:
            assert price == round(price, symbol.price_decimals) > 0
            assert quantity == round(quantity, symbol.quantity_decimals) > 0


def test_after_a_pause_only_the_last_minute_is_computed() -> None:
    market = Market(BTC, 7)
    market.advance(NOW_MS)
    market.advance(NOW_MS + 86_400_000)
    assert len(market.candles) <= 3
    assert market.ticked_ms == (NOW_MS + 86_400_000) // TICK_MS * TICK_MS


def test_a_clock_that_steps_back_moves_nothing() -> None:
    market = Market(BTC, 7)
    path(market, 10)
    price = market.price
    assert market.advance(NOW_MS - 60_000) == []
    assert market.price == price


def test_without_volatility_the_price_is_constant() -> None:
    assert set(path(Market(msgspec.structs.replace(BTC, volatility=0), 7), 50)) == {BTC.price}


def test_without_depth_the_book_is_empty() -> None:
    market = Market(msgspec.structs.replace(BTC, depth_value=Decimal(0)), 7)
    path(market, 2)
    assert market.book.best(Side.BUY) is None
    assert market.book.best(Side.SELL) is None


def test_levels_around_a_price_near_zero_stay_above_zero() -> None:
    symbol = Symbol("DUSTUSDT", "DUST", Decimal("0.00000005"), 8, 0)
    market = Market(symbol, 7)
    path(market, 200)
    assert all(price > 0 for price, _ in market.book.depth(Side.BUY, 50))
    assert market.price > 0


def test_an_own_order_is_matched_with_every_tick() -> None:
    """Also if the market was not advanced for a minute: a resting order fills at the tick that reached it."""
    market = Market(BTC, 7)
    market.advance(NOW_MS)
    market.book.rest(Side.BUY, Interest(BTC.price, Decimal(100), 1))
    traded = market.advance(NOW_MS + 60_000)
    assert len({at_ms for at_ms, _ in traded}) > 10
    assert all(NOW_MS <= at_ms <= NOW_MS + 60_000 and match.price == BTC.price for at_ms, match in traded)


def test_a_symbol_that_is_not_online_fills_nothing() -> None:
    market = Market(BTC, 7)
    market.advance(NOW_MS)
    market.book.rest(Side.BUY, Interest(BTC.price, Decimal(100), 1))
    market.symbol = msgspec.structs.replace(BTC, status="2")
    assert market.advance(NOW_MS + 60_000) == []
    market.symbol = BTC
    assert market.advance(NOW_MS + 60_000)


def test_a_jump_moves_the_market_for_good() -> None:
    market = Market(BTC, 7)
    market.advance(NOW_MS)
    market.jump(Decimal(50_000), NOW_MS)
    assert market.last == 50_000
    assert all(49_000 < price < 51_000 for price in path(market, 200))


def test_pinned_levels_stay_until_the_market_jumps() -> None:
    market = Market(BTC, 7)
    market.pin([(Decimal(90_000), Decimal(1))], [], NOW_MS)
    path(market, 20)
    assert market.book.depth(Side.BUY, 5) == [(Decimal(90_000), Decimal(1))]
    assert market.last == 90_000
    market.jump(Decimal(95_000), NOW_MS)
    assert len(market.book.depth(Side.BUY, 50)) == 20


def test_a_minute_makes_a_candle() -> None:
    market = Market(BTC, 7)
    prices = path(market, 480)
    assert len(market.candles) in {4, 5}
    first, second = market.candles[0], market.candles[1]
    assert second.opened_ms - first.opened_ms == 60_000
    assert max(candle.highest for candle in market.candles) == max(prices)
    assert min(candle.lowest for candle in market.candles) == min(prices)
    assert market.candles[-1].closed == prices[-1] == market.last


def test_a_trade_recorded_late_counts_for_the_current_minute() -> None:
    market = Market(BTC, 7)
    path(market, 480)
    count = len(market.candles)
    market.traded(Decimal(95_000), Decimal(2), NOW_MS, Side.BUY)
    assert len(market.candles) == count
    assert market.candles[-1].quantity == 2
    assert market.candles[-1].value == 190_000
