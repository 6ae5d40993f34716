"""Clients that take and release leases while the daemon is killed, and a judge who was not there."""

import http.client
import json
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from random import Random
from typing import Any

from tests.support import Answer, Daemon
from tests.support.tables import read
from tests.support.unix_http import Connection

PRIORITIES = (5, 5, 5, 1)
LEASE_MS = 600_000
WAIT_S = 100


class Pairs:
    """So many pairs of acquire and release by clients at once, and what they saw."""

    def __init__(
        self, daemon: Daemon, seed: int, *, pairs: int, clients: int, resources: int, patience_s: float
    ) -> None:
        self.daemon = daemon
        self.random = Random(seed)  # noqa: S311  # draws of a test
        self.resources = [f"pairs-{seed}:{number}" for number in range(resources)]
        self.wishes = [self._wish(f"pair-{seed}-{number}") for number in range(pairs)]
        self.clients = clients
        self.patience_s = patience_s
        self.entered: dict[str, list[int]] = defaultdict(list)  # tokens by resource, in the order of entering
        self.replayed = 0
        self._inside: dict[str, str] = {}
        self._done = 0
        self._failed = False
        self._changed = threading.Condition()
        self._is_up = threading.Event()
        self._is_up.set()

    def run(self, kills: int) -> None:
        """Let all clients do their pairs, and kill the daemon so often on the way."""
        total = len(self.wishes)
        moments = sorted(self.random.sample(range(total // 10, total * 9 // 10), kills))
        with ThreadPoolExecutor(self.clients) as pool:
            work = [pool.submit(self._client, self.wishes[number :: self.clients]) for number in range(self.clients)]
            try:
                for moment in moments:
                    self._await(moment)
                    self._is_up.clear()
                    self.daemon.restart()
                    self._is_up.set()
                self._await(total)
            finally:
                self._failed = self._failed or self._done < total
                self._is_up.set()
            for each in work:
                each.result()

    def judge(self) -> None:
        """Hold what the clients saw, and what the database remembers, against what was promised."""
        for tokens in self.entered.values():
            assert tokens == sorted(set(tokens)), "a section was entered under an older token than the one before it"
        assert sum(map(len, self.entered.values())) == len(self.wishes)
        locks = read(self.daemon.database, "SELECT * FROM transaction_locks ORDER BY fencing_token")
        asked = {wish["idempotencyKey"]: wish for wish in self.wishes}
        mine = [lock for lock in locks if lock["idempotency_key"] in asked]
        assert sorted(lock["idempotency_key"] for lock in mine) == sorted(asked), "a pair is one lease"
        assert {lock["status"] for lock in mine} == {"released"}, "no lease was lost"
        stood = {row["lock_id"]: row for row in read(self.daemon.database, "SELECT * FROM transaction_queue")}
        assert sum(lock["lock_id"] in stood for lock in mine) > len(mine) // 10, "hardly anybody had to wait"
        by_resource = defaultdict(list)
        for lock in mine:
            by_resource[lock["resource_id"]].append(lock)
        for of_one in by_resource.values():
            assert all(old["released_at"] <= new["acquired_at"] for old, new in pairwise(of_one)), (
                "two held one resource"
            )
            _judge_order([_turn(lock, stood.get(lock["lock_id"]), asked) for lock in of_one])

    def _wish(self, key: str) -> dict[str, Any]:
        return {
            "resourceId": self.random.choice(self.resources),
            "ownerId": key,
            "priority": self.random.choice(PRIORITIES),
            "timeoutMs": LEASE_MS,
            "idempotencyKey": key,
        }

    def _await(self, count: int) -> None:
        with self._changed:
            came = self._changed.wait_for(lambda: self._done >= count or self._failed, self.patience_s)
            assert came, f"{self._done} of {len(self.wishes)} pairs were done when nothing more came: a lost wake-up"

    def _client(self, wishes: list[dict[str, Any]]) -> None:
        caller = _Caller(self.daemon, self._is_up)
        try:
            for wish in wishes:
                self._pair(caller, wish)
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise
        finally:
            caller.close()

    def _pair(self, caller: "_Caller", wish: dict[str, Any]) -> None:
        if self._failed:
            return
        answer = caller.ask("/v1/locks", wish)
        assert answer.status in {200, 201}, answer.raw
        lease, resource, owner = answer.json, wish["resourceId"], wish["ownerId"]
        assert lease["status"] == "active", lease
        with self._changed:
            assert self._inside.setdefault(resource, owner) == owner, f"{resource} has two holders"
            self.entered[resource].append(lease["fencingToken"])
            self.replayed += lease["replayed"]
        with self._changed:
            del self._inside[resource]
        answer = caller.ask(f"/v1/locks/{lease['lockId']}/release", {"ownerId": owner, "result": owner})
        assert answer.status == 200 or "(released)" in answer.json["message"], answer.raw  # the first answer was lost
        with self._changed:
            self._done += 1
            self._changed.notify_all()


class _Caller:
    """A client that asks again where the daemon ended before it answered."""

    def __init__(self, daemon: Daemon, is_up: threading.Event) -> None:
        self._path = daemon.signals
        self._is_up = is_up
        self._connection = Connection(self._path, WAIT_S + 20)

    def ask(self, target: str, body: dict[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json", "Prefer": f"wait={WAIT_S}"}
        while True:
            try:
                self._connection.request("POST", target, json.dumps(body), headers)
                response = self._connection.getresponse()
                answer = Answer(response.status, {}, response.read())
            except (OSError, http.client.HTTPException):
                self.close()
                assert self._is_up.wait(WAIT_S), "the daemon does not come back"
                continue
            if answer.status != http.client.SERVICE_UNAVAILABLE:
                return answer

    def close(self) -> None:
        self._connection.close()


def _turn(lock: dict[str, Any], row: dict[str, Any] | None, asked: dict[str, dict[str, Any]]) -> tuple[int, int, int]:
    """Return a lease's priority, since when it was waited for, and when it was granted."""
    since = lock["acquired_at"] if row is None else row["queued_at"]
    return asked[lock["idempotency_key"]]["priority"], since, lock["acquired_at"]


def _judge_order(turns: list[tuple[int, int, int]]) -> None:
    """Whoever was granted later was not yet there, or not before it in the order of priority and age."""
    for place, (priority, since, granted) in enumerate(turns):
        for other_priority, other_since, _ in turns[place + 1 :]:
            passed_over = other_since < granted and (other_priority, other_since) < (priority, since)
            assert not passed_over, f"{(priority, since, granted)} before {(other_priority, other_since)}"
