"""The table of what a state means: complete, without contradictions, and the same as what a bot's client knows."""

import pytest

from daemon.client import shapes
from daemon.core.values.states import (
    FINISHED,
    KEY_FREE,
    MAYBE_SENT,
    MEANINGS,
    OUTCOME_UNKNOWN,
    OUTCOMES,
    PENDING,
    REPORT_EVENTS,
    RESTING,
    SEARCHED,
    TRANSITIONS,
    UNDER_WAY,
    WAITING,
    WITHDRAWABLE,
    OrderEvent,
    Phase,
    State,
)

every_state = pytest.mark.parametrize("state", State)


def test_every_state_has_its_row_in_the_order_in_which_states_are_listed() -> None:
    assert list(MEANINGS) == list(State) == list(TRANSITIONS)


@every_state
def test_what_comes_next_is_known_in_every_state(state: State) -> None:
    meaning = MEANINGS[state]
    assert meaning.ahead or state is State.QUEUED or state in FINISHED, "a queued order's is told from the queue"
    assert bool(meaning.over) is (meaning.phase in {Phase.ENDED, Phase.NOT_PLACED}), "it is told that it is over"
    assert meaning.ahead or state not in SEARCHED


@every_state
def test_the_bot_gets_every_outcome_and_nothing_before(state: State) -> None:
    assert (MEANINGS[state].target is None) is (state in PENDING)
    assert MEANINGS[state].queue_status in {"pending", "processing", "completed", "failed", "cancelled"}


@every_state
def test_a_state_that_the_exchange_shows_is_one_of_a_placed_order(state: State) -> None:
    assert (state in REPORT_EVENTS) is (MEANINGS[state].phase in {Phase.RESTING, Phase.ENDED})
    assert state in MAYBE_SENT or state not in REPORT_EVENTS


def test_each_event_and_each_word_of_the_exchange_shows_one_state() -> None:
    shown = [meaning.shown for meaning in MEANINGS.values() if meaning.shown is not None]
    assert len({each.word for each in shown}) == len({each.event for each in shown}) == len(shown)


def test_outcomes_are_the_states_in_which_nothing_more_is_expected_and_each_has_its_place() -> None:
    assert set(OUTCOMES) == set(State) - PENDING - RESTING
    assert [MEANINGS[state].outcome_rank for state in OUTCOMES] == list(range(len(OUTCOMES)))
    assert {state for state in State if MEANINGS[state].is_failure} <= set(OUTCOMES)


def test_a_failure_leaves_nothing_traded() -> None:
    failures = {state for state in State if MEANINGS[state].is_failure}
    assert failures <= KEY_FREE | OUTCOME_UNKNOWN
    assert {state for state in State if MEANINGS[state].queue_status == "failed"} <= failures


def test_a_waiting_order_can_be_withdrawn() -> None:
    assert WAITING | {State.DEAD_LETTER} == WITHDRAWABLE


@every_state
def test_an_attempt_without_an_answer_can_always_become_a_doubt(state: State) -> None:
    assert state not in UNDER_WAY or OrderEvent.DOUBT in TRANSITIONS[state]


def test_a_bots_client_knows_the_same_states_and_phases() -> None:
    assert {state.value: meaning.phase.value for state, meaning in MEANINGS.items()} == shapes.PHASES


@every_state
def test_a_bots_client_reads_an_order_as_the_daemon_does(state: State) -> None:
    order = shapes.Order(id="1", state=state, symbol="BTCUSDT", side="BUY", type="MARKET", idempotency_key="k")
    assert order.placed is (state in REPORT_EVENTS)
    assert order.not_placed is (state in KEY_FREE)
    assert order.unknown is (state in OUTCOME_UNKNOWN)
    assert order.outcome_known is (state not in PENDING | RESTING)
