"""The words for an order: what it asks for, what was filled, and how long something took."""

from decimal import Decimal

import pytest

from daemon.core.values.orders import Side
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.texts import one_line, printable
from daemon.core.views.wording import asks, duration, fill, request
from tests.core.making import limit_order, order


def asked(
    *,
    side: str = "BUY",
    order_type: str = "MARKET",
    quantity: str | None = None,
    quote_quantity: str | None = None,
    price: str | None = None,
    asset: str | None = "USDT",
) -> str:
    return request(
        side,
        "BTCUSDT",
        order_type=order_type,
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=price,
        asset=asset,
    )


def test_what_an_order_asks_for() -> None:
    assert asked(quote_quantity="25") == "BUY BTCUSDT for 25 USDT"
    assert asked(quote_quantity="25", asset=None) == "BUY BTCUSDT for 25 of its quote asset"
    assert asked(quantity="0.5") == "BUY 0.5 BTCUSDT"
    assert asked() == "BUY BTCUSDT"
    limit = {"side": "SELL", "quantity": "0.5", "price": "200000"}
    assert asked(**limit, order_type="LIMIT") == "SELL 0.5 BTCUSDT at 200000 or better"
    assert asked(**limit, order_type="LIMIT_MAKER").endswith(" at 200000 or better, as maker only")
    assert asked(**limit, order_type="IMMEDIATE_OR_CANCEL").endswith(" or better, immediate or cancel")
    assert asked(**limit, order_type="FILL_OR_KILL").endswith(" or better, fill or kill")


def test_an_orders_amounts_are_written_in_plain_digits() -> None:
    assert asks(order(quote_quantity=Decimal("25.50")), "USDT") == "BUY FOOUSDT for 25.5 USDT"
    sell = limit_order(side=Side.SELL, quantity=Decimal("1E+2"), price=Decimal("1E-7"))
    assert asks(sell, None) == "SELL 100 FOOUSDT at 0.0000001 or better"


def test_what_was_filled() -> None:
    assert fill(Decimal("0.000249"), Decimal("23.80462161"), "USDT") == "0.000249 @ 95600.89 = 23.80 USDT"
    assert fill(Decimal(3), Decimal("0.000123456"), None) == "3 @ 0.000041152 = 0.0001235"
    assert fill(Decimal("3.0"), None, "USDT") == fill(Decimal(3), None, None) == "3, price unknown"
    assert fill(Decimal(1), Decimal(10) ** 50, None).endswith(f" = {10**50}.00")


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "0 ms"), (999, "999 ms"), (1_500, "1.5 s"), (90_000, "1.5 min"), (10_800_000, "3.0 h"), (172_800_000, "2.0 d"),
     (-8, "-8 ms"), (-1_500, "-1.5 s")],
)  # fmt: skip
def test_how_long_something_took(ms: int, shown: str) -> None:
    assert duration(ms) == shown


def test_a_pairs_quote_asset_is_what_its_rules_state_or_else_what_its_name_ends_with() -> None:
    assert quote_asset("BTCUSDT") == "USDT"
    assert quote_asset("ETHBTC") == "BTC"
    assert quote_asset("FOOXYZ") is None
    assert quote_asset("USDT") is None
    assert quote_asset("ETHBTC", "BTC") == "BTC"
    assert quote_asset("FOOUSDT", "OTHER") == "OTHER"


def test_a_text_from_outside_is_one_printable_line() -> None:
    assert printable("币安 a b") == "币安 a b"
    assert printable("a\x1b[2J\n\u202e\ud800") == "a\\x1b[2J\\n\\u202e\\ud800"
    assert one_line(" two\r\n\tlines\x07 ") == "two lines\\x07"
