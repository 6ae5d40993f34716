"""The peer: reads a signal from a Unix socket and lets ccxt place the order. It keeps nothing durable.

python -m tests.bench.ccxt_peer SOCKET PORT
"""

import asyncio
import json
import sys

import ccxt.async_support as ccxt

MARKET = {
    "id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT",
    "type": "spot", "spot": True, "swap": False, "contract": False, "active": True,
    "precision": {"amount": 1e-8, "price": 0.01}, "limits": {},
}  # fmt: skip


async def main(path: str, port: int) -> None:
    """Serve until killed."""
    exchange = ccxt.mexc({"apiKey": "mx0aBYs33eIilxBWC5", "secret": "x" * 32, "enableRateLimit": False})
    exchange.set_markets([MARKET])
    address = f"http://127.0.0.1:{port}"
    exchange.urls["api"]["spot"] = {"public": address, "private": address}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            signal = json.loads(await reader.readexactly(length))
            await exchange.create_order("BTC/USDT", "market", "buy", None, None, {"cost": signal["quoteOrderQty"]})
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    async def patiently(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_unix_server(patiently, path, backlog=4_096)
    print("ready", flush=True)  # noqa: T201  # tells the benchmark
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
