"""The meaning of a reply to an order request.

The table here was written from the exchange's documentation and from observation, independently of the client's table:
a reply is a refusal only if both agree. In every other case the order may have been executed. ``PUBLISHED`` is MEXC's
complete list.
"""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.core.values.exchange_replies import Advice, Answer, Placed, Refused, Unclear
from daemon.exchange.mexc.codes import ABOUT_RULES, ADVICE, SERVER_CODES, TABLE, UNKNOWN_CODES, Source
from daemon.exchange.mexc.replies import MAX_RAW, envelope, placed_or_not, raw
from daemon.simulator.errors import Code, Refusal
from daemon.simulator.messages import Reply

ASKED = "POST /api/v3/order?symbol=BTCUSDT"

RETRY, WAIT, REPRICE, STOP, FUNDS = Advice.RETRY, Advice.WAIT, Advice.REPRICE, Advice.STOP, Advice.CHECK_FUNDS
DEAD, ALERT, RESYNC, HALT = Advice.DEAD_LETTER, Advice.ALERT, Advice.RESYNC, Advice.HALT

REFUSED = [
    (30001, RETRY, "direction not allowed: not open yet"),
    (10007, RETRY, "symbol not supported by the API"),
    (30016, RETRY, "trading disabled"),
    (30000, RETRY, "trading suspended"),
    (30014, RETRY, "invalid symbol"),
    (30021, RETRY, "invalid symbol"),
    (-1121, RETRY, "invalid symbol"),
    (730001, RETRY, "invalid symbol"),
    (10232, RETRY, "currency does not exist"),
    (30025, RETRY, "no opponent order"),
    (11444, RETRY, "feature temporarily unavailable"),
    (30010, REPRICE, "price out of range"),
    (30087, REPRICE, "outside the percent band"),
    (30018, STOP, "market orders disabled, or the account cannot order"),
    (30019, STOP, "API market orders disabled"),
    (30051, STOP, "API market orders disabled"),
    (30041, STOP, "this type is not allowed"),
    (30069, STOP, "refused, without a published meaning"),
    (30004, FUNDS, "insufficient balance"),
    (10101, FUNDS, "insufficient balance"),
    (30005, FUNDS, "oversold"),
    (30002, DEAD, "below the minimum"),
    (88013, DEAD, "below the minimum"),
    (30003, DEAD, "above the maximum"),
    (10095, DEAD, "parameter"),
    (10096, DEAD, "parameter"),
    (10097, DEAD, "parameter"),
    (10102, DEAD, "parameter"),
    (33333, DEAD, "parameter"),
    (44444, DEAD, "parameter"),
    (-1128, DEAD, "parameter combination"),
    (700004, DEAD, "mandatory parameter"),
    (700008, DEAD, "illegal characters in a parameter"),
    (730002, DEAD, "parameter"),
    (10222, DEAD, "currency null"),
    (20001, DEAD, "subsystem not supported"),
    (30020, ALERT, "no permission for the symbol"),
    (70011, ALERT, "no permission for the symbol"),
    (30027, ALERT, "position limit"),
    (30028, ALERT, "sell limit"),
    (30029, ALERT, "order limit"),
    (30032, ALERT, "position exceeded"),
    (26, ALERT, "operation not allowed"),
    (10098, ALERT, "risk control"),
    (60005, ALERT, "account abnormal"),
    (10001, ALERT, "user does not exist"),
    (10004, ALERT, "refused, without a published meaning"),
    (10015, ALERT, "user id null"),
    (10099, ALERT, "sub-account not open"),
    (140001, ALERT, "sub-account unknown"),
    (140002, ALERT, "sub-account forbidden"),
    (200006, ALERT, "refused, without a published meaning"),
    (200010, ALERT, "refused, without a published meaning"),
    (730003, ALERT, "operation not supported"),
    (730100, ALERT, "unusual user status"),
    (700003, RESYNC, "timestamp outside recvWindow"),
    (10073, RESYNC, "timestamp"),
    (700001, HALT, "key format"),
    (700002, HALT, "signature"),
    (700005, HALT, "recvWindow too long"),
    (700006, HALT, "address not allowed"),
    (700007, HALT, "no permission for the endpoint"),
    (700013, HALT, "content type"),
    (602, HALT, "signature"),
    (10072, HALT, "key"),
    (400, HALT, "key missing"),
    (401, HALT, "unauthorised"),
    (402, HALT, "key expired"),
]
LIMITED = 429
"""The gateway's only code for rate limits; the reply contains a backoff."""
LISTED = {code: advice for code, advice, _ in REFUSED} | {LIMITED: WAIT}
SERVER = {500, 503, 504, 20002, 10203}
"""Codes for which MEXC documents that the execution status is unknown."""
NO_ANSWER_TO_AN_ORDER = {
    10100, 10103, 10200, 10201, 10202, 10206, 10211, 10212, 10216, 10219, 10259, 10265, 10268,
    730101, 730600, 730601, 730602, 730700, 730701, 730702, 730703, 730704, 730705, 730706, 730707,
}  # fmt: skip
"""Published codes of transfers, withdrawals, sub-accounts and keys."""
UNKNOWN = SERVER | NO_ANSWER_TO_AN_ORDER | {403, 730000, 22222, 30026, -2010, -2011, -2013}
PUBLISHED = NO_ANSWER_TO_AN_ORDER | {
    -2011, 26, 400, 401, 403, 429, 500, 503, 504, 602, 10001, 10007, 10015, 10072, 10073, 10095, 10096, 10097, 10098,
    10099, 10101, 10102, 10222, 10232, 11444, 20001, 20002, 22222, 30000, 30001, 30002, 30003, 30004, 30005, 30010,
    30014, 30016, 30018, 30019, 30020, 30021, 30025, 30026, 30027, 30028, 30029, 30032, 30041, 33333, 44444, 60005,
    70011, 140001, 140002, 700001, 700002, 700003, 700004, 700005, 700006, 700007, 700008, 730000, 730001, 730002,
    730003, 730100,
}  # fmt: skip
"""MEXC's list of error codes, as published in 2026."""


