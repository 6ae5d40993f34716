"""A fleet over Valkey: its owner is killed under load, and then the server; nothing is lost or bought twice."""

from tests.support.fleet_load import Load
from tests.support.fleet_stage import Fleet
from tests.support.valkey_process import ValkeyProcess


def test_the_owner_is_killed_and_then_the_server(fleet_on_valkey: Fleet, valkey: ValkeyProcess) -> None:
    fleet = fleet_on_valkey
    owner = fleet.owner()
    [other] = fleet.others(owner)
    load = Load([each.daemon.signals for each in fleet.members], per_s=20)
    load.start()
    try:
        load.wait_for(20)
        owner.daemon.kill()
        other.daemon.process.wait_for("daemon.ready", timeout_s=60)
        owner.start()
        load.wait_for(20)
        valkey.kill()
        valkey.start()
        for each in fleet.members:
            if not each.daemon.process.is_running():  # it gave up, and a service manager would start it again
                each.start()
        load.wait_for(20)
    finally:
        load.finish()
    assert load.problems(fleet.exchange, fleet.owner(60).daemon.order) == []
