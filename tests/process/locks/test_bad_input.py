"""An invalid request is refused with its field, and changes nothing."""

from typing import Any

import pytest

from tests.process.locks.asking import acquire, force, lease_request, read, release, renew, take
from tests.support import Daemon
from tests.support.tables import locks_of, queue_of

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"resourceId": ""}, "resourceId"),
    ({"resourceId": "  "}, "resourceId"),
    ({"resourceId": "x" * 129}, "resourceId"),
    ({"resourceId": "a\nb"}, "resourceId"),
    ({"resourceId": 7}, "resourceId"),
    ({"resourceId": None}, "resourceId"),
    ({"ownerId": ""}, "ownerId"),
    ({"ownerId": "o" * 129}, "ownerId"),
    ({"ownerId": ["a"]}, "ownerId"),
    ({"ownerType": "robot"}, "ownerType"),
    ({"transactionType": "buy"}, "transactionType"),
    ({"timeoutMs": 0}, "timeoutMs"),
    ({"timeoutMs": -1}, "timeoutMs"),
    ({"timeoutMs": 3_600_001}, "timeoutMs"),
    ({"timeoutMs": 1.5}, "timeoutMs"),
    ({"timeoutMs": "30000"}, "timeoutMs"),
    ({"timeoutMs": 10**30}, "timeoutMs"),
    ({"priority": 0}, "priority"),
    ({"priority": 11}, "priority"),
    ({"idempotencyKey": ""}, "idempotencyKey"),
    ({"idempotencyKey": "k" * 129}, "idempotencyKey"),
    ({"colour": "red"}, "colour"),
]

RAW = [
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"resourceId":"\xff","ownerId":"a"}',
    b'{"resourceId":"r","ownerId":"a","transactionData":}',
    b'{"resourceId":"r","ownerId":"a","transactionData":NaN}',
    b'{"resourceId":"r","ownerId":"a","transactionData":1e999}',
    b'{"resourceId":"r","ownerId":"a","transactionData":"\\ud800"}',
    b'{"resourceId":"r","ownerId":"a","transactionData":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
]


@pytest.mark.parametrize(("change", "field"), WRONG, ids=[f"{change}"[:40] for change, _ in WRONG])
def test_a_wrong_field_is_named_and_nothing_is_held(daemon: Daemon, change: dict[str, Any], field: str) -> None:
    asked = lease_request(**change)
    refused = acquire(daemon, asked, wait_s=5)
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert field in refused.json["message"] + str(refused.json.get("field"))
    assert locks_of(daemon.database, str(asked["resourceId"])) == []


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
def test_an_unreadable_body_is_refused(daemon: Daemon, raw: bytes) -> None:
    refused = daemon.ask("POST", "/v1/locks", raw)
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert locks_of(daemon.database, "r") == queue_of(daemon.database, "r") == []


@pytest.mark.parametrize(
    "body",
    [{"result": 1, "error": "both"}, {"error": 7}, {"why": "x"}, {"ownerId": ""}, {"ownerId": None}],
    ids=str,
)
def test_a_wrong_release_releases_nothing(daemon: Daemon, body: dict[str, Any]) -> None:
    lease = take(daemon)
    refused = release(daemon, lease, **body)
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert read(daemon, lease)["status"] == "active"


@pytest.mark.parametrize("timeout_ms", [0, -5, 3_600_001, "x", 2.5])
def test_a_wrong_length_renews_nothing(daemon: Daemon, timeout_ms: object) -> None:
    lease = take(daemon)
    assert renew(daemon, lease, timeoutMs=timeout_ms).status == 400
    assert read(daemon, lease)["expiresAt"] == lease["expiresAt"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, 7, None], ids=repr)
def test_without_a_reason_nothing_is_released_by_force(daemon: Daemon, reason: object) -> None:
    lease = take(daemon)
    assert force(daemon, lease, reason=reason).status == 400
    assert read(daemon, lease)["status"] == "active"
