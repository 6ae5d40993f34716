"""A server far away, over TLS, that closes connections which idle: in front of a server that is near.

python -m tests.support.far_tls PORT PEM WAY_MS IDLE_S

Bytes take WAY_MS in each direction, so a handshake takes twice that. A connection without a request for IDLE_S is
closed. It prints its port. A line on standard input prints a line of JSON: the handshakes begun and the orders received
since the last line, each with its time in ns of Unix time at the client's end of the way.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec


class Seen(msgspec.Struct):
    """What the server saw."""

    handshakes_ns: list[int]
    orders_ns: dict[str, int]  # by client order id


class FarServer:
    """The server as a process."""

    def __init__(self, port: int, pem: Path, *, way_ms: int, idle_s: float) -> None:
        words = [str(port), str(pem), str(way_ms), str(idle_s)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.far_tls", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ask, self._told = self._process.stdin, self._process.stdout
        self.url = f"https://127.0.0.1:{int(self._told.readline())}"

    def seen(self) -> Seen:
        """Return what was seen since the last call."""
        self._ask.write("\n")
        self._ask.flush()
        return msgspec.json.decode(self._told.readline(), type=Seen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()  # which closes the pipes


class _Way(asyncio.Protocol):
    """One end of a delayed connection: what it receives, the other end writes later, in order."""

    def __init__(self, way_s: float) -> None:
        self.other: _Way | None = None
        self.received_ns = 0  # when the last bytes came
        self._way_s = way_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._held: deque[bytes | None] = deque()  # until the other end is connected

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self._pass_on(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._pass_on(None)

    def join(self, other: "_Way") -> None:
        """Connect two ends."""
        self.other = other
        while self._held:
            self._pass_on(self._held.popleft())

    def _pass_on(self, data: bytes | None) -> None:
        if self.other is None:
            self._held.append(data)
        else:
            self._loop.call_later(self._way_s, self.other.write, data)

    def write(self, data: bytes | None) -> None:
        """Write what came from the other end; ``None`` is its end."""
        if self._transport is None or self._transport.is_closing():
            return
        if data is None:
            self._transport.close()
        else:
            self._transport.write(data)


class _Far:
    def __init__(self, port: int, pem: str, way_s: float, idle_s: float) -> None:
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._way_s, self._idle_s = way_s, idle_s
        self._near: dict[int, _Way] = {}  # the client's end, by the port of the end at the server
        self._seen = Seen([], {})
        self._tasks = asyncio.TaskGroup()

    async def main(self) -> None:
        """Serve until standard input ends."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._inner = self._server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        async with self._tasks:
            outer = await loop.create_server(self._accepted, "127.0.0.1", 0, backlog=256)
            print(outer.sockets[0].getsockname()[1], flush=True)  # noqa: T201
            while await asyncio.to_thread(sys.stdin.readline):
                seen, self._seen = self._seen, Seen([], {})
                print(msgspec.json.encode(seen).decode(), flush=True)  # noqa: T201

    def _accepted(self) -> _Way:
        self._seen.handshakes_ns.append(time.clock_gettime_ns(time.CLOCK_REALTIME))
        way = _Way(self._way_s)
        self._tasks.create_task(self._reach(way))
        return way

    async def _reach(self, way: _Way) -> None:
        loop = asyncio.get_running_loop()
        transport, far = await loop.create_connection(lambda: _Way(self._way_s), "127.0.0.1", self._inner)
        self._near[transport.get_extra_info("sockname")[1]] = way
        far.join(way)
        way.join(far)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry requests to the server behind, one after another; close when none comes for a while."""
        near = self._near[writer.get_extra_info("peername")[1]]
        behind = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                async with asyncio.timeout(self._idle_s):
                    head = await reader.readuntil(b"\r\n\r\n")
                self._note(head, near.received_ns)
                behind[1].write(head)
                answer = await behind[0].readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                writer.write(answer + await behind[0].readexactly(length))
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            behind[1].close()
            writer.close()

    def _note(self, head: bytes, at_ns: int) -> None:
        method, target, _ = head.decode("latin-1").split(" ", 2)
        found = urlsplit(target)
        if (method, found.path) == ("POST", "/api/v3/order"):
            self._seen.orders_ns[parse_qs(found.query)["newClientOrderId"][0]] = at_ns
        elif (method, found.path) == ("POST", "/api/v3/batchOrders"):
            for each in json.loads(parse_qs(found.query)["batchOrders"][0]):
                self._seen.orders_ns[each["newClientOrderId"]] = at_ns


if __name__ == "__main__":
    asyncio.run(_Far(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) / 1_000, float(sys.argv[4])).main())
