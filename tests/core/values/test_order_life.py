"""The life of an order: every state, every event that is possible in it, and transitions that must never happen."""

import itertools

import pytest

from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import OrderType
from daemon.core.values.states import (
    FINISHED,
    KEY_FREE,
    MAYBE_SENT,
    OUTCOME_UNKNOWN,
    PENDING,
    REPORT_EVENTS,
    SEARCHED,
    TRANSITIONS,
    WAITING,
    OrderEvent,
    State,
    after,
)
from daemon.errors import Impossible
from tests.core.making import NOON_MS, RULES, order

SENT = {
    State.IN_FLIGHT, State.IN_DOUBT, State.LOST, State.REJECTED, State.DEAD_LETTER,
    State.OPEN, State.PARTIALLY_FILLED, State.FILLED, State.CANCELED, State.PARTIALLY_CANCELED,
}  # fmt: skip
"""States in which a request may have reached the exchange, so that the exchange may show the order."""

LIFE: dict[OrderEvent, tuple[set[State], State]] = {
    OrderEvent.ARM: ({State.QUEUED}, State.ARMED),
    OrderEvent.DISARM: ({State.ARMED}, State.QUEUED),
    OrderEvent.SEND: ({State.QUEUED, State.ARMED}, State.IN_FLIGHT),
    OrderEvent.DEFER: ({State.IN_FLIGHT}, State.QUEUED),
    OrderEvent.PLACE: ({State.IN_FLIGHT}, State.OPEN),
    OrderEvent.REFUSE: ({State.IN_FLIGHT}, State.REJECTED),
    OrderEvent.SET_ASIDE: ({State.QUEUED, State.IN_FLIGHT}, State.DEAD_LETTER),
    OrderEvent.DOUBT: ({State.QUEUED, State.ARMED, State.IN_FLIGHT, State.OPEN}, State.IN_DOUBT),
    OrderEvent.LOSE: ({State.IN_DOUBT}, State.LOST),
    OrderEvent.RULE_OUT: ({State.IN_DOUBT, State.LOST}, State.REJECTED),
    OrderEvent.EXPIRE: ({State.QUEUED, State.ARMED}, State.EXPIRED),
    OrderEvent.WITHDRAW: ({State.QUEUED, State.ARMED, State.DEAD_LETTER}, State.WITHDRAWN),
    OrderEvent.REQUEUE: ({State.DEAD_LETTER}, State.QUEUED),
    OrderEvent.SEE_OPEN: (SENT, State.OPEN),
    OrderEvent.SEE_PARTIALLY_FILLED: (SENT, State.PARTIALLY_FILLED),
    OrderEvent.SEE_FILLED: (SENT, State.FILLED),
    OrderEvent.SEE_CANCELED: (SENT, State.CANCELED),
    OrderEvent.SEE_PARTIALLY_CANCELED: (SENT, State.PARTIALLY_CANCELED),
}
"""From which states each event is possible, and where it leads."""


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(State, OrderEvent)), ids=lambda value: value.value.replace("_", " ")
)
def test_an_event_leads_where_it_must_or_is_impossible_and_changes_nothing(state: State, event: OrderEvent) -> None:
    admitted, follows = LIFE[event]
    if state in admitted:
        assert after(state, event) is follows
        return
    with pytest.raises(Impossible, match=f"{event.value} is impossible for an order that is {state.value}"):
        after(state, event)
    d = Decision(TradingState(RULES, lambda _: (), lambda _: None), NOON_MS)
    known = order(state)
    d.state.orders.load(known)
    with pytest.raises(Impossible):
        d.move(known, event)
    assert d.state.orders == {known.order_id: known}
    assert not d.changes


def reachable(begin: State, *, without: frozenset[OrderEvent] = frozenset()) -> set[State]:
    """Return all states that any chain of events leads to."""
    found, ahead = set[State](), [begin]
    while ahead:
        follows = {state for event, state in TRANSITIONS[ahead.pop()].items() if event not in without}
        ahead += follows - found
        found |= follows
    return found


