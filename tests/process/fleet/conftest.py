"""One PostgreSQL and one Valkey for all these tests; each has a ledger, an exchange and members of its own."""

from collections.abc import Iterator

import pytest

from tests.support.fleet_stage import Fleet, fleet_stage
from tests.support.postgres import PASSWORD, USER, PostgresServer, postgres_server
from tests.support.stage import stage
from tests.support.valkey_process import ValkeyProcess


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


@pytest.fixture(scope="package")
def valkey() -> Iterator[ValkeyProcess]:
    """Another server."""
    with stage() as place:
        yield ValkeyProcess.started(place, user=f"{USER} on >{PASSWORD} ~sniperd:* &sniperd:* +@all")


@pytest.fixture
def fleet_on_valkey(valkey: ValkeyProcess) -> Iterator[Fleet]:
    """Two members over Valkey."""
    with fleet_stage(valkey) as made:
        yield made
