"""Signals: what a request may contain, its one normal form, and what is wrong with the rest."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.tables import Config
from daemon.core.values.fields import MAX_TEXT, wire_type
from daemon.core.values.orders import OrderType, Side
from daemon.core.values.signals import (
    MAX_AHEAD_MS,
    MAX_DEADLINE_MS,
    Signal,
    SignalRequest,
    check_instant,
    normalise,
)
from daemon.errors import Invalid
from tests.core.making import NOON_MS, request, signal

DEFAULTS = Config()
LIMIT = {"type": "LIMIT", "quantity": Decimal(1), "price": Decimal(10)}


def limit(**changes: Any) -> dict[str, Any]:
    return LIMIT | changes


def read(text: str) -> Signal:
    decoder = msgspec.json.Decoder(SignalRequest, dec_hook=wire_type, float_hook=str)
    return normalise(decoder.decode(text), DEFAULTS, now_ms=NOON_MS)


# From JSON


def test_a_request_gets_one_normal_form_with_every_default_filled_in() -> None:
    text = '{"symbol":" foousdt","side":"buy","type":"market","quoteOrderQty":"25.50","ownerId":7}'
    assert read(text) == Signal(
        symbol="FOOUSDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=None,
        quote_quantity=Decimal("25.5"),
        price=None,
        owner_id="7",
        target_id=None,
        idempotency_key=None,
        priority=5,
        execute_at_ms=None,
        deadline_after_ms=5_000,
        timeout_ms=30_000,
        allow_repeat=False,
        skip_lock=False,
    )


@pytest.mark.parametrize(
    "digits",
    [
        "0.1",
        "0.30000000000000004",
        "1e-7",
        "6.669033358322271e-7",
        "1.2345678901234567E+3",
        "0.1234567890123456789012345678",
        "123456789.123456789",
        "1",
        "100000000000000000",
    ],
)
def test_a_number_is_read_exactly_whether_it_comes_as_number_or_string(digits: str) -> None:
    text = '{{"symbol":"FOOUSDT","side":"BUY","type":"MARKET","ownerId":"a","quantity":{}}}'
    assert read(text.format(digits)).quantity == read(text.format(f'"{digits}"')).quantity == Decimal(digits)


@pytest.mark.parametrize(
    "amount",
    [
        '"1_0"',
        '"\u0665"',
        '"\uff11"',
        '"NaN"',
        '"Infinity"',
        '"1e"',
        '"0x1"',
        '""',
        '"1 0"',
        "true",
        "[1]",
        "1e9999999",
    ],
)
def test_a_text_that_json_does_not_accept_as_a_number_is_refused(amount: str) -> None:
    """Python's own ``Decimal`` reads 10 in the first of these, and 5 in the second."""
    text = f'{{"symbol":"FOOUSDT","side":"BUY","type":"MARKET","ownerId":"a","quantity":{amount}}}'
    with pytest.raises(msgspec.ValidationError, match="no number"):
        read(text)


@pytest.mark.parametrize("field", ["qty", "Symbol", "order_id"])
def test_an_unknown_field_is_refused(field: str) -> None:
    text = '{{"symbol":"FOOUSDT","side":"BUY","type":"MARKET","ownerId":"a","quantity":1,"{}":1}}'
    with pytest.raises(msgspec.ValidationError, match=field):
        read(text.format(field))


def test_sells_are_more_urgent_and_wait_longer_than_buys() -> None:
    buy, sell = signal(), signal(side="SELL")
    assert (buy.priority, buy.deadline_after_ms) == (5, 5_000)
    assert (sell.priority, sell.deadline_after_ms) == (1, 60_000)


@pytest.mark.parametrize(
    ("name", "order_type"),
    [
        ("limit", OrderType.LIMIT),
        (" LIMIT_MAKER ", OrderType.LIMIT_MAKER),
        ("ioc", OrderType.IMMEDIATE_OR_CANCEL),
        ("IMMEDIATE_OR_CANCEL", OrderType.IMMEDIATE_OR_CANCEL),
        ("FOK", OrderType.FILL_OR_KILL),
        ("fill_or_kill", OrderType.FILL_OR_KILL),
    ],
)
def test_types_are_accepted_by_mexcs_names_and_common_names(name: str, order_type: OrderType) -> None:
    assert signal(**limit(type=name)).type is order_type


