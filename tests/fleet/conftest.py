"""The servers that the fleet's tests share."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, postgres_server
from tests.support.stage import stage
from tests.support.valkey_process import REDIS, VALKEY, ValkeyProcess


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a running server, one for each worker."""
    with postgres_server() as server:
        server.create()
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyProcess]:
    """Return a running Valkey server, one for each worker."""
    with stage() as place:
        yield ValkeyProcess.started(place, program=VALKEY)


@pytest.fixture(scope="session")
def redis() -> Iterator[ValkeyProcess]:
    """Return a running Redis server, one for each worker."""
    with stage() as place:
        yield ValkeyProcess.started(place, program=REDIS)


@pytest.fixture(scope="session")
def replicated() -> Iterator[ValkeyProcess]:
    """Return a running Valkey server with a replica, one for each worker."""
    with stage() as place:
        primary, replica = ValkeyProcess.started(place), ValkeyProcess.started(place)
        replica.replicate(primary)
        yield primary
