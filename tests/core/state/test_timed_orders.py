"""The orders that wait for an instant, by pair."""

from daemon.core.state.timed_orders import TimedOrders
from daemon.core.values.states import State
from tests.core.making import NOON_MS, an_id, order

LATER_MS = NOON_MS + 60_000


def test_waiting_and_armed_orders_with_an_instant_are_known_until_they_are_sent_or_end() -> None:
    timed = TimedOrders()
    timed.note(order(execute_at_ms=None))
    timed.note(order(State.FILLED, execute_at_ms=LATER_MS))
    assert timed.by_pair == {}
    timed.note(order(execute_at_ms=LATER_MS))
    timed.note(order(State.ARMED, order_id=an_id(2), execute_at_ms=LATER_MS + 1))
    assert timed.by_pair == {"FOOUSDT": {an_id(1): LATER_MS, an_id(2): LATER_MS + 1}}
    timed.note(order(State.IN_FLIGHT, execute_at_ms=LATER_MS))
    assert list(timed.unchecked) == [an_id(2)]
    timed.note(order(State.IN_FLIGHT, order_id=an_id(2), execute_at_ms=LATER_MS + 1))
    assert (timed.by_pair, timed.unchecked, list(timed.instants())) == ({}, {}, [])


def test_an_order_that_changes_is_compared_with_its_listing_once() -> None:
    timed = TimedOrders()
    timed.note(order(execute_at_ms=LATER_MS))
    timed.unchecked.clear()
    timed.note(order(State.ARMED, execute_at_ms=LATER_MS))
    assert timed.unchecked == {}
    timed.check("FOOUSDT")
    timed.check("BARUSDT")
    assert list(timed.unchecked) == [an_id(1)]


def test_the_instant_that_a_moved_order_had_first_stays_known() -> None:
    """The exchange may open at it after all, so it is looked at more often around it."""
    timed = TimedOrders()
    timed.note(order(execute_at_ms=LATER_MS))
    timed.note(order(execute_at_ms=LATER_MS + 300_000, asked_execute_at_ms=LATER_MS))
    assert sorted(timed.instants()) == [LATER_MS, LATER_MS + 300_000]
    timed.note(order(State.WITHDRAWN, execute_at_ms=LATER_MS + 300_000, asked_execute_at_ms=LATER_MS))
    assert list(timed.instants()) == []


def test_the_instant_of_many_orders_is_looked_at_once_until_the_last_of_them_leaves() -> None:
    timed = TimedOrders()
    for number in range(1, 4):
        timed.note(order(order_id=an_id(number), execute_at_ms=LATER_MS))
    assert list(timed.instants()) == [LATER_MS]
    for number in range(1, 4):
        assert list(timed.instants()) == [LATER_MS]
        timed.note(order(State.IN_FLIGHT, order_id=an_id(number), execute_at_ms=LATER_MS))
    assert list(timed.instants()) == []
