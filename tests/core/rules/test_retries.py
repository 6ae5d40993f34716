"""Retries: what follows from a definite refusal. Another attempt is safe then; the rules decide whether to make it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.config.trading_tables import RetryTable
from daemon.core.rules.retries import delay_ms, judge, needs_last_price, unsent
from daemon.core.values.exchange_replies import Advice, NotSent, Refused
from daemon.core.values.ids import MAX_ATTEMPTS
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import OrderEvent, State
from daemon.core.values.symbols import SymbolRules
from tests.core.making import NOON_MS, limit_order, order, refused, symbol_rules

POLICY = RetryTable(first_ms=50, factor=1.5, longest_ms=1_000, attempts=10)


def tried(attempts: int = 1, **changes: Any) -> Order:
    return order(State.IN_FLIGHT, attempts=attempts, **changes)


@pytest.mark.parametrize("advice", [Advice.STOP, Advice.CHECK_FUNDS, Advice.ALERT])
def test_a_final_refusal_is_rejected_at_once(advice: Advice) -> None:
    verdict = judge(tried(), refused(advice), POLICY, NOON_MS)
    assert verdict.event is OrderEvent.REFUSE
    assert not verdict.halt


@pytest.mark.parametrize(("advice", "halts"), [(Advice.DEAD_LETTER, False), (Advice.HALT, True)])
def test_what_needs_the_operator_becomes_a_dead_letter(advice: Advice, halts: bool) -> None:
    verdict = judge(tried(), refused(advice), POLICY, NOON_MS)
    assert verdict.event is OrderEvent.SET_ASIDE
    assert verdict.halt is halts


@pytest.mark.parametrize("advice", [Advice.RETRY, Advice.WAIT, Advice.RESYNC])
def test_a_temporary_refusal_is_retried_after_a_delay(advice: Advice) -> None:
    verdict = judge(tried(attempts=3), refused(advice), POLICY, NOON_MS)
    assert verdict.event is OrderEvent.DEFER
    assert verdict.not_before_ms == NOON_MS + delay_ms(3, POLICY)


def test_a_wait_stated_by_the_exchange_is_respected() -> None:
    verdict = judge(tried(), refused(Advice.RETRY, retry_after_ms=700), POLICY, NOON_MS)
    assert verdict.not_before_ms == NOON_MS + 700


def test_only_the_advice_to_wait_holds_back_every_order() -> None:
    blocked = {advice: judge(tried(), refused(advice), POLICY, NOON_MS).backoff_until_ms for advice in Advice}
    assert [advice for advice, until_ms in blocked.items() if until_ms] == [Advice.WAIT]
    assert blocked[Advice.WAIT] == NOON_MS + delay_ms(1, POLICY)


def test_only_a_clock_error_causes_a_new_measurement() -> None:
    assert [advice for advice in Advice if judge(tried(), refused(advice), POLICY, NOON_MS).resync] == [Advice.RESYNC]


@pytest.mark.parametrize("limit", [10, MAX_ATTEMPTS * 2], ids=["as configured", "as a name has room for"])
@pytest.mark.parametrize("advice", [Advice.RETRY, Advice.WAIT, Advice.RESYNC, Advice.REPRICE])
def test_attempts_are_bounded(advice: Advice, limit: int) -> None:
    last = min(limit, MAX_ATTEMPTS)
    policy = RetryTable(first_ms=50, factor=1.5, longest_ms=1_000, attempts=limit)
    answer = refused(advice, price_cap=Decimal(9))
    assert judge(limit_order(attempts=last - 1), answer, policy, NOON_MS).event is OrderEvent.DEFER
    verdict = judge(limit_order(attempts=last), answer, policy, NOON_MS)
    assert verdict.event is OrderEvent.SET_ASIDE
    assert f"{last} attempts made" in verdict.reason


def test_advice_that_concerns_all_orders_counts_even_if_this_order_has_no_attempt_left() -> None:
    shut = judge(tried(attempts=10), refused(Advice.WAIT, retry_after_ms=120_000), POLICY, NOON_MS)
    assert shut.backoff_until_ms == NOON_MS + 120_000
    assert judge(tried(attempts=10), refused(Advice.RESYNC), POLICY, NOON_MS).resync


def test_an_order_whose_next_attempt_would_be_after_its_deadline_is_rejected_now() -> None:
    in_time = tried(deadline_ms=NOON_MS + 300)
    assert judge(in_time, refused(retry_after_ms=300), POLICY, NOON_MS).event is OrderEvent.DEFER
    late = judge(in_time, refused(Advice.WAIT, retry_after_ms=301), POLICY, NOON_MS)
    assert late.event is OrderEvent.REFUSE
    assert "after the deadline" in late.reason
    assert late.backoff_until_ms == NOON_MS + 301, "the others wait all the same"


def test_a_price_above_the_cap_is_lowered_to_it_once() -> None:
    asked = limit_order(State.IN_FLIGHT, attempts=1)
    verdict = judge(asked, refused(Advice.REPRICE, price_cap=Decimal("9.5")), POLICY, NOON_MS)
    assert verdict.event is OrderEvent.DEFER
    assert verdict.repriced == replace(asked, price=Decimal("9.5"), asked_price=Decimal(10))
    assert verdict.not_before_ms == NOON_MS


@pytest.mark.parametrize(
    ("changes", "cap"),
    [
        ({"repriced": True}, "9.5"),
        ({"side": Side.SELL}, "9.5"),
        ({"price": None}, "9.5"),
        ({}, None),
        ({}, "10"),
        ({}, "10.5"),
    ],
    ids=["moved already", "a sell", "no price", "no cap stated", "at the cap", "below the cap"],
)
def test_a_price_is_never_changed_twice_nor_beyond_what_was_asked(changes: dict[str, Any], cap: str | None) -> None:
    asked = limit_order(State.IN_FLIGHT, attempts=1, **changes)
    answer = refused(Advice.REPRICE, price_cap=None if cap is None else Decimal(cap))
    verdict = judge(asked, answer, POLICY, NOON_MS)
    assert verdict.event is OrderEvent.REFUSE
    assert verdict.repriced is None


def test_the_last_price_is_needed_once_and_only_where_no_cap_is_stated() -> None:
    asked = limit_order(State.IN_FLIGHT, attempts=1)
    assert needs_last_price(asked, refused(Advice.REPRICE))
    assert not needs_last_price(asked, refused(Advice.REPRICE, price_cap=Decimal(9)))
    assert not needs_last_price(asked, refused(Advice.RETRY))
    assert not needs_last_price(replace(asked, repriced=True), refused(Advice.REPRICE))


@pytest.mark.parametrize("advice", Advice)
def test_every_verdict_has_the_exchanges_words_as_its_reason(advice: Advice) -> None:
    verdict = judge(tried(), refused(advice, code="30001", message="not open"), POLICY, NOON_MS)
    assert "30001" in verdict.reason
    assert "not open" in verdict.reason


def test_an_unsent_attempt_is_queued_again_with_its_reason() -> None:
    verdict = unsent(NotSent("trading was halted"))
    assert (verdict.event, verdict.reason) == (OrderEvent.DEFER, "trading was halted")


@given(
    attempts=st.integers(1, MAX_ATTEMPTS),
    first_ms=st.integers(1, 1_000),
    factor=st.floats(1, 10),
    longest_ms=st.integers(1_000, 86_400_000),
)
def test_waits_grow_and_are_bounded(attempts: int, first_ms: int, factor: float, longest_ms: int) -> None:
    policy = RetryTable(first_ms=first_ms, factor=factor, longest_ms=longest_ms, attempts=MAX_ATTEMPTS)
    assert delay_ms(1, policy) == first_ms
    assert first_ms <= delay_ms(attempts, policy) <= delay_ms(attempts + 1, policy) <= longest_ms


# --- rounded to the pair's new rules

COARSER = symbol_rules(price_decimals=1, quantity_decimals=0)
SCALE = refused(Advice.DEAD_LETTER, code="10096", message="scale", doubts_rules=True)


def uneven(**changes: Any) -> Order:
    return limit_order(
        State.IN_FLIGHT, **{"attempts": 1, "quantity": Decimal("10.5"), "price": Decimal("9.99")} | changes
    )


def test_an_order_refused_for_its_scale_is_sent_once_more_within_new_rules() -> None:
    verdict = judge(uneven(), SCALE, POLICY, NOON_MS, new_rules=COARSER)
    assert (verdict.event, verdict.not_before_ms) == (OrderEvent.DEFER, NOON_MS)
    assert verdict.refitted is not None
    assert (verdict.refitted.quantity, verdict.refitted.price) == (Decimal(10), Decimal("9.9"))
    assert "10096" in verdict.reason


@pytest.mark.parametrize(
    ("changes", "answer", "pair"),
    [
        pytest.param({}, SCALE, None, id="no new rules"),
        pytest.param({}, SCALE, symbol_rules(), id="the rules are the same"),
        pytest.param({}, SCALE, symbol_rules(price_decimals=1, online=False), id="the pair is closed"),
        pytest.param({}, SCALE, symbol_rules(price_decimals=1, min_quantity=Decimal(11)), id="below a new minimum"),
        pytest.param({"refitted": True}, SCALE, COARSER, id="done before"),
        pytest.param({"attempts": MAX_ATTEMPTS}, SCALE, COARSER, id="no attempt left"),
        pytest.param({"deadline_ms": NOON_MS - 1}, SCALE, COARSER, id="after the deadline"),
        pytest.param({}, refused(Advice.DEAD_LETTER), COARSER, id="another reason"),
    ],
)
def test_an_order_that_new_rules_cannot_help_ends_as_before(
    changes: dict[str, Any], answer: Refused, pair: SymbolRules | None
) -> None:
    verdict = judge(uneven(**changes), answer, POLICY, NOON_MS, new_rules=pair)
    assert (verdict.event, verdict.refitted) == (OrderEvent.SET_ASIDE, None)


def test_an_order_that_is_retried_anyway_is_not_rounded_again() -> None:
    verdict = judge(uneven(), refused(Advice.RETRY, doubts_rules=True), POLICY, NOON_MS, new_rules=COARSER)
    assert (verdict.event, verdict.refitted) == (OrderEvent.DEFER, None)


@given(
    side=st.sampled_from(Side),
    quantity=st.decimals("0.001", 1000, places=3),
    price=st.decimals("0.001", 1000, places=3),
)
def test_rounding_again_never_makes_an_order_worse(side: Side, quantity: Decimal, price: Decimal) -> None:
    asked = uneven(side=side, quantity=quantity, price=price)
    refitted = judge(
        asked, SCALE, POLICY, NOON_MS, new_rules=symbol_rules(price_decimals=1, quantity_decimals=1)
    ).refitted
    if refitted is not None:
        assert refitted.quantity is not None
        assert refitted.price is not None
        assert refitted.quantity <= quantity
        assert refitted.price <= price if side is Side.BUY else refitted.price >= price
