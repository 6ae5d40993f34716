"""Searching an order: which replies are an order report, which a negative, and which no evidence."""

from asyncio import gather
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.values.exchange_replies import OrderReport, QueryResult, Source
from daemon.core.values.fills import Fill
from daemon.core.values.orders import OrderType
from daemon.core.values.states import State
from daemon.exchange.mexc import order_rows
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.views import UnreadableError

from .clocks import BEGIN_MS, ManualClock
from .scripted import (
    ALL_ORDERS,
    CLIENT_ORDER_ID,
    HANG_UP,
    MY_TRADES,
    OPEN_ORDERS,
    ORDER,
    ORDER_ID,
    TIME,
    ScriptedExchange,
    an_order,
    bad,
    ok,
)
from .wire import http

NOT_FOUND = bad(-2013, "Order does not exist.")
SHOWN = {
    "symbol": "BTCUSDT",
    "orderId": "C02__342252993005723644225",
    "orderListId": -1,
    "clientOrderId": CLIENT_ORDER_ID,
    "price": "11",
    "origQty": "1",
    "executedQty": "0",
    "cummulativeQuoteQty": "0",
    "status": "NEW",
    "timeInForce": None,
    "type": "LIMIT",
    "side": "BUY",
    "stopPrice": None,
    "icebergQty": None,
    "time": 1644489390087,
    "updateTime": None,
    "isWorking": True,
    "origQuoteOrderQty": "0",
    "stpMode": "",
    "cancelReason": None,
}
TRADE = {
    "symbol": "BTCUSDT",
    "id": "fad2af9e942049b6adbda1a271f990c6",
    "orderId": "C02__342252993005723644225",
    "orderListId": -1,
    "price": "11",
    "qty": "0.25",
    "quoteQty": "2.75",
    "commission": "0",
    "commissionAsset": "USDT",
    "time": 1644489390087,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
    "isSelfTrade": False,
    "clientOrderId": CLIENT_ORDER_ID,
}
ANOTHER = SHOWN | {"clientOrderId": "web_1", "orderId": "C02__2"}
ANOTHER_TRADE = TRADE | {"clientOrderId": None, "orderId": "C02__2"}
LISTS = [Source.OPEN_ORDERS, Source.ALL_ORDERS, Source.MY_TRADES]
ENDPOINTS = {
    Source.ORDER_ID: ORDER,
    Source.ORDER: ORDER,
    Source.OPEN_ORDERS: OPEN_ORDERS,
    Source.ALL_ORDERS: ALL_ORDERS,
    Source.MY_TRADES: MY_TRADES,
}
everywhere = pytest.mark.parametrize("source", list(Source))


async def query(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, answer: bytes, **changes: Any
) -> QueryResult:
    exchange.on(ENDPOINTS[source], answer)
    return await client.query(an_order(**changes), source, BEGIN_MS)


def reported(executed: str = "0", quote: str = "0", *, state: State = State.OPEN, **fields: Any) -> OrderReport:
    found: dict[str, Any] = {
        "client_order_id": CLIENT_ORDER_ID,
        "exchange_order_id": "C02__342252993005723644225",
        "state": state,
        "executed_quantity": Decimal(executed),
        "executed_quote": Decimal(quote),
    }
    return OrderReport(**found | fields)


# --- the requests


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(Source.ORDER, {"origClientOrderId": CLIENT_ORDER_ID}, id="the order, by our own id"),
        pytest.param(Source.OPEN_ORDERS, {}, id="open orders"),
        pytest.param(Source.ALL_ORDERS, {"startTime": str(BEGIN_MS - 60_500), "limit": "1000"}, id="all orders"),
        pytest.param(Source.MY_TRADES, {"startTime": str(BEGIN_MS - 60_500), "limit": "100"}, id="fills"),
    ],
)
async def test_a_query_names_the_pair_and_starts_a_minute_before_the_order_was_sent(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, expected: dict[str, str]
) -> None:
    await query(exchange, client, source, NOT_FOUND)
    parameters = exchange.requests()[0].parameters
    del parameters["signature"]
    assert parameters == expected | {"symbol": "BTCUSDT", "recvWindow": "2000", "timestamp": str(BEGIN_MS)}


