"""Guards: what they refuse, what counts for them, and that repetitions and emergency SELLs pass them all."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.rules.exposure import _WEIGHT, DAY_MS, MAX_REPEAT_WINDOW_MS
from daemon.core.rules.guards import needs_last_price
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import Found, Resolution
from daemon.errors import Guarded
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, query, refused, report, request, rules, signal, unclear

MIDNIGHT_MS = NOON_MS // DAY_MS * DAY_MS + DAY_MS
"""The end of the day on which tests begin."""

WINDOW_MS = 2_000


def guarded(now_ms: int = NOON_MS, **limits: Any) -> Bench:
    """Return a bench on which these guards are on, and no other."""
    return Bench(rules(guards=limits), now_ms=now_ms)


def buy(bench: Bench, target: str | None = "t1", last: int | str | None = None, **changes: Any) -> Order:
    """Buy for a target; the exchange's last price is known where a guard asks for it."""
    asked = request(snipe_target_id=target, **changes)
    (accepted,) = bench.submit_all([asked], last_price=None if last is None else Decimal(last))
    return bench.order(accepted.order)


def refusal(bench: Bench, target: str | None = "t2", last: int | str | None = None, **changes: Any) -> Guarded:
    """Return the refusal of a BUY; check that nothing has changed."""
    before = dict(bench.latest)
    with pytest.raises(Guarded) as refusal:
        buy(bench, target, last, **changes)
    assert bench.latest == before
    assert f"[guards] {refusal.value.guard}" in str(refusal.value)
    return refusal.value


def budget(guard: str, limit: int = 1_000) -> dict[str, Any]:
    return {guard: Decimal(limit)}


LIMIT: dict[str, Any] = {"type": "LIMIT", "quantity": Decimal(2), "price": Decimal(10)}
SELL: dict[str, Any] = {"side": "SELL", "quantity": Decimal(2)}


# A repetition for another target


def test_a_second_buy_for_another_target_is_refused_within_the_window() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    first = buy(bench)
    bench.pass_time(WINDOW_MS - 1)
    said = refusal(bench)
    assert said.guard == "repeat_window_ms"
    assert first.order_id in str(said)
    assert "allowRepeat" in str(said)


def test_after_the_window_it_is_accepted() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    buy(bench)
    bench.pass_time(WINDOW_MS)
    assert buy(bench, "t2").state is State.IN_FLIGHT


@pytest.mark.parametrize(
    "changes",
    [
        {"allow_repeat": True},
        {"owner_id": "bert"},
        {"symbol": "BARUSDT"},
        {"target": "t1", "idempotency_key": "2"},
        SELL,
    ],
    ids=["it is wanted", "another owner", "another symbol", "the same target", "a sell"],
)
def test_what_is_no_repetition_is_accepted_at_once(changes: dict[str, Any]) -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    buy(bench)
    assert buy(bench, **{"target": "t2"} | changes).attempts <= 1


def test_no_target_counts_as_another_target() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    buy(bench)
    refusal(bench, None)


@pytest.mark.parametrize("advice", [Advice.STOP, Advice.DEAD_LETTER])
def test_an_order_that_was_not_placed_is_no_first_buy(advice: Advice) -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    buy(bench)
    bench.send_next(refused(advice))
    assert buy(bench, "t2").state is State.IN_FLIGHT


def test_a_sell_is_no_first_buy() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    buy(bench, **SELL)
    assert buy(bench, "t2").state is State.IN_FLIGHT


def test_an_order_in_doubt_and_a_filled_one_are_first_buys() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    _sent(bench, unclear())
    refusal(bench)
    bench = guarded(repeat_window_ms=WINDOW_MS)
    _fill(bench, _sent(bench))
    assert not bench.state.orders, "it has left memory"
    refusal(bench)


def test_an_order_found_after_all_is_a_first_buy_again() -> None:
    bench = guarded(repeat_window_ms=60_000)
    order = _sent(bench, unclear())
    bench.pass_time(12_000)
    watched = bench.state.searches.due(bench.now_ms + 1)
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    assert watched is not None
    bench.query(order, query(report()))
    refusal(bench)


def test_a_requeued_older_order_does_not_hide_a_newer_one() -> None:
    bench = guarded()
    old = buy(bench)
    bench.send_next(refused(Advice.DEAD_LETTER))
    bench.pass_time(WINDOW_MS)
    newer = buy(bench, "t2")
    bench.requeue(old)
    bench.state.set_rules(rules(guards={"repeat_window_ms": WINDOW_MS}))
    assert newer.order_id in str(refusal(bench, "t3"))


