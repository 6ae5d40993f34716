"""Locks of a fleet: through any member's door as exclusive as on one machine, over takeovers, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import Answer, Daemon, eventually
from tests.support.fleet_sections import Sections
from tests.support.fleet_stage import LEASE_MS, Fleet, Member
from tests.support.pending import Pending


@contextmanager
def sections(fleet: Fleet) -> Iterator[Sections]:
    """Let bots enter sections at all members; afterwards judge what they saw."""
    bots = Sections([each.daemon.signals for each in fleet.members])
    try:
        bots.wait_for(20)
        yield bots
        bots.wait_for(20)
    finally:
        bots.finish()
    assert bots.problems() == []


def next_owner(fleet: Fleet, than: Member) -> Member:
    """Wait for another owner."""
    [other] = fleet.others(than)
    other.daemon.process.wait_for("daemon.ready", timeout_s=60)
    return other


def test_a_lock_is_the_same_at_every_member(fleet: Fleet) -> None:
    owner = fleet.owner()
    [other] = fleet.others(owner)
    asked = {"resourceId": "ledger:anna", "ownerId": "anna", "timeoutMs": 60_000, "idempotencyKey": "k"}
    given = other.daemon.ask("POST", "/v1/locks", asked)
    assert (given.status, given.json["replayed"]) == (201, False)
    lock_id, token = given.json["lockId"], given.json["fencingToken"]
    for member in (owner, other):
        again = member.daemon.ask("POST", "/v1/locks", asked)
        assert (again.status, again.json["replayed"], again.json["fencingToken"]) == (200, True, token)
        held = member.daemon.ask("POST", "/v1/locks", asked | {"ownerId": "bert", "idempotencyKey": "l"})
        assert (held.status, held.json["error"]) == (409, "held")
        renewed = member.daemon.ask("POST", f"/v1/locks/{lock_id}/renew", {"ownerId": "anna"})
        assert (renewed.status, renewed.json["fencingToken"]) == (200, token)
    released = other.daemon.ask("POST", f"/v1/locks/{lock_id}/release", {"ownerId": "anna"})
    assert released.status == 200
    following = owner.daemon.ask("POST", "/v1/locks", asked | {"ownerId": "bert", "idempotencyKey": "l"})
    assert (following.status, following.json["fencingToken"] > token) == (201, True)


def test_a_waiter_at_a_door_is_granted_what_is_released_at_the_owner(fleet: Fleet) -> None:
    owner = fleet.owner()
    [other] = fleet.others(owner)
    first = owner.daemon.ask("POST", "/v1/locks", {"resourceId": "r", "ownerId": "anna"}).json
    waiting = Pending(
        other.daemon.signals, "POST", "/v1/locks", {"resourceId": "r", "ownerId": "bert"}, headers={"Prefer": "wait=30"}
    )
    eventually(lambda: owner.daemon.get("/v1/locks")["queue"], "it waits at the owner")
    owner.daemon.ask("POST", f"/v1/locks/{first['lockId']}/release", {"ownerId": "anna"})
    granted = waiting.answer()
    assert (granted.status, granted.json["fencingToken"] > first["fencingToken"]) == (201, True)


def test_sections_exclude_each_other_while_owners_are_killed(fleet: Fleet) -> None:
    with sections(fleet) as bots:
        for _ in range(2):
            owner = fleet.owner()
            owner.daemon.kill()
            next_owner(fleet, owner)
            owner.start()
            bots.wait_for(20)


def test_a_lock_keeps_what_was_left_of_it_when_its_owner_is_killed(fleet: Fleet) -> None:
    owner = fleet.owner()
    lock = owner.daemon.ask("POST", "/v1/locks", {"resourceId": "r", "ownerId": "anna", "timeoutMs": 60_000}).json
    short = {"resourceId": "s", "ownerId": "anna", "timeoutMs": LEASE_MS // 5}
    ended = owner.daemon.ask("POST", "/v1/locks", short).json
    owner.daemon.kill()
    successor = next_owner(fleet, owner).daemon
    kept = successor.get(f"/v1/locks/{lock['lockId']}")
    assert (kept["fencingToken"], kept["expiresAt"]) == (lock["fencingToken"], lock["expiresAt"])
    assert when_open(successor, "/v1/locks", {"resourceId": "r", "ownerId": "bert"}).status == 409
    assert when_open(successor, f"/v1/locks/{ended['lockId']}/renew", {"ownerId": "anna"}).status == 409
    following = when_open(successor, "/v1/locks", {"resourceId": "s", "ownerId": "bert"})
    assert (following.status, following.json["fencingToken"] > max(lock["fencingToken"], ended["fencingToken"])) == (
        201,
        True,
    )


def when_open(daemon: Daemon, target: str, body: dict[str, Any]) -> Answer:
    """Ask until it is open."""

    def answered() -> Answer | None:
        answer = daemon.ask("POST", target, body)
        return None if answer.status == 503 else answer

    return eventually(answered, "an answer", 60)
