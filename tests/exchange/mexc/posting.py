"""One order request, as the client makes it, and the secrets that its errors must not contain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver

from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Answer, NotSent
from daemon.core.values.orders import Order
from daemon.exchange.mexc.transport import GIVEN_UP, Failure, HttpTransport, Reply, Transport, describe, open_transport
from daemon.exchange.port import Exchange, NotConnected

KEY = "mx0aBYs33eIilxBWC5"
SIGNATURE = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
PATH = "/api/v3/order"
TARGET = f"{PATH}?symbol=%E5%B8%81%E5%AE%89USDT&side=BUY&signature={SIGNATURE}"
HEADERS = f"X-MEXC-APIKEY: {KEY}\r\nContent-Type: application/json\r\n"
PATIENCE_S = 30
"""Longer than any test; a test that waits for it uses virtual time."""


Gate = Callable[[], Awaitable[str | None]]
"""Runs between the connection and the first byte; returns the reason not to send, or ``None``."""


async def opens() -> None:
    """Allow sending."""


async def send(transport: Transport, method: str = "POST", gate: Gate | None = None) -> Reply | Failure | NotSent:
    """Make the request over a transport; with a gate, in the executor's order of steps."""
    request = transport.build(method, TARGET, HEADERS)
    if gate is None:
        return await transport.request(request, PATIENCE_S, repeatable=method != "POST")
    try:
        async with asyncio.timeout(PATIENCE_S):
            connection = await transport.connect(PATIENCE_S)
            try:
                why = await gate()
                if why is not None:
                    return NotSent(why)
                if not connection.write(request):
                    return Failure(written=False, why=GIVEN_UP)
            finally:
                connection.release()
    except (aiohttp.ClientError, TimeoutError) as error:
        return Failure(written=False, why=describe(error))
    return await connection.reply(PATIENCE_S)


async def place(client: Exchange, order: Order, attempt: Attempt, gate: Gate = opens) -> Answer:
    """Make one attempt in the executor's order of steps."""
    request = client.prepare(order, attempt)
    try:
        async with asyncio.timeout(request.timeout_s):
            await request.connect()
            await request.rate_slot()
            why = await gate()
            if why is not None:
                return NotSent(why)
            assert request.write()
    except (NotConnected, TimeoutError) as error:
        return request.not_written(str(error))
    finally:
        request.release()
    return await request.answer()


async def post(url: str, *, gate: Gate | None = None) -> Reply | Failure | NotSent:
    """Make the request over a new transport."""
    async with open_transport(url) as transport:
        return await send(transport, gate=gate)


async def failure(url: str, *, gate: Gate | None = None) -> Failure:
    """Make a request that fails; check that the failure contains neither key nor signature."""
    return no_secret_in(await post(url, gate=gate))


def no_secret_in(outcome: Reply | Failure | NotSent) -> Failure:
    """Check that an outcome is a failure with a reason and without secrets; return it."""
    assert isinstance(outcome, Failure)
    assert outcome.why
    assert SIGNATURE not in outcome.why
    assert SIGNATURE[:16] not in outcome.why
    assert KEY not in outcome.why
    return outcome


@asynccontextmanager
async def transport_over(resolver: AbstractResolver, url: str) -> AsyncIterator[HttpTransport]:
    """Open a transport with the test's name resolver."""
    async with open_transport(url, aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)) as transport:
        yield transport