@pytest.mark.parametrize("state", sorted(OUTCOME_UNKNOWN | REPORT_EVENTS.keys() | {State.REJECTED}))
def test_after_an_unknown_outcome_or_a_placement_no_chain_of_events_sends_again(state: State) -> None:
    assert not reachable(state) & {State.QUEUED, State.ARMED, State.IN_FLIGHT, State.DEAD_LETTER}


@pytest.mark.parametrize("state", sorted(OUTCOME_UNKNOWN))
def test_only_an_order_report_or_the_operator_ends_a_doubt(state: State) -> None:
    evidence = frozenset(REPORT_EVENTS.values())
    assert reachable(state, without=evidence | {OrderEvent.RULE_OUT}) <= OUTCOME_UNKNOWN


@pytest.mark.parametrize("state", sorted(MAYBE_SENT))
def test_time_and_a_signal_do_not_undo_what_was_sent(state: State) -> None:
    impossible = {OrderEvent.EXPIRE, OrderEvent.WITHDRAW} - TRANSITIONS[state].keys()
    assert OrderEvent.EXPIRE in impossible
    assert OrderEvent.WITHDRAW in impossible or state is State.DEAD_LETTER, "a person may discard a definite refusal"


def test_an_order_comes_back_to_the_queue_only_when_nothing_was_executed() -> None:
    ways = {
        (state, event)
        for state, events in TRANSITIONS.items()
        for event, follows in events.items()
        if follows is State.QUEUED
    }
    assert ways == {
        (State.ARMED, OrderEvent.DISARM),
        (State.IN_FLIGHT, OrderEvent.DEFER),
        (State.DEAD_LETTER, OrderEvent.REQUEUE),
    }


def test_what_the_exchange_shows_is_believed_wherever_a_request_may_have_reached_it() -> None:
    assert MAYBE_SENT == SENT
    for state in State:
        believed = {shown for shown, event in REPORT_EVENTS.items() if event in TRANSITIONS[state]}
        assert believed == (set(REPORT_EVENTS) if state in MAYBE_SENT else set())


def test_every_state_can_be_reached_and_every_event_can_happen() -> None:
    assert reachable(State.QUEUED) == set(State)
    assert {event for events in TRANSITIONS.values() for event in events} == set(OrderEvent)


def test_a_state_leaves_the_key_bound_unless_nothing_was_placed() -> None:
    assert set(KEY_FREE) == {State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.DEAD_LETTER}


def test_every_state_is_queued_searched_finished_or_in_flight() -> None:
    assert WAITING | SEARCHED | FINISHED | {State.IN_FLIGHT} == set(State)
    assert not WAITING & SEARCHED
    assert not WAITING & FINISHED
    both = "a fill is looked at again while its sum is unknown, and what a person ruled out for a while"
    assert {State.FILLED, State.REJECTED} == SEARCHED & FINISHED, both


# What a waiting caller is answered


@pytest.mark.parametrize("state", sorted(PENDING))
def test_a_caller_waits_on_while_the_outcome_is_open(state: State) -> None:
    assert not order(state).outcome_known


@pytest.mark.parametrize("state", sorted(set(State) - PENDING - {State.OPEN, State.PARTIALLY_FILLED}))
def test_a_caller_is_answered_when_the_order_has_ended_or_is_lost(state: State) -> None:
    assert order(state).outcome_known


@pytest.mark.parametrize("state", [State.OPEN, State.PARTIALLY_FILLED])
@pytest.mark.parametrize("order_type", OrderType)
def test_a_caller_is_answered_about_a_resting_order_once_it_was_found_and_about_others_at_their_end(
    state: State, order_type: OrderType
) -> None:
    rests = order_type in {OrderType.LIMIT, OrderType.LIMIT_MAKER}
    assert order(state, type=order_type, seen_ms=NOON_MS).outcome_known is rests
    assert not order(state, type=order_type).outcome_known
