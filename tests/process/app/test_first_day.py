"""The README's quick start: no configuration, no account, an empty home, and a paper exchange that the daemon runs."""

import http.client
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import Child, eventually
from tests.support.command import SNIPERD, Ran, sniperd
from tests.support.daemon_process import plain_environment
from tests.support.stage import Stage
from tests.support.unix_http import ask


class Home:
    """A user's home, and the daemon in it."""

    def __init__(self, stage: Stage) -> None:
        self.directory = stage.subdirectory("home")
        self.state = self.directory / ".local" / "state" / "sniperd"
        self.environ = plain_environment(self.directory)
        self._stage = stage

    def launch(self) -> Child:
        """Start the daemon as the README says."""
        self.process = self._stage.child(*SNIPERD, "run", environ=self.environ, directory=self.directory)
        return self.process

    def start(self) -> None:
        """Start it, and wait until it accepts signals."""
        self.launch().wait_for("daemon.ready")

    def sniperd(self, *words: str) -> Ran:
        """Run a command as the README says."""
        return sniperd(*words, environ=self.environ, directory=self.directory)

    def buy(self, key: str) -> dict[str, Any]:
        """Buy for 25, with an idempotency key."""
        ran = self.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", "--key", key, "--allow-repeat", "--json")
        assert ran.code == 0, ran.errors
        order: dict[str, Any] = ran.json
        return order

    def book(self) -> list[str]:
        """Return the client order ids in the paper exchange's own book."""
        connection = http.client.HTTPConnection(urlsplit(self.exchange()["url"]).netloc, timeout=10)
        connection.request("GET", "/simulator/orders")
        orders = json.loads(connection.getresponse().read())
        connection.close()
        return [order["clientOrderId"] for order in orders]

    def exchange(self) -> dict[str, Any]:
        """Return the daemon's last log line about its paper exchange."""
        return self.process.events("exchange.started")[-1]


@pytest.fixture(scope="module")
def home(shared_stage: Stage) -> Home:
    """A home in which the daemon was just started for the first time."""
    home = Home(shared_stage)
    home.start()
    return home


def test_the_first_start_creates_what_it_needs_for_its_user_only(home: Home) -> None:
    made = {path.name for path in home.state.iterdir()}
    assert made >= {"sniperd.db", "paper-exchange.db", "run"}
    assert {path.name for path in (home.state / "run").iterdir()} == {"signals.sock", "status.sock"}
    assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
    books = [path for path in home.state.iterdir() if path.name.startswith("paper-exchange.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in books} == {0o600}
    assert {path.name for path in home.directory.iterdir()} == {".local"}


def test_it_says_that_it_is_ready_and_where(home: Home) -> None:
    [ready] = home.process.events("daemon.ready")
    assert (ready["signals"], ready["status"]) == tuple(
        str(home.state / "run" / name) for name in ("signals.sock", "status.sock")
    )
    found = ask(Path(ready["status"]), "GET", "/v1/status").json
    assert (found["stage"], found["mode"]) == ("ready", "paper")
    assert found["exchangeUrl"] == home.exchange()["url"]


def test_a_buy_for_25_is_filled(home: Home) -> None:
    ran = home.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output.startswith("filled  BUY BTCUSDT for 25 USDT  order ")
    order_id = ran.output.split()[7]
    assert order_id in home.sniperd("orders").output
    assert f"{order_id}-1" in home.book()


def test_killed_and_started_again_it_finds_its_orders_and_its_paper_book(home: Home) -> None:
    order, book = home.buy("before the kill"), home.book()
    address = urlsplit(home.exchange()["url"])
    home.process.kill()
    eventually(lambda: not _accepts(address.hostname or "", address.port or 0), "its paper exchange ends with it")
    home.start()
    again = home.buy("before the kill")
    assert again == order | {"replayed": True}
    assert home.book() == book
    sold = home.sniperd("submit", "SELL", "BTCUSDT", "--quantity", order["executedQuantity"], "--json")
    assert sold.json["state"] == "filled"


def test_a_paper_exchange_that_ends_is_started_again_with_its_book_at_its_address(home: Home) -> None:
    home.buy("before the end")
    before, book, mark = home.exchange(), home.book(), home.process.mark()
    os.kill(before["pid"], signal.SIGKILL)
    assert home.process.wait_for("exchange.ended", since=mark)["exit_code"] == -signal.SIGKILL
    assert home.process.wait_for("exchange.started", since=mark)["url"] == before["url"]
    assert home.book() == book
    assert home.buy("after the end")["state"] == "filled"


def test_a_paper_exchange_that_outlives_a_killed_daemon_is_waited_for(own_stage: Stage) -> None:
    """It ends with its daemon, but not at once; and the next daemon may start sooner."""
    home = Home(own_stage)
    first = home.launch()
    first.wait_for("daemon.ready")
    first.close()  # with its exchange: another one binds that address
    words = ("exchange", "--listen", "127.0.0.1:0", "--db", str(home.state / "paper-exchange.db"))
    left = own_stage.child(*SNIPERD, *words, environ=home.environ, directory=home.directory)
    left.wait_for("exchange.listening")
    process = home.launch()
    process.errors.wait_for(lambda line: "open" in line or None, "the book is taken", timeout_s=15)
    left.terminate()
    process.wait_for("daemon.ready")
    assert home.buy("at last")["state"] == "filled"


def _accepts(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    connection.close()
    return True