@pytest.mark.parametrize("symbol", ["BTCUSDT", "1INCHUSDT", "币安人生USDT"])
def test_a_symbol_may_contain_any_letters(symbol: str) -> None:
    assert signal(symbol=symbol.lower()).symbol == symbol


def test_the_signals_fields_override_the_defaults() -> None:
    asked = signal(
        snipe_target_id=42,
        idempotency_key=43,
        priority=10,
        execute_at=NOON_MS + 5,
        deadline_ms=6,
        timeout_ms=700,
        allow_repeat=True,
    )
    assert (asked.target_id, asked.idempotency_key, asked.priority) == ("42", "43", 10)
    assert (asked.execute_at_ms, asked.deadline_after_ms, asked.timeout_ms) == (NOON_MS + 5, 6, 700)
    assert asked.allow_repeat


def test_an_emergency_sell_may_pass_the_lock() -> None:
    assert signal(side="SELL", skip_lock=True).skip_lock


# What is wrong


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"symbol": ""}, "symbol", id="no symbol"),
        pytest.param({"symbol": "BTC/USDT"}, "symbol", id="symbol with a separator"),
        pytest.param({"symbol": "B"}, "symbol", id="short symbol"),
        pytest.param({"symbol": "B" * 41}, "symbol", id="long symbol"),
        pytest.param({"side": "HOLD"}, "side", id="side"),
        pytest.param({"type": "STOP"}, "type", id="type"),
        pytest.param({"owner_id": ""}, "ownerId", id="no owner"),
        pytest.param({"owner_id": " "}, "ownerId", id="blank owner"),
        pytest.param({"owner_id": "a" * (MAX_TEXT + 1)}, "ownerId", id="long owner"),
        pytest.param({"snipe_target_id": "a\nb"}, "snipeTargetId", id="control character"),
        pytest.param({"idempotency_key": ""}, "idempotencyKey", id="empty key"),
        pytest.param({"priority": 0}, "priority", id="priority below"),
        pytest.param({"priority": 11}, "priority", id="priority above"),
        pytest.param({"deadline_ms": 0}, "deadlineMs", id="no patience"),
        pytest.param({"deadline_ms": MAX_DEADLINE_MS + 1}, "deadlineMs", id="deadline too long"),
        pytest.param({"timeout_ms": 99}, "timeoutMs", id="lease too short"),
        pytest.param({"timeout_ms": 3_600_001}, "timeoutMs", id="lease too long"),
        pytest.param({"execute_at": NOON_MS + MAX_AHEAD_MS + 1}, "executeAt", id="far ahead"),
        pytest.param({"skip_lock": True}, "skipLock", id="emergency buy"),
        pytest.param({"quantity": Decimal(1), "quote_order_qty": Decimal(1)}, "quantity", id="market by both"),
        pytest.param({"quantity": None, "quote_order_qty": None}, "quantity", id="market by neither"),
        pytest.param({"price": Decimal(1)}, "price", id="market with price"),
        pytest.param(limit(quote_order_qty=Decimal(1)), "quoteOrderQty", id="limit by quote"),
        pytest.param(limit(quantity=None), "quantity", id="limit without quantity"),
        pytest.param(limit(price=None), "price", id="limit without price"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        signal(**changes)
    assert refusal.value.field == field
    assert refusal.value.allowed


@pytest.mark.parametrize("name", ["quantity", "quote_order_qty", "price"])
@pytest.mark.parametrize(
    "amount",
    ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity", "1.1e18", "1e-65", f"0.{'1' * 65}", "1e999999", "1e-999999"],
)
def test_an_amount_is_a_number_above_zero_and_within_bounds(name: str, amount: str) -> None:
    with pytest.raises(Invalid) as refusal:
        signal(**limit(**{name: Decimal(amount)}))
    assert refusal.value.field == {"quote_order_qty": "quoteOrderQty"}.get(name, name)


@pytest.mark.parametrize("amount", ["1e18", "1e-64", f"0.{'1' * 64}"], ids=["largest", "smallest", "finest"])
def test_the_bounds_themselves_are_accepted(amount: str) -> None:
    assert signal(**limit(quantity=Decimal(amount))).quantity == Decimal(amount)


@pytest.mark.parametrize(
    ("execute_at_ms", "taken"),
    [(None, True), (NOON_MS, True), (NOON_MS - 5_000, True), (NOON_MS - 5_001, False), (NOON_MS // 1_000, False)],
    ids=["none", "now", "past, its deadline is not", "past with its deadline", "seconds for milliseconds"],
)
def test_an_instant_may_be_past_by_no_more_than_the_deadline(execute_at_ms: int | None, taken: bool) -> None:
    asked = signal(execute_at=execute_at_ms)
    if taken:
        check_instant(asked, NOON_MS)
        return
    with pytest.raises(Invalid, match="leave executeAt out to trade at once") as refusal:
        check_instant(asked, NOON_MS)
    assert refusal.value.field == "executeAt"
    assert str(NOON_MS) in (refusal.value.allowed or "")


@given(
    st.builds(
        request,
        symbol=st.text(max_size=50),
        side=st.sampled_from(["BUY", "sell"]) | st.text(max_size=5),
        type=st.sampled_from(["LIMIT", "market", "ioc"]) | st.text(max_size=5),
        quantity=st.none() | st.decimals(),
        quote_order_qty=st.none() | st.decimals(),
        price=st.none() | st.decimals(),
        owner_id=st.text(max_size=130) | st.integers(),
        snipe_target_id=st.none() | st.text(max_size=130) | st.integers(),
        priority=st.none() | st.integers(),
        execute_at=st.none() | st.integers(),
        deadline_ms=st.none() | st.integers(),
    )
)
def test_any_input_is_normalised_or_refused_with_the_field(asked: SignalRequest) -> None:
    """The normal form stays unchanged when it is read again."""
    try:
        found = normalise(asked, DEFAULTS, now_ms=NOON_MS)
    except Invalid as refusal:
        allowed = refusal.allowed
        assert allowed
        return
    again = request(
        symbol=found.symbol,
        side=found.side.value,
        type=found.type.value,
        quantity=found.quantity,
        quote_order_qty=found.quote_quantity,
        price=found.price,
        owner_id=found.owner_id,
        snipe_target_id=found.target_id,
        priority=found.priority,
        execute_at=found.execute_at_ms,
        deadline_ms=found.deadline_after_ms,
    )
    assert normalise(again, DEFAULTS, now_ms=NOON_MS) == found


def test_a_signal_waits_until_its_instant() -> None:
    assert signal(execute_at=NOON_MS + 1).waits(NOON_MS)
    assert not signal(execute_at=NOON_MS).waits(NOON_MS)
    assert not signal().waits(NOON_MS)


# --- the cap of a market order


def test_a_market_order_may_state_a_cap() -> None:
    assert signal(max_price=Decimal("0.50")).max_price == Decimal("0.5")
    assert signal(slippage_percent=Decimal(5)).slippage_percent == Decimal(5)
    sell = signal(side="SELL", quantity=Decimal(1), slippage_percent=Decimal(5))
    assert (sell.max_price, sell.slippage_percent) == (None, Decimal(5))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"type": "LIMIT", "price": Decimal(1), "quantity": Decimal(1)}, "maxPrice", id="a limit order"),
        pytest.param({"slippage_percent": Decimal(5)}, "maxPrice", id="two caps"),
        pytest.param({"side": "SELL", "quantity": Decimal(1)}, "maxPrice", id="a sell"),
        pytest.param({"max_price": None, "slippage_percent": Decimal(100)}, "slippagePercent", id="all of the price"),
        pytest.param({"max_price": None, "slippage_percent": Decimal(0)}, "slippagePercent", id="nothing"),
        pytest.param(
            {"max_price": None, "slippage_percent": Decimal(5), "side": "SELL"}, "quoteOrderQty", id="a sell by amount"
        ),
    ],
)
def test_a_cap_that_cannot_be_kept_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        signal(**{"max_price": Decimal("0.5")} | changes)
    assert refused.value.field == field
