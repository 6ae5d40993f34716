"""The verdict over a launch: each breach and each delay is found, in a book that the test writes itself."""

from collections.abc import Iterator

import msgspec
import pytest

from daemon.simulator.faults import Fault
from daemon.simulator.limits import Limits
from tests.launches.cases import PLANNED_MS, PRICE, QUANTITY, SYMBOL, Launch
from tests.launches.verdict import Bought, judge
from tests.simulator.trader import Trader

TWO = Launch(seed=1, case="exact", orders=2)


@pytest.fixture
def trader() -> Iterator[Trader]:
    """Return a client of an exchange whose pair has just opened."""
    trader = Trader(listings=[TWO.listing(PLANNED_MS)], limits=Limits())
    trader.now_ms = PLANNED_MS
    yield trader
    trader.book.close()


def buy(trader: Trader, client_order_id: str, **changes: object) -> int:
    """Send an order; return the reply's status."""
    wanted = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "price": PRICE, "quantity": QUANTITY}
    return trader.send("POST", "order", **wanted | {"newClientOrderId": client_order_id} | changes).status


def judged(trader: Trader, launch: Launch = TWO) -> Bought:
    """Judge what was sent; a signal's number begins its client order ids, and X belongs to none."""

    def signal_of(client_order_id: str) -> int | None:
        return None if client_order_id.startswith("X") else int(client_order_id.partition("-")[0])

    return judge(launch, trader.exchange, signal_of)


def test_orders_at_the_open_are_in_time(trader: Trader) -> None:
    buy(trader, "0-1")
    trader.now_ms += 100
    buy(trader, "1-1")
    found = judged(trader)
    assert (found.after_ms, found.in_time, found.permitted, found.twice, found.missed) == ([0, 100], 2, 2, [], 0)


def test_an_order_after_a_tenth_of_a_second_is_bought_and_not_in_time(trader: Trader) -> None:
    buy(trader, "0-1")
    trader.now_ms += 101
    buy(trader, "1-1")
    found = judged(trader)
    assert (found.after_ms, found.in_time, found.permitted, found.missed) == ([0, 101], 1, 2, 1)


def test_an_early_order_of_an_announced_open_has_less_time(trader: Trader) -> None:
    trader.now_ms += 61
    buy(trader, "0-1")
    early = msgspec.structs.replace(TWO, early_ms=3_000)
    assert judged(trader, early).in_time == 0
    assert judged(trader, msgspec.structs.replace(early, announced=False)).in_time == 1


def test_two_positions_of_a_signal_are_found(trader: Trader) -> None:
    buy(trader, "0-1")
    buy(trader, "0-2")
    buy(trader, "1-1")
    assert judged(trader).twice == ["signal 0 has 2 positions"]


def test_a_resting_order_beside_a_filled_one_is_a_second_position(trader: Trader) -> None:
    buy(trader, "0-1")
    buy(trader, "0-2", price="0.03")
    assert judged(trader).twice == ["signal 0 has 2 positions"]


def test_an_order_of_no_signal_is_found(trader: Trader) -> None:
    buy(trader, "X-1")
    assert judged(trader).unknown == ["X-1"]


def test_a_signal_refused_for_other_clients_does_not_count(trader: Trader) -> None:
    buy(trader, "0-1")
    trader.exchange.set_faults([Fault("rate_limited")])
    assert buy(trader, "1-1") == 429
    found = judged(trader)
    assert (found.permitted, found.in_time, found.too_many) == (1, 1, [])


def test_a_request_of_any_kind_that_was_one_too_many_is_found(trader: Trader) -> None:
    for number in range(13):
        buy(trader, f"{number}-1")
    found = judged(trader, msgspec.structs.replace(TWO, orders=20)).too_many
    assert found == [f"POST /api/v3/order at {PLANNED_MS} was refused with 429: too many requests"]
    for _ in range(21):
        trader.send("GET", "openOrders", symbol=SYMBOL)
    last = judged(trader, msgspec.structs.replace(TWO, orders=20)).too_many[-1]
    assert last.startswith("GET /api/v3/openOrders")


def test_the_budget_permits_no_more_than_the_order_rate_with_its_two_batches(trader: Trader) -> None:
    assert judged(trader, msgspec.structs.replace(TWO, orders=60)).permitted == 48
    coarser = msgspec.structs.replace(TWO, orders=20, decimals_ms=0)
    assert judged(trader, coarser).permitted == 0, "the first requests, which are refused, use the rate"


def test_an_open_that_nobody_announced_permits_what_the_attempts_before_it_leave(trader: Trader) -> None:
    unannounced = msgspec.structs.replace(TWO, orders=20, early_ms=2_000, announced=False)
    assert judged(trader, unannounced).permitted == 6
    assert judged(trader, msgspec.structs.replace(unannounced, early_ms=500)).permitted == 0
    assert judged(trader, msgspec.structs.replace(unannounced, early_ms=500, orders=5)).permitted == 1


def test_a_refused_first_request_of_each_order_uses_the_budget(trader: Trader) -> None:
    capped = msgspec.structs.replace(TWO, orders=8, capped=True)
    assert judged(trader, capped).permitted == 2
    assert judged(trader, msgspec.structs.replace(capped, decimals_ms=0)).permitted == 1