@pytest.mark.parametrize("source", [Source.ALL_ORDERS, Source.MY_TRADES])
async def test_a_list_is_queried_in_the_exchanges_time(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    exchange.on(TIME, ok({"serverTime": BEGIN_MS + 90_000}))
    await client.measure_clock()
    await query(exchange, client, source, ok([]))
    assert exchange.requests(ENDPOINTS[source])[0].parameters["startTime"] == str(BEGIN_MS + 90_000 - 60_500)


async def test_an_order_that_was_never_sent_is_searched_from_its_acceptance(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(ALL_ORDERS, ok([]))
    await client.query(an_order(sent_ms=None), Source.ALL_ORDERS, BEGIN_MS)
    assert exchange.requests(ALL_ORDERS)[0].parameters["startTime"] == str(BEGIN_MS - 61_000)


async def test_a_symbol_in_chinese_is_queried(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, ok(SHOWN | {"symbol": "币安人生USDT"}))
    found = await client.query(an_order(symbol="币安人生USDT"), Source.ORDER, BEGIN_MS)
    assert found.report == reported()
    assert exchange.requests(ORDER)[0].parameters["symbol"] == "币安人生USDT"


@everywhere
async def test_a_query_keeps_its_evidence(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, source: Source
) -> None:
    clock.advance(77)
    found = await query(
        exchange, client, source, bad(700003, "Timestamp for this request is outside of the recvWindow.")
    )
    assert found.source is source
    assert found.at_ms == BEGIN_MS + 77
    assert found.asked.startswith(f"{ENDPOINTS[source]}?symbol=BTCUSDT&")
    assert "signature" not in found.asked
    assert found.answered.startswith('HTTP 400 {"msg": "Timestamp for this request is outside')


# --- order reports


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NEW", State.OPEN),
        ("PARTIALLY_FILLED", State.PARTIALLY_FILLED),
        ("FILLED", State.FILLED),
        ("CANCELED", State.CANCELED),
        ("PARTIALLY_CANCELED", State.PARTIALLY_CANCELED),
    ],
)
@pytest.mark.parametrize("source", [Source.ORDER, Source.OPEN_ORDERS, Source.ALL_ORDERS])
async def test_an_order_is_reported_in_each_of_mexcs_states(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, status: str, state: State
) -> None:
    shown = SHOWN | {"status": status, "executedQty": "0.5", "cummulativeQuoteQty": "5.5"}
    found = await query(exchange, client, source, ok(shown if source is Source.ORDER else [ANOTHER, shown, ANOTHER]))
    assert (found.failed, found.report) == (False, reported("0.5", "5.5", state=state))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"executedQty": 0.1, "cummulativeQuoteQty": 1}, reported("0.1", "1"), id="amounts as numbers"),
        pytest.param(
            {"executedQty": "0.100000000000000001"},
            reported("0.100000000000000001"),
            id="more digits than a float holds",
        ),
        pytest.param({"executedQty": None, "cummulativeQuoteQty": None}, reported(), id="amounts null"),
        pytest.param(
            {"orderId": 12345678901234567890123}, reported(exchange_order_id="12345678901234567890123"), id="number"
        ),
        pytest.param({"clientOrderId": ""}, reported(client_order_id=""), id="client order id empty"),
        pytest.param({"executedQty": "", "cummulativeQuoteQty": ""}, reported(), id="amounts empty"),
        pytest.param({"status": "new"}, reported(), id="a state in lower case"),
        pytest.param({"clientOrderId": None}, reported(client_order_id=None), id="client order id null"),
        pytest.param({"somethingNew": {"since": [2027]}}, reported(), id="an unknown field"),
    ],
)
async def test_an_order_is_reported_in_every_notation_of_its_fields(
    exchange: ScriptedExchange, client: MexcExchange, fields: dict[str, object], expected: OrderReport
) -> None:
    found = await query(exchange, client, Source.ORDER, ok(SHOWN | fields))
    assert (found.failed, found.report) == (False, expected)


async def test_an_order_is_reported_by_its_id_and_state_alone(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.ORDER, ok({"orderId": "C02__1", "status": "FILLED"}))
    assert found.report == reported(state=State.FILLED, client_order_id=None, exchange_order_id="C02__1")


async def test_fills_report_a_partly_filled_order(exchange: ScriptedExchange, client: MexcExchange) -> None:
    """Fills prove that it was placed, not how it ended."""
    fills = [TRADE, ANOTHER_TRADE, TRADE | {"id": "2", "qty": 0.5, "quoteQty": 5.5}, ANOTHER_TRADE]
    found = await query(exchange, client, Source.MY_TRADES, ok(fills))
    assert (found.failed, found.report) == (False, reported("0.75", "8.25", state=State.PARTIALLY_FILLED))


