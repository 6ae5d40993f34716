"""What an order whose instant is near still lacks."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.core.rules.readiness import MEANS, OLD_MS, UNCERTAIN_MS, Lack, Need, Readiness, need, readiness
from daemon.core.values.account import Account, ExchangeCondition
from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.symbols import CLOSED, UNFIT
from tests.core.making import NOON_MS, limit_order, order, symbol_rules

AT_MS = NOON_MS + 60_000
GOOD = ExchangeCondition(reachable=True, uncertainty_ms=20, measured_ms=NOON_MS, warm=True)
OPENING = Listing(rules=symbol_rules(first_open_ms=AT_MS, trade_sides=CLOSED), seen_ms=NOON_MS)
OPEN = Listing(rules=symbol_rules(), seen_ms=NOON_MS)
UNSEEN = Listing(rules=None, seen_ms=NOON_MS)
ALL = Need("USDT", Decimal(100))
RICH = Account(free={"USDT": Decimal(100)}, permitted=frozenset({"FOOUSDT"}), seen_ms=NOON_MS)


def judged(
    waiting: Order | None = None,
    listing: Listing | None = OPENING,
    account: Account | None = RICH,
    condition: ExchangeCondition = GOOD,
    *,
    needed: Need | None = ALL,
    sends: bool = True,
) -> Readiness:
    asked = waiting or order(execute_at_ms=AT_MS)
    return readiness(asked, listing, needed, account, condition, NOON_MS, sends=sends)


def test_an_order_that_lacks_nothing_is_ready() -> None:
    assert judged() == Readiness(funded=True, permitted=True, lacks=[])
    assert judged(listing=OPEN).lacks == []
    assert judged(listing=None).lacks == [], "the exchange was not asked yet"
    assert judged(listing=Listing(rules=None)).lacks == []


@pytest.mark.parametrize(
    ("changes", "lack"),
    [
        ({"listing": UNSEEN}, Lack.LISTING),
        ({"listing": Listing(rules=symbol_rules(online=False), seen_ms=NOON_MS)}, Lack.TRADABLE),
        ({"listing": Listing(rules=symbol_rules(first_open_ms=AT_MS + 1), seen_ms=NOON_MS)}, Lack.TRADABLE),
        ({"listing": Listing(rules=None, calendar_ms=AT_MS + 1, seen_ms=NOON_MS)}, Lack.TRADABLE),
        (
            {"listing": Listing(rules=symbol_rules(first_open_ms=1, trade_sides=CLOSED), seen_ms=NOON_MS)},
            Lack.TRADABLE,
        ),
        ({"waiting": order(execute_at_ms=AT_MS, reason=f"{UNFIT}too small")}, Lack.AMOUNTS),
        ({"needed": Need("USDT", Decimal(101))}, Lack.FUNDS),
        ({"needed": Need("BTC", Decimal(1))}, Lack.FUNDS),
        ({"listing": OPEN, "account": replace(RICH, permitted=frozenset({"BAR"}))}, Lack.PERMISSION),
        ({"condition": replace(GOOD, reachable=False)}, Lack.EXCHANGE),
        ({"condition": replace(GOOD, uncertainty_ms=UNCERTAIN_MS + 1)}, Lack.CLOCK),
        ({"condition": replace(GOOD, uncertainty_ms=None)}, Lack.CLOCK),
        ({"condition": replace(GOOD, measured_ms=None)}, Lack.CLOCK),
        ({"condition": replace(GOOD, measured_ms=NOON_MS - OLD_MS - 1)}, Lack.CLOCK),
        ({"sends": False}, Lack.TRADING),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], lack: Lack) -> None:
    assert judged(**changes).lacks == [lack]


def test_a_pair_in_the_calendar_need_not_be_shown_yet() -> None:
    assert judged(listing=Listing(rules=None, calendar_ms=AT_MS, seen_ms=NOON_MS)).lacks == []


@pytest.mark.parametrize(
    "account",
    [
        None,
        Account(free=None, permitted=None, seen_ms=NOON_MS),
        Account(free={}, permitted=frozenset({"BAR"}), seen_ms=NOON_MS - OLD_MS - 1),
    ],
    ids=["not asked", "no answer", "too old"],
)
def test_what_is_not_known_of_the_account_is_not_missing(account: Account | None) -> None:
    assert judged(account=account) == Readiness(funded=None, permitted=None, lacks=[])


def test_a_key_cannot_be_refused_for_a_pair_that_is_not_tradable_yet() -> None:
    limited = Account(free=None, permitted=frozenset({"BARUSDT"}), seen_ms=NOON_MS)
    assert judged(account=limited).permitted is None
    assert judged(account=limited, listing=None).permitted is None
    assert judged(account=limited, listing=OPEN).permitted is False


def test_every_word_has_a_meaning() -> None:
    assert set(MEANS) == set(Lack)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (order(), Need("USDT", Decimal(10))),
        (limit_order(quantity=Decimal(3), price=Decimal("0.5")), Need("USDT", Decimal("1.5"))),
        (order(quantity=Decimal(3), quote_quantity=None), None),
        (limit_order(side=Side.SELL, quantity=Decimal(3)), Need("FOO", Decimal(3))),
        (order(side=Side.SELL), None),
    ],
    ids=["market buy", "limit buy", "market buy by quantity", "sell", "sell by amount"],
)
def test_what_an_order_spends(asked: Order, expected: Need | None) -> None:
    assert need(asked, OPEN) == need(asked, None) == expected


def test_what_an_order_spends_is_in_its_pairs_own_assets_where_these_are_known() -> None:
    foreign = Listing(rules=symbol_rules(symbol="FOOEUR", base_asset="FOO", quote_asset="EUR"))
    buy = limit_order(symbol="FOOEUR", type=OrderType.LIMIT)
    assert need(buy, foreign) == Need("EUR", Decimal(10))
    assert need(buy, UNSEEN) == Need("EUR", Decimal(10)), "by the end of the pair's name"
    assert need(limit_order(symbol="FOOXYZ"), UNSEEN) is None, "of no quote asset that is known"
