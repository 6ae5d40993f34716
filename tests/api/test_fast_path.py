"""Short, urgent requests are answered without aiohttp's server. For a client only the time differs.

A response of aiohttp has the header Date, a response of the fast path does not.
"""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import Daemon
from tests.support.unix_http import TIMEOUT_S, Answer, send_raw

LEASE = b'{"resourceId":"fast:%d","ownerId":"bot"}'
HEAD = b"POST /v1/locks HTTP/1.1\r\nHost: x\r\n"


def post(body: bytes, *headers: bytes, head: bytes = HEAD) -> bytes:
    """Write a request."""
    return head + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def took_fast_path(answer: Answer) -> bool:
    return "date" not in answer.headers


@pytest.fixture
def caller(daemon: Daemon) -> Iterator[socket.socket]:
    """A connection that stays open."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(daemon.signals))
        yield connection


def answers(caller: socket.socket, count: int) -> list[tuple[int, Any, bool]]:
    """Read ``count`` answers: status, body, and whether the fast path gave it."""
    found = []
    stream = caller.makefile("rb")
    for _ in range(count):
        status = int(stream.readline().split()[1])
        headers = http.client.parse_headers(stream)
        body = stream.read(int(headers["Content-Length"]))
        found.append((status, json.loads(body), "Date" not in headers))
    return found


def test_a_whole_request_takes_the_fast_path(daemon: Daemon) -> None:
    answer = send_raw(daemon.signals, post(LEASE % 1))
    assert (answer.status, answer.json["resourceId"], took_fast_path(answer)) == (201, "fast:1", True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/v1/locks/{answer.json['lockId']}"


@pytest.mark.parametrize("cut", [1, 5, 20, len(HEAD) - 1, len(HEAD) + 10, len(post(LEASE % 2)) - 1])
def test_a_request_in_pieces_gets_the_same_answer(caller: socket.socket, cut: int) -> None:
    request = post(LEASE % (100 + cut))
    caller.sendall(request[:cut])
    caller.sendall(request[cut:])
    [(status, lease, _)] = answers(caller, 1)
    assert (status, lease["resourceId"]) == (201, f"fast:{100 + cut}")


def test_several_requests_are_answered_in_order(caller: socket.socket) -> None:
    """Whether each comes when the last was answered, or before, or all of them in one piece."""
    caller.sendall(post(LEASE % 3))
    assert [lease["resourceId"] for _, lease, _ in answers(caller, 1)] == ["fast:3"]
    caller.sendall(post(LEASE % 4))
    caller.sendall(post(LEASE % 5))
    assert [lease["resourceId"] for _, lease, _ in answers(caller, 2)] == ["fast:4", "fast:5"]
    caller.sendall(post(LEASE % 6) + post(LEASE % 7) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    found = answers(caller, 3)
    assert [body.get("resourceId", body) for _, body, _ in found] == ["fast:6", "fast:7", {"alive": True}]


def test_a_request_off_the_fast_path_passes_the_connection_on_for_good(
    caller: socket.socket,
) -> None:
    caller.sendall(post(LEASE % 8))
    found = answers(caller, 1)
    caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    found += answers(caller, 1)
    caller.sendall(post(LEASE % 9))
    found += answers(caller, 1)
    assert [(status, fast) for status, _, fast in found] == [(201, True), (200, False), (201, False)]


STRANGE = {
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(LEASE % 10), LEASE % 10),
    "no length": HEAD + b"\r\n",
    "a query": post(LEASE % 11, head=HEAD.replace(b"locks", b"locks?a=b")),
    "an escaped path": post(LEASE % 12, head=HEAD.replace(b"locks", b"l%6fcks")),
    "another method": post(b"", head=HEAD.replace(b"POST", b"PUT")),
    "another route": post(b"{}", head=HEAD.replace(b"locks", b"nothing")),
    "an encoding": post(LEASE % 14, b"Content-Encoding: identity"),
    "the old version": post(LEASE % 15, head=HEAD.replace(b"1.1", b"1.0")),
    "a long header": post(LEASE % 16, b"X: " + b"x" * 8_100),
    "many headers": post(LEASE % 17, *(b"X-%d: 1" % number for number in range(70))),
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a folded header": post(LEASE % 18, b"X: a\r\n b"),
}


@pytest.mark.parametrize("request_", STRANGE.values(), ids=STRANGE.keys())
def test_unusual_requests_are_left_to_aiohttp(daemon: Daemon, request_: bytes) -> None:
    assert not took_fast_path(send_raw(daemon.signals, request_))


def test_a_refusal_on_the_fast_path_has_the_usual_form(daemon: Daemon) -> None:
    whole = send_raw(daemon.signals, post(b'{"resourceId": 7}'))
    pieces = send_raw(daemon.signals, HEAD, b"X: y\r\n", b'Content-Length: 17\r\n\r\n{"resourceId": 7}')
    assert took_fast_path(whole)
    assert (whole.status, whole.json) == (pieces.status, pieces.json)
    assert whole.status == 400


@pytest.mark.parametrize("path", ["/v1/locks/lock-999999/release", "/v1/locks/lock-999999/renew"])
def test_the_path_parameter_reaches_the_handler(daemon: Daemon, path: str) -> None:
    answer = send_raw(daemon.signals, post(b'{"ownerId":"bot"}', head=HEAD.replace(b"/v1/locks", path.encode())))
    assert (answer.status, answer.json["error"], took_fast_path(answer)) == (404, "unknown", True)
    assert "lock-999999" in answer.json["message"]


def test_connection_close_closes_the_connection(caller: socket.socket) -> None:
    caller.sendall(post(LEASE % 19, b"Connection: close"))
    [(status, _, fast)] = answers(caller, 1)
    assert (status, fast, caller.recv(1)) == (201, True, b"")
