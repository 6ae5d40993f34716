"""A client of the simulated exchange for its tests: has its own signing, calls the exchange without sockets."""

import hmac
import sqlite3
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec

from daemon.simulator.authentication import EXAMPLE_KEYS, KeyPair
from daemon.simulator.book import Book
from daemon.simulator.control import MarketChange
from daemon.simulator.exchange import DelayedRequest, SimulatedExchange
from daemon.simulator.faults import Fault
from daemon.simulator.limits import UNLIMITED, Limits
from daemon.simulator.listings import Listing
from daemon.simulator.messages import Reply, Request

ACCESS_KEY = "mx0aBYs33eIilxBWC5"
SECRET_KEY = "45d0b3c26f2644f19bfb98b07741b2f5"
NOW_MS = 1_790_000_000_123
HEADERS = {"X-MEXC-APIKEY": ACCESS_KEY, "Content-Type": "application/json"}


def signature(text: str, secret_key: str = SECRET_KEY) -> str:
    """Sign as documented."""
    return hmac.new(secret_key.encode(), text.encode(), "sha256").hexdigest()


def query_string(parameters: Mapping[str, object]) -> str:
    """Percent-encode parameters as MEXC requires."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())


def signed_query(parameters: Mapping[str, object], now_ms: int) -> str:
    """Return a query string with time and signature."""
    query = query_string({**parameters, "timestamp": now_ms})
    return f"{query}&signature={signature(query)}"


def new_exchange(book: Book, *, seed: int = 1, limits: Limits = UNLIMITED, **settings: Any) -> SimulatedExchange:
    """Build an exchange, by default without limits."""
    return SimulatedExchange(book, rng=Random(seed), limits=limits, **settings)  # noqa: S311 - a simulation


def _closed(book: Book) -> None:
    """Close the book of a collected trader, unless the test has closed it."""
    with suppress(sqlite3.ProgrammingError):
        book.close()


class Trader:
    """Trades on an exchange in memory; both use the clock `now_ms`."""

    def __init__(
        self,
        *,
        book: Book | None = None,
        seed: int = 1,
        limits: Limits = UNLIMITED,
        faults: Iterable[Fault] = (),
        listings: Iterable[Listing] = (),
        balances: Mapping[str, Decimal] | None = None,
        keys: KeyPair = EXAMPLE_KEYS,
        spends_all: bool = False,
    ) -> None:
        self.book = book or Book()
        if book is None:
            weakref.finalize(self, _closed, self.book)
        self.exchange = new_exchange(
            self.book, seed=seed, limits=limits, faults=faults, listings=listings, balances=balances, keys=keys,
            spends_all=spends_all,
        )  # fmt: skip
        self.now_ms = NOW_MS

    def request(self, method: str, path: str, **parameters: object) -> Request:
        """Build a request; it is always signed."""
        full_path = path if path.startswith("/") else f"/api/v3/{path}"
        return Request(method, full_path, signed_query(parameters, self.now_ms), HEADERS)

    def send(self, method: str, path: str, **parameters: object) -> Reply:
        """Send a request and return the reply."""
        answer = self.exchange.handle(self.request(method, path, **parameters), self.now_ms)
        assert isinstance(answer, Reply)
        return answer

    def later(self, method: str, path: str, **parameters: object) -> DelayedRequest:
        """Send a request that a fault delays."""
        answer = self.exchange.handle(self.request(method, path, **parameters), self.now_ms)
        assert isinstance(answer, DelayedRequest)
        return answer

    def ask(self, method: str, path: str, **parameters: object) -> Any:
        """Send a request that succeeds and return the content of its reply."""
        reply = self.send(method, path, **parameters)
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body)

    def refusal(self, method: str, path: str, **parameters: object) -> tuple[int, int, str]:
        """Send a request that is refused and return HTTP status, code and message."""
        reply = self.send(method, path, **parameters)
        content = msgspec.json.decode(reply.body)
        return reply.status, content["code"], content["msg"]

    def code(self, method: str, path: str, **parameters: object) -> int:
        """Send a request that is refused and return the code."""
        return self.refusal(method, path, **parameters)[1]

    def place(self, **parameters: object) -> str:
        """Place an order, by default a LIMIT BUY of 0.01 BTC at 90,000, and return its id."""
        order_id = self.ask("POST", "order", **order(**parameters))["orderId"]
        assert isinstance(order_id, str)
        return order_id

    def refused(self, **parameters: object) -> tuple[int, str]:
        """Place an order that is refused and return code and message."""
        _, code, message = self.refusal("POST", "order", **order(**parameters))
        return code, message

    def query(self, order_id: str, symbol: str = "BTCUSDT") -> Any:
        """Query an order."""
        return self.ask("GET", "order", symbol=symbol, orderId=order_id)

    def balance(self, asset: str) -> tuple[str, str]:
        """Return the free and the locked balance of an asset."""
        for row in self.ask("GET", "account")["balances"]:
            if row["asset"] == asset:
                return row["free"], row["locked"]
        return "0", "0"

    def offer(
        self,
        *,
        bids: Iterable[tuple[str, str]] = (),
        asks: Iterable[tuple[str, str]] = (),
        symbol: str = "BTCUSDT",
    ) -> None:
        """Replace a market's levels."""
        self.change(
            symbol=symbol,
            bids=[(Decimal(price), Decimal(quantity)) for price, quantity in bids],
            asks=[(Decimal(price), Decimal(quantity)) for price, quantity in asks],
        )

    def change(self, symbol: str = "BTCUSDT", **changes: Any) -> None:
        """Change a symbol's market or rules."""
        self.exchange.change_market(MarketChange(symbol=symbol, **changes), self.now_ms)

    def control(self, method: str, path: str, content: object = None) -> tuple[int, Any]:
        """Use a control route and return the reply's status and content."""
        body = b"" if content is None else msgspec.json.encode(content)
        reply = self.exchange.handle(Request(method, f"/simulator/{path}", body=body), self.now_ms)
        assert isinstance(reply, Reply)
        return reply.status, msgspec.json.decode(reply.body)


def order(**parameters: object) -> dict[str, object]:
    """Return an order's parameters: the usual ones with changes; None removes one."""
    usual: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}
    if parameters.get("type") != "MARKET":
        usual |= {"quantity": "0.01", "price": "90000"}
    merged = usual | parameters
    return {name: value for name, value in merged.items() if value is not None}
