"""Signing: MEXC's own examples, the escapes, and that the sent bytes are the signed bytes."""

import hashlib
import hmac
import string
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.config.credentials import PAPER, Credentials, Secret
from daemon.exchange.mexc.requests import ExchangeCall, Requests
from daemon.exchange.mexc.signing import Parameters, encode, signed
from daemon.exchange.mexc.transport import HttpTransport, Reply, open_transport

from .clocks import ManualClock
from .scripted import UNPACED
from .wire import Connection, Peer, answering, http, serve

KEY, SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
FAR_MS = 2**50
OFFICIAL = Credentials(Secret(KEY), Secret(SECRET))


def test_the_official_example_in_the_query_string_has_the_official_signature() -> None:
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    signature = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
    assert signed(OFFICIAL, query) == f"{query}&signature={signature}"


def test_the_official_example_with_a_body_has_the_official_signature() -> None:
    """Query and body are joined without a separator."""
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT"
    body = "quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    signature = "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"
    assert OFFICIAL.sign(f"{query}{body}".encode()) == signature


def test_the_paper_exchange_uses_the_example_keys() -> None:
    assert (PAPER.api_key.reveal(), PAPER.api_secret.reveal()) == (KEY, SECRET)


def test_parameters_keep_their_order() -> None:
    parameters = [("symbol", "BTCUSDT"), ("side", "BUY"), ("price", "11")]
    assert encode(parameters) == "symbol=BTCUSDT&side=BUY&price=11"


def test_no_parameters_make_an_empty_query() -> None:
    assert encode([]) == ""


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("币安人生USDT", "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT", id="CJK symbol in UTF-8"),
        pytest.param("٣٤", "%D9%A3%D9%A4", id="digits of another script are no ASCII"),
        pytest.param("a b", "a%20b", id="a space is %20"),
        pytest.param("a+b", "a%2Bb", id="a plus is no space"),
        pytest.param("a/b?c#d", "a%2Fb%3Fc%23d", id="what ends a path, a query, a target"),
        pytest.param("a&b=c", "a%26b%3Dc", id="what divides parameters"),
        pytest.param("50%", "50%25", id="a percent sign"),
        pytest.param("%2F", "%252F", id="an escape is escaped again"),
        pytest.param('["a:b","c"]', "%5B%22a%3Ab%22%2C%22c%22%5D", id="colon and comma, which aiohttp would unquote"),
        pytest.param("0.00000001", "0.00000001", id="an amount"),
        pytest.param("01K8Z-17_x~.", "01K8Z-17_x~.", id="unreserved characters"),
        pytest.param("", "", id="nothing"),
        pytest.param("\x00\r\n", "%00%0D%0A", id="control characters"),
        pytest.param("🚀", "%F0%9F%9A%80", id="four bytes"),
    ],
)
def test_escapes_are_utf_8_in_upper_case(value: str, written: str) -> None:
    assert encode([("v", value)]) == f"v={written}"


# --- the sent bytes


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Use one event loop for the module's server and all examples."""
    return "asyncio"


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[tuple[Peer, HttpTransport]]:
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(serve(answering(http(200, b"{}"))))
        yield peer, await stack.enter_async_context(open_transport(peer.url))