def read(status: int, body: object, retry_after_ms: int | None = None) -> Answer:
    raw_body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return placed_or_not(status, raw_body, retry_after_ms, ASKED)


def test_exactly_the_listed_codes_are_refusals() -> None:
    assert ADVICE == LISTED
    assert UNKNOWN_CODES == UNKNOWN
    assert SERVER_CODES == SERVER


def test_every_row_of_the_table_has_its_code_once_and_a_meaning() -> None:
    assert len({row.code for row in TABLE}) == len(TABLE)
    assert all(row.says for row in TABLE)


def test_every_published_code_has_a_row_and_every_other_row_names_its_source() -> None:
    assert {row.code for row in TABLE if row.source is Source.DOC} == PUBLISHED


def test_the_simulated_exchange_can_answer_with_every_code_of_the_table() -> None:
    assert {row.code for row in TABLE} <= {code.value for code in Code}


@pytest.mark.parametrize("code", sorted(LISTED))
def test_a_refusal_of_the_simulated_exchange_is_read_as_one(code: int) -> None:
    reply = Reply.refusing(Refusal(Code(code)))
    answer = read(reply.status, reply.body)
    assert isinstance(answer, Refused)
    assert answer.advice is LISTED[code]


# --- refused


@pytest.mark.parametrize("status", [400, 200, 401])
@pytest.mark.parametrize(
    ("code", "advice"), [pytest.param(code, advice, id=f"{code} {why}") for code, advice, why in REFUSED]
)
def test_a_listed_code_is_a_refusal_with_its_advice(code: int, advice: Advice, status: int) -> None:
    answer = read(status, {"code": code, "msg": "so it is", "_extend": None})
    assert isinstance(answer, Refused)
    assert (answer.advice, answer.code, answer.message) == (advice, str(code), "so it is")
    assert answer.asked == ASKED
    assert answer.answered.startswith(f"HTTP {status} {{")
    assert answer.retry_after_ms is None
    assert answer.price_cap is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"code":30001,"msg":"no"}', id="a number"),
        pytest.param(b'{"code":"30001","msg":"no"}', id="a string"),
        pytest.param(b'{"msg":"no","code":30001,"_extend":{"a":[1,{}]}}', id="with unknown fields"),
        pytest.param(b' \n{"code":30001,"msg":"no"} \n', id="between spaces"),
    ],
)
def test_a_code_can_be_a_number_or_a_string(body: bytes) -> None:
    answer = read(400, body)
    assert isinstance(answer, Refused)
    assert (answer.advice, answer.message) == (RETRY, "no")


