"""One PostgreSQL for all these tests; each has a ledger, an exchange and members of its own."""

from collections.abc import Iterator

import pytest

from tests.support.fleet_stage import Fleet, fleet_stage
from tests.support.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="package")
def postgres() -> Iterator[PostgresServer]:
    """The server."""
    with postgres_server() as server:
        server.create()
        yield server


@pytest.fixture
def fleet(postgres: PostgresServer) -> Iterator[Fleet]:
    """Two members, of which one owns the account."""
    with fleet_stage(postgres) as made:
        yield made