def test_every_state_has_a_weight() -> None:
    assert _WEIGHT.keys() == set(State)


def test_orders_older_than_any_window_are_forgotten() -> None:
    bench = guarded(repeat_window_ms=WINDOW_MS)
    for number in range(3):
        buy(bench, f"t{number}")
        bench.pass_time(MAX_REPEAT_WINDOW_MS + 1)
    assert len(bench.state.orders.exposure._ages) == 1
    (known,) = bench.state.orders.exposure._recent.values()
    assert [seen.target_id for seen in known.values()] == ["t2"]


# What an order costs


def test_an_order_above_the_limit_is_refused() -> None:
    bench = guarded(max_notional_per_order=Decimal(20))
    said = refusal(bench, quote_order_qty=Decimal("20.01"))
    assert said.guard == "max_notional_per_order"
    assert "costs 20.01 USDT, the limit is 20" in str(said)
    assert buy(bench, quote_order_qty=Decimal(20)).state is State.IN_FLIGHT


def test_a_limit_order_costs_quantity_times_price() -> None:
    bench = guarded(max_notional_per_order=Decimal(20))
    refusal(bench, **LIMIT | {"price": Decimal("10.01")})
    assert buy(bench, **LIMIT).state is State.IN_FLIGHT


def test_a_market_order_by_quantity_costs_quantity_times_the_last_price() -> None:
    bench = guarded(max_notional_per_order=Decimal(20))
    refusal(bench, quantity=Decimal(2), last="10.01")
    assert buy(bench, quantity=Decimal(2), last=10).last_price == Decimal(10)


@pytest.mark.parametrize("guard", ["max_notional_per_order", "max_notional_per_day"])
def test_an_order_without_a_known_price_is_refused(guard: str) -> None:
    bench = guarded(**budget(guard))
    said = refusal(bench, quantity=Decimal(2))
    assert said.guard == guard
    assert "cannot be had" in str(said)


@pytest.mark.parametrize("guard", ["max_notional_per_order", "max_notional_per_day"])
def test_an_order_paid_in_another_asset_is_refused(guard: str) -> None:
    said = refusal(guarded(**budget(guard)), symbol="FOOBTC")
    assert said.guard == guard
    assert "not paid in USDT" in str(said)


@pytest.mark.parametrize("guard", ["max_notional_per_order", "max_notional_per_day"])
def test_a_sell_is_never_refused_for_a_budget(guard: str) -> None:
    bench = guarded(**budget(guard, 1))
    assert buy(bench, side="SELL", quote_order_qty=Decimal(1_000)).state is State.IN_FLIGHT


def test_the_days_orders_add_up() -> None:
    bench = guarded(max_notional_per_day=Decimal(20))
    buy(bench)
    said = refusal(bench, quote_order_qty=Decimal("10.01"))
    assert said.guard == "max_notional_per_day"
    assert "cost 10 USDT, with 10.01 more" in str(said)
    assert buy(bench, "t2").state is State.IN_FLIGHT


def test_another_day_begins_at_midnight() -> None:
    bench = guarded(MIDNIGHT_MS - 1, max_notional_per_day=Decimal(10))
    first = buy(bench, deadline_ms=500)
    refusal(bench)
    bench.pass_time(1)
    buy(bench, "t2")
    refusal(bench, "t3")
    bench.withdraw(_deferred(bench, first))
    said = refusal(bench, "t3")
    assert "cost 10 USDT" in str(said), "yesterday's order changes nothing about today"


def test_an_order_that_was_not_placed_costs_nothing() -> None:
    bench = guarded(max_notional_per_day=Decimal(10))
    buy(bench)
    bench.send_next(refused(Advice.STOP))
    assert buy(bench, "t2").state is State.IN_FLIGHT


def test_a_dead_letter_costs_again_when_it_is_requeued() -> None:
    bench = guarded(max_notional_per_day=Decimal(10))
    order = buy(bench)
    bench.send_next(refused(Advice.DEAD_LETTER))
    bench.settle()
    bench.requeue(order)
    refusal(bench)


def test_a_purchase_counts_after_it_left_memory_and_after_a_crash() -> None:
    bench = guarded(max_notional_per_day=Decimal(10))
    _fill(bench, _sent(bench))
    assert not bench.state.orders
    refusal(bench)
    bench.crash()
    bench.open()
    refusal(bench)


