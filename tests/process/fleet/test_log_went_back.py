"""The fleet's database lost what it had acknowledged: a member that saw more does not go on."""

from collections.abc import Iterator

import pytest

from tests.support import Daemon, eventually
from tests.support.fleet_stage import Fleet, fleet_stage
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.signals import market_buy

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test alone, which it restores from a dump."""
    with postgres_server() as made:
        made.create()
        yield made


@pytest.fixture
def fleet(server: PostgresServer) -> Iterator[Fleet]:
    """Two members."""
    with fleet_stage(server) as made:
        yield made


def entries(daemon: Daemon) -> int:
    """Return how far a member's copy is."""
    found: int = daemon.get("/v1/fleet")["fleet"]["n"]
    return found


def test_members_that_saw_more_than_a_restored_log_do_not_start(fleet: Fleet, server: PostgresServer) -> None:
    owner = fleet.owner().daemon
    owner.submit(market_buy(), wait_s=10)
    dump = server.dump()
    owner.submit(market_buy(), wait_s=10)
    seen = entries(owner)
    for member in fleet.members:
        eventually(lambda member=member: entries(member.daemon) >= seen, "its copy has the second order")  # type: ignore[misc]
    for member in fleet.members:
        member.daemon.kill()
    server.restore(dump)
    for member in fleet.members:
        member.daemon.launch()
        assert member.daemon.process.exit_code() == 65
        [told] = member.daemon.process.events("fleet.log_went_back")
        assert (told["level"], told["known"]) == ("critical", seen)
        assert "sniperd fleet accept-loss" in told["error"]
    assert len(fleet.exchange.orders()) == 2
    moved = fleet.members[0].daemon
    for name in ("sniperd.db-wal", "sniperd.db-shm"):
        moved.directory.joinpath(name).write_text("of the former database")
    moved.database.unlink()
    moved.launch()
    assert moved.process.exit_code() == 65, "SQLite would read the former database's WAL into the new one"
    for name in ("sniperd.db-wal", "sniperd.db-shm"):
        moved.directory.joinpath(name).unlink()
    fleet.members[0].start()
    assert moved.wait_for("daemon.ready"), "what the handbook says to move is enough"
