"""Exposure: purchases before a start count after it, though a start reads only the columns that the sums need."""

import sys
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, Ended, Exposure, spent_by
from daemon.core.values.states import State
from tests.core.making import NOON_MS, order
from tests.support.steps import calls_in


def ended(number: int, **changes: Any) -> Ended:
    """Make a BUY for 25 that was filled."""
    given: dict[str, Any] = {
        "seq": number, "order_id": str(number), "state": State.FILLED, "symbol": "BTCUSDT", "owner_id": "bot",
        "target_id": f"T{number}", "accepted_ms": NOON_MS, "executed_quantity": Decimal(1),
        "executed_quote": Decimal(24), "quantity": None, "quote_quantity": Decimal(25), "price": None,
        "last_price": None, "asked_quantity": None, "asked_quote_quantity": None, "asked_price": None,
    }  # fmt: skip
    return Ended(**given | changes)


def test_stored_sums_and_new_orders_add_up() -> None:
    unpriced = ended(2, quote_quantity=None, quantity=Decimal(1), executed_quote=Decimal(0))
    exposure = Exposure()
    exposure.begin(spent_by(NOON_MS // DAY_MS, [ended(1), unpriced]))
    assert (exposure.spent(NOON_MS), exposure.unpriced(NOON_MS)) == (Decimal(25), "2")
    exposure.note(None, ended(3))
    assert exposure.spent(NOON_MS) == Decimal(50)
    assert exposure.open_buys("bot") == 0


def test_purchases_that_are_counted_in_any_order_are_counted_in_linear_time_and_found_by_their_age() -> None:
    """The clock of an earlier process may have been ahead: younger orders have earlier instants then."""
    bought = [ended(number, accepted_ms=NOON_MS - number) for number in range(1_000)]
    exposure = Exposure()

    def count() -> None:
        for each in bought:
            exposure.note(None, each)

    assert calls_in(count) < 40 * len(bought)
    again = order(symbol="BTCUSDT", owner_id="bot", target_id="other", accepted_ms=NOON_MS + 500)
    assert exposure.repeated(again, 501) == "0"
    assert exposure.repeated(again, 500) is None
    exposure.note(None, ended(5_000, accepted_ms=NOON_MS + 400))
    assert exposure.repeated(again, 500) == "5000"


def test_a_purchase_that_is_counted_late_and_not_placed_is_forgotten() -> None:
    exposure, early = Exposure(), order(target_id="early", accepted_ms=NOON_MS - 10)
    late = order(target_id="late", order_id="late")
    exposure.note(None, late)
    exposure.note(None, early)
    for each in (early, late):
        exposure.note(each, replace(each, state=State.WITHDRAWN))
    assert exposure.repeated(order(target_id="new"), 1_000) is None


def test_purchases_that_are_counted_together_are_forgotten_like_others_when_they_are_too_old_for_any_window() -> None:
    order_id = f"batch-{NOON_MS}"  # an object that only the purchase has
    known = sys.getrefcount(order_id)
    batch, exposure = Exposure(), Exposure()
    batch.note(None, ended(1, order_id=order_id))
    exposure.add(batch, NOON_MS)
    del batch
    assert sys.getrefcount(order_id) > known
    exposure.note(None, ended(2, accepted_ms=NOON_MS + MAX_REPEAT_WINDOW_MS + 1))
    assert sys.getrefcount(order_id) == known