@pytest.mark.parametrize("source", [Source.ALL_ORDERS, Source.MY_TRADES])
async def test_an_order_is_reported_from_a_full_list(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    mine, another, longest = _entries(source)
    found = await query(exchange, client, source, ok([another] * (longest - 1) + [mine]))
    assert found.report is not None
    assert not found.failed


# --- negatives


async def test_order_does_not_exist_is_a_negative(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.ORDER, NOT_FOUND)
    assert (found.failed, found.report) == (False, None)
    assert "-2013" in found.answered


@pytest.mark.parametrize("source", LISTS)
@pytest.mark.parametrize("others", [0, 1, 99], ids=["empty", "one other", "one short of full"])
async def test_a_list_without_the_order_is_a_negative(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, others: int
) -> None:
    another = _entries(source)[1]
    found = await query(exchange, client, source, ok([another] * others))
    assert (found.failed, found.report) == (False, None)
    assert found.answered.endswith(f"({others} shown)")


@pytest.mark.parametrize("over", [0, 1], ids=["full", "more than asked for"])
@pytest.mark.parametrize("source", [Source.ALL_ORDERS, Source.MY_TRADES])
async def test_a_full_list_without_the_order_is_not_a_negative(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, over: int
) -> None:
    """The list can be truncated before the order."""
    _, another, longest = _entries(source)
    found = await query(exchange, client, source, ok([another] * (longest + over)))
    assert (found.failed, found.report) == (True, None)


async def test_open_orders_are_never_truncated(exchange: ScriptedExchange, client: MexcExchange) -> None:
    """An account has at most 500, and the list shows them all."""
    found = await query(exchange, client, Source.OPEN_ORDERS, ok([ANOTHER] * 500))
    assert (found.failed, found.report) == (False, None)


# --- no evidence


@everywhere
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(bad(700003, "timestamp"), id="refused: timestamp"),
        pytest.param(bad(700002, "signature"), id="refused: signature"),
        pytest.param(bad(-2011, "Unknown order sent."), id="another not-found"),
        pytest.param(bad(429, status=429), id="429"),
        pytest.param(http(403, b"<html>Access Denied</html>"), id="403 in HTML"),
        pytest.param(http(404, b""), id="404"),
        pytest.param(bad(-2013, status=500), id="not found beside 500"),
        pytest.param(bad(-2013, status=403), id="not found beside 403"),
        pytest.param(bad(-2013, status=404), id="not found beside 404"),
        pytest.param(bad(-2013, status=200), id="not found beside 200"),
        pytest.param(http(302, b"", Location="/elsewhere"), id="a redirect"),
        pytest.param(http(200, b""), id="nothing"),
        pytest.param(http(200, b"null"), id="null"),
        pytest.param(http(200, b"<html>"), id="HTML"),
        pytest.param(http(200, b"[{"), id="truncated"),
        pytest.param(http(200, b"\xff\xfe"), id="not text"),
        pytest.param(http(200, b'{"msg":"ok"}'), id="an envelope"),
        pytest.param(http(200, b'{"code":200,"data":[]}'), id="a list in an envelope"),
        pytest.param(http(200, b'[{"x":' + b"[" * 100_000), id="deeply nested"),
        pytest.param(HANG_UP, id="no answer"),
    ],
)
async def test_any_other_reply_is_not_evidence(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, answer: bytes
) -> None:
    found = await query(exchange, client, source, answer)
    assert (found.failed, found.report) == (True, None)
    assert found.answered


@pytest.mark.parametrize("source", LISTS)
async def test_not_found_is_not_a_valid_reply_to_a_list_query(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    assert (await query(exchange, client, source, NOT_FOUND)).failed


UNREADABLE_FIELDS = [
    pytest.param({"orderId": None}, id="order id null"),
    pytest.param({"orderId": ""}, id="order id empty"),
    pytest.param({"orderId": ["C02__1"]}, id="order id in a list"),
    pytest.param({"executedQty": "NaN"}, id="filled NaN"),
    pytest.param({"executedQty": "-NaN"}, id="filled minus NaN"),
    pytest.param({"executedQty": "sNaN"}, id="filled a NaN that raises"),
    pytest.param({"executedQty": "Infinity"}, id="filled infinite"),
    pytest.param({"executedQty": "-1"}, id="filled below zero"),
    pytest.param({"executedQty": "1e99"}, id="filled more than there is"),
    pytest.param({"executedQty": "1e999999999"}, id="filled a number that fills the memory when written"),
    pytest.param({"executedQty": "1e-999999999"}, id="filled a fraction that does"),
    pytest.param({"executedQty": "some"}, id="filled in words"),
    pytest.param({"cummulativeQuoteQty": "NaN"}, id="quote NaN"),
    pytest.param({"cummulativeQuoteQty": "-1"}, id="quote below zero"),
]


@pytest.mark.parametrize("source", [Source.ORDER, Source.ALL_ORDERS])
@pytest.mark.parametrize("fields", UNREADABLE_FIELDS)
async def test_a_malformed_order_is_not_evidence(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, fields: dict[str, object]
) -> None:
    shown = SHOWN | fields
    found = await query(exchange, client, source, ok(shown if source is Source.ORDER else [shown]))
    assert (found.failed, found.report) == (True, None)
    assert found.odd


@pytest.mark.parametrize("fields", [{"qty": "NaN"}, {"qty": "-1"}, {"quoteQty": "Infinity"}, {"orderId": ""}])
async def test_malformed_fills_are_not_evidence(
    exchange: ScriptedExchange, client: MexcExchange, fields: dict[str, object]
) -> None:
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE | fields, TRADE | {"id": "2"}]))
    assert (found.failed, found.report) == (True, None)