def test_an_order_in_flight_counts_after_a_crash() -> None:
    bench = guarded(max_notional_per_day=Decimal(10), max_open_buys_per_owner=2)
    buy(bench)
    bench.settle()
    bench.crash()
    bench.open()
    assert refusal(bench).guard == "max_notional_per_day"


def test_an_order_of_unknown_cost_blocks_the_days_budget_until_it_is_found() -> None:
    """It was accepted while no guard needed prices."""
    bench = guarded()
    order = buy(bench, quantity=Decimal(2))
    bench.state.set_rules(rules(guards={"max_notional_per_day": Decimal(30)}))
    said = refusal(bench)
    assert order.order_id in str(said)
    _fill(bench, bench.send_next(placed()))
    assert "cost 20 USDT" in str(refusal(bench, quote_order_qty=Decimal(11)))
    assert buy(bench, "t2").state is State.IN_FLIGHT


def test_the_executed_amount_counts_if_it_is_more_than_the_estimate() -> None:
    bench = guarded(max_notional_per_day=Decimal(30))
    buy(bench, quantity=Decimal(2), last=5)
    _fill(bench, bench.send_next(placed()))
    assert "cost 20 USDT" in str(refusal(bench, quote_order_qty=Decimal(11)))


# How many are open


def test_no_more_buys_than_may_be_open() -> None:
    bench = guarded(max_open_buys_per_owner=2)
    first = buy(bench, **LIMIT)
    bench.send_next(placed())
    buy(bench, "t2")
    said = refusal(bench, "t3")
    assert said.guard == "max_open_buys_per_owner"
    assert "anna has 2 BUYs that have not ended, the limit is 2" in str(said)
    assert buy(bench, "t4", owner_id="bert").state is State.IN_FLIGHT
    assert buy(bench, "t3", **SELL).state is State.IN_FLIGHT
    _fill(bench, first)
    assert buy(bench, "t3").state is State.IN_FLIGHT


# Which pairs


@pytest.mark.parametrize(
    ("guard", "limits"),
    [
        ("forbidden_symbols", {"forbidden_symbols": frozenset({"FOOUSDT"})}),
        ("allowed_symbols", {"allowed_symbols": frozenset({"BARUSDT"})}),
    ],
)
def test_a_pair_that_must_not_be_bought_can_be_sold(guard: str, limits: dict[str, Any]) -> None:
    bench = guarded(**limits)
    assert refusal(bench).guard == guard
    assert buy(bench, **SELL).state is State.IN_FLIGHT
    assert buy(bench, symbol="BARUSDT").state is State.IN_FLIGHT


# At what price


@pytest.mark.parametrize(
    ("side", "price", "taken"),
    [("BUY", "10.5", True), ("BUY", "10.51", False), ("BUY", "1", True),
     ("SELL", "9.5", True), ("SELL", "9.49", False), ("SELL", "100", True)],
)  # fmt: skip
def test_a_price_far_to_the_wrong_side_is_refused(side: str, price: str, taken: bool) -> None:
    bench = guarded(price_band_percent=Decimal(5))
    asked = LIMIT | {"side": side, "price": Decimal(price)}
    if taken:
        assert buy(bench, last=10, **asked).state is State.IN_FLIGHT
        return
    said = refusal(bench, last=10, **asked)
    assert said.guard == "price_band_percent"
    assert f"at {price} is more than 5 %" in str(said)
    assert f"{'at most 10.5' if side == 'BUY' else 'at least 9.5'} is taken" in str(said)


def test_a_price_that_cannot_be_compared_is_refused() -> None:
    said = refusal(guarded(price_band_percent=Decimal(5)), **LIMIT)
    assert "cannot be had" in str(said)


def test_a_market_order_has_no_price_to_check() -> None:
    assert buy(guarded(price_band_percent=Decimal(5))).state is State.IN_FLIGHT


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_slippage_beyond_the_band_is_refused_because_it_is_the_distance_from_the_last_price(side: str) -> None:
    bench = guarded(price_band_percent=Decimal(5))
    asked: dict[str, Any] = {"side": side, "quantity": Decimal(2)}
    said = refusal(bench, **asked, slippage_percent=Decimal("5.1"))
    assert (said.guard, "slippagePercent 5.1 is more than the 5 %" in str(said)) == ("price_band_percent", True)
    assert buy(bench, **asked, slippage_percent=Decimal(5)).state is State.IN_FLIGHT


