"""Readers of events, as cheap as possible, in one process: ``python -m tests.bench.event_readers SOCKET COUNT``."""

import selectors
import socket
import sys
import time

REQUEST = b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
SETTLED_S = 0.5
"""After the end, an event that was sent has arrived within this time."""


def main(path: str, count: int) -> None:
    """Read until a line comes on standard input; then write how many events each connection got."""
    watched = selectors.DefaultSelector()
    heard: dict[int, int] = {}
    for _ in range(count):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        connection.sendall(REQUEST)
        heard[connection.fileno()] = -1  # hello is no event
        watched.register(connection, selectors.EVENT_READ)
    watched.register(sys.stdin, selectors.EVENT_READ)
    told, until = False, float("inf")
    while time.perf_counter() < until:
        for key, _ in watched.select(0.05):
            if isinstance(key.fileobj, socket.socket):
                heard[key.fd] += key.fileobj.recv(1 << 20).count(b"\nevent: ")
            else:
                watched.unregister(key.fileobj)
                until = time.perf_counter() + SETTLED_S
        if not told and min(heard.values()) >= 0:
            told = True
            print("ready", flush=True)  # noqa: T201
    print(*heard.values())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
