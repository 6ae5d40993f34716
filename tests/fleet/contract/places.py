"""The databases that the suite runs over. Each makes a ledger that several members open.

To add a backend: write a context manager like :func:`postgresql`, and add it to ``PLACES`` with what it needs of the
machine.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import pytest

from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.memory import MemoryDatabase
from daemon.fleet.port import Backend
from tests.support.postgres import ADMIN, PostgresServer
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import wall_ms

Join = Callable[[], AbstractAsyncContextManager[Backend]]
"""Opens the ledger once more, as another member does."""

Place = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Join]]
"""Makes a new ledger."""


@asynccontextmanager
async def postgresql(request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Make a ledger in the run's server."""
    server: PostgresServer = request.getfixturevalue("postgres")
    ledger = secrets.token_hex(8)
    await create_log(server.url(user=ADMIN), ledger, f"account of {ledger}", role="sniperd")
    yield partial(open_backend, server.url(), ledger, "single")


@asynccontextmanager
async def memory(_: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Make a ledger in memory."""
    database = MemoryDatabase(wall_ms, account="account of memory")
    yield lambda: nullcontext(database.backend())


@asynccontextmanager
async def valkey(
    request: pytest.FixtureRequest, *, server: str = "valkey", durability: str = "single"
) -> AsyncIterator[Join]:
    """Make a ledger in one of the run's servers."""
    running: ValkeyProcess = request.getfixturevalue(server)
    ledger = secrets.token_hex(8)
    await create_log(running.url, ledger, f"account of {ledger}")
    yield partial(open_backend, running.url, ledger, durability)


class Kind(NamedTuple):
    """A backend, and the words of the marker ``needs``."""

    place: Place
    needs: tuple[str, ...] = ()


PLACES = {
    "memory": Kind(memory),
    "postgresql": Kind(postgresql, ("postgresql",)),
    "valkey": Kind(valkey),
    "valkey with a replica": Kind(partial(valkey, server="replicated", durability="synchronous")),
    "redis": Kind(partial(valkey, server="redis"), ("redis",)),
}