async def test_invalid_utf_8_is_not_evidence(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.ORDER, http(200, b'{"orderId":"\xff","status":"NEW"}'))
    assert found.failed


async def test_another_orders_state_does_not_count_as_ours(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.ORDER, ok(ANOTHER))
    assert (found.failed, found.report) == (True, None)
    assert CLIENT_ORDER_ID in found.answered
    assert "web_1" in str(found.odd)


@pytest.mark.parametrize(
    "near",
    [ORDER_ID[:-1], f"{ORDER_ID[:-1]}G-1", CLIENT_ORDER_ID.lower(), "web_1", "", None],
    ids=["cut", "the next order's", "lower case", "another's", "empty", "null"],
)
async def test_only_our_order_is_found_in_a_list(
    exchange: ScriptedExchange, client: MexcExchange, near: str | None
) -> None:
    found = await query(exchange, client, Source.ALL_ORDERS, ok([SHOWN | {"clientOrderId": near}]))
    assert (found.failed, found.report) == (False, None)


# --- an order has two names

PLACED_AS = SHOWN["orderId"]
NAMES = [
    pytest.param(None, id="null"),
    pytest.param("", id="empty"),
    pytest.param(f"x-{CLIENT_ORDER_ID}", id="prefixed"),
    pytest.param(ORDER_ID[:10], id="cut"),
    pytest.param("web_1", id="another"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", list(Source))
async def test_a_row_with_mexcs_order_id_is_ours_with_any_client_order_id(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, name: str | None
) -> None:
    mine, another, _ = _entries(source)
    shown = mine | {"clientOrderId": name}
    is_list = source in LISTS
    answer = ok([another, shown] if is_list else shown)
    found = await query(exchange, client, source, answer, exchange_order_id=PLACED_AS)
    assert found.report is not None
    assert (found.report.exchange_order_id, found.failed, found.odd) == (PLACED_AS, False, None)


@pytest.mark.parametrize("source", LISTS)
@pytest.mark.parametrize(
    "name", [f"{ORDER_ID}-9", f"{ORDER_ID}-10", f"{ORDER_ID}-99999", f"api_{ORDER_ID}-2", ORDER_ID]
)
async def test_a_row_that_any_attempt_of_the_order_placed_is_ours(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, name: str
) -> None:
    """A backup may know fewer attempts than were made."""
    mine, another, _ = _entries(source)
    found = await query(exchange, client, source, ok([another, mine | {"clientOrderId": name}]))
    assert found.report is not None
    assert (found.report.exchange_order_id, found.report.client_order_id) == (PLACED_AS, name)


async def test_of_several_attempts_the_last_one_counts(exchange: ScriptedExchange, client: MexcExchange) -> None:
    first = SHOWN | {"clientOrderId": f"{ORDER_ID}-1", "orderId": "C02__1"}
    second = SHOWN | {"clientOrderId": f"{ORDER_ID}-2", "orderId": "C02__2"}
    asked = {"attempts": 2, "client_order_id": f"{ORDER_ID}-2"}
    found = await query(exchange, client, Source.ALL_ORDERS, ok([first, second]), **asked)
    assert found.report is not None
    assert found.report.exchange_order_id == "C02__2"


async def test_an_order_is_queried_by_mexcs_order_id(exchange: ScriptedExchange, client: MexcExchange) -> None:
    await query(exchange, client, Source.ORDER_ID, ok(SHOWN), exchange_order_id=PLACED_AS)
    await query(exchange, client, Source.ORDER, ok(SHOWN), exchange_order_id=PLACED_AS)
    by_its_id, by_ours = (request.parameters for request in exchange.requests(ORDER))
    assert (by_its_id["orderId"], by_ours["origClientOrderId"]) == (PLACED_AS, CLIENT_ORDER_ID)
    assert "origClientOrderId" not in by_its_id
    assert "orderId" not in by_ours


# --- rows of other orders

ODD_ROWS = [
    pytest.param(ANOTHER | {"executedQty": ""}, id="amount empty"),
    pytest.param(ANOTHER | {"executedQty": "1,000.5"}, id="amount with thousands set apart"),
    pytest.param(ANOTHER | {"status": {}}, id="a state that is none"),
    pytest.param(ANOTHER | {"orderId": ["C02__2"]}, id="order id in a list"),
    pytest.param(ANOTHER | {"clientOrderId": 7}, id="client order id as number"),
    pytest.param(ANOTHER_TRADE | {"qty": ""}, id="fill empty"),
    pytest.param(17, id="a number"),
    pytest.param(None, id="null"),
]


@pytest.mark.parametrize("odd", ODD_ROWS)
@pytest.mark.parametrize("source", LISTS)
async def test_an_odd_row_of_another_order_is_skipped_and_hides_nothing(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, odd: object
) -> None:
    mine, another, _ = _entries(source)
    found = await query(exchange, client, source, ok([odd, another, mine]))
    assert found.report is not None
    assert not found.failed
    found = await query(exchange, client, source, ok([odd, another]), symbol="ETHUSDT")
    assert (found.report, found.failed) == (None, False)


async def test_skipped_rows_are_recorded(exchange: ScriptedExchange, client: MexcExchange) -> None:
    odd = ANOTHER | {"executedQty": "1,000.5"}
    found = await query(exchange, client, Source.ALL_ORDERS, ok([odd, ANOTHER, {}, SHOWN, 17]))
    assert len(found.passed_over) == 2
    assert "1,000.5" in found.passed_over[0]


@pytest.mark.parametrize("source", [Source.ALL_ORDERS, Source.MY_TRADES])
async def test_an_odd_row_of_ours_does_not_count_as_not_found(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    mine, another, _ = _entries(source)
    found = await query(exchange, client, source, ok([another, mine | {"executedQty": {}, "qty": {}}]))
    assert (found.report, found.failed) == (None, True)
    assert found.odd


# --- contradictions to the sent order


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"symbol": "ETHUSDT"}, "ETHUSDT", id="another symbol"),
        pytest.param({"side": "SELL", "isBuyer": False}, "SELL", id="another side"),
        pytest.param({"orderId": "C02__999"}, "C02__999", id="another order id than it was placed with"),
    ],
)
@everywhere
async def test_a_row_that_contradicts_the_sent_order_is_not_evidence(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, fields: dict[str, object], said: str
) -> None:
    mine = _entries(source)[0] | fields
    answer = ok([mine] if source in LISTS else mine)
    found = await query(exchange, client, source, answer, exchange_order_id=PLACED_AS)
    assert (found.report, found.failed) == (None, True)
    assert said in str(found.odd)
    assert said in found.answered


