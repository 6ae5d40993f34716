"""Capping: a MARKET order is sent at its cap at a launch, or after a refusal; both what was asked and sent are kept."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order, OrderType
from daemon.core.values.states import State
from daemon.core.verbs.capping import PRICE_PAUSE_MS, priced
from daemon.core.verbs.rescheduling import reschedule
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, refused, symbol_rules

IOC = OrderType.IMMEDIATE_OR_CANCEL
NO_MARKET = refused(Advice.STOP, code="30019", no_market=True)
BY_AMOUNT: dict[str, Any] = {"quote_order_qty": Decimal(25)}
STATED = BY_AMOUNT | {"max_price": Decimal("0.3")}
BY_PERCENT = BY_AMOUNT | {"slippage_percent": Decimal(20)}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def opening(bench: Bench, **changes: Any) -> None:
    bench.pairs["FOOUSDT"] = symbol_rules(**{"first_open_ms": NOON_MS} | changes)


def sent(bench: Bench, asked: Order) -> tuple[OrderType, Decimal | None, Decimal | None, Decimal | None]:
    order = bench.order(asked)
    assert order.state is State.IN_FLIGHT
    send, _ = bench.sends[order.client_order_id or ""]
    assert (send.order.type, send.attempt.price) == (order.type, order.price)
    return order.type, order.quantity, order.quote_quantity, order.price


def test_a_market_order_at_a_launch_goes_at_its_stated_cap(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(**STATED)
    assert sent(bench, asked) == (IOC, Decimal("83.33"), None, Decimal("0.3"))
    order = bench.order(asked)
    assert (order.asked_type, order.asked_quote_quantity, order.max_price) == (
        OrderType.MARKET, Decimal(25), Decimal("0.3"),
    )  # fmt: skip
    bench.settle()
    assert bench.disk.orders[order.order_id] == order
    assert bench.state.orders.exposure.spent(bench.now_ms) == Decimal(25)
    told = {event.name: event.detail for event in bench.events(order)}
    assert (told["order.accepted"]["type"], told["order.accepted"]["max_price"]) == ("MARKET", "0.3")
    assert (told["order.capped"]["quantity"], told["order.capped"]["asked_quote_quantity"]) == ("83.33", "25")


def test_a_market_order_for_the_open_is_armed_at_its_cap(bench: Bench) -> None:
    opening(bench, first_open_ms=NOON_MS + 2_000)
    asked = bench.submit(**STATED, execute_at=NOON_MS + 2_000)
    assert bench.order(asked).type is OrderType.MARKET
    bench.pass_time(1_500)
    order = bench.order(asked)
    assert (order.state, order.type, order.price) == (State.ARMED, IOC, Decimal("0.3"))


def test_without_its_leave_a_market_order_stays_one(bench: Bench) -> None:
    opening(bench)
    assert sent(bench, bench.submit(**BY_AMOUNT)) == (OrderType.MARKET, None, Decimal(25), None)
    bench.send_next(NO_MARKET)
    assert not bench.sends


def test_on_a_pair_that_has_long_been_open_a_market_order_stays_one(bench: Bench) -> None:
    opening(bench, first_open_ms=NOON_MS - 86_400_000)
    assert sent(bench, bench.submit(**STATED))[0] is OrderType.MARKET


def test_a_cap_that_the_pairs_rules_refuse_changes_nothing(bench: Bench) -> None:
    opening(bench, min_notional=Decimal(100))
    assert sent(bench, bench.submit(**STATED))[0] is OrderType.MARKET


def test_an_order_refused_as_market_goes_once_more_at_its_cap(bench: Bench) -> None:
    opening(bench, first_open_ms=None)
    asked = bench.submit(**STATED)
    bench.send_next(NO_MARKET)
    assert sent(bench, asked) == (IOC, Decimal("83.33"), None, Decimal("0.3"))
    assert bench.send_next(NO_MARKET).state is State.REJECTED


def test_an_order_refused_as_market_that_its_cap_cannot_help_is_refused_for_good(bench: Bench) -> None:
    opening(bench, first_open_ms=None, min_notional=Decimal(100))
    asked = bench.submit(**STATED)
    bench.send_next(NO_MARKET)
    assert sent(bench, asked)[0] is OrderType.MARKET
    assert bench.send_next(NO_MARKET).state is State.REJECTED


def test_a_cap_above_the_exchanges_cap_is_lowered_and_spends_what_was_asked(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(**STATED)
    bench.send_next(refused(Advice.REPRICE, price_cap=Decimal("0.25")))
    assert sent(bench, asked) == (IOC, Decimal(100), None, Decimal("0.25"))
    assert bench.order(asked).asked_quote_quantity == Decimal(25)


def test_a_quantity_at_its_cap_stays_when_the_exchanges_cap_is_lower(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(quantity=Decimal(40), max_price=Decimal("0.3"))
    bench.send_next(refused(Advice.REPRICE, price_cap=Decimal("0.25")))
    assert sent(bench, asked) == (IOC, Decimal(40), None, Decimal("0.25"))


# --- a cap that follows from the last price


def test_an_order_waits_for_the_price_that_its_cap_follows_from(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(**BY_PERCENT)
    assert (bench.order(asked).state, bench.sends) == (State.QUEUED, {})
    assert [each.order_id for each in bench.last.unpriced] == [asked.order_id]
    bench.decide(priced, asked.order_id, Decimal("0.25"))
    assert sent(bench, asked) == (IOC, Decimal("83.33"), None, Decimal("0.3"))


@pytest.mark.parametrize("last_price", [None, Decimal("0.00001")], ids=["no price", "a price that does not fit"])
def test_without_a_usable_price_it_is_queried_again_until_the_deadline(
    bench: Bench, last_price: Decimal | None
) -> None:
    opening(bench)
    asked = bench.submit(**BY_PERCENT)
    bench.decide(priced, asked.order_id, last_price)
    bench.pass_time(PRICE_PAUSE_MS - 1)
    assert bench.last.unpriced == []
    bench.pass_time(1)
    assert [each.order_id for each in bench.last.unpriced] == [asked.order_id]
    bench.pass_time(60_000)
    assert bench.order(asked).state is State.EXPIRED
    assert "its cap" in str(bench.order(asked).reason)


def test_a_sell_at_a_percentage_goes_below_the_last_price(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(side="SELL", quantity=Decimal(100), slippage_percent=Decimal(20))
    bench.decide(priced, asked.order_id, Decimal("0.25"))
    assert sent(bench, asked) == (IOC, Decimal(100), None, Decimal("0.2"))


def test_a_price_that_comes_too_late_changes_nothing(bench: Bench) -> None:
    opening(bench)
    asked = bench.submit(**BY_PERCENT)
    bench.withdraw(asked)
    bench.decide(priced, asked.order_id, Decimal("0.25"))
    assert bench.order(asked).state is State.WITHDRAWN
    bench.decide(priced, "unknown", Decimal("0.25"))
    assert not bench.sends


def test_a_refused_market_order_waits_for_rules_that_are_not_known(bench: Bench) -> None:
    asked = bench.submit(**STATED)
    bench.send_next(NO_MARKET)
    assert [each.order_id for each in bench.last.unpriced] == [asked.order_id]
    bench.decide(priced, asked.order_id, None)
    assert bench.order(asked).state is State.QUEUED
    opening(bench, first_open_ms=None)
    bench.pass_time(PRICE_PAUSE_MS)
    assert sent(bench, asked)[0] is IOC
    bench.send_next(placed())


def test_of_two_prices_for_one_order_the_second_changes_nothing(bench: Bench) -> None:
    """Another order of the pair, or the operator, may wake an order that waits for its price; it is queried again."""
    opening(bench)
    asked = bench.submit(**BY_PERCENT, execute_at=NOON_MS, deadline_ms=60_000)
    bench.verb(partial(reschedule, execute_at_ms=NOON_MS), asked)
    bench.decide(priced, asked.order_id, Decimal("0.25"))
    assert sent(bench, asked) == (IOC, Decimal("83.33"), None, Decimal("0.3"))
    bench.send_next(refused(not_open=True))
    bench.send_next(refused(not_open=True))
    waiting = bench.order(asked)
    assert waiting.state is State.QUEUED
    bench.decide(priced, asked.order_id, Decimal(2))
    assert bench.order(asked) == waiting
    bench.pass_time(1_000)
    assert sent(bench, asked) == (IOC, Decimal("83.33"), None, Decimal("0.3"))


@pytest.mark.parametrize(
    ("asked", "sent_again"),
    [
        pytest.param(BY_AMOUNT, ("20.83", "1.2"), id="by amount"),
        pytest.param({"quantity": Decimal(40)}, ("40", "1.2"), id="by quantity"),
        pytest.param({"quantity": Decimal("40.123")}, ("40.12", "1.2"), id="by quantity, rounded"),
    ],
)
@pytest.mark.parametrize("refusals", [0, 2], ids=["armed", "refused"])
def test_an_order_that_a_listing_moves_gets_its_cap_from_the_price_at_its_new_instant(
    bench: Bench, asked: dict[str, Any], sent_again: tuple[str, str], refusals: int
) -> None:
    quantity, price = sent_again
    opening(bench, first_open_ms=NOON_MS + 2_000)
    order = bench.submit(**asked, slippage_percent=Decimal(20), execute_at=NOON_MS + 2_000, deadline_ms=60_000)
    bench.pass_time(1_500)
    bench.decide(priced, order.order_id, Decimal(2))
    assert (bench.order(order).state, bench.order(order).price) == (State.ARMED, Decimal("2.4"))
    for _ in range(refusals):
        bench.settle()
        bench.fire(bench.order(order))
        bench.now_ms = NOON_MS + 2_000
        bench.answer(order, refused(not_open=True))
    bench.show(symbol_rules(first_open_ms=NOON_MS + 600_000))
    assert (bench.order(order).type, bench.order(order).price) == (OrderType.MARKET, None)
    bench.pass_time(NOON_MS + 600_000 - 500 - bench.now_ms)
    bench.decide(priced, order.order_id, Decimal(1))
    again = bench.order(order)
    assert (again.type, again.quantity, again.price) == (IOC, Decimal(quantity), Decimal(price))
    assert again.quote_quantity is None


def test_a_price_that_comes_after_an_order_was_moved_changes_nothing(bench: Bench) -> None:
    opening(bench, first_open_ms=NOON_MS + 60_000)
    asked = bench.submit(**BY_PERCENT, execute_at=NOON_MS + 60_000)
    bench.pass_time(59_500)
    moved = bench.verb(partial(reschedule, execute_at_ms=NOON_MS + 3_600_000), asked)
    bench.decide(priced, asked.order_id, Decimal("0.25"))
    assert bench.order(asked) == moved
