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


def test_a_restored_log_that_grew_past_what_a_member_saw_is_refused_too(fleet: Fleet, server: PostgresServer) -> None:
    """A member without a memory went on with it. The other knows an order that the log lacks, and says so."""
    owner = fleet.owner()
    [other] = fleet.others(owner)
    dump = server.dump()
    lost = owner.daemon.submit(market_buy(), wait_s=10).json["id"]
    seen = entries(owner.daemon)
    for member in fleet.members:
        member.daemon.kill()
    server.restore(dump)
    other.daemon.database.unlink()
    for part in other.daemon.directory.glob("sniperd.db-*"):
        part.unlink()
    other.start()
    other.daemon.wait_for("daemon.ready")
    for _ in range(3):
        other.daemon.submit(market_buy(), wait_s=10)
    assert entries(other.daemon) > seen
    owner.daemon.launch()
    assert owner.daemon.process.exit_code() == 65
    assert "does not follow what this member has copied" in owner.daemon.transcript()
    assert [order["clientOrderId"].partition("-")[0] for order in fleet.exchange.orders()].count(lost) == 1


def test_a_replica_that_was_promoted_by_force_is_refused(fleet: Fleet, server: PostgresServer) -> None:
    """The fleet was told that the server is the only one, and a replica that lagged behind took its place."""
    owner = fleet.owner().daemon
    with postgres_server() as replica:
        replica.create_standby(server, "replica")
        replica.stop()
        signal = market_buy(idempotencyKey="once")
        owner.submit(signal, wait_s=10)
        seen = entries(owner)
        for member in fleet.members:
            eventually(lambda member=member: entries(member.daemon) >= seen, "its copy has the order")  # type: ignore[misc]
            member.daemon.kill()
        server.kill()
        replica.start()
        replica.promote()
        for member in fleet.members:
            url = member.daemon.config["fleet"]["url"]
            port = member.to_database.url.rpartition(":")[2]
            member.daemon.configure({"fleet": {"url": url.replace(f":{port}/", f":{replica.port}/")}})
            member.daemon.launch()
            assert member.daemon.process.exit_code() == 65
            assert member.daemon.process.events("fleet.log_went_back")
        assert len(fleet.exchange.orders()) == 1


def test_an_owner_whose_log_loses_entries_while_it_trades_stays_down(fleet: Fleet, server: PostgresServer) -> None:
    owner = fleet.owner().daemon
    owner.submit(market_buy(), wait_s=10)
    for each in fleet.members:
        if each.daemon is not owner:
            each.daemon.kill()
    server.sql("DELETE FROM sniperd.log WHERE n > 1")
    late = owner.submit(market_buy())
    assert late.status == 503
    assert owner.process.exit_code() == 65
    [told] = owner.process.events("fleet.log_went_back")
    assert "sniperd fleet accept-loss" in told["error"]
    assert len(fleet.exchange.orders()) == 1
