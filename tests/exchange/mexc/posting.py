"""One order request, as the client makes it, and what must never be told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.abc import AbstractResolver

from daemon.exchange.mexc.transport import (
    Failure,
    GatedConnector,
    HttpTransport,
    Reply,
    Stopped,
    Transport,
    open_transport,
)
from daemon.exchange.port import Gate

KEY = "mx0aBYs33eIilxBWC5"
SIGNATURE = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
PATH = "/api/v3/order"
TARGET = f"{PATH}?symbol=%E5%B8%81%E5%AE%89USDT&side=BUY&signature={SIGNATURE}"
HEADERS = {"X-MEXC-APIKEY": KEY, "Content-Type": "application/json"}
PATIENCE_S = 30
"""Long enough never to end while a test runs; a test that waits for it does so in virtual time."""


async def send(transport: Transport, method: str = "POST", gate: Gate | None = None) -> Reply | Failure | Stopped:
    """Make the request over a transport."""
    return await transport.request(method, TARGET, HEADERS, timeout_s=PATIENCE_S, gate=gate)


async def post(url: str, *, gate: Gate | None = None) -> Reply | Failure | Stopped:
    """Make the request over a transport of its own."""
    async with open_transport(url) as transport:
        return await send(transport, gate=gate)


async def failure(url: str, *, gate: Gate | None = None) -> Failure:
    """Make a request that fails; what the failure says holds neither key nor signature."""
    return no_secret_in(await post(url, gate=gate))


def no_secret_in(outcome: Reply | Failure | Stopped) -> Failure:
    """Take an outcome for a failure that tells why it failed, and no secret."""
    assert isinstance(outcome, Failure)
    assert outcome.why
    assert SIGNATURE not in outcome.why
    assert SIGNATURE[:16] not in outcome.why
    assert KEY not in outcome.why
    return outcome


@asynccontextmanager
async def transport_over(resolver: AbstractResolver, url: str) -> AsyncIterator[HttpTransport]:
    """Open a transport whose names are resolved by the test."""
    async with open_transport(url, GatedConnector(resolver=resolver, use_dns_cache=False)) as transport:
        yield transport
