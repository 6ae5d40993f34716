"""Misbehaving clients: too long, too slow, invalid HTTP. They get an answer, and other clients are not affected."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support import Daemon, Exchange, eventually
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.unix_http import send_raw
from tests.support.waiting import PATIENCE_S

POST = b"POST /v1/signals HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def strict(shared_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon with short timeouts and small limits."""
    daemon = shared_stage.daemon(package_exchange, {"sockets": {"body_limit_kb": 1, "read_timeout_s": 0.3}})
    daemon.start()
    return daemon


@pytest.fixture(autouse=True)
def _nobody_else_notices(strict: Daemon) -> Iterator[None]:
    yield
    assert strict.submit(market_buy(), wait_s=10).json["state"] == "filled"
    assert strict.process.events("request.failed") == []


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_a_body_that_is_too_long_is_refused_with_413(strict: Daemon, announced: bool) -> None:
    long = b'{"symbol": "' + b"X" * 2_000 + b'"}'
    length = b"Content-Length: %d\r\n\r\n" % len(long) if announced else b"Transfer-Encoding: chunked\r\n\r\n"
    body = long if announced else b"%x\r\n%b\r\n0\r\n\r\n" % (len(long), long)
    refused = send_raw(strict.signals, POST, length, body)
    assert refused.status == 413
    assert "body_limit_kb" in refused.json["message"]
    assert refused.headers["connection"] == "close"


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(strict: Daemon) -> None:
    refused = send_raw(strict.signals, POST, b"Content-Length: 1000000000\r\n\r\n", b'{"symbol"')
    assert refused.status == 413


def test_a_batch_has_a_limit_of_its_own(strict: Daemon) -> None:
    answer = strict.ask("POST", "/v1/signals/batch", [market_buy() for _ in range(20)])
    assert (answer.status, len(answer.raw) > 1_024) == (202, True)
    refused = strict.ask("POST", "/v1/signals/batch", b" " * (1 << 20) + b"[]")
    assert refused.status == 413


def test_a_missing_body_is_answered_with_408(strict: Daemon) -> None:
    refused = send_raw(strict.signals, POST, b"Content-Length: 100\r\n\r\n", b'{"symbol"')
    assert (refused.status, refused.json["error"]) == (408, "request_timeout")
    assert refused.headers["connection"] == "close"


