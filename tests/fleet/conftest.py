"""The servers that the fleet's tests share."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a running server, one for each worker."""
    with postgres_server() as server:
        server.create()
        yield server
