"""The lock service through kills and orderly restarts."""

import http.client

import pytest

from tests.process.locks.asking import (
    a_resource,
    acquire,
    enqueue,
    granted,
    holders,
    lease_request,
    read,
    release,
    renew,
    take,
)
from tests.support import Daemon, Exchange, wall_ms
from tests.support.stage import Stage
from tests.support.tables import locks_of, queue_of


@pytest.fixture(scope="module")
def mortal(shared_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon that these tests may end."""
    daemon = shared_stage.daemon(package_exchange)
    daemon.start()
    return daemon


@pytest.fixture
def daemon(mortal: Daemon) -> Daemon:
    """The daemon that these tests may end, running."""
    if not mortal.process.is_running():
        mortal.start()
    return mortal


def test_a_lease_survives_a_restart_with_its_remaining_time(daemon: Daemon) -> None:
    long, short = take(daemon, timeoutMs=60_000), take(daemon, timeoutMs=700)
    daemon.kill()
    daemon.start()
    assert read(daemon, long) == {name: value for name, value in long.items() if name != "replayed"}
    assert acquire(daemon, lease_request(resourceId=long["resourceId"])).status == 409
    next_one = acquire(daemon, lease_request(resourceId=short["resourceId"], ownerId="ben"), wait_s=30).json
    old, _ = locks_of(daemon.database, short["resourceId"])
    assert old["expires_at"] == short["expiresAt"]
    assert next_one["acquiredAt"] >= old["released_at"] >= short["expiresAt"]
    assert renew(daemon, long).status == 200
    assert release(daemon, long, result=1).json["status"] == "released"


def test_a_lease_that_expires_while_the_daemon_is_down_is_ended_at_the_start(daemon: Daemon) -> None:
    lease = take(daemon, timeoutMs=1)
    daemon.kill()
    assert wall_ms() > lease["expiresAt"]
    daemon.start()
    mine = acquire(daemon, lease_request(resourceId=lease["resourceId"], ownerId="ben"), wait_s=30)
    assert mine.status == 201
    assert [row["status"] for row in locks_of(daemon.database, lease["resourceId"])] == ["expired", "active"]


def test_a_result_is_replayed_after_a_restart(daemon: Daemon) -> None:
    asked = lease_request(idempotencyKey=a_resource())
    released = release(daemon, take(daemon, asked), result={"profit": "1.5"}).json
    daemon.restart()
    again = acquire(daemon, asked)
    assert (again.status, again.json) == (200, released | {"replayed": True})


def test_a_repeated_request_finds_its_lease_after_a_restart(daemon: Daemon) -> None:
    asked = lease_request(idempotencyKey=a_resource())
    lease = take(daemon, asked)
    daemon.restart()
    assert acquire(daemon, asked).json == lease | {"replayed": True}
    assert acquire(daemon, asked | {"ownerId": "ben"}).status == 422


def test_fencing_tokens_grow_over_restarts(daemon: Daemon) -> None:
    tokens = []
    for number in range(2):
        lease = take(daemon)
        tokens.append(lease["fencingToken"])
        if number % 2:
            release(daemon, lease)
        daemon.restart()
    assert tokens == sorted(set(tokens))


def test_a_wait_ends_with_the_process_and_may_be_repeated(daemon: Daemon) -> None:
    lease = take(daemon)
    asked = lease_request(resourceId=lease["resourceId"], ownerId="ben", idempotencyKey=a_resource())
    pending = enqueue(daemon, asked)
    daemon.kill()
    with pytest.raises((OSError, http.client.HTTPException)):
        pending.answer()
    daemon.start()
    [row] = queue_of(daemon.database, lease["resourceId"])
    assert (row["status"], row["error_message"]) == ("cancelled", "the daemon ended, and with it the caller's wait")
    again = enqueue(daemon, asked)
    assert release(daemon, lease).status == 200
    assert granted(again)["ownerId"] == "ben"


def test_an_orderly_end_asks_waiters_to_repeat_their_requests(daemon: Daemon) -> None:
    lease = take(daemon)
    asked = lease_request(resourceId=lease["resourceId"], ownerId="ben", idempotencyKey=a_resource())
    line = [enqueue(daemon, asked), enqueue(daemon, lease_request(resourceId=lease["resourceId"], ownerId="cleo"))]
    assert daemon.terminate() == 0
    for pending in line:
        answer = pending.answer()
        assert (answer.status, answer.json["error"], answer.headers["retry-after"]) == (503, "not_ready", "1")
    assert {row["status"] for row in queue_of(daemon.database, lease["resourceId"])} == {"cancelled"}
    daemon.start()
    [holder] = holders(daemon, lease["resourceId"])
    assert holder["lockId"] == lease["lockId"]
