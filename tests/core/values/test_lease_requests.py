"""Requests for leases: many spellings, one form; what is wrong is named."""

from typing import Any

import msgspec
import pytest

from daemon.core.values.lease_requests import AcquireRequest, compact, normalise, resource_id
from daemon.core.values.locks import OwnerType, TransactionType
from daemon.errors import Invalid
from tests.core.making import lease


def asked(**fields: Any) -> AcquireRequest:
    """Read a request from JSON."""
    wire = {"resourceId": "ledger:anna", "ownerId": "anna"} | fields
    return msgspec.json.decode(msgspec.json.encode(wire), type=AcquireRequest)


def test_a_missing_field_has_its_default() -> None:
    assert normalise(asked(), 30_000) == lease(transaction_type=TransactionType.TRADE)


def test_given_fields_are_kept_in_plain_form() -> None:
    request = asked(
        resourceId=" trade:fooUSDT:buy:Target:1 ",
        ownerId=7,
        ownerType="workflow",
        transactionType="cancel",
        transactionData={"b": [1.5, None], "a": "ü"},
        timeoutMs=1,
        priority=10,
        idempotencyKey=8,
    )
    assert normalise(request, 30_000) == lease(
        resource="trade:FOOUSDT:BUY:Target:1",
        owner_id="7",
        owner_type=OwnerType.WORKFLOW,
        transaction_type=TransactionType.CANCEL,
        transaction_data='{"a":"ü","b":[1.5,null]}',
        timeout_ms=1,
        priority=10,
        key="8",
    )


@pytest.mark.parametrize("name", ["ledger:anna:BUY", "trades:foo:buy", "x"])
def test_a_resource_that_is_not_a_trades_is_kept_unchanged(name: str) -> None:
    assert resource_id(name) == name


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\x00b"])
def test_an_empty_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="resourceId"):
        resource_id(name)


@pytest.mark.parametrize(
    ("field", "value"), [("timeoutMs", 0), ("timeoutMs", 3_600_001), ("priority", 0), ("priority", 11)]
)
def test_a_number_out_of_range_is_refused(field: str, value: int) -> None:
    with pytest.raises(Invalid, match=field):
        normalise(asked(**{field: value}), 30_000)


def test_two_notations_of_a_value_are_one_text() -> None:
    assert (
        compact("result", msgspec.Raw(b'{ "b": 1, "a": [ ] }'))
        == compact("result", msgspec.Raw(b'{"a":[],"b":1}'))
        == '{"a":[],"b":1}'
    )


@pytest.mark.parametrize("raw", [b"", b"{", b"1e999", b"[" * 100_000 + b"]" * 100_000])
def test_unreadable_text_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid, match="the JSON in result"):
        compact("result", msgspec.Raw(raw))


@pytest.mark.parametrize(
    ("asked", "resource"),
    [
        ("TRADE:BTCUSDT:BUY:7", "trade:BTCUSDT:BUY:7"),
        ("Trade: btcusdt :buy: 7", "trade:BTCUSDT:BUY:7"),
        ("trade:btcusdt:sell:Target:x", "trade:BTCUSDT:SELL:Target:x"),
        ("Trade:btcusdt", "trade:BTCUSDT"),
        ("TRADE", "trade"),
        ("Trader:btcusdt", "Trader:btcusdt"),
        ("TradingState : anna", "TradingState : anna"),
    ],
)
def test_a_trades_resource_has_one_spelling_and_other_names_are_kept_unchanged(asked: str, resource: str) -> None:
    assert resource_id(asked) == resource
