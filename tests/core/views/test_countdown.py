"""The countdown of an order that waits for its instant."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.rules.readiness import Lack
from daemon.core.values.account import Account, ExchangeCondition
from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order
from daemon.core.values.signals import MAX_AHEAD_MS
from daemon.core.verbs.clock_steps import measured
from daemon.core.verbs.listings import learn, learn_account
from daemon.core.views.countdown import MAX_NAMED, Countdown, Countdowns, Unready
from tests.core.bench import Bench
from tests.core.making import NOON_MS, symbol_rules

MINUTE_MS = 60_000
GOOD = ExchangeCondition(reachable=True, uncertainty_ms=20, measured_ms=NOON_MS, warm=True)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def sniped(bench: Bench, ahead_ms: int = MINUTE_MS, **changes: Any) -> Order:
    return bench.submit(execute_at=bench.now_ms + ahead_ms, **changes)


def countdowns(bench: Bench) -> Countdowns:
    return Countdowns(bench.state, GOOD, bench.now_ms)


def funds(bench: Bench, usdt: int) -> None:
    account = Account(free={"USDT": Decimal(usdt)}, permitted=frozenset({"FOOUSDT"}), seen_ms=bench.now_ms)
    bench.decide(learn_account, account)


def test_a_waiting_order_shows_its_instant_and_what_is_known_of_its_pair(bench: Bench) -> None:
    order = sniped(bench)
    bench.decide(measured, 7)
    assert countdowns(bench).of(order) == Countdown(
        at_ms=NOON_MS + MINUTE_MS,
        exchange_now_ms=NOON_MS + 7,
        shown=None,
        tradable=None,
        first_open_ms=None,
        calendar_open_ms=None,
        looked_at_ms=None,
        warm=True,
        funded=None,
        permitted=None,
        lacks=[],
    )
    bench.show(symbol_rules(first_open_ms=NOON_MS + MINUTE_MS), calendar_ms=NOON_MS + 1)
    funds(bench, 10)
    found = countdowns(bench).of(bench.order(order))
    assert found is not None
    assert (found.shown, found.tradable, found.first_open_ms) == (True, True, NOON_MS + MINUTE_MS)
    assert (found.calendar_open_ms, found.looked_at_ms) == (NOON_MS + 1, NOON_MS)
    assert (found.funded, found.permitted, found.lacks) == (True, True, [])


def test_a_pair_that_is_not_shown_is_said_to_be_so(bench: Bench) -> None:
    order = sniped(bench)
    bench.show()
    found = countdowns(bench).of(order)
    assert found is not None
    assert (found.shown, found.tradable, found.lacks) == (False, False, [Lack.LISTING])


def test_what_the_cache_knows_of_a_pair_counts_before_the_exchange_was_asked(bench: Bench) -> None:
    order = sniped(bench)
    bench.decide(learn, {"FOOUSDT": Listing(rules=symbol_rules())})
    found = countdowns(bench).of(order)
    assert found is not None
    assert (found.shown, found.tradable, found.looked_at_ms) == (True, True, None)


def test_an_order_that_does_not_wait_for_an_instant_has_no_countdown(bench: Bench) -> None:
    for order in (
        bench.submit(),
        sniped(bench, 0, snipe_target_id="past"),
        bench.withdraw(sniped(bench, snipe_target_id="gone")),
    ):
        assert countdowns(bench).of(order) is None
    armed = sniped(bench, 300, snipe_target_id="armed")
    unmeasured = countdowns(bench).of(armed)
    assert unmeasured is not None
    assert unmeasured.exchange_now_ms is None


def test_the_balance_must_cover_all_orders_of_an_instant(bench: Bench) -> None:
    orders = [sniped(bench, snipe_target_id=f"t{number}") for number in range(3)]
    later = sniped(bench, MINUTE_MS + 1, snipe_target_id="later")
    by_quantity = sniped(bench, quantity=Decimal(1), snipe_target_id="unknown worth")
    funds(bench, 29)
    assert [countdowns(bench).of(order).funded for order in (*orders, later)] == [False, False, False, True]  # type: ignore[union-attr]
    assert countdowns(bench).of(by_quantity).funded is None  # type: ignore[union-attr]
    named = tuple(f"{order.order_id}: funds" for order in orders)
    assert countdowns(bench).unready() == Unready(3, {Lack.FUNDS: 3}, 0, named)
    funds(bench, 30)
    assert countdowns(bench).unready() == Unready(0, {}, 0)


def test_only_orders_whose_instant_is_near_count_as_not_ready(bench: Bench) -> None:
    minutes = bench.rules.config.alerts.armed_not_ready_min
    order = sniped(bench, minutes * MINUTE_MS + 1)
    bench.show()
    assert countdowns(bench).unready() == Unready(0, {}, 0)
    assert countdowns(bench).of(order).lacks == [Lack.LISTING]  # type: ignore[union-attr]
    bench.pass_time(1)
    assert countdowns(bench).unready() == Unready(1, {Lack.LISTING: 1}, 0, (f"{order.order_id}: listing",))
    bench.halt()
    found = countdowns(bench).unready()
    assert found == Unready(1, {Lack.LISTING: 1, Lack.TRADING: 1}, 0, (f"{order.order_id}: listing, trading",))


def test_of_many_orders_that_are_not_ready_those_with_the_nearest_instants_are_named(bench: Bench) -> None:
    orders = [sniped(bench, MINUTE_MS - number, snipe_target_id=f"t{number}") for number in range(2 * MAX_NAMED)]
    bench.show()
    found = countdowns(bench).unready()
    assert found.orders == 2 * MAX_NAMED
    assert found.named == tuple(f"{order.order_id}: listing" for order in orders[::-1][:MAX_NAMED])


def test_orders_of_a_listing_that_is_gone_or_far_away_are_counted(bench: Bench) -> None:
    sniped(bench, 60 * MINUTE_MS)
    other = sniped(bench, 60 * MINUTE_MS, symbol="BARUSDT")
    bench.decide(learn, {
        "FOOUSDT": Listing(rules=None, vanished=True),
        "BARUSDT": Listing(rules=symbol_rules(symbol="BARUSDT", first_open_ms=NOON_MS + MAX_AHEAD_MS + 1)),
    })  # fmt: skip
    assert countdowns(bench).unready() == Unready(0, {}, 2)
    bench.withdraw(other)
    assert countdowns(bench).unready() == Unready(0, {}, 1)
