"""The clients of the locks' benchmark: as cheap as Python allows, and one generator for both servers.

A :class:`Wire` is one connection, an asyncio protocol without streams: it costs 15 to 30 us of CPU per request, which
the report shows beside the server's. :class:`SniperdLeases` and :class:`ValkeyLeases` use it and differ only in their
bytes, so that the two servers are compared. :class:`RedisPyLeases` is the library that a bot would use; its own work
is most of what it costs. Both of Valkey's poll a held resource every tenth of a second, redis-py's default.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import redis.asyncio
import redis.asyncio.lock

LEASE_MS = 30_000
POLL_S = 0.1

RELEASE = b"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end"
RENEW = b"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end"
"""What redis-py's Lock runs at the server."""

SHAS = {script: hashlib.sha1(script, usedforsecurity=False).hexdigest().encode() for script in (RELEASE, RENEW)}
"""The names by which the server knows them, once they are loaded."""


class Leases(Protocol):
    """One task's way to leases: one at a time."""

    async def acquire(self, resource: str, within_s: float) -> bool:
        """Wait until the resource is this task's; a client that polls gives up after this time and returns False."""

    async def renew(self) -> None:
        """Start the lease anew."""

    async def release(self) -> None:
        """End the lease."""

    async def close(self) -> None:
        """End the connection."""


class Wire(asyncio.Protocol):
    """One connection on which one request at a time is answered."""

    def __init__(self, is_whole: Callable[[bytes], bool]) -> None:
        self._is_whole = is_whole
        self._data = b""
        self._answered: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Wake the task when its answer is whole."""
        self._data += data
        if self._answered is not None and self._is_whole(self._data):
            answered, self._answered, found, self._data = self._answered, None, self._data, b""
            answered.set_result(found)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that waits."""
        if self._answered is not None:
            self._answered.set_exception(exc or ConnectionError("the server closed the connection"))

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request; the future gets its answer's bytes."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    async def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


async def _connected(path: Path, is_whole: Callable[[bytes], bool]) -> Wire:
    _, wire = await asyncio.get_running_loop().create_unix_connection(lambda: Wire(is_whole), os.fspath(path))
    return wire


class SniperdLeases:
    """sniperd's lock service, over minimal HTTP."""

    @classmethod
    async def connect(cls, path: Path, number: int) -> "SniperdLeases":
        """Open one task's connection; its number is its ownerId."""
        return cls(await _connected(path, _is_whole_http), number)

    def __init__(self, wire: Wire, number: int) -> None:
        self.close = wire.close
        self._ask = wire.ask
        self._owner = b'{"ownerId":"%d"}' % number
        self._number = number
        self._lock_id = b""

    async def acquire(self, resource: str, within_s: float) -> bool:
        """Wait in the lease queue, which is short enough to wait to its end."""
        del within_s
        body = f'{{"resourceId":"{resource}","ownerId":"{self._number}","timeoutMs":{LEASE_MS}}}'
        answer = _accepted(await self._ask(_post(b"", body.encode(), b"Prefer: wait=60\r\n")), b"201")
        self._lock_id = answer.partition(b'"lockId":"')[2].partition(b'"')[0]
        return True

    async def renew(self) -> None:
        """Start the lease anew."""
        _accepted(await self._ask(_post(b"/%b/renew" % self._lock_id, self._owner)), b"200")

    async def release(self) -> None:
        """End the lease."""
        _accepted(await self._ask(_post(b"/%b/release" % self._lock_id, self._owner)), b"200")


def _post(path: bytes, body: bytes, header: bytes = b"") -> bytes:
    return b"POST /v1/locks%b HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (path, header, len(body), body)


def _is_whole_http(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) == int(length)


def _accepted(answer: bytes, status: bytes) -> bytes:
    if answer[9:12] != status:
        raise RuntimeError(answer.decode())
    return answer


class ValkeyLeases:
    """The commands of redis-py's Lock, over the same connection as sniperd's."""

    @classmethod
    async def connect(cls, path: Path, number: int) -> "ValkeyLeases":
        """Open one task's connection; its number is its token."""
        return cls(await _connected(path, lambda data: data.endswith(b"\r\n")), number)

    def __init__(self, wire: Wire, number: int) -> None:
        self.close = wire.close
        self._ask = wire.ask
        self._token = b"%d" % number
        self._key = b""

    async def acquire(self, resource: str, within_s: float) -> bool:
        """Try until it is free."""
        until_s = time.perf_counter() + within_s
        self._key = resource.encode()
        request = _command(b"SET", self._key, self._token, b"NX", b"PX", b"%d" % LEASE_MS)
        while (answer := await self._ask(request)) != b"+OK\r\n":
            if answer != b"$-1\r\n":
                raise RuntimeError(answer.decode())
            if time.perf_counter() + POLL_S > until_s:
                return False
            await asyncio.sleep(POLL_S)
        return True

    async def renew(self) -> None:
        """Start the lease anew."""
        await self._run(RENEW, b"%d" % LEASE_MS)

    async def release(self) -> None:
        """End the lease."""
        await self._run(RELEASE)

    async def _run(self, script: bytes, *more: bytes) -> None:
        answer = await self._ask(_command(b"EVALSHA", SHAS[script], b"1", self._key, self._token, *more))
        if answer != b":1\r\n":
            raise RuntimeError(answer.decode())


def _command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


class RedisPyLeases:
    """redis-py's asyncio Lock."""

    def __init__(self, path: Path) -> None:
        self._client = redis.asyncio.Redis(unix_socket_path=os.fspath(path), max_connections=1)
        self.close = self._client.aclose
        self._lock: redis.asyncio.lock.Lock | None = None

    async def acquire(self, resource: str, within_s: float) -> bool:
        """Poll until it is free."""
        self._lock = self._client.lock(resource, timeout=LEASE_MS / 1_000, sleep=POLL_S)
        return bool(await self._lock.acquire(blocking_timeout=within_s))

    async def renew(self) -> None:
        """Start the lease anew."""
        assert self._lock is not None
        await self._lock.reacquire()

    async def release(self) -> None:
        """End the lease."""
        assert self._lock is not None
        await self._lock.release()
