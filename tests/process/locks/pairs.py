"""Clients that acquire and release leases while the daemon is killed, and checks of the result."""

import http.client
import json
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    """Pairs of acquire and release by concurrent clients, and what the clients saw."""

    def __init__(
        self, daemon: Daemon, seed: int, *, pairs: int, clients: int, resources: int, patience_s: float
    ) -> None:
        self.daemon = daemon
        self.random = Random(seed)  # noqa: S311  # draws of a test
        self.resources = [f"pairs-{seed}:{number}" for number in range(resources)]
        self.requests = [self._request(f"pair-{seed}-{number}") for number in range(pairs)]
        self.clients = clients
        self.patience_s = patience_s
        self.entered: dict[str, list[int]] = defaultdict(list)  # tokens by resource, in the order of entering
        self.replayed = 0
        self._inside: dict[str, str] = {}
        self._to_lose: set[str] = set()  # keys whose first answer a kill loses
        self._unread: list[str] = []  # keys whose answer has come and waits for a kill
        self._done = 0
        self._failed = False
        self._changed = threading.Condition()
        self._is_up = threading.Event()
        self._is_up.set()

    def run(self, kills: int) -> None:
        """Let all clients do their pairs, and kill the daemon ``kills`` times meanwhile.

        Each kill happens when a client's lease is granted and the client has not read the answer: the answer is lost.
        """
        total = len(self.requests)
        moments = self.random.sample(range(total // 10, total * 9 // 10), kills)
        self._to_lose = {self.requests[moment]["idempotencyKey"] for moment in moments}
        with ThreadPoolExecutor(self.clients) as pool:
            work = [pool.submit(self._client, self.requests[number :: self.clients]) for number in range(self.clients)]
            try:
                for _ in moments:
                    self._await(lambda: bool(self._unread))
                    if self._failed:
                        break  # the client's own error is raised below
                    self._is_up.clear()
                    self.daemon.kill()
                    with self._changed:
                        del self._unread[0]
                        self._changed.notify_all()
                    self.daemon.start()
                    self._is_up.set()
                self._await(lambda: self._done == total)
            finally:
                with self._changed:
                    self._failed = self._failed or self._done < total
                    self._changed.notify_all()
                self._is_up.set()
            for each in work:
                each.result()

    def judge(self) -> None:
        """Check what the clients saw, and the records in the database, against the promises."""
        for tokens in self.entered.values():
            assert tokens == sorted(set(tokens)), "a section was entered under an older token than the one before it"
        assert sum(map(len, self.entered.values())) == len(self.requests)
        assert self.replayed >= len(self._to_lose), "an answer that a kill lost was not replayed"
        locks = read(self.daemon.database, "SELECT * FROM transaction_locks ORDER BY fencing_token")
        by_key = {request["idempotencyKey"]: request for request in self.requests}
        mine = [lock for lock in locks if lock["idempotency_key"] in by_key]
        assert sorted(lock["idempotency_key"] for lock in mine) == sorted(by_key), "a pair is one lease"
        assert {lock["status"] for lock in mine} == {"released"}, "no lease was lost"
        waited = {row["lock_id"]: row for row in read(self.daemon.database, "SELECT * FROM transaction_queue")}
        assert sum(lock["lock_id"] in waited for lock in mine) > len(mine) // 10, "too few clients had to wait"
        by_resource = defaultdict(list)
        for lock in mine:
            by_resource[lock["resource_id"]].append(lock)
        for of_one in by_resource.values():
            assert all(old["released_at"] <= new["acquired_at"] for old, new in pairwise(of_one)), (
                "two held one resource"
            )
            _judge_order([_turn(lock, waited.get(lock["lock_id"]), by_key) for lock in of_one])

    def _request(self, key: str) -> dict[str, Any]:
        return {
            "resourceId": self.random.choice(self.resources),
            "ownerId": key,
            "priority": self.random.choice(PRIORITIES),
            "timeoutMs": LEASE_MS,
            "idempotencyKey": key,
        }

    def _await(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            came = self._changed.wait_for(lambda: reached() or self._failed, self.patience_s)
            assert came, f"{self._done} of {len(self.requests)} pairs were done when nothing more came: a lost wake-up"

    def _client(self, requests: list[dict[str, Any]]) -> None:
        caller = _Caller(self.daemon, self._is_up)
        try:
            for request in requests:
                self._pair(caller, request)
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise
        finally:
            caller.close()

    def _pair(self, caller: "_Caller", request: dict[str, Any]) -> None:
        if self._failed:
            return
        if request["idempotencyKey"] in self._to_lose:
            self._lose_answer(caller, request)
        answer = caller.ask("/v1/locks", request)
        assert answer.status in {200, 201}, answer.raw
        lease, resource, owner = answer.json, request["resourceId"], request["ownerId"]
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

    def _lose_answer(self, caller: "_Caller", request: dict[str, Any]) -> None:
        """Acquire, leave the answer unread until the daemon is killed, and close the connection."""
        key = request["idempotencyKey"]
        caller.ask_unread("/v1/locks", request)
        with self._changed:
            self._unread.append(key)
            self._changed.notify_all()
            self._changed.wait_for(lambda: key not in self._unread or self._failed)
        caller.close()


class _Caller:
    """A client that repeats its request if the daemon ended before it answered."""

    def __init__(self, daemon: Daemon, is_up: threading.Event) -> None:
        self._path = daemon.signals
        self._is_up = is_up
        self._connection = Connection(self._path, WAIT_S + 20)

    def ask(self, target: str, body: dict[str, Any]) -> Answer:
        """Return the answer to a request."""
        while True:
            with self._again_if_lost():
                self._request(target, body)
                response = self._connection.getresponse()
                answer = Answer(response.status, {}, response.read())
                if answer.status != http.client.SERVICE_UNAVAILABLE:
                    return answer

    def ask_unread(self, target: str, body: dict[str, Any]) -> None:
        """Make a request, and return when its answer has come; leave the answer in the socket."""
        while True:
            with self._again_if_lost():
                self._request(target, body)
                start = self._connection.sock.recv(len(b"HTTP/1.1 200"), socket.MSG_PEEK | socket.MSG_WAITALL)
                if start and not start.endswith(b" 503"):
                    return
                self.close()

    def _request(self, target: str, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json", "Prefer": f"wait={WAIT_S}"}
        self._connection.request("POST", target, json.dumps(body), headers)

    @contextmanager
    def _again_if_lost(self) -> Iterator[None]:
        """Wait for the daemon if it ended before it answered."""
        try:
            yield
        except (OSError, http.client.HTTPException):
            self.close()
            assert self._is_up.wait(WAIT_S), "the daemon did not start again"

    def close(self) -> None:
        self._connection.close()


def _turn(lock: dict[str, Any], row: dict[str, Any] | None, by_key: dict[str, dict[str, Any]]) -> tuple[int, int, int]:
    """Return a lease's priority, when its request was queued, and when it was granted."""
    since = lock["acquired_at"] if row is None else row["queued_at"]
    return by_key[lock["idempotency_key"]]["priority"], since, lock["acquired_at"]


def _judge_order(turns: list[tuple[int, int, int]]) -> None:
    """Check that no grant passed over an earlier waiter with a better priority and age."""
    for place, (priority, since, granted) in enumerate(turns):
        for other_priority, other_since, _ in turns[place + 1 :]:
            passed_over = other_since < granted and (other_priority, other_since) < (priority, since)
            assert not passed_over, f"{(priority, since, granted)} before {(other_priority, other_since)}"
