"""Reports to the bot about a target."""

import json
from decimal import Decimal
from typing import Any

import pytest

from daemon.core.values.states import PENDING, State
from daemon.poller.target_reports import already_traded, refusal, remark, report
from daemon.poller.targets import Reason
from tests.core.making import NOON_MS, limit_order, order

TOLD = {
    State.FILLED: ("completed", "success"),
    State.PARTIALLY_CANCELED: ("completed", "partial"),
    State.CANCELED: ("cancelled", "failed"),
    State.WITHDRAWN: ("cancelled", "failed"),
    State.REJECTED: ("failed", "failed"),
    State.EXPIRED: ("failed", "failed"),
    State.DEAD_LETTER: ("failed", "failed"),
    State.LOST: ("executing", "unknown"),
}


def decoded(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("state", TOLD)
def test_an_outcome_is_reported_with_the_bots_values(state: State) -> None:
    found = decoded(report(order(state, reason="because")))
    assert (found["status"], found["executionStatus"]) == TOLD[state]
    assert ("errorMessage" in found) is (state is not State.FILLED)
    assert "because" in found.get("errorMessage", "because")


@pytest.mark.parametrize("state", sorted(PENDING))
def test_while_the_outcome_is_unknown_nothing_is_reported(state: State) -> None:
    assert report(order(state)) is None


def test_a_resting_order_is_reported_once_it_was_seen() -> None:
    assert report(limit_order(State.OPEN)) is None
    assert decoded(report(limit_order(State.OPEN, seen_ms=NOON_MS))) == {
        "status": "executing",
        "executionStatus": "placed",
    }
    assert report(order(State.OPEN, seen_ms=NOON_MS)) is None


def test_fills_are_reported_as_numbers() -> None:
    filled = order(State.FILLED, executed_quantity=Decimal(3), executed_quote=Decimal(10), sent_ms=NOON_MS + 999)
    assert report(filled) == (
        b'{"status":"completed","executionStatus":"success","executionPrice":3.33333333333333333,'
        b'"actualPositionSize":3,"actualExecutionTime":1790000000}'
    )
    unsent = order(State.FILLED, executed_quantity=Decimal(3), executed_quote=Decimal(10), updated_ms=NOON_MS)
    assert decoded(report(unsent))["actualExecutionTime"] == NOON_MS // 1_000


def test_a_price_that_is_not_known_is_left_out() -> None:
    filled = order(State.FILLED, executed_quantity=Decimal(3), sent_ms=NOON_MS)
    assert decoded(report(filled)) == {
        "status": "completed",
        "executionStatus": "success",
        "actualPositionSize": 3,
        "actualExecutionTime": NOON_MS // 1_000,
    }


def test_a_reason_may_be_missing_or_endless() -> None:
    assert "is canceled: the exchange says so" in decoded(report(order(State.CANCELED)))["errorMessage"]
    assert "do not send it again" in decoded(report(order(State.LOST)))["errorMessage"]
    assert len(decoded(report(order(State.REJECTED, reason="x" * 9_999)))["errorMessage"]) == 500


def test_a_target_that_came_back_gets_a_message() -> None:
    filled = order(State.FILLED)
    assert decoded(report(filled, rearmed=True))["errorMessage"] == already_traded(filled)
    assert decoded(report(filled, rearmed=True))["status"] == "completed"
    assert decoded(remark(filled)) == {"errorMessage": already_traded(filled)}
    assert filled.order_id in already_traded(filled)


def test_a_refusal_is_reported_with_its_reason() -> None:
    assert decoded(refusal(Reason("42", "no size"))) == {
        "status": "failed",
        "executionStatus": "failed",
        "errorMessage": "sniperd: no size",
    }


def test_a_target_that_came_back_after_an_order_that_executed_nothing_may_be_tried_again() -> None:
    cancelled = order(State.CANCELED, finished_ms=NOON_MS)
    message = decoded(report(cancelled, rearmed=True))["errorMessage"]
    assert cancelled.order_id in message
    assert "may be set ready again" in message
