"""The answer to a batch: each order gets what its own item says, and nothing that is another order's."""

import json
from typing import Any

import pytest

from daemon.core.values.exchange_replies import Advice, Answer, Placed, Refused, Unclear
from daemon.exchange.mexc.batch_answers import each_answer

ASKED = {"a-1": "order a", "b-1": "order b", "c-1": "order c"}


def answers(items: Any, status: int = 200, retry_after_ms: int | None = None) -> list[Answer]:
    body = items if isinstance(items, bytes) else json.dumps(items).encode()
    found = each_answer(status, body, retry_after_ms, ASKED)
    assert list(found) == list(ASKED)
    for name, answer in found.items():
        assert isinstance(answer, Placed | Refused | Unclear)
        assert answer.asked == ASKED[name]
    return list(found.values())


def item(order_id: str, name: str | None = None) -> dict[str, Any]:
    """Return what shows that an order was placed, as in MEXC's documents."""
    named = {} if name is None else {"newClientOrderId": name}
    return {"symbol": "NEWUSDT", "orderId": order_id, "orderListId": -1} | named


def refusal(code: int, name: str | None = None, msg: str = "no") -> dict[str, Any]:
    return {"msg": msg, "code": code} | ({} if name is None else {"newClientOrderId": name})


def ids(found: list[Answer]) -> list[str | None]:
    return [answer.exchange_order_id if isinstance(answer, Placed) else None for answer in found]


def test_every_order_has_its_own_outcome() -> None:
    placed, early, unknown = answers([item("1", "a-1"), refusal(30001, "b-1"), refusal(424242, "c-1")])
    assert isinstance(placed, Placed)
    assert placed.exchange_order_id == "1"
    assert isinstance(early, Refused)
    assert (early.advice, early.not_open) == (Advice.RETRY, True)
    assert isinstance(unknown, Unclear), "a code that is not known as a refusal"
    assert '"1"' not in early.answered, "the evidence of an order is its own item"


def test_items_belong_to_the_orders_that_they_name_in_any_order() -> None:
    assert ids(answers([item("3", "c-1"), item("1", "a-1"), item("2", "b-1")])) == ["1", "2", "3"]


def test_items_without_a_name_belong_to_the_orders_at_their_places() -> None:
    """The documented examples show items without one."""
    assert ids(answers([item("1"), item("2", "b-1"), item("3")])) == ["1", "2", "3"]
    refused = answers([refusal(30001)] * 3)
    assert all(isinstance(answer, Refused) for answer in refused)


def test_a_name_at_another_place_shows_that_places_mean_nothing() -> None:
    found = answers([item("2", "b-1"), item("1"), item("3")])
    assert ids(found) == [None, "2", None]
    assert [type(answer) for answer in found] == [Unclear, Placed, Unclear]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="none"),
        pytest.param([item("1"), item("2")], id="one too few"),
        pytest.param([item("1")] * 4, id="one too many"),
        pytest.param([item("1", "x-1"), item("2", "y-1"), item("3", "z-1")], id="other orders'"),
    ],
)
def test_an_order_without_an_item_has_an_unknown_outcome(items: list[Any]) -> None:
    assert all(isinstance(answer, Unclear) for answer in answers(items))


def test_an_order_with_two_items_has_an_unknown_outcome() -> None:
    first, second, third = answers([item("1", "a-1"), refusal(30001, "a-1"), item("2", "b-1"), item("3", "c-1")])
    assert isinstance(first, Unclear)
    assert ids([second, third]) == ["2", "3"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>", id="a page"),
        pytest.param(b'[{"orderId": "1"}', id="cut off"),
        pytest.param(b"[1, 2, 3]", id="no items"),
        pytest.param(b'{"orderId": "1"}', id="one order"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_unknown_outcome_of_each_order(body: bytes) -> None:
    assert [type(answer) for answer in answers(body)] == [Unclear] * 3


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(500, {"code": 500, "msg": "internal error"}, Unclear, id="a server error"),
        pytest.param(503, {"code": 503, "msg": "service not available"}, Unclear, id="not available"),
        pytest.param(403, {"code": 403, "msg": "Access Denied"}, Unclear, id="the firewall"),
        pytest.param(400, {"code": 700003, "msg": "Timestamp for this request is outside"}, Refused, id="the clock"),
        pytest.param(400, {"code": 33333, "msg": "Parameter error"}, Refused, id="the parameters"),
        pytest.param(429, {"code": 429, "msg": "Too Many Requests"}, Refused, id="the rate"),
    ],
)
def test_an_answer_about_the_request_means_the_same_for_each_order(
    status: int, body: dict[str, Any], expected: type[Answer]
) -> None:
    found = answers(body, status, 3_000 if status == 429 else None)
    assert [type(answer) for answer in found] == [expected] * 3
    if status == 429:
        assert all(isinstance(answer, Refused) and answer.retry_after_ms == 3_000 for answer in found)


def test_a_server_error_with_items_is_an_unknown_outcome_of_each_order() -> None:
    assert all(isinstance(answer, Unclear) for answer in answers([item("1", "a-1"), item("2"), item("3")], 502))