ON = {"price_band_percent": Decimal(5)}
COSTS = [{"max_notional_per_order": Decimal(5)}, {"max_notional_per_day": Decimal(5)}]


@pytest.mark.parametrize(
    ("asked", "limits", "needed"),
    [
        (LIMIT, ON, True),
        (LIMIT | {"side": "SELL"}, ON, True),
        (LIMIT | {"side": "SELL", "skip_lock": True}, ON, False),
        ({}, ON, False),
        ({"max_price": Decimal(10)}, ON, True),
        ({"quantity": Decimal(1)}, ON, False),
        ({"quantity": Decimal(1)}, COSTS[0], True),
        ({"quantity": Decimal(1)}, COSTS[1], True),
        ({"quantity": Decimal(1), "side": "SELL"}, COSTS[0], False),
        ({}, COSTS[0], False),
        (LIMIT, COSTS[1], False),
    ],
)
def test_the_last_price_is_queried_only_if_a_guard_needs_it(
    asked: dict[str, Any], limits: dict[str, Any], needed: bool
) -> None:
    assert needs_last_price(signal(**asked), rules(guards=limits).config.guards) is needed
    assert not needs_last_price(signal(**asked), rules().config.guards)


# What passes


ALL: dict[str, Any] = {
    "repeat_window_ms": WINDOW_MS,
    "max_notional_per_order": Decimal(10),
    "max_notional_per_day": Decimal(10),
    "max_open_buys_per_owner": 1,
    "forbidden_symbols": frozenset({"BARUSDT"}),
    "price_band_percent": Decimal(5),
}


def test_a_repetition_passes_every_guard() -> None:
    bench = guarded(**ALL)
    order = buy(bench)
    bench.state.set_rules(rules(guards=ALL | {"forbidden_symbols": frozenset({"FOOUSDT"})}))
    assert buy(bench).order_id == order.order_id


def test_an_emergency_sell_passes_every_guard() -> None:
    bench = guarded(**ALL)
    buy(bench)
    asked = LIMIT | {"side": "SELL", "symbol": "BARUSDT", "price": Decimal("0.01"), "skip_lock": True}
    assert buy(bench, last=10, **asked).state is State.IN_FLIGHT


# Batches


@pytest.mark.parametrize(
    "limits",
    [{"repeat_window_ms": WINDOW_MS}, {"max_notional_per_day": Decimal(20)}, {"max_open_buys_per_owner": 1}],
    ids=["repetition", "budget", "open"],
)
def test_earlier_signals_of_a_batch_count_against_a_later_one(limits: dict[str, Any]) -> None:
    bench = guarded(**limits)
    sell = request(**SELL)
    buys = [request(snipe_target_id=f"t{number}", quote_order_qty=Decimal(10 + number)) for number in range(2)]
    with pytest.raises(Guarded, match=r"^\[2\]: ") as said:
        bench.submit_all([sell, *buys])
    assert said.value.guard == next(iter(limits))
    assert bench.latest == {}, "all or none"
    assert len(bench.submit_all([sell, buys[0], buys[0]])) == 3, "a repetition within the batch counts once"


# Sums


def test_the_largest_amounts_add_up_exactly() -> None:
    """Adding an amount to a day's sum and subtracting it again leaves nothing, whatever else was added."""
    bench = guarded(max_notional_per_day=Decimal(1))
    bench.state.set_rules(rules())
    huge = buy(
        bench, type="LIMIT", quantity=Decimal("999999999999.999999"), price=Decimal("1e17"), execute_at=NOON_MS + 60_000
    )
    buy(bench, "t2", quote_order_qty=Decimal("0.000000000000000001"))
    bench.withdraw(huge)
    assert bench.state.orders.exposure.spent(NOON_MS) == Decimal("0.000000000000000001")


def _sent(bench: Bench, answer: Any = None) -> Order:
    buy(bench)
    return bench.send_next(answer or placed())


def _fill(bench: Bench, order: Order) -> None:
    bench.query(order, _seen(order))
    bench.settle()


def _deferred(bench: Bench, order: Order) -> Order:
    bench.settle()
    bench.answer(order, refused(Advice.RETRY))
    return bench.order(order)


def _seen(order: Order) -> Any:
    return query(report(State.FILLED, str(order.quantity or 1)))
