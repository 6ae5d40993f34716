"""HTTP over the Unix socket; a request is repeated until the daemon answers or its time ends."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import aiohttp
import anyio
import msgspec

from daemon.client.errors import Unreachable, refused

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
"""The pause between two attempts; doubled each time."""

ANSWER_S = 10.0
"""How long an answer may take, in addition to the requested wait."""

T = TypeVar("T")

Ask = Callable[[], object]
"""Makes the body of the next attempt."""


class Tries:
    """The failed attempts of a request, and the time until which it may be repeated."""

    def __init__(self, retry_s: float) -> None:
        self.until_s = anyio.current_time() + retry_s
        self.failed = 0
        self._pause_s = FIRST_PAUSE_S

    async def pause(self, key: str | None, why: str) -> None:
        """Wait before the next attempt.

        Raises:
            Unreachable: there is no time left for another attempt.

        """
        self.failed += 1
        left_s = self.until_s - anyio.current_time()
        if left_s <= 0:
            raise Unreachable(f"no answer from the daemon: {why}", key)
        await anyio.sleep(min(self._pause_s, left_s))
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)


class Wire:
    """One daemon's socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Open the connection pool; the first request connects."""
        connector = aiohttp.UnixConnector(path=str(self._path), limit=0)
        self._session = aiohttp.ClientSession("http://localhost", connector=connector)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        target: str,
        shape: type[T],
        *,
        tries: Tries,
        body: Ask | None = None,
        wait_s: Callable[[], float] | None = None,
        key: str | None = None,
    ) -> T:
        """Send a request, again and again until there is an answer.

        Args:
            body: makes the body of each attempt.
            wait_s: returns how long the daemon may wait before it answers, for each attempt.
            key: the request's idempotency key, for :class:`Unreachable`.

        Raises:
            Refused: the daemon refuses the request.
            Unreachable: the daemon did not answer in time, or this user may not open the socket.

        """
        while True:
            try:
                return await self._once(method, target, shape, body, 0.0 if wait_s is None else wait_s())
            except PermissionError as error:
                raise Unreachable(f"this user may not open {self._path}", key) from error
            except (OSError, aiohttp.ClientError, TimeoutError, Unavailable) as error:
                await tries.pause(key, str(error) or type(error).__name__)

    @asynccontextmanager
    async def stream(
        self, target: str, headers: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Read an answer that has no end of its own; ``silence_s`` without data end it."""
        assert self._session is not None, "use the client in `async with`"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=silence_s)
        async with self._session.get(target, headers=headers, timeout=timeout) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                _judge(response.status, await response.read())
            yield response.content

    async def _once(self, method: str, target: str, shape: type[T], body: Ask | None, wait_s: float) -> T:
        assert self._session is not None, "use the client in `async with`"
        headers: Mapping[str, str] = {"Prefer": f"wait={wait_s:g}"} if wait_s > 0 else {}
        payload = None if body is None else msgspec.json.encode(body())
        timeout = aiohttp.ClientTimeout(total=max(wait_s, 0) + ANSWER_S)
        if payload is not None:
            headers = {**headers, "Content-Type": "application/json"}
        async with self._session.request(method, target, data=payload, headers=headers, timeout=timeout) as response:
            answer = await response.read()
        _judge(response.status, answer)
        return msgspec.json.decode(answer, type=shape)


class Unavailable(Exception):
    """The daemon starts, drains or failed: the request may be repeated with the same key."""


def _judge(status: int, answer: bytes) -> None:
    """Raise the error that an answer stands for, if it is a refusal."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unavailable(str(refused(status, answer)))
    if status >= HTTPStatus.BAD_REQUEST:
        raise refused(status, answer)


def wall_ms() -> int:
    """Read the clock that the daemon uses, in Unix milliseconds."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # the client stands alone
