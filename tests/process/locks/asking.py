"""Requests to the lock service."""

import itertools
import os
from typing import Any

from tests.support import Answer, Daemon, eventually
from tests.support.pending import Pending
from tests.support.tables import queue_of

_numbers = itertools.count(1)


def a_resource() -> str:
    """Return the name of a resource that no other test uses."""
    return f"ledger:{os.getpid()}-{next(_numbers)}"


def lease_request(**changes: Any) -> dict[str, Any]:
    """Return a request for a lease on a new resource; a test gives only the fields that matter to it."""
    return {"resourceId": a_resource(), "ownerId": "anna"} | changes


def acquire(daemon: Daemon, asked: dict[str, Any], wait_s: float | None = None) -> Answer:
    """Request a lease; wait for it up to ``wait_s`` seconds."""
    return daemon.ask("POST", "/v1/locks", asked, headers=_prefer(wait_s))


def take(daemon: Daemon, asked: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Acquire a lease on a free resource."""
    answer = acquire(daemon, lease_request(**(asked or {}) | changes))
    assert (answer.status, answer.json["replayed"]) == (201, False), answer.raw
    lease: dict[str, Any] = answer.json
    return lease


def enqueue(daemon: Daemon, asked: dict[str, Any], wait_s: float = 60) -> Pending:
    """Wait in the lease queue; return when the row is on disk."""
    before = queue_of(daemon.database, asked["resourceId"])
    pending = Pending(daemon.signals, "POST", "/v1/locks", asked, headers=_prefer(wait_s))
    eventually(lambda: len(queue_of(daemon.database, asked["resourceId"])) > len(before), "its place in the queue")
    return pending


def granted(pending: Pending) -> dict[str, Any]:
    """Return the lease that a waiting caller was granted."""
    answer = pending.answer()
    assert (answer.status, answer.json["replayed"]) == (201, False), answer.raw
    lease: dict[str, Any] = answer.json
    return lease


def waiting(daemon: Daemon, resource: str) -> list[dict[str, Any]]:
    """Return the orders and callers that wait for a resource, in the order of service."""
    return [each for each in daemon.get("/v1/locks")["queue"] if each["resourceId"] == resource]


def holders(daemon: Daemon, resource: str) -> list[dict[str, Any]]:
    """Return a resource's active locks."""
    return [each for each in daemon.get("/v1/locks")["locks"] if each["resourceId"] == resource]


def release(daemon: Daemon, lease: dict[str, Any], owner: object = None, **outcome: object) -> Answer:
    """Release a lease."""
    body = {"ownerId": lease["ownerId"] if owner is None else owner} | outcome
    return daemon.ask("POST", f"/v1/locks/{lease['lockId']}/release", body)


def renew(daemon: Daemon, lease: dict[str, Any], owner: object = None, **changes: object) -> Answer:
    """Restart a lease's time."""
    body = {"ownerId": lease["ownerId"] if owner is None else owner} | changes
    return daemon.ask("POST", f"/v1/locks/{lease['lockId']}/renew", body)


def force(daemon: Daemon, lease: dict[str, Any], **body: object) -> Answer:
    """End any lock, as an administrator."""
    return daemon.ask("POST", f"/v1/admin/locks/{lease['lockId']}/force-release", {"reason": "stuck"} | body)


def read(daemon: Daemon, lease: dict[str, Any]) -> dict[str, Any]:
    """Read a lock."""
    found: dict[str, Any] = daemon.get(f"/v1/locks/{lease['lockId']}")
    return found


def _prefer(wait_s: float | None) -> dict[str, str]:
    return {} if wait_s is None else {"Prefer": f"wait={wait_s:g}"}
