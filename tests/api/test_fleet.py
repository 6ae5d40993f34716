"""The routes of the fleet, at a daemon that is in none."""

import pytest

from daemon.api.fleet_routes import ALONE
from tests.support import Daemon


def test_a_daemon_that_is_alone_has_no_fleet(daemon: Daemon) -> None:
    assert daemon.get("/v1/fleet") == {"fleet": None}
    assert daemon.get("/v1/status")["fleet"] is None


@pytest.mark.parametrize("verb", ["hand-over", "take"])
def test_a_daemon_that_is_alone_neither_gives_the_account_up_nor_takes_it(daemon: Daemon, verb: str) -> None:
    refused = daemon.ask("POST", f"/v1/admin/fleet/{verb}", {"reason": "a rehearsal"})
    assert (refused.status, refused.json["error"], refused.json["message"]) == (409, "wrong_state", ALONE)


def test_a_daemon_that_is_alone_knows_no_member_to_forget(daemon: Daemon) -> None:
    refused = daemon.ask("POST", "/v1/admin/fleet/forget", {"name": "tokyo-1", "reason": "its disk is gone"})
    assert (refused.status, refused.json["message"]) == (409, ALONE)


@pytest.mark.parametrize("verb", ["hand-over", "take"])
def test_a_reason_is_required(daemon: Daemon, verb: str) -> None:
    refused = daemon.ask("POST", f"/v1/admin/fleet/{verb}", {})
    assert (refused.status, refused.json["field"]) == (400, "reason")
