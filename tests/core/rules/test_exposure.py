"""Exposure: purchases before a start count after it, though a start reads only the columns that the sums need."""

from decimal import Decimal
from typing import Any

from daemon.core.rules.exposure import DAY_MS, Ended, Exposure, spent_by
from daemon.core.values.states import State
from tests.core.making import NOON_MS


def ended(number: int, **changes: Any) -> Ended:
    """Make a BUY for 25 that was filled."""
    given: dict[str, Any] = {
        "seq": number, "order_id": str(number), "state": State.FILLED, "symbol": "BTCUSDT", "owner_id": "bot",
        "target_id": f"T{number}", "accepted_ms": NOON_MS, "executed_quantity": Decimal(1),
        "executed_quote": Decimal(24), "quantity": None, "quote_quantity": Decimal(25), "price": None,
        "last_price": None,
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
