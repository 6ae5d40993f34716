"""Bots that enter critical sections under a fleet's locks, each request at another member, while owners are lost."""

import http.client
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from tests.support.unix_http import Answer, Connection
from tests.support.waiting import eventually

LEASE_MS = 600_000
"""No lease ends by its time: every entry follows a release."""

WAIT_S = 1
TIMEOUT_S = WAIT_S + 1
"""After it a bot asks another member: this one may have been stopped."""

PAUSE_S = 0.02

TRY_AGAIN = {429, 500, 502, 503, 504}


class Sections:
    """What the bots saw: who is inside of what, and with which tokens."""

    def __init__(self, sockets: Sequence[Path], *, bots: int = 6, resources: int = 2, seed: int = 1) -> None:
        self.entered: dict[str, list[int]] = defaultdict(list)  # tokens by resource, in the order of entering
        self.broken: list[str] = []
        self._sockets = sockets
        self._dice = Random(seed)  # noqa: S311  # draws of a test
        self._resources = [f"section-{number}" for number in range(resources)]
        self._inside: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(bots)
        self._bots: list[Future[None]] = [self._pool.submit(self._live, f"bot-{number}") for number in range(bots)]

    def wait_for(self, more: int) -> None:
        """Wait until so many more sections were entered."""
        wanted = self.count + more
        eventually(lambda: self.count >= wanted or self._failed, f"{more} more sections", 90, pause_s=0.02)

    def finish(self) -> None:
        """Let each bot leave its section, and end."""
        self._stop.set()
        for bot in self._bots:
            bot.result(90)
        self._pool.shutdown()

    @property
    def count(self) -> int:
        """How many sections were entered."""
        return sum(map(len, self.entered.values()))

    def problems(self) -> list[str]:
        """Return which promises were broken."""
        found = [
            f"{resource} was entered under an older token than before: {tokens}"
            for resource, tokens in self.entered.items()
            if tokens != sorted({*tokens})
        ]
        every = [token for tokens in self.entered.values() for token in tokens]
        return self.broken + found + (["a token was given twice"] if len(every) != len({*every}) else [])

    @property
    def _failed(self) -> bool:
        return any(bot.done() and bot.exception() for bot in self._bots)

    def _live(self, name: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            with self._lock:
                resource = self._dice.choice(self._resources)
            key = f"{name}-{number}"
            body = {"resourceId": resource, "ownerId": name, "timeoutMs": LEASE_MS, "idempotencyKey": key}
            lease = self._until({200, 201}, "/v1/locks", body).json
            self._enter(resource, name, lease)
            if self._dice.random() < 0.3:
                renewed = self._until({200}, f"/v1/locks/{lease['lockId']}/renew", {"ownerId": name}).json
                self._check(renewed["fencingToken"] == lease["fencingToken"], f"{key}: another token after a renewal")
            with self._lock:
                del self._inside[resource]
            self._until({200}, f"/v1/locks/{lease['lockId']}/release", {"ownerId": name})

    def _enter(self, resource: str, name: str, lease: dict[str, Any]) -> None:
        with self._lock:
            other = self._inside.setdefault(resource, name)
            self.entered[resource].append(lease["fencingToken"])
        self._check(other == name, f"{name} was let into {resource}, and {other} is inside")

    def _check(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)

    def _until(self, good: set[int], target: str, body: dict[str, Any]) -> Answer:
        """Ask one member after the other, with the same request, until one answers for good."""
        asked = 0
        while True:
            answer = self._once(target, body)
            asked += 1
            if answer is not None:
                if answer.status in good:
                    return answer
                if target.endswith("/release") and answer.status == http.client.CONFLICT and asked > 1:
                    return answer  # the release whose answer was lost
                assert answer.status in TRY_AGAIN | {http.client.CONFLICT}, (target, answer.status, answer.raw)
            threading.Event().wait(PAUSE_S)

    def _once(self, target: str, body: dict[str, Any]) -> Answer | None:
        with self._lock:
            path = self._dice.choice(self._sockets)
        try:
            with closing(Connection(path, timeout_s=TIMEOUT_S)) as connection:
                return connection.ask("POST", target, body, headers={"Prefer": f"wait={WAIT_S}"})
        except (OSError, http.client.HTTPException):
            return None
