"""Many callers, slow ones and greedy ones: a quick caller is served as if it were alone."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import Daemon, Exchange, at_once, eventually, wall_ms
from tests.support.signals import market_buy

HOUR_MS = 3_600_000
IDLE = 500
HEAD = b"POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
GREEDY = b"GET /v1/orders?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 50


def connected(ends: ExitStack, path: Path, first: bytes = b"") -> socket.socket:
    """Connect, and send something."""
    caller = ends.enter_context(socket.socket(socket.AF_UNIX))
    caller.settimeout(10)
    caller.connect(os.fspath(path))
    caller.sendall(first)
    return caller


@pytest.fixture
def daemon(running: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon, with enough orders for a long answer; after each test no request has failed."""
    del exchange  # its faults end with the test
    batch = [market_buy(executeAt=wall_ms() + HOUR_MS) for _ in range(100)]
    assert running.ask("POST", "/v1/signals/batch", batch).status == 202
    yield running
    assert running.process.events("request.failed") == []
    assert running.process.errors.so_far() == []


def served(daemon: Daemon) -> set[str]:
    """Serve ten callers at once; return how their orders ended."""
    return {answer.json["state"] for answer in at_once(10, lambda _: daemon.submit(market_buy(), wait_s=10))}


def test_hundreds_of_silent_connections_block_no_caller(daemon: Daemon) -> None:
    with ExitStack() as ends:
        for _ in range(IDLE):
            connected(ends, daemon.signals)
        assert served(daemon) == {"filled"}


def test_slow_writers_block_no_caller(daemon: Daemon) -> None:
    with ExitStack() as ends:
        callers = [connected(ends, daemon.signals, HEAD) for _ in range(50)]
        for byte in b'{"symbol"':
            for caller in callers:
                caller.sendall(bytes([byte]))
        assert served(daemon) == {"filled"}


def test_slow_readers_block_no_caller(daemon: Daemon) -> None:
    with ExitStack() as ends:
        for _ in range(10):
            connected(ends, daemon.status, GREEDY)
        assert served(daemon) == {"filled"}


def test_oversized_requests_are_refused_and_block_no_caller(daemon: Daemon) -> None:
    answers = at_once(4, lambda _: daemon.ask("POST", "/v1/signals", b'{"symbol": "' + bytes(4 << 20) + b'"}'))
    assert {answer.status for answer in answers} == {413}
    assert served(daemon) == {"filled"}


def test_callers_that_disconnect_while_waiting_lose_no_order(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen(), ExitStack() as ends:
        for number in range(10):
            body = b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quoteOrderQty":25,"ownerId":"hasty-%d"}' % number
            head = HEAD.replace(b"200", b"%d" % len(body)).replace(b"Host: x", b"Host: x\r\nPrefer: wait=60")
            connected(ends, daemon.signals, head + body)
        orders = eventually(lambda: _of_the_hasty(daemon), "their orders are under way")
    for order_id in orders:
        daemon.until(order_id, "filled")  # by a second attempt, if the exchange was frozen for longer than recvWindow
        assert len(exchange.orders(order_id)) == 1


def _of_the_hasty(daemon: Daemon) -> list[str] | None:
    found = daemon.get("/v1/orders?limit=30")["orders"]
    orders = [order["id"] for order in found if order["ownerId"].startswith("hasty-")]
    return orders if len(orders) == 10 else None