@pytest.mark.parametrize("client_order_id", [None, CLIENT_ORDER_ID], ids=["null", "ours"])
@pytest.mark.parametrize("source", [Source.ORDER, Source.ORDER_ID, Source.OPEN_ORDERS, Source.ALL_ORDERS])
async def test_an_order_with_another_quantity_is_not_evidence(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, client_order_id: str | None
) -> None:
    shown = SHOWN | {"origQty": "999", "status": "FILLED", "clientOrderId": client_order_id}
    answer = ok([shown] if source in LISTS else shown)
    found = await query(exchange, client, source, answer, exchange_order_id=PLACED_AS)
    assert (found.report, found.failed) == (None, True)
    assert "999" in str(found.odd)


@pytest.mark.parametrize("quantity", ["1", "1.000", 1, "0", "", None], ids=str)
async def test_a_missing_or_equal_quantity_is_no_contradiction(
    exchange: ScriptedExchange, client: MexcExchange, quantity: object
) -> None:
    found = await query(exchange, client, Source.ORDER, ok(SHOWN | {"origQty": quantity}))
    assert (found.report, found.odd) == (reported(), None)


@pytest.mark.parametrize("amounts", [{"quantity": Decimal(1)}, {"quantity": None, "quote_quantity": Decimal(11)}])
async def test_a_market_order_can_show_another_quantity_than_was_sent(
    exchange: ScriptedExchange, client: MexcExchange, amounts: dict[str, Any]
) -> None:
    """MEXC turns it into another order with its own quantity (library); the order id identifies it."""
    sent = {"type": OrderType.MARKET, "price": None, "exchange_order_id": PLACED_AS} | amounts
    found = await query(exchange, client, Source.ORDER_ID, ok(SHOWN | {"origQty": "10.83"}), **sent)
    assert (found.report, found.odd) == (reported(quantity=Decimal("10.83")), None)


# --- states that MEXC does not document


@pytest.mark.parametrize(
    ("status", "executed", "state"),
    [
        pytest.param("SETTLED", "0", State.OPEN, id="an unknown word: it exists"),
        pytest.param("SETTLED", "0.5", State.OPEN, id="an unknown word, partly filled"),
        pytest.param("SETTLED", "1", State.FILLED, id="an unknown word, all of it filled"),
        pytest.param("CANCELLED", "0", State.CANCELED, id="another spelling"),
        pytest.param("REJECTED", "0", State.CANCELED, id="rejected"),
        pytest.param("EXPIRED", "0.5", State.CANCELED, id="expired"),
        pytest.param("PENDING_CANCEL", "0", State.OPEN, id="on its way to an end"),
        pytest.param(None, "0", State.OPEN, id="null"),
        pytest.param(2, "0", State.OPEN, id="a number"),
    ],
)
@pytest.mark.parametrize("source", [Source.ORDER, Source.ALL_ORDERS])
async def test_an_order_in_an_undocumented_state_exists_and_has_ended_if_that_is_clear(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, status: object, executed: str, state: State
) -> None:
    shown = SHOWN | {"status": status, "executedQty": executed}
    found = await query(exchange, client, source, ok([shown] if source in LISTS else shown))
    assert found.report == reported(executed, state=state)
    assert repr(str(status)) in str(found.odd)