NAMES = st.text(string.ascii_letters, min_size=1, max_size=12).filter(
    lambda name: name not in {"recvWindow", "timestamp", "signature"}
)
VALUES = st.text(st.characters(codec="utf-8"), max_size=30)
AWKWARD = st.sampled_from(["%2F", "%3A,", "a:b,c", "..", "/../", "?a=b#c", "&x=y", "+ +", "%", "%zz", "币安", "é", "é"])
PARAMETERS = st.lists(st.tuples(NAMES, VALUES | AWKWARD), max_size=8, unique_by=lambda pair: pair[0])


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@given(parameters=PARAMETERS, recv_window_ms=st.integers(1, 60_000), now_ms=st.integers(0, 2**43))
@settings(max_examples=40, deadline=None)
async def test_the_received_bytes_are_the_signed_bytes(
    wire: tuple[Peer, HttpTransport],
    method: str,
    parameters: list[tuple[str, str]],
    recv_window_ms: int,
    now_ms: int,
) -> None:
    peer, transport = wire
    table = replace(UNPACED, recv_window_ms=recv_window_ms, timeout_ms=60_000)
    requests = Requests(transport, OFFICIAL, ManualClock(now_ms), table)

    if method == "POST":
        asked = await order(requests, parameters)
    else:
        asked = await requests.private(method, "/api/v3/order", parameters, weight=1)

    assert asked.reply == Reply(200, b"{}")
    arrived = peer.requests[-1]
    payload, _, signature = arrived.query.rpartition(b"&signature=")
    assert signature.decode() == hmac.new(SECRET.encode(), payload + arrived.body, hashlib.sha256).hexdigest()
    assert arrived.body == b""
    window = {"recvWindow": str(recv_window_ms), "timestamp": str(now_ms)}
    assert arrived.parameters == {**dict(parameters), **window, "signature": signature.decode()}
    assert arrived.headers["x-mexc-apikey"] == KEY


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_recorded_request_is_the_sent_one_without_the_signature(
    wire: tuple[Peer, HttpTransport], method: str
) -> None:
    peer, transport = wire
    table = replace(UNPACED, recv_window_ms=2_000, timeout_ms=60_000)
    requests = Requests(transport, OFFICIAL, ManualClock(1_700_000_000_123), table)
    parameters = [("symbol", "币安人生USDT")]

    if method == "POST":
        asked = await order(requests, parameters)
    else:
        asked = await requests.private(method, "/api/v3/order", parameters, weight=1)

    sent = f"{method} {peer.requests[-1].target.decode('ascii')}"
    assert sent.startswith(f"{asked.asked}&signature=")
    assert "signature" not in asked.asked
    assert asked.asked.endswith("&recvWindow=2000&timestamp=1700000000123")


@pytest.mark.parametrize(
    "quoted", ['"signature":"{}"', "{}", '\\"signature\\":\\"{}\\"', "signature%3D{}", "<b>{}</b>"]
)
@pytest.mark.parametrize("upper", [False, True], ids=["as sent", "in capitals"])
async def test_the_signature_of_a_request_is_redacted_in_every_notation_of_the_reply(quoted: str, upper: bool) -> None:
    sent: list[str] = []

    async def echo(peer: Peer, connection: Connection) -> None:
        while True:
            request = await peer.next_request(connection)
            signature = request.query.rpartition(b"&signature=")[2].decode()
            sent.append(signature)
            shown = f"{signature.upper() if upper else signature} and {KEY} and {SECRET}"
            await connection.send(http(403, quoted.format(shown)))

    async with serve(echo) as peer, open_transport(peer.url) as transport:
        table = replace(UNPACED, recv_window_ms=2_000, timeout_ms=60_000)
        requests = Requests(transport, OFFICIAL, ManualClock(), table)
        asked = await order(requests, [("symbol", "BTCUSDT")])
    assert isinstance(asked.reply, Reply)
    assert asked.reply.body.decode() == quoted.format("*** and *** and ***")
    assert len(sent[0]) == 64


async def test_public_endpoints_are_queried_without_a_key(wire: tuple[Peer, HttpTransport]) -> None:
    peer, transport = wire
    table = replace(UNPACED, recv_window_ms=2_000, timeout_ms=60_000)
    requests = Requests(transport, OFFICIAL, ManualClock(), table)

    asked = await requests.public("/api/v3/exchangeInfo", [("symbol", "BTCUSDT")], weight=25)

    arrived = peer.requests[-1]
    assert arrived.target == b"/api/v3/exchangeInfo?symbol=BTCUSDT"
    assert asked.asked == "GET /api/v3/exchangeInfo?symbol=BTCUSDT"
    assert KEY.encode() not in arrived.head


async def order(requests: Requests, parameters: Parameters) -> ExchangeCall:
    """Post an order in the same steps as the executor."""
    prepared = requests.signed("POST", "/api/v3/order", encode(parameters), FAR_MS)
    connection = await requests.transport.connect(60)
    assert connection.write(prepared.request)
    return ExchangeCall(prepared.asked, requests.received(prepared, await connection.reply(60)), 0, 0, False)
