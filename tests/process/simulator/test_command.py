"""`sniperd exchange` as a process: its address line, its end, its book after kill -9."""

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.simulator.trader import HEADERS, order, signed_query

COMMAND = [sys.executable, "-c", "from daemon.cli.exchange import exchange; exchange()"]
Start = Callable[..., "Server"]


class Server:
    """A server in a separate process."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--listen", "127.0.0.1:0", "--no-limits", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.announced = json.loads(self.line)

    def send(self, method: str, path: str, **parameters: object) -> tuple[int, Any]:
        """Send a signed request and return status and content."""
        connection = http.client.HTTPConnection(urlsplit(self.announced["url"]).netloc, timeout=10)
        query = signed_query(parameters, time.time_ns() // 1_000_000)  # noqa: TID251 - the server's own clock
        connection.request(method, f"{path}?{query}", headers=HEADERS)
        reply = connection.getresponse()
        content = json.loads(reply.read())
        connection.close()
        return reply.status, content

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers, and kill those that still run at the end."""
    servers: list[Server] = []

    def start_one(*arguments: str) -> Server:
        servers.append(Server(arguments))
        return servers[-1]

    yield start_one
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def test_the_address_is_printed_as_one_json_line(start: Start) -> None:
    server = start()
    assert server.announced == {
        "event": "exchange.listening",
        "url": server.announced["url"],
        "db": ":memory:",
        "pid": server.process.pid,
    }
    assert server.send("GET", "/api/v3/ping") == (200, {})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(start: Start, number: int) -> None:
    server = start()
    server.process.send_signal(number)
    rest, errors = server.process.communicate(timeout=10)
    assert (server.process.returncode, rest, errors) == (0, "", "")


def test_a_slow_request_barely_delays_the_end(start: Start) -> None:
    server = start("--fault", "slow_after:delay_ms=60000")
    connection = http.client.HTTPConnection(urlsplit(server.announced["url"]).netloc, timeout=10)
    query = signed_query(order(), time.time_ns() // 1_000_000)  # noqa: TID251 - the server's own clock
    connection.request("POST", f"/api/v3/order?{query}", headers=HEADERS)
    while not server.send("GET", "/simulator/orders")[1]:
        pass
    assert server.end() == 0
    connection.close()


def test_the_book_survives_kill_9(start: Start, tmp_path: Path) -> None:
    book = str(tmp_path / "book.db")
    first = start("--db", book)
    placed = [first.send("POST", "/api/v3/order", **order(newClientOrderId=f"id-{n}"))[1]["orderId"] for n in range(20)]
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("--db", book)
    assert [row["orderId"] for row in second.send("GET", "/simulator/orders")[1]] == placed
    status, found = second.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="id-7")
    assert (status, found["orderId"], found["status"]) == (200, placed[7], "NEW")
    account = second.send("GET", "/api/v3/account")[1]
    assert {"asset": "USDT", "free": "982000", "locked": "18000"} in account["balances"]
    assert second.end() == 0


def test_every_acknowledged_order_survives_kill_9_at_any_time(start: Start, tmp_path: Path) -> None:
    book, acknowledged = str(tmp_path / "book.db"), []
    first = start("--db", book)
    killer = threading.Timer(0.15, first.process.kill)
    killer.start()
    try:
        while True:
            acknowledged.append(first.send("POST", "/api/v3/order", **order())[1]["orderId"])
    except (OSError, http.client.HTTPException):
        killer.join()
    kept = [row["orderId"] for row in start("--db", book).send("GET", "/simulator/orders")[1]]
    assert kept[: len(acknowledged)] == acknowledged != []
    assert len(kept) - len(acknowledged) in {0, 1}


def test_a_second_server_on_the_same_book_is_refused(start: Start, tmp_path: Path) -> None:
    book = str(tmp_path / "book.db")
    start("--db", book)
    refused = subprocess.run(
        [*COMMAND, "--listen", "127.0.0.1:0", "--db", book], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 75
    assert refused.stderr == f"sniperd exchange: another server has the book {book} open\n"


def test_flags_reach_the_exchange(start: Start, tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[faults]]\nkind = "former_state"\n')
    server = start(
        *("--balance", "USDT=950", "--listing", "NEWUSDT@4000000000000:0.05", "--seed", "7"),
        *("--fault", "error_after:count=1", "--faults", str(faults), "--clock-offset-ms", "500"),
    )
    plan = server.send("GET", "/simulator/faults")[1]["faults"]
    assert [fault["kind"] for fault in plan] == ["former_state", "error_after"]
    assert server.send("POST", "/api/v3/order", **order())[0] == 503
    assert server.send("GET", "/api/v3/account")[1]["balances"] == [{"asset": "USDT", "free": "50", "locked": "900"}]
    assert server.send("POST", "/api/v3/order", **order(symbol="NEWUSDT", price="0.05"))[1]["code"] == 30001
    ahead_ms = server.send("GET", "/api/v3/time")[1]["serverTime"] - time.time_ns() // 1_000_000  # noqa: TID251 - the same
    assert 300 < ahead_ms <= 500


def test_an_account_with_other_keys_refuses_the_example_keys(monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    monkeypatch.setenv("MEXC_API_KEY", "mx0myOwnKey123456")
    monkeypatch.setenv("MEXC_SECRET_KEY", "my-own-secret")
    server = start()
    assert server.send("GET", "/api/v3/account")[1]["code"] == 10072
    server.process.terminate()
    rest, errors = server.process.communicate(timeout=10)
    assert "my-own-secret" not in server.line + rest + errors


def test_the_server_ends_with_its_parent() -> None:
    script = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen({[*COMMAND, '--listen', '127.0.0.1:0', '--die-with-parent']!r})\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdin is not None
    assert json.loads(parent.stdout.readline())["event"] == "exchange.listening"
    parent.kill()
    assert parent.communicate(timeout=10)[0] == b""  # the child held the other end of the pipe until it ended