# --- fills


async def test_a_fill_that_is_shown_twice_counts_once(exchange: ScriptedExchange, client: MexcExchange) -> None:
    second = TRADE | {"id": "another fill", "qty": "0.5", "quoteQty": "5.5"}
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE, second, TRADE]))
    assert found.report == reported("0.75", "8.25", state=State.PARTIALLY_FILLED)


@pytest.mark.parametrize("missing", [{"quoteQty": None}, {"quoteQty": "0"}, {"quoteQty": ""}], ids=str)
async def test_the_value_of_a_fill_is_computed_if_it_is_missing(
    exchange: ScriptedExchange, client: MexcExchange, missing: dict[str, object]
) -> None:
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE | missing]))
    assert found.report == reported("0.25", "2.75", state=State.PARTIALLY_FILLED)


async def test_all_fills_without_an_id_count(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE | {"id": None}] * 2))
    assert found.report == reported("0.5", "5.5", state=State.PARTIALLY_FILLED)


FEE = {"commission": "0.0013750000", "commissionAsset": "MX", "isMaker": True, "time": 1644489390000}


async def test_a_fill_is_read_with_its_fee_to_the_last_digit(exchange: ScriptedExchange, client: MexcExchange) -> None:
    found = await query(exchange, client, Source.MY_TRADES, ok([ANOTHER_TRADE, TRADE | FEE, TRADE | FEE]))
    [fill] = found.fills
    assert fill == Fill(
        symbol="BTCUSDT",
        trade_id="fad2af9e942049b6adbda1a271f990c6",
        order_id=ORDER_ID,
        at_ms=1644489390000,
        price=Decimal(11),
        quantity=Decimal("0.25"),
        quote=Decimal("2.75"),
        fee=Decimal("0.001375"),
        fee_asset="MX",
        is_maker=True,
    )


@pytest.mark.parametrize(
    ("shown", "fee"), [("-0.5", Decimal("-0.5")), (0, Decimal(0)), (1e-07, Decimal("0.0000001"))], ids=str
)
async def test_a_fee_may_be_a_rebate_nothing_or_a_number(
    exchange: ScriptedExchange, client: MexcExchange, shown: object, fee: Decimal
) -> None:
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE | {"commission": shown}]))
    assert [fill.fee for fill in found.fills] == [fee]


@pytest.mark.parametrize(
    "fields",
    [
        {"id": None}, {"id": ""}, {"price": "0"}, {"qty": "0"}, {"commission": None}, {"commission": "a little"},
        {"commission": True}, {"commission": "NaN"}, {"commission": "1e999999"}, {"commissionAsset": None},
        {"commissionAsset": ""}, {"commissionAsset": 7}, {"time": None}, {"time": "now"}, {"time": 0},
        {"time": 1 << 60},
    ],
    ids=str,
)  # fmt: skip
async def test_a_trade_that_does_not_state_all_of_a_fill_is_a_report_and_no_fill(
    exchange: ScriptedExchange, client: MexcExchange, fields: dict[str, object]
) -> None:
    second = TRADE | {"id": "2"}
    found = await query(exchange, client, Source.MY_TRADES, ok([TRADE | fields, second]))
    assert found.report is not None
    assert [fill.trade_id for fill in found.fills] == ["2"]


async def test_trades_that_a_full_list_cuts_off_are_asked_for_by_the_orders_id(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    full = [ANOTHER_TRADE] * 99
    exchange.on(MY_TRADES, ok([*full, TRADE]), ok([TRADE, TRADE | {"id": "2"}]))
    placed = an_order(exchange_order_id=TRADE["orderId"], executed_quantity=Decimal("0.5"))
    found = await client.query(placed, Source.MY_TRADES, BEGIN_MS)
    assert [fill.trade_id for fill in found.fills] == [TRADE["id"], "2"]
    assert exchange.requests(MY_TRADES)[1].parameters["orderId"] == TRADE["orderId"]


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        pytest.param({"executed_quantity": Decimal("0.25")}, [ANOTHER_TRADE] * 99 + [TRADE], id="it has all"),
        pytest.param({"executed_quantity": Decimal("0.5")}, [TRADE], id="it is not full"),
        pytest.param({"exchange_order_id": None}, [ANOTHER_TRADE] * 99 + [TRADE], id="the id is not known"),
    ],
)
async def test_a_list_of_trades_is_enough(
    exchange: ScriptedExchange, client: MexcExchange, changes: dict[str, Any], answer: list[object]
) -> None:
    exchange.on(MY_TRADES, ok(answer))
    placed = an_order(**{"exchange_order_id": TRADE["orderId"]} | changes)
    found = await client.query(placed, Source.MY_TRADES, BEGIN_MS)
    assert [fill.trade_id for fill in found.fills] == [TRADE["id"]]
    assert len(exchange.requests(MY_TRADES)) == 1


