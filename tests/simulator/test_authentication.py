"""Authentication: the official vectors, the time rule, the headers."""

import pytest

from daemon.simulator.authentication import EXAMPLE_KEYS, KeyPair, sign
from daemon.simulator.messages import Reply, Request
from tests.simulator.trader import (
    ACCESS_KEY,
    HEADERS,
    NOW_MS,
    SECRET_KEY,
    Trader,
    query_string,
    signature,
    signed_query,
)

ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT"
TERMS = "quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
VECTOR_TIME_MS = 1_644_489_390_087


def send(trader: Trader, request: Request, now_ms: int = NOW_MS) -> tuple[int, bytes]:
    reply = trader.exchange.handle(request, now_ms)
    assert isinstance(reply, Reply)
    return reply.status, reply.body


def test_the_official_vector_for_a_query_string() -> None:
    assert sign(SECRET_KEY, f"{ORDER}&{TERMS}") == "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"


def test_the_official_vector_for_query_string_and_body_has_no_separator() -> None:
    assert sign(SECRET_KEY, ORDER, TERMS) == "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{ORDER}&{TERMS}&signature=fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a", ""),
        (ORDER, f"{TERMS}&signature=d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"),
    ],
    ids=["in the query", "mixed with a body"],
)
def test_the_documents_own_requests_pass_the_signature_check(trader: Trader, query: str, body: str) -> None:
    """A BUY far below the market breaks no rule: 11 USDT for a bitcoin rests in the book."""
    request = Request("POST", "/api/v3/order", query, HEADERS, body.encode())
    status, content = send(trader, request, VECTOR_TIME_MS)
    assert status == 200, content


def test_a_symbol_in_chinese_characters_is_signed_percent_encoded(trader: Trader) -> None:
    order_id = trader.place(symbol="币安人生USDT", price="0.1", quantity="100")
    assert trader.query(order_id, "币安人生USDT")["symbol"] == "币安人生USDT"


def test_characters_without_percent_encoding_are_accepted(trader: Trader) -> None:
    query = f"symbol=币安人生USDT&timestamp={NOW_MS}"
    request = Request("GET", "/api/v3/openOrders", f"{query}&signature={signature(query)}", HEADERS)
    assert send(trader, request) == (200, b"[]")


@pytest.mark.parametrize(
    ("sent", "signed"),
    [("a=%2c", "a=%2c"), ("a=b+c", "a=b+c"), ("a=,", "a=%2C")],
    ids=["lower-case escape", "plus for a space", "comma that was signed as an escape"],
)
def test_other_spellings_of_the_same_parameters_sign_something_else(trader: Trader, sent: str, signed: str) -> None:
    time = f"&timestamp={NOW_MS}"
    request = Request("GET", "/api/v3/account", f"{sent}{time}&signature={signature(signed + time)}", HEADERS)
    assert b"700002" in send(trader, request)[1]


def test_a_signature_in_capitals_is_refused(trader: Trader) -> None:
    query = f"timestamp={NOW_MS}"
    request = Request("GET", "/api/v3/account", f"{query}&signature={signature(query).upper()}", HEADERS)
    assert send(trader, request) == (400, b'{"msg":"Signature for this request is not valid.","code":700002}')


def test_the_signature_can_be_anywhere_in_the_query(trader: Trader) -> None:
    query = f"timestamp={NOW_MS}"
    request = Request("GET", "/api/v3/openOrders", f"signature={signature(query)}&{query}", HEADERS)
    assert send(trader, request)[0] == 200


def test_a_parameter_in_query_and_body_counts_as_in_the_query(trader: Trader) -> None:
    query, body = f"symbol=ETHUSDT&timestamp={NOW_MS}", "symbol=NONSENSE"
    signed = f"{query}&signature={signature(query + body)}"
    request = Request("GET", "/api/v3/openOrders", signed, HEADERS, body.encode())
    assert send(trader, request)[0] == 200


@pytest.mark.parametrize(
    ("age_ms", "window_ms", "admitted"),
    [
        (5_000, None, True),
        (5_001, None, False),
        (60_000, 60_000, True),
        (2_001, 2_000, False),
        (-999, None, True),
        (-1_000, None, False),
        (0, 0, True),
        (1, 0, False),
    ],
)
def test_the_time_rule_holds_to_the_millisecond(
    trader: Trader, age_ms: int, window_ms: int | None, admitted: bool
) -> None:
    window = {} if window_ms is None else {"recvWindow": window_ms}
    query = signed_query(window, NOW_MS - age_ms)
    status, content = send(trader, Request("GET", "/api/v3/openOrders", query, HEADERS))
    assert (status == 200) is admitted
    assert admitted or b"700003" in content


def test_a_window_beyond_a_minute_is_refused(trader: Trader) -> None:
    assert trader.code("GET", "account", recvWindow=60_001) == 700005