@pytest.mark.parametrize("status", [400, 200, 401])
@pytest.mark.parametrize(("stated_ms", "waits_ms"), [(None, 2_000), (7_000, 7_000)])
def test_the_rate_limit_code_has_a_backoff(status: int, stated_ms: int | None, waits_ms: int) -> None:
    answer = read(status, {"code": LIMITED, "msg": "Too Many Requests"}, stated_ms)
    assert isinstance(answer, Refused)
    assert (answer.advice, answer.retry_after_ms, answer.code) == (WAIT, waits_ms, "429")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"code":%d,"msg":"no","orderId":"C02__1"}', id="beside the code"),
        pytest.param(b'{"code":%d,"msg":"no","orderId":17}', id="as a number"),
        pytest.param(b'{"code":%d,"msg":"no","orderId":"\\u0043"}', id="written with an escape"),
        pytest.param(b'{"code":%d,"data":{"orderId":"C02__1"}}', id="within data"),
        pytest.param(b'{"code":%d,"data":"{\\"orderId\\":\\"C02__1\\"}"}', id="JSON quoted within JSON"),
        pytest.param(b'{"code":%d,"orderId" : "C02__1","torn', id="in an answer that is cut off"),
    ],
)
@pytest.mark.parametrize("code", [LIMITED, 30001, 700002, 30004])
@pytest.mark.parametrize("status", [429, 418, 400, 200])
def test_a_reply_that_names_an_order_is_never_a_refusal(status: int, code: int, body: bytes) -> None:
    answer = read(status, body % code, 7_000)
    assert isinstance(answer, Unclear)
    assert answer.retry_after_ms == (
        7_000 if status in {429, 418} or (code == LIMITED and b"torn" not in body) else None
    )


@pytest.mark.parametrize("order_id", [b'""', b"null"], ids=["empty", "null"])
def test_an_order_id_without_content_names_no_order(order_id: bytes) -> None:
    answer = read(429, b'{"code":429,"orderId":%s,"orderListId":-1,"clientOrderId":"x"}' % order_id)
    assert isinstance(answer, Refused)


@pytest.mark.parametrize("body", [b'{"code":30001}', b'{"code":30001,"msg":null}'], ids=["absent", "null"])
def test_a_refusal_needs_no_message(body: bytes) -> None:
    answer = read(400, body)
    assert isinstance(answer, Refused)
    assert answer.message == ""


@pytest.mark.parametrize(
    ("status", "default_ms"), [(429, 2_000), (418, 120_000)], ids=["429 too many requests", "418 banned"]
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>slow down</html>", b'{"code":429,"msg":"Too Many Requests"}', b'{"code":500}', b'{"code":700002}'],
    ids=["nothing", "HTML", "JSON", "a code of unknown status", "a code of another refusal"],
)
def test_the_rate_limit_status_is_a_refusal_with_a_backoff(status: int, default_ms: int, body: bytes) -> None:
    for stated_ms, waits_ms in ((None, default_ms), (7_000, 7_000), (0, 0)):
        answer = read(status, body, stated_ms)
        assert isinstance(answer, Refused)
        assert (answer.advice, answer.retry_after_ms, answer.code) == (Advice.WAIT, waits_ms, str(status))


# --- unknown


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("code", sorted(UNKNOWN))
def test_a_code_of_unknown_status_is_an_unknown_outcome(code: int, status: int) -> None:
    assert isinstance(read(status, {"code": code, "msg": "busy"}), Unclear)


