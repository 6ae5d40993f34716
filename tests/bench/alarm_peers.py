"""Peers with an alarm clock: they read instants, and place orders at each with aiohttp alone or with ccxt.

python -m tests.bench.alarm_peers aiohttp|ccxt PORT MS

The exchange's clock is MS ahead of the machine's. A line on standard input, "INSTANT FIRST COUNT", is so many orders of
the amounts from FIRST on, for an instant in ms by the exchange's clock. They keep nothing durable.
"""

import asyncio
import hashlib
import hmac
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import ccxt.async_support as ccxt

from daemon.clock import wall_ms
from tests.bench.ccxt_peer import MARKET

KEY, SECRET = "mx0aBYs33eIilxBWC5", b"45d0b3c26f2644f19bfb98b07741b2f5"
WARMED_MS = 50
"""How long before the instant the bare client makes one cheap request on each connection."""

Place = Callable[[int], Awaitable[object]]
Warm = Callable[[], Awaitable[object]] | None


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[tuple[Place, Warm]]:
    """Sign by hand and let aiohttp carry the request."""
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def place(amount: int) -> None:
            query = (
                f"symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty={amount}&newClientOrderId=bare-{amount}"
                f"&recvWindow=2000&timestamp={wall_ms()}"
            )
            signature = hmac.new(SECRET, query.encode(), hashlib.sha256).hexdigest()
            headers = {"X-MEXC-APIKEY": KEY, "Content-Type": "application/json"}
            async with session.post(f"/api/v3/order?{query}&signature={signature}", headers=headers) as answer:
                await answer.read()

        async def warm() -> None:
            async with session.get("/api/v3/ping") as answer:
                await answer.read()

        yield place, warm


@asynccontextmanager
async def with_ccxt(url: str) -> AsyncIterator[tuple[Place, Warm]]:
    """Let ccxt place the orders, without its rate limiter."""
    exchange = ccxt.mexc({"apiKey": KEY, "secret": SECRET.decode(), "enableRateLimit": False})
    exchange.set_markets([MARKET])
    exchange.urls["api"]["spot"] = {"public": url, "private": url}

    async def place(amount: int) -> None:
        await exchange.create_order("BTC/USDT", "market", "buy", None, None, {"cost": amount})

    try:
        yield place, None
    finally:
        await exchange.close()


async def main(client: str, port: int, ahead_ms: int) -> None:
    """Place orders until standard input ends."""
    async with (bare if client == "aiohttp" else with_ccxt)(f"http://127.0.0.1:{port}") as (place, warm):
        print("ready", flush=True)  # noqa: T201  # tells the benchmark
        while line := await asyncio.to_thread(sys.stdin.readline):
            instant_ms, first, count = map(int, line.split())
            local_ms = instant_ms - ahead_ms
            if warm is not None:
                await _sleep_until(local_ms - WARMED_MS)
                await asyncio.gather(*(warm() for _ in range(count)))
            await _sleep_until(local_ms)
            await asyncio.gather(*(place(amount) for amount in range(first, first + count)))


async def _sleep_until(at_ms: int) -> None:
    await asyncio.sleep(max(0.0, at_ms / 1_000 - time.clock_gettime(time.CLOCK_REALTIME)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
