"""A webhook's server: keeps the messages, and answers as configured, or not at all."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.support.waiting import eventually


class Posted(NamedTuple):
    """One request."""

    path: str
    body: Any


class Receiver(http.server.ThreadingHTTPServer):
    """Answers each request with the next of ``answers``, the last of them for ever; ``None`` is silence to the end."""

    daemon_threads = True

    def __init__(self, *answers: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.answers = list(answers)
        self.posted: list[Posted] = []
        self.over = threading.Event()
        self._turn = threading.Lock()

    def url(self, path: str = "/hook") -> str:
        """Return an address on it."""
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def take(self, posted: Posted) -> int | None:
        """Keep a request; return the answer."""
        with self._turn:
            self.posted.append(posted)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait_for(self, count: int = 1, timeout_s: float = 15.0) -> list[Posted]:
        """Wait until the given number of requests have come."""
        return eventually(
            lambda: list(self.posted) if len(self.posted) >= count else None, f"{count} messages", timeout_s
        )


class _Request(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Receive one message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.take(Posted(self.path, json.loads(body)))
        if status is None:
            self.server.over.wait(60)
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Write nothing."""


@contextmanager
def receiver(*answers: int | None) -> Iterator[Receiver]:
    """Run a server; by default it accepts everything."""
    with Receiver(*(answers or (200,))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