@pytest.mark.parametrize("status", [403, 500, 501, 502, 503, 504, 520, 524, 599, 100, 101, 301, 302, 307, 308])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html><head><title>403 Forbidden</title></head></html>", id="HTML"),
        pytest.param(b'{"code":30001,"msg":"no"}', id="a listed refusal"),
        pytest.param(b'{"code":700002,"msg":"signature"}', id="a listed refusal of the key"),
        pytest.param(b'{"symbol":"BTCUSDT","orderId":"C02__1"}', id="a placed order"),
    ],
)
def test_a_status_without_information_about_execution_is_an_unknown_outcome_with_any_body(
    status: int, body: bytes
) -> None:
    assert isinstance(read(status, body), Unclear)


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b'{"msg":"ok"}', id="a message alone"),
        pytest.param(b'{"code":', id="truncated"),
        pytest.param(b'{"code":30001}{"code":30001}', id="two answers"),
        pytest.param(b'[{"code":30001}]', id="a list"),
        pytest.param(b"30001", id="a bare number"),
        pytest.param(b'"30001"', id="a bare string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"<html>30001</html>", id="HTML"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b'{"code":30001,"msg":"\xff"}', id="a message that is no UTF-8"),
        pytest.param(b'{"code":30001,"msg":["no"]}', id="a message that is no text"),
        pytest.param(b'{"code":null,"msg":"no"}', id="null as code"),
        pytest.param(b'{"code":true}', id="a truth as code"),
        pytest.param(b'{"code":[30001]}', id="a list as code"),
        pytest.param(b'{"code":30001.5}', id="a fraction as code"),
        pytest.param(b'{"code":1e400}', id="infinity as code"),
        pytest.param(b'{"code":"30001 or so"}', id="words as code"),
        pytest.param(b'{"code":"30_001"}', id="an underscore in the code, as Python writes numbers"),
        pytest.param(b'{"code":" 30001"}', id="a space before the code"),
        pytest.param('{"code":"\N{FULLWIDTH DIGIT THREE}0001"}'.encode(), id="digits of another script"),
        pytest.param(b'{"code":""}', id="an empty code"),
        pytest.param(b'{"code":%s}' % (b"3" * 5_000), id="a code of thousands of digits"),
        pytest.param(b'{"code":"%s"}' % (b"3" * 5_000), id="a string of thousands of digits"),
        pytest.param(b'{"code":30001,"_extend":%s}' % (b"[" * 100_000 + b"]" * 100_000), id="deeply nested"),
        pytest.param(b'{"code":12345,"msg":"unheard of"}', id="an unlisted code"),
        pytest.param(b'{"code":-2013,"msg":"Order does not exist."}', id="the code of an unknown order"),
        pytest.param(b'{"code":-2011,"msg":"Unknown order sent."}', id="a cancel's code"),
        pytest.param(b'{"code":0}', id="success without an order"),
        pytest.param(b'{"code":200,"msg":"success","data":{}}', id="success in an envelope without an order"),
        pytest.param(b'{"orderId":""}', id="an empty order id"),
        pytest.param(b'{"orderId":null}', id="null as order id"),
        pytest.param(b'{"orderId":["C02__1"]}', id="a list as order id"),
        pytest.param(b'{"code":30001,"msg":"no","orderId":"C02__1"}', id="a refusal that names an order"),
        pytest.param(b'{"code":12345,"orderId":"C02__1"}', id="an unlisted code that names an order"),
    ],
)
def test_everything_but_a_listed_refusal_and_a_placed_order_is_an_unknown_outcome(status: int, body: bytes) -> None:
    answer = read(status, body)
    assert isinstance(answer, Unclear)
    assert answer.why
    assert answer.asked == ASKED
    assert answer.answered.startswith(f"HTTP {status} ")
    assert len(answer.answered) <= MAX_RAW + len("HTTP 200 …")


@pytest.mark.parametrize("code", [700004, 700008, 30001, 10102])
@pytest.mark.parametrize(
    "message",
    [
        "Duplicate clientOrderId",
        "duplicated order",
        "newClientOrderId already exists",
        "Order already exist.",
        "repeat submission",
        "client order id is already in use",
        "clientOrderId has already been used",
        "clientOrderId must be unique",
        "客户订单号重复",
    ],
)
def test_a_refusal_that_mentions_a_duplicate_is_an_unknown_outcome(code: int, message: str) -> None:
    """MEXC's treatment of a used client order id is undocumented: an order of ours may exist, so it is searched."""
    assert isinstance(read(400, {"code": code, "msg": message}), Unclear)


