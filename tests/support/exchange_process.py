"""The simulated exchange as a process with its own book, and a client of its control routes."""

import http.client
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.child import Child
from tests.support.waiting import PATIENCE_S, eventually

PLACE = "POST /api/v3/order"
NEVER_MS = 10**14


class Exchange:
    """The exchange: its process can end and start again; its address and its book stay."""

    def __init__(self, directory: Path, *arguments: str, environ: Mapping[str, str], is_limited: bool = False) -> None:
        self.book = directory / "exchange.db"
        self.url = ""
        self._arguments = arguments if is_limited else ("--no-limits", *arguments)
        self._environ = environ
        self._directory = directory
        self._child: Child | None = None

    @property
    def process(self) -> Child:
        """The running process, or the last one."""
        assert self._child is not None, "the exchange was not started"
        return self._child

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self.close()
        address = urlsplit(self.url).netloc or "127.0.0.1:0"
        command = [
            sys.executable,
            "-m",
            "daemon",
            "exchange",
            "--listen",
            address,
            "--db",
            str(self.book),
        ]
        self._child = Child([*command, *self._arguments], environ=self._environ, directory=self._directory)
        self.url = self._child.wait_for("exchange.listening")["url"]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process until the context ends: requests to it wait.

        Requests sent meanwhile count as received when it continues.
        """
        self.process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send(signal.SIGCONT)

    def close(self) -> None:
        """Kill it."""
        if self._child is not None:
            self._child.close()

    def orders(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """Return the orders of the book, oldest first, or those of one of the daemon's orders."""
        found: list[dict[str, Any]] = self._control("GET", "orders")
        return [order for order in found if _belongs(order["clientOrderId"], order_id)]

    def arrivals(self, order_id: str | None = None, *, endpoint: str = PLACE) -> list[dict[str, Any]]:
        """Return the received requests of an endpoint, oldest first, or those for one of the daemon's orders."""
        method, path = endpoint.split(" ")
        found = [_with_parameters(request) for request in self._control("GET", "requests")]
        return [
            request
            for request in found
            if (request["method"], request["path"]) == (method, path)
            and _belongs(request["parameters"].get("newClientOrderId", ""), order_id)
        ]

    def requests(self) -> list[dict[str, Any]]:
        """Return all received requests, oldest first."""
        found: list[dict[str, Any]] = self._control("GET", "requests")
        return found

    def wait_for_arrivals(self, order_id: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until ``count`` requests to place an order have been received."""

        def found() -> list[dict[str, Any]] | None:
            arrivals = self.arrivals(order_id)
            return arrivals if len(arrivals) >= count else None

        return eventually(found, f"{count} requests to place {order_id}")

    def inject(self, *faults: str | dict[str, Any]) -> None:
        """Replace the plan of faults; a name alone stands for that fault with count 1."""
        plan = [{"kind": fault, "count": 1} if isinstance(fault, str) else fault for fault in faults]
        self._control("PUT", "faults", {"faults": plan})

    def injections(self) -> int:
        """Return the number of injections of the active faults."""
        return sum(fault["struck"] for fault in self._control("GET", "faults")["faults"])

    def list_symbol(
        self, symbol: str, opens_at: int, *, market: Mapping[str, Any] | None = None, **details: Any
    ) -> None:
        """List a symbol that opens at a given time, or list an existing one again.

        With ``market`` it is shown with these changes of its market, and never without them.
        """
        if market is None:
            self._control("POST", "listings", {"symbol": symbol, "opensAt": opens_at, **details})
            return
        self.list_symbol(symbol, opens_at, **details, shownFrom=NEVER_MS)
        self.change_market(symbol, **market)
        self.change_listing(symbol, shownFrom=0)

    def change_listing(self, symbol: str, **changes: Any) -> None:
        """Postpone a listing, or change it in another way, with the fields of `ListingChange`."""
        self._control("PATCH", "listings", {"symbol": symbol, **changes})

    def change_market(self, symbol: str, **changes: Any) -> None:
        """Change a symbol's rules, price or levels."""
        self._control("POST", "market", {"symbol": symbol, **changes})

    def _control(self, method: str, what: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        try:
            connection.request(method, f"/simulator/{what}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == http.client.OK, content
        return content


def _belongs(client_order_id: str, order_id: str | None) -> bool:
    return order_id is None or client_order_id.rpartition("-")[0] == order_id


def _with_parameters(request: dict[str, Any]) -> dict[str, Any]:
    pairs = (pair.partition("=") for pair in request["query"].split("&") if pair)
    return request | {"parameters": {name: value for name, _, value in pairs}}
