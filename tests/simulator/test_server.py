"""The exchange over real HTTP: requests byte for byte, delays and cut connections."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from yarl import URL

from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault
from daemon.simulator.server import serving, wall_clock_ms
from tests.simulator.trader import HEADERS, NOW_MS, new_exchange, order, signed_query


class Client:
    """A client that speaks HTTP to a served exchange."""

    def __init__(self, session: aiohttp.ClientSession, url: str, exchange: SimulatedExchange) -> None:
        self.session = session
        self.url = url
        self.exchange = exchange

    def place(self, **parameters: object) -> Any:
        """Place an order; use as an async context manager."""
        return self.send("POST", "/api/v3/order", **order(**parameters))

    def send(self, method: str, path: str, **parameters: object) -> Any:
        """Send a signed request; use as an async context manager."""
        url = URL(f"{self.url}{path}?{signed_query(parameters, NOW_MS)}", encoded=True)
        return self.session.request(method, url, headers=HEADERS)

    async def wait_for(self, what: str) -> None:
        """Query over HTTP until the exchange shows `orders` or `requests`."""
        seen: list[object] = []
        async with asyncio.timeout(30):
            while not seen:
                async with self.session.get(f"{self.url}/simulator/{what}") as reply:
                    seen = await reply.json()


@asynccontextmanager
async def client_of(*faults: Fault) -> AsyncIterator[Client]:
    book = Book()
    exchange = new_exchange(book, faults=faults)
    async with serving(exchange, clock=lambda: NOW_MS) as url, aiohttp.ClientSession() as session:
        yield Client(session, url, exchange)
    book.close()


async def test_an_order_is_placed_over_http() -> None:
    async with client_of() as client, client.place() as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/json;charset=utf-8"
        assert (await reply.json())["transactTime"] == NOW_MS


async def test_a_refusal_comes_with_its_status() -> None:
    async with client_of() as client, client.send("GET", "/api/v3/order", symbol="BTCUSDT", orderId="x") as reply:
        assert reply.status == 400
        assert await reply.json() == {"msg": "Order does not exist.", "code": -2013, "_extend": None}


async def test_a_symbol_in_chinese_characters_is_received_unchanged() -> None:
    async with client_of() as client, client.place(symbol="币安人生USDT", price="0.1", quantity="100") as reply:
        assert (await reply.json())["symbol"] == "币安人生USDT"


async def test_commas_and_quotes_are_received_as_signed() -> None:
    batch = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.01","price":"90000"}]'
    async with client_of() as client, client.send("POST", "/api/v3/batchOrders", batchOrders=batch) as reply:
        assert reply.status == 200


async def test_a_batch_of_twenty_fits_into_a_request_line() -> None:
    item = '{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.01","price":"90000","newClientOrderId":"%s"}'
    batch = f"[{','.join(item % str(number).zfill(32) for number in range(20))}]"
    async with client_of() as client, client.send("POST", "/api/v3/batchOrders", batchOrders=batch) as reply:
        assert len(await reply.json()) == 20


async def test_a_url_that_was_quoted_again_has_another_signature() -> None:
    """A str URL in aiohttp: %2C becomes a comma, so the bytes differ from the signed ones."""
    async with client_of() as client:
        query = signed_query({"symbol": "BTCUSDT,ETHUSDT"}, NOW_MS)
        async with client.session.delete(f"{client.url}/api/v3/openOrders?{query}", headers=HEADERS) as reply:
            assert (await reply.json())["code"] == 700002


async def test_a_post_without_a_content_type_is_refused() -> None:
    async with client_of() as client:
        url = URL(f"{client.url}/api/v3/order?{signed_query(order(), NOW_MS)}", encoded=True)
        key = {"X-MEXC-APIKEY": HEADERS["X-MEXC-APIKEY"]}
        async with client.session.post(url, headers=key) as reply:
            assert (await reply.json())["code"] == 700013


async def test_the_reply_to_a_placed_order_is_lost() -> None:
    async with client_of(Fault("reply_lost", count=1)) as client:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            async with client.place():
                pass
        assert len(client.exchange.orders()) == 1
        async with client.place() as reply:
            assert reply.status == 200


async def test_a_request_is_lost() -> None:
    async with client_of(Fault("request_lost", count=1)) as client:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            async with client.place():
                pass
        assert client.exchange.orders() == []


async def test_a_cut_connection_is_not_a_server_error(caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(Fault("reply_lost")) as client:
        for _ in range(3):
            with pytest.raises(aiohttp.ServerDisconnectedError):
                async with client.place():
                    pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_slow_reply_comes_after_its_delay() -> None:
    async with client_of(Fault("slow_after", delay_ms=60)) as client:
        started = asyncio.get_running_loop().time()
        async with client.place() as reply:
            assert reply.status == 200
        assert asyncio.get_running_loop().time() - started >= 0.06


async def test_a_delayed_order_is_placed_although_its_client_disconnected() -> None:
    async with client_of(Fault("slow_before", delay_ms=400)) as client:
        async with asyncio.TaskGroup() as tasks:
            impatient = tasks.create_task(client.place().__aenter__())
            await client.wait_for("requests")
            impatient.cancel()
        assert client.exchange.orders() == []
        await client.wait_for("orders")


async def test_a_slow_request_does_not_delay_others() -> None:
    async with client_of(Fault("slow_after", delay_ms=60_000, count=1)) as client, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(client.place().__aenter__())
        await client.wait_for("orders")
        async with client.place() as reply:
            assert reply.status == 200
        slow.cancel()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v3/time?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET http://[broken/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v3/order?symbol=\xff\xfe%ff%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
    ],
    ids=["noise", "no version", "long line", "long header", "no URL", "no UTF-8", "no length"],
)
async def test_bad_input_is_answered_and_does_not_end_the_server(raw: bytes) -> None:
    async with client_of() as client:
        url = URL(client.url)
        assert url.host is not None
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(raw)
        assert (await reader.read(1_000)).startswith(b"HTTP/1.")
        writer.close()
        await writer.wait_closed()
        async with client.session.get(f"{client.url}/api/v3/ping") as reply:
            assert reply.status == 200
        async with client.session.get(f"{client.url}/simulator/requests") as reply:
            assert reply.status == 200


async def test_a_body_beyond_a_mebibyte_is_refused() -> None:
    async with client_of() as client:
        body = io.BytesIO(b" " * (2**20 + 1))
        async with client.session.put(f"{client.url}/simulator/faults", data=body) as reply:
            assert reply.status == 413
        async with client.session.get(f"{client.url}/api/v3/ping") as reply:
            assert reply.status == 200


async def test_the_control_routes_are_served() -> None:
    async with client_of() as client:
        plan = {"faults": [{"kind": "reply_lost", "count": 1}]}
        async with client.session.put(f"{client.url}/simulator/faults", json=plan) as reply:
            assert (await reply.json())["faults"][0]["kind"] == "reply_lost"
        async with client.session.get(f"{client.url}/simulator/orders") as reply:
            assert await reply.json() == []


async def test_markets_move_without_requests() -> None:
    """An order near the market fills as time passes."""
    moments, looked = [NOW_MS], asyncio.Event()

    def clock() -> int:
        looked.set()
        return moments[-1]

    book = Book()
    exchange = new_exchange(book)
    async with serving(exchange, clock=clock) as url, aiohttp.ClientSession() as session:
        client = Client(session, url, exchange)
        async with client.place(price="94995") as reply:
            assert reply.status == 200
        assert exchange.orders()[0]["status"] == "NEW"
        moments.append(NOW_MS + 60_000)
        looked.clear()
        await looked.wait()
        assert exchange.orders()[0]["status"] == "FILLED"
    book.close()


def test_the_servers_clock_counts_milliseconds_since_1970() -> None:
    assert 1_700_000_000_000 < wall_clock_ms() < 5_000_000_000_000