# --- placed


@pytest.mark.parametrize(
    ("body", "order_id"),
    [
        pytest.param(
            {
                "symbol": "BTCUSDT",
                "orderId": "C02__342252993005723644225",
                "orderListId": -1,
                "price": "11",
                "origQty": "1",
                "type": "LIMIT",
                "side": "BUY",
                "transactTime": 1644489390087,
            },
            "C02__342252993005723644225",
            id="as observed",
        ),
        pytest.param({"orderId": "1"}, "1", id="nothing but the id"),
        pytest.param({"orderId": 342252993005723644225}, "342252993005723644225", id="a number longer than 64 bits"),
        pytest.param({"code": 0, "orderId": "1"}, "1", id="code 0"),
        pytest.param({"code": 200, "msg": "success", "orderId": "1"}, "1", id="code 200"),
    ],
)
def test_an_order_id_in_a_success_is_a_placed_order(body: object, order_id: str) -> None:
    answer = read(200, body)
    assert isinstance(answer, Placed)
    assert answer.exchange_order_id == order_id
    assert answer.asked == ASKED
    assert answer.answered == f"HTTP 200 {json.dumps(body)}"


# --- the price cap


@pytest.mark.parametrize(
    ("message", "cap"),
    [
        pytest.param("Order price cannot exceed 0.05USDT", "0.05", id="as observed"),
        pytest.param("order price cannot exceed 12", "12", id="a whole number"),
        pytest.param("Order price CANNOT EXCEED  0.000000123 USDC.", "0.000000123", id="spaces, capitals, full stop"),
        pytest.param("Order price cannot exceed 0.05. Try again.", "0.05", id="the end of a sentence"),
        pytest.param("Order price cannot exceed 0.05EUR", "0.05", id="a unit that begins like an exponent"),
        pytest.param("Order price cannot exceed 1,234.5USDT", None, id="thousands separators: not to be read as 1"),
        pytest.param("Order price cannot exceed 1e-7USDT", None, id="an exponent: not to be read as 1"),
        pytest.param("Order price cannot exceed 1E+2", None, id="a large exponent"),
        pytest.param("Order price cannot exceed -1USDT", None, id="negative"),
        pytest.param("Order price cannot exceed 0USDT", None, id="zero is no price"),
        pytest.param("Order price cannot exceed .05USDT", None, id="no digit before the point"),
        pytest.param("Order price cannot exceed the limit", None, id="no number"),
        pytest.param("Order price cannot be below 0.05USDT", None, id="a floor is no cap"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_price_cap_is_read_only_in_its_exact_form(message: str, cap: str | None) -> None:
    answer = read(400, {"code": 30010, "msg": message})
    assert isinstance(answer, Refused)
    assert answer.advice is REPRICE
    assert answer.price_cap == (None if cap is None else Decimal(cap))


@pytest.mark.parametrize("code", sorted(ABOUT_RULES))
def test_a_refusal_about_the_pair_makes_its_rules_stale(code: int) -> None:
    answer = read(400, {"code": code, "msg": "so it is"})
    assert isinstance(answer, Refused)
    assert answer.doubts_rules


def test_too_many_decimals_make_the_pairs_rules_stale_and_do_not_concern_the_key() -> None:
    answer = read(400, {"code": 400, "msg": " quantity scale is invalid"})
    assert isinstance(answer, Refused)
    assert (answer.advice, answer.doubts_rules) == (Advice.DEAD_LETTER, True)


@pytest.mark.parametrize("code", [30001, 30004, 10101, 700003, 400])
def test_another_refusal_makes_no_rules_stale(code: int) -> None:
    answer = read(400, {"code": code, "msg": "so it is"})
    assert isinstance(answer, Refused)
    assert not answer.doubts_rules


def test_a_cap_in_another_refusal_is_not_read() -> None:
    answer = read(400, {"code": 30003, "msg": "quantity cannot exceed 100"})
    assert isinstance(answer, Refused)
    assert answer.price_cap is None


# --- arbitrary replies

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CODES = st.one_of(
    st.sampled_from(sorted(LISTED)),
    st.sampled_from(sorted(LISTED)).map(str),
    st.sampled_from(sorted(LISTED)).map(lambda code: f" {code}"),
    st.sampled_from(sorted(LISTED)).map(float),
    st.sampled_from(sorted(UNKNOWN)),
    st.integers(-800_000, 800_000),
    JSON,
)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "code": CODES,
        "msg": st.sampled_from(["no", "Duplicate order", "Order price cannot exceed 1"]) | JSON,
        "orderId": st.sampled_from(["C02__1", "", "0"]) | JSON,
        "_extend": JSON,
    },
)
STATUSES = st.sampled_from([200, 201, 299, 300, 400, 401, 403, 404, 418, 429, 499, 500]) | st.integers(100, 599)


def is_listed(code: object) -> bool:
    """Return whether a JSON value is the code of a listed refusal, as a number or in plain digits."""
    if isinstance(code, str):
        return re.fullmatch(r"-?[0-9]+", code) is not None and int(code[:20]) in LISTED
    return isinstance(code, int | float) and not isinstance(code, bool) and code in LISTED


@given(status=STATUSES, found=ENVELOPES | JSON)
@settings(max_examples=400, deadline=None)
@example(status=200, found={"code": 30001, "orderId": "C02__1"})
@example(status=200, found={"code": 30001, "orderId": "\x1f"})
@example(status=302, found={"code": 30001})
def test_only_listed_json_is_a_refusal_or_a_placed_order(status: int, found: object) -> None:
    answer = read(status, found)
    fields = found if isinstance(found, dict) else {}
    success = 200 <= status <= 299
    if isinstance(answer, Placed):
        assert success
        assert fields["orderId"]
        assert fields.get("code") in {None, 0, 200, "0", "200"}
    elif isinstance(answer, Refused):
        assert status in {418, 429} or (
            (success or 400 <= status <= 499)
            and status != 403
            and is_listed(fields["code"])
            and not fields.get("orderId")
        )
    else:
        assert isinstance(answer, Unclear)


@given(status=STATUSES, body=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_neither_a_refusal_nor_a_placed_order(status: int, body: bytes) -> None:
    answer = read(status, body)
    assert isinstance(answer, Refused if status in {418, 429} else Unclear)


@given(body=st.binary(max_size=3_000))
@settings(deadline=None)
def test_any_answer_can_be_kept_as_evidence(body: bytes) -> None:
    kept = raw(body)
    assert len(kept) <= MAX_RAW + 1
    kept.encode()


def test_evidence_keeps_the_beginning_and_a_note_that_it_was_truncated() -> None:
    assert raw(b"a" * MAX_RAW) == "a" * MAX_RAW
    assert raw(b"a" * (MAX_RAW + 1)) == "a" * MAX_RAW + "…"
    assert raw("币".encode() * MAX_RAW) == "币" * MAX_RAW


@pytest.mark.parametrize("equals", ["=", "&#61;", "&#x3d;", "%3D"])
@pytest.mark.parametrize("name", ["signature", "SIGNATURE", "Signature", "\u017fignature", "s\u0131gnature"], ids=ascii)
def test_evidence_contains_no_signature_from_a_gateways_page(name: str, equals: str) -> None:
    signature = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
    page = f"<h1>Access Denied</h1> to /api/v3/order?symbol=BTCUSDT&{name}{equals}{signature} on this server"
    answer = read(403, page.encode())
    assert isinstance(answer, Unclear)
    assert signature not in answer.answered
    assert answer.answered.endswith(f"{name}{equals}*** on this server")


def test_an_envelope_is_none_if_the_reply_is_not_an_object() -> None:
    assert envelope(b"[]") is None
    assert envelope(b'{"code":-2013,"msg":"Order does not exist.","_extend":null}') is not None