@pytest.mark.parametrize("window", ["-1", "1.5", "x", "9" * 16])
def test_a_malformed_window_is_refused(trader: Trader, window: str) -> None:
    assert trader.code("GET", "account", recvWindow=window) == 700004


@pytest.mark.parametrize(
    ("query", "code"),
    [("", b"700004"), (f"timestamp={NOW_MS}", b"700004"), (f"timestamp={NOW_MS}&signature=", b"700004")],
    ids=["no time", "no signature", "an empty signature"],
)
def test_time_and_signature_are_mandatory(trader: Trader, query: str, code: bytes) -> None:
    assert code in send(trader, Request("GET", "/api/v3/account", query, HEADERS))[1]


@pytest.mark.parametrize(
    ("key", "code"),
    [("", b'"code":400'), ("short", b"700001"), ("mx0" + "ä" * 12, b"700001"), ("mx0aBYs33eIilxBWC6", b"10072")],
    ids=["missing", "too short", "strange characters", "another account's"],
)
def test_a_wrong_key_is_refused(trader: Trader, key: str, code: bytes) -> None:
    headers = {"X-MEXC-APIKEY": key, "Content-Type": "application/json"}
    status, content = send(trader, Request("GET", "/api/v3/account", signed_query({}, NOW_MS), headers))
    assert status == 400
    assert code in content


@pytest.mark.parametrize("name", ["X-MEXC-APIKEY", "x-mexc-apikey"])
def test_header_names_are_case_insensitive(trader: Trader, name: str) -> None:
    request = Request("GET", "/api/v3/openOrders", signed_query({}, NOW_MS), {name: ACCESS_KEY})
    assert send(trader, request)[0] == 200


@pytest.mark.parametrize(
    ("method", "content_type", "admitted"),
    [
        ("POST", "application/json", True),
        ("POST", "application/json; charset=utf-8", True),
        ("POST", "", False),
        ("POST", "application/octet-stream", False),
        ("POST", "application/x-www-form-urlencoded", False),
        ("GET", "", True),
        ("GET", "text/plain", False),
    ],
)
def test_a_post_needs_the_json_content_type(trader: Trader, method: str, content_type: str, admitted: bool) -> None:
    path = "/api/v3/order/test" if method == "POST" else "/api/v3/openOrders"
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "90000"}
    parameters = order if method == "POST" else {}
    headers = {"X-MEXC-APIKEY": ACCESS_KEY, "Content-Type": content_type}
    status, content = send(trader, Request(method, path, signed_query(parameters, NOW_MS), headers))
    assert (status == 200) is admitted
    assert admitted or content == b'{"msg":"Invalid content Type.","code":700013}'


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "order"),
        ("POST", "batchOrders"),
        ("DELETE", "order"),
        ("DELETE", "openOrders"),
        ("DELETE", "order/all"),
        ("POST", "userDataStream"),
        ("PUT", "userDataStream"),
        ("DELETE", "userDataStream"),
    ],
)
def test_a_request_that_changes_something_needs_a_content_type(trader: Trader, method: str, path: str) -> None:
    request = Request(method, f"/api/v3/{path}", signed_query({}, NOW_MS), {"X-MEXC-APIKEY": ACCESS_KEY})
    assert send(trader, request) == (400, b'{"msg":"Invalid content Type.","code":700013}')


def test_an_upper_case_signature_is_refused(trader: Trader) -> None:
    """The document says that only lower case is supported; in 2024 upper case was accepted (observed)."""
    query, _, given = signed_query({}, NOW_MS).rpartition("=")
    request = Request("GET", "/api/v3/account", f"{query}={given.upper()}", HEADERS)
    assert b"700002" in send(trader, request)[1]


def test_too_many_parameters_are_refused(trader: Trader) -> None:
    many = {f"p{number}": number for number in range(101)}
    assert trader.code("GET", "time", **many) == 33333


def test_a_body_in_no_known_encoding_is_refused(trader: Trader) -> None:
    request = Request("POST", "/api/v3/order", signed_query({}, NOW_MS), HEADERS, b"\xff\xfe=1")
    assert b"700002" in send(trader, request)[1]


def test_the_same_signed_bytes_are_admitted_again_within_their_window(trader: Trader) -> None:
    """Which is how repeating a request whose reply was lost buys twice."""
    request = trader.request("POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="1", price="90000")
    assert [send(trader, request)[0] for _ in range(2)] == [200, 200]
    assert len(trader.exchange.orders()) == 2


def test_the_secret_shows_nowhere() -> None:
    keys = KeyPair("access", "very-secret")
    assert "very-secret" not in repr(keys)
    assert SECRET_KEY not in f"{EXAMPLE_KEYS!r} {EXAMPLE_KEYS}"


def test_another_account_signs_with_its_own_secret() -> None:
    query = query_string({"timestamp": NOW_MS})
    assert sign("other", query) == signature(query, "other") != signature(query)