async def test_an_order_of_more_than_a_week_ago_is_asked_for_by_its_id(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    """A list that begins so long ago was seen to be empty."""
    exchange.on(MY_TRADES, ok([]), ok([TRADE]))
    sent_ms = BEGIN_MS - 8 * 86_400_000
    found = await client.query(
        an_order(exchange_order_id=TRADE["orderId"], sent_ms=sent_ms), Source.MY_TRADES, BEGIN_MS
    )
    assert [fill.trade_id for fill in found.fills] == [TRADE["id"]]


async def test_the_trades_of_an_order_that_has_more_than_a_page_are_read_page_by_page(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    trades = [TRADE | {"id": str(number), "time": BEGIN_MS - number * 1_000} for number in range(250)]
    pages = [ok(trades[first : first + 100]) for first in (0, 0, 99, 198)]  # the list, then the order's own
    exchange.on(MY_TRADES, *pages)
    placed = an_order(exchange_order_id=TRADE["orderId"], quantity=None, executed_quantity=Decimal("62.5"))
    found = await client.query(placed, Source.MY_TRADES, BEGIN_MS)
    assert sorted(int(fill.trade_id) for fill in found.fills) == [*range(250)]
    ends = [each.parameters.get("endTime") for each in exchange.requests(MY_TRADES)]
    assert ends == [None, None, str(BEGIN_MS - 99_000 + 999), str(BEGIN_MS - 198_000 + 999)]


async def test_pages_that_show_nothing_new_end_the_reading(exchange: ScriptedExchange, client: MexcExchange) -> None:
    page = [TRADE | {"id": str(number)} for number in range(100)]
    exchange.on(MY_TRADES, ok(page))
    placed = an_order(exchange_order_id=TRADE["orderId"], quantity=None, executed_quantity=Decimal("62.5"))
    assert len((await client.query(placed, Source.MY_TRADES, BEGIN_MS)).fills) == 100
    assert len(exchange.requests(MY_TRADES)) == 3


async def test_a_list_that_begins_more_than_a_week_ago_is_not_used_for_a_later_order(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(MY_TRADES, ok([]), ok([]), ok([TRADE]))
    old = an_order(exchange_order_id="C02__9", sent_ms=BEGIN_MS - 8 * 86_400_000)
    await client.query(old, Source.MY_TRADES, BEGIN_MS)
    found = await client.query(an_order(exchange_order_id=TRADE["orderId"]), Source.MY_TRADES, BEGIN_MS)
    assert [fill.trade_id for fill in found.fills] == [TRADE["id"]]


async def test_a_full_list_stays_no_negative_if_the_orders_own_trades_are_not_shown(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(MY_TRADES, ok([ANOTHER_TRADE] * 100), ok([]))
    found = await client.query(an_order(exchange_order_id=TRADE["orderId"]), Source.MY_TRADES, BEGIN_MS)
    assert (found.failed, found.report) == (True, None)


# --- further results of a query


async def test_a_query_without_a_reply_did_not_reach_the_exchange(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    assert not (await query(exchange, client, Source.ORDER, HANG_UP)).reached
    assert (await query(exchange, client, Source.ORDER, bad(500, status=500))).reached


@everywhere
@pytest.mark.parametrize(
    ("answer", "wait_ms"),
    [
        pytest.param(http(429, b"", Retry_After="7"), None, id="429: too many queries do not delay orders"),
        pytest.param(http(418, b"", Retry_After="600"), 600_000, id="418 as stated"),
        pytest.param(http(418, b""), 120_000, id="418 without a time"),
        pytest.param(http(503, b"", Retry_After="7"), None, id="503 is no limit of ours"),
        pytest.param(ok([]), None, id="an answer"),
    ],
)
async def test_a_query_returns_the_backoff_of_a_ban(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, answer: bytes, wait_ms: int | None
) -> None:
    found = await query(exchange, client, source, answer)
    assert found.retry_after_ms == wait_ms
    assert found.reached


@pytest.mark.parametrize("code", [700003, 10073])
async def test_a_query_refused_for_its_timestamp_triggers_a_clock_measurement(
    exchange: ScriptedExchange, client: MexcExchange, code: int
) -> None:
    """Otherwise every query until the next measurement would be refused, and no search could end."""
    exchange.on(TIME, ok({"serverTime": BEGIN_MS + 90_000}))
    exchange.on(ORDER, bad(code), NOT_FOUND)
    assert (await client.query(an_order(), Source.ORDER, BEGIN_MS)).failed
    assert not (await client.query(an_order(), Source.ORDER, BEGIN_MS)).failed
    assert [request.parameters["timestamp"] for request in exchange.requests(ORDER)] == [
        str(BEGIN_MS),
        str(BEGIN_MS + 90_000),
    ]


# --- one list for many orders


SECOND = {"client_order_id": CLIENT_ORDER_ID.replace("DEF-1", "XYZ-1"), "order_id": ORDER_ID.replace("DEF", "XYZ")}


@pytest.mark.parametrize("source", LISTS)
async def test_one_list_serves_every_order_of_its_pair(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    """After an outage many orders are in doubt at the same time; a list for each would use up the weight."""
    mine = _entries(source)[0]
    exchange.on(ENDPOINTS[source], ok([mine, mine | {"clientOrderId": SECOND["client_order_id"], "orderId": "C02__2"}]))
    first = await client.query(an_order(), source, BEGIN_MS)
    second = await client.query(an_order(**SECOND), source, BEGIN_MS)
    assert first.report is not None
    assert second.report is not None
    assert (first.report.exchange_order_id, second.report.exchange_order_id) == (mine["orderId"], "C02__2")
    assert len(exchange.requests()) == 1


@pytest.mark.parametrize("source", LISTS)
async def test_concurrent_queries_share_one_request(
    exchange: ScriptedExchange, client: MexcExchange, source: Source
) -> None:
    exchange.on(ENDPOINTS[source], ok([]))
    results = await gather(*(client.query(an_order(), source, BEGIN_MS) for _ in range(20)))
    assert not any(found.failed for found in results)
    assert len(exchange.requests()) == 1


@pytest.mark.parametrize(
    ("changes", "due_ms"),
    [
        pytest.param({"symbol": "ETHUSDT"}, BEGIN_MS, id="another pair"),
        pytest.param({}, BEGIN_MS + 1, id="a query that became due after the request"),
        pytest.param({"sent_ms": BEGIN_MS - 5_000}, BEGIN_MS, id="an order sent before the list begins"),
        pytest.param({"sent_ms": BEGIN_MS + 1}, BEGIN_MS, id="an order sent after the request"),
    ],
)
@pytest.mark.parametrize("source", LISTS)
async def test_a_list_that_cannot_contain_an_order_is_not_used_for_it(
    exchange: ScriptedExchange, client: MexcExchange, source: Source, changes: dict[str, Any], due_ms: int
) -> None:
    exchange.on(ENDPOINTS[source], ok([]))
    await client.query(an_order(), source, BEGIN_MS)
    await client.query(an_order(**changes), source, due_ms)
    assert len(exchange.requests()) == 2


@pytest.mark.parametrize("source", LISTS)
async def test_a_list_is_used_for_a_minute_at_most(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, source: Source
) -> None:
    exchange.on(ENDPOINTS[source], ok([]))
    await client.query(an_order(), source, 0)
    clock.advance(60_000)
    await client.query(an_order(), source, 0)
    assert len(exchange.requests()) == 2


async def test_a_shared_list_with_a_backoff_does_not_extend_the_backoff(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(OPEN_ORDERS, http(418, b"", Retry_After="7"))
    first = await client.query(an_order(), Source.OPEN_ORDERS, BEGIN_MS)
    clock.advance(5_000)
    second = await client.query(an_order(), Source.OPEN_ORDERS, BEGIN_MS)
    assert len(exchange.requests()) == 1
    until_ms = [found.at_ms + (found.retry_after_ms or 0) for found in (first, second)]
    assert until_ms == [BEGIN_MS + 7_000] * 2


async def test_the_order_itself_is_queried_every_time(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(ORDER, NOT_FOUND, ok(SHOWN))
    assert (await client.query(an_order(), Source.ORDER, BEGIN_MS)).report is None
    assert (await client.query(an_order(), Source.ORDER, BEGIN_MS)).report == reported()


# --- arbitrary replies


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["NEW", "FILLED", "1", "-1", "NaN", "1e500", "", CLIENT_ORDER_ID, "C02__1"]),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
ENTRIES = st.dictionaries(
    st.sampled_from(["orderId", "status", "clientOrderId", "executedQty", "cummulativeQuoteQty", "qty", "quoteQty"]),
    VALUES,
)


@given(body=st.binary(max_size=60) | st.lists(ENTRIES, max_size=3).map(lambda found: ok(found).split(b"\r\n\r\n")[1]))
@settings(max_examples=200, deadline=None)
def test_any_rows_are_an_exact_report_or_none_or_unreadable(body: bytes) -> None:
    for read in (order_rows.among_orders, order_rows.among_trades, order_rows.the_order):
        try:
            found = read(body, an_order()).report
        except UnreadableError:
            continue
        if found is not None:
            assert found.client_order_id in {CLIENT_ORDER_ID, "", None}
            assert found.exchange_order_id
            assert 0 <= found.executed_quantity < Decimal("1e40")
            assert 0 <= found.executed_quote < Decimal("1e40")


def _entries(source: Source) -> tuple[dict[str, object], dict[str, object], int]:
    """Return an entry of ours, an entry of another order, and the length of a full list."""
    return (TRADE, ANOTHER_TRADE, 100) if source is Source.MY_TRADES else (SHOWN, ANOTHER, 1_000)