GARBAGE = {
    "no HTTP": b"BUY BTCUSDT NOW\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "bytes": bytes(range(256)) * 4 + b"\r\n\r\n",
    "a long line": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "a long header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "broken chunks": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_invalid_http_is_refused_with_400(strict: Daemon, garbage: bytes) -> None:
    try:
        assert send_raw(strict.signals, garbage).status == 400
    except (http.client.HTTPException, ConnectionError) as error:
        pytest.fail(f"the connection was cut without an answer: {error!r}")


def test_a_silent_client_delays_no_other(strict: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as halfway:
        silent.connect(str(strict.signals))
        halfway.connect(str(strict.signals))
        halfway.sendall(POST[:20])
        assert strict.submit(market_buy()).status == 202


HALF_A_HEAD = {
    "a letter": b"P",
    "a line": b"POST /v1/signals HTTP/1.1\r\n",
    "all but the end": POST + b"Content-Length: 2\r\n",
    "of a read": b"GET /v1/status HTTP/1.1\r\nHost: x\r\n",
    "after an answer": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz",
}


@pytest.mark.parametrize("name", ["signals", "status"])
@pytest.mark.parametrize("half", HALF_A_HEAD.values(), ids=HALF_A_HEAD.keys())
def test_an_incomplete_head_is_answered_with_408_and_closed(strict: Daemon, name: str, half: bytes) -> None:
    """After read_timeout_s, on every socket: an idle connection may stay for more than a minute."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE_S)
        caller.connect(str(getattr(strict, name)))
        caller.sendall(half)
        heard = b"".join(iter(lambda: caller.recv(65_536), b""))
    head, _, body = heard.rpartition(b"\r\n\r\n")
    assert b"HTTP/1.1 408 " in head
    assert b"Connection: close" in head
    assert json.loads(body)["error"] == "request_timeout"


def test_a_slow_head_has_the_same_time_limit(strict: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(0.01)
        caller.connect(str(strict.status))
        caller.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        answer = eventually(lambda: _trickle(caller), "an answer while the head still comes")
    assert answer.startswith(b"HTTP/1.1 408 ")


def _trickle(caller: socket.socket) -> bytes:
    with suppress(BrokenPipeError):
        caller.sendall(b"x")
    try:
        return caller.recv(65_536)
    except TimeoutError:
        return b""


def one_whole_request(body: bytes, *headers: bytes) -> bytes:
    return POST + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


WISH = json.dumps(market_buy()).encode()
PIECES = {
    "in one piece": [one_whole_request(WISH)],
    "in two": [one_whole_request(WISH)[:30], one_whole_request(WISH)[30:]],
    "and waits": [one_whole_request(WISH, b"Prefer: wait=10")],
    "and waits, in two": [POST, one_whole_request(WISH, b"Prefer: wait=10")[len(POST) :]],
    "twice": [one_whole_request(WISH) + one_whole_request(WISH)],
    "twice, in two": [one_whole_request(WISH), one_whole_request(WISH)],
    "and reads": [one_whole_request(WISH) + b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"],
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
def test_a_client_that_shuts_its_writing_half_gets_its_answers_and_then_the_end(
    strict: Daemon, pieces: list[bytes]
) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE_S)
        caller.connect(str(strict.signals))
        for piece in pieces:
            caller.sendall(piece)
        caller.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: caller.recv(65_536), b""))
    asked = b"".join(pieces).count(b" HTTP/1.1\r\n")
    assert heard.count(b"HTTP/1.1 20") == asked
    assert heard.count(b'"id":') >= asked - (b"GET " in pieces[0])


def test_a_client_that_shuts_its_writing_half_after_a_read_gets_its_answer(strict: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE_S)
        caller.connect(str(strict.status))
        caller.sendall(b"GET /v1/orders?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        caller.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: caller.recv(65_536), b""))
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["orders"]


@pytest.mark.parametrize("pieces", [1, 2], ids=["in one piece", "in two"])
def test_a_client_that_shuts_its_writing_half_and_disconnects_leaves_the_lease_queue(
    strict: Daemon, pieces: int
) -> None:
    resource = f"half:{pieces}"
    held = strict.ask("POST", "/v1/locks", {"resourceId": resource, "ownerId": "holder", "timeoutMs": 600_000})
    asked = json.dumps({"resourceId": resource, "ownerId": "gone"}).encode()
    request = one_whole_request(asked, b"Prefer: wait=60").replace(b"/v1/signals", b"/v1/locks")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(strict.signals))
        for piece in (request[:9], request[9:])[-pieces:] if pieces == 2 else (request,):
            caller.sendall(piece)
        caller.shutdown(socket.SHUT_WR)
        eventually(lambda: _waiting_for(strict, resource), "it waits, though it says no more")
    eventually(lambda: not _waiting_for(strict, resource), "it waits no more when it has gone")
    assert strict.ask("POST", f"/v1/locks/{held.json['lockId']}/release", {"ownerId": "holder"}).status == 200


def _waiting_for(daemon: Daemon, resource: str) -> list[str]:
    return [each["ownerId"] for each in daemon.get("/v1/locks")["queue"] if each["resourceId"] == resource]


def test_a_client_that_disconnects_within_its_body_places_nothing(strict: Daemon) -> None:
    newest = strict.get("/v1/orders?limit=1")["orders"][0]["id"]
    body = b'{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": 25, "ownerId": "bot"}'
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(strict.signals))
        caller.sendall(POST + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    assert strict.get("/v1/orders?limit=1")["orders"][0]["id"] == newest


@pytest.mark.parametrize(
    ("method", "target", "status", "word"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/", 404, "not_found"),
        ("GET", "/v1/signals", 405, "method_not_allowed"),
        ("PUT", "/v1/orders", 405, "method_not_allowed"),
        ("PATCH", "/v1/admin/halt", 405, "method_not_allowed"),
    ],
)
def test_a_wrong_route_is_refused_in_the_usual_form(
    strict: Daemon, method: str, target: str, status: int, word: str
) -> None:
    refused = strict.ask(method, target)
    assert (refused.status, refused.json["error"]) == (status, word)
    assert len(refused.json["message"]) > 10


def test_one_connection_carries_many_requests(strict: Daemon) -> None:
    newest = http.client.HTTPConnection("localhost")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(strict.status))
        newest.sock = caller
        for _ in range(3):
            newest.request("GET", "/healthz")
            assert newest.getresponse().read() == b'{"alive":true}'
