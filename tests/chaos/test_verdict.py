"""The verdict can fail: every kind of broken day is found, and nothing else is called broken."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.values.locks import LockState
from daemon.core.values.states import State
from tests.chaos.plan import Wish
from tests.chaos.trades import STALE_MS, Entry, Fill, Told, read_answer
from tests.chaos.verdict import Acknowledged, Arrival, Evidence, Halt, differences, judge
from tests.support.making import NOW_MS, attempt, lock, order

WISH = Wish(0, {"symbol": "BTCUSDT", "quantity": "0.001"})
ORDER = order(
    1, state=State.FILLED, quantity=Decimal("0.001"), executed_quantity=Decimal("0.001"), executed_quote=Decimal(95)
)
ATTEMPT = attempt(ORDER)
PLACED = order(
    1,
    state=State.FILLED,
    quantity=Decimal("0.001"),
    executed_quantity=Decimal("0.001"),
    executed_quote=Decimal(95),
    client_order_id=ATTEMPT.client_order_id,
)
ENTRY = Entry(
    symbol="BTCUSDT",
    client_order_id=ATTEMPT.client_order_id,
    orig_qty=Decimal("0.001"),
    executed_qty=Decimal("0.001"),
    cummulative_quote_qty=Decimal("95.00"),
    status="FILLED",
    order_id="C02__1",
    price=Decimal(96_000),
    time=NOW_MS + 20,
    update_time=NOW_MS + 90,
    fills=[
        Fill(NOW_MS + 20, Decimal(94_000), Decimal("0.0004")),
        Fill(NOW_MS + 90, Decimal(95_666) + Decimal(2) / 3, Decimal("0.0006")),
    ],
)
ARRIVAL = Arrival(ATTEMPT.client_order_id, "BTCUSDT", Decimal("0.0010"), NOW_MS + 20, 200)
LOCK = lock(1, state=LockState.RELEASED, released_ms=NOW_MS + 30)
TOLD = Told(
    wish=0,
    asked_ms=NOW_MS,
    told_ms=NOW_MS + 100,
    status=200,
    succeeded=True,
    exchange_order_id="C02__1",
    quantity=Decimal("0.001"),
    price=Decimal(95_000),
    state="FILLED",
)
NOTHING = Told(wish=0, asked_ms=NOW_MS, told_ms=NOW_MS + 100, status=400, succeeded=False, order_id=PLACED.order_id)
QUEUED = msgspec.structs.replace(NOTHING, status=202, queued=True)


def day(**changes: Any) -> Evidence:
    """Return the evidence of a day with one wish that went well except for the changes."""
    given: dict[str, Any] = {
        "wishes": [WISH],
        "acknowledged": [Acknowledged(0, PLACED.order_id)],
        "trades": [TOLD],
        "halts": [Halt(NOW_MS + 20, NOW_MS + 50)],
        "book": [ENTRY],
        "arrivals": [ARRIVAL],
        "orders": [PLACED],
        "attempts": [ATTEMPT],
        "locks": [LOCK],
    }
    return Evidence(**given | changes)


def placed(**changes: Any) -> Any:
    """Return the order, changed."""
    return msgspec.structs.replace(PLACED, **changes)


def told(**changes: Any) -> dict[str, Any]:
    """Return the evidence of another answer of the trade route."""
    return {"trades": [msgspec.structs.replace(TOLD, **changes)]}


def entry(**changes: Any) -> Any:
    """Return the order in the book, changed."""
    return msgspec.structs.replace(ENTRY, **changes)


EMPTY = entry(status="CANCELED", executed_qty=Decimal(0), cummulative_quote_qty=Decimal(0), fills=[])
EMPTY_ORDER = placed(state=State.CANCELED, executed_quantity=Decimal(0), executed_quote=Decimal(0))


def test_a_day_that_went_well_is_not_called_broken() -> None:
    assert judge(day()) == []
    assert differences(day()) == []


def test_a_refusal_may_be_followed_by_a_second_request() -> None:
    first = Arrival("other-1", "BTCUSDT", Decimal("0.001"), NOW_MS, 400)
    assert judge(day(arrivals=[first, ARRIVAL], attempts=[ATTEMPT, attempt(ORDER, client_order_id="other-1")])) == []


def test_a_repetition_after_an_expiry_may_be_another_order() -> None:
    expired = order(2, state=State.EXPIRED, quantity=Decimal("0.001"))
    told = [Acknowledged(0, expired.order_id), Acknowledged(0, PLACED.order_id)]
    assert judge(day(orders=[expired, PLACED], acknowledged=told)) == []


def test_a_repetition_after_an_end_without_a_fill_may_be_another_order() -> None:
    nothing = {"executed_qty": Decimal(0), "cummulative_quote_qty": Decimal(0), "status": "CANCELED"}
    empty = msgspec.structs.replace(ENTRY, client_order_id="other-1", **nothing)
    first = placed(
        order_id="other",
        client_order_id="other-1",
        state=State.CANCELED,
        executed_quantity=Decimal(0),
        executed_quote=Decimal(0),
    )
    arrivals = [Arrival("other-1", "BTCUSDT", Decimal("0.001"), NOW_MS, 200), ARRIVAL]
    attempts = [ATTEMPT, attempt(ORDER, client_order_id="other-1")]
    assert judge(day(book=[empty, ENTRY], orders=[first, PLACED], arrivals=arrivals, attempts=attempts)) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(told(price=None), id="a price that is not known"),
        pytest.param(
            told(told_ms=NOW_MS + 50, state="PARTIALLY_FILLED", quantity=Decimal("0.0004"), price=Decimal(94_000)),
            id="a part, as long as no more was executed",
        ),
        pytest.param(
            told(state="PARTIALLY_FILLED", quantity=Decimal("0.0006")), id="a part that the exchange showed early"
        ),
        pytest.param(
            told(told_ms=NOW_MS + 10, state="NEW", quantity=Decimal(0), price=Decimal(96_000)), id="an order that rests"
        ),
        pytest.param({"trades": [NOTHING], "book": [EMPTY], "orders": [EMPTY_ORDER]}, id="nothing executed"),
        pytest.param(
            {"trades": [msgspec.structs.replace(QUEUED, asked_ms=NOW_MS + 20)]}, id="queued before it was sent"
        ),
        pytest.param({"trades": [msgspec.structs.replace(NOTHING, status=202)]}, id="an unknown outcome"),
    ],
)
def test_a_correct_answer_is_not_called_wrong(changes: dict[str, Any]) -> None:
    assert judge(day(**changes)) == []


def test_an_answer_of_the_trade_route_is_parsed() -> None:
    shown = {"orderId": "C02__1", "quantity": "0.001", "price": "95000", "status": "FILLED"}
    times = {"asked_ms": NOW_MS, "told_ms": NOW_MS + 100}
    assert read_answer(0, 200, {"success": True, "order": shown}, **times) == TOLD
    assert read_answer(0, 400, {"success": False, "orderId": PLACED.order_id}, **times) == NOTHING
    assert read_answer(0, 202, {"success": False, "queued": True, "queueId": PLACED.order_id}, **times) == QUEUED


SECOND = msgspec.structs.replace(ENTRY, client_order_id="another-1")
HELD = lock(2, resource=LOCK.resource, state=LockState.RELEASED, acquired_ms=NOW_MS + 29, released_ms=NOW_MS + 40)
AGAIN = msgspec.structs.replace(ARRIVAL, client_order_id=f"{PLACED.order_id}-2")
SECOND_ATTEMPT = attempt(ORDER, 2)

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "two orders of one signal": (
        {"book": [ENTRY, SECOND], "orders": [PLACED, placed(order_id="another", client_order_id="another-1")]},
        "the book holds 0.001 BTCUSDT 2 times",
    ),
    "two live orders at the daemon": (
        {"orders": [PLACED, order(2, state=State.OPEN, quantity=Decimal("0.001"))]},
        "2 orders stand for BTCUSDT 0.001",
    ),
    "an order that nobody wished for": (
        {"book": [ENTRY, msgspec.structs.replace(ENTRY, orig_qty=Decimal(7))]},
        "for which nobody wished",
    ),
    "an order that the daemon does not know": (
        {"orders": [placed(state=State.REJECTED, client_order_id=None)], "acknowledged": []},
        "of which the daemon knows nothing",
    ),
    "a forgotten signal": (
        {"orders": [], "book": [], "arrivals": []},
        "was acknowledged as 00000000000000000000000001",
    ),
    "a signal that became another wish's order": (
        {"orders": [placed(quantity=Decimal("0.002"))]},
        "which is another wish's",
    ),
    **{
        f"an order that is {state.value} for ever": ({"orders": [placed(state=state)]}, f"is still {state.value}")
        for state in (State.QUEUED, State.ARMED, State.IN_FLIGHT, State.IN_DOUBT, State.LOST)
    },
    "a placed order that the book does not have": ({"book": []}, "is filled and not on the book"),
    "another quantity than the book's": (
        {"orders": [placed(executed_quantity=Decimal("0.0005"))]},
        "the book has FILLED with 0.001",
    ),
    "another sum than the book's": ({"orders": [placed(executed_quote=Decimal(94))]}, "the book has FILLED"),
    "another state than the book's": ({"orders": [placed(state=State.CANCELED)]}, "is canceled with"),
    "an order called rejected that is on the book": ({"orders": [placed(state=State.REJECTED)]}, "is rejected with"),
    "an order sent after its deadline": (
        {"arrivals": [msgspec.structs.replace(ARRIVAL, received_ms=PLACED.deadline_ms + 501)]},
        "came 501 ms after its deadline",
    ),
    "an order sent before its instant": (
        {"orders": [placed(execute_at_ms=NOW_MS + 100)]},
        "came 80 ms before its instant",
    ),
    **{
        f"a second request after {status}": (
            {
                "arrivals": [msgspec.structs.replace(ARRIVAL, status=status), AGAIN],
                "attempts": [ATTEMPT, SECOND_ATTEMPT],
            },
            f"after {PLACED.order_id}-1) though the first was answered with {status}",
        )
        for status in (0, 200, 403, 500, 503)
    },
    "a request that is not on record": ({"attempts": []}, "there is no record of it"),
    "a lock that is left over": (
        {"locks": [lock(1, state=LockState.ACTIVE)]},
        "lock-1 on trade:BTCUSDT:BUY:T1 is left over",
    ),
    "an order left open that the exchange has filled": (
        {"orders": [placed(state=State.OPEN, executed_quantity=Decimal(0), executed_quote=Decimal(0))]},
        "is open with 0 for 0; the book has FILLED",
    ),
    "an order left open that the exchange has cancelled": (
        {"book": [EMPTY], "orders": [msgspec.structs.replace(EMPTY_ORDER, state=State.OPEN)], "trades": []},
        "is open with 0 for 0; the book has CANCELED",
    ),
    "an order sent while trading was halted": (
        {"halts": [Halt(NOW_MS + 10, NOW_MS + 50)]},
        "came 10 ms after halt was answered",
    ),
    "a success without an order on the book": (told(exchange_order_id="C02__2"), "which is not its order on the book"),
    "a success without an order's id": (told(exchange_order_id=None), "which is not its order on the book"),
    "a success by another wish's order": (
        {"wishes": [WISH, Wish(1, {"symbol": "BTCUSDT", "quantity": "0.002"})], **told(wish=1)},
        "which is not its order on the book",
    ),
    "a success of another status": (told(status=202), "success, and another status than 200"),
    "a success without a quantity": (told(quantity=None), "success, and no quantity"),
    "a success without a fill": (
        {"book": [EMPTY], "orders": [EMPTY_ORDER], **told(quantity=Decimal(0), state="CANCELED")},
        "success, and nothing executed",
    ),
    "a success by an order that never rested": (
        {
            "book": [msgspec.structs.replace(EMPTY, update_time=EMPTY.time)],
            "orders": [EMPTY_ORDER],
            **told(quantity=Decimal(0), state="NEW", price=None),
        },
        "nothing executed; it did not rest on the book",
    ),
    "a quantity that was asked for and not executed": (told(told_ms=NOW_MS + 89), "the book had 0.0004"),
    "a quantity that was executed long ago and told as nothing": (
        {"book": [entry(status="NEW")], "orders": [placed(state=State.OPEN)]}
        | told(asked_ms=NOW_MS + 90 + STALE_MS, told_ms=NOW_MS + 91 + STALE_MS, quantity=Decimal(0), state="NEW"),
        "the book had more",
    ),
    "a quantity that was never executed": (
        told(quantity=Decimal("0.0005"), state="PARTIALLY_FILLED", price=None),
        "the book never had just that",
    ),
    "an end with less than was executed": (
        told(quantity=Decimal("0.0004"), state="PARTIALLY_CANCELED", price=None),
        "PARTIALLY_CANCELED with 0.0004; the book has FILLED with 0.001",
    ),
    "the limit told as the price of a fill": (told(price=Decimal(96_000)), "the price 96000, which is not the book's"),
    "another price than the limit of an order that rests": (
        told(told_ms=NOW_MS + 10, state="NEW", quantity=Decimal(0), price=Decimal(95_000)),
        "the price 95000, which is not the book's",
    ),
    "a fill told as nothing": ({"trades": [NOTHING]}, "nothing executed; the book has FILLED with 0.001"),
    "an order that rests told as nothing": (
        {
            "trades": [NOTHING],
            "book": [msgspec.structs.replace(EMPTY, status="NEW")],
            "orders": [msgspec.structs.replace(EMPTY_ORDER, state=State.OPEN)],
        },
        "nothing executed; the book has NEW with 0",
    ),
    "a failure that names no order": (
        {"trades": [msgspec.structs.replace(NOTHING, order_id=None)]},
        "the answer names no order",
    ),
    "queued when it was on the book": (
        {"trades": [msgspec.structs.replace(QUEUED, asked_ms=NOW_MS + 21)]},
        "queued; it was on the book",
    ),
    "two locks at once": ({"locks": [HELD, LOCK]}, "was held by lock-1 and lock-2 at once"),
    "a lock granted over one that is still held": (
        {"locks": [msgspec.structs.replace(LOCK, state=LockState.ACTIVE, released_ms=None), HELD]},
        "was held by lock-1 and lock-2 at once",
    ),
}


@pytest.mark.parametrize(("changes", "found"), BROKEN.values(), ids=BROKEN)
def test_a_breach_is_found(changes: dict[str, Any], found: str) -> None:
    assert any(found in broken for broken in judge(day(**changes)))


def test_only_what_can_still_settle_is_waited_for() -> None:
    assert differences(day(orders=[placed(state=State.IN_DOUBT)])) != []
    assert differences(day(orders=[placed(executed_quote=Decimal(94))])) != []
    assert differences(day(attempts=[], locks=[lock(1)])) == []
