"""A bot for tests: its targets over real HTTP, with rows of its own, and misbehaviour on demand."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import PATIENCE_S, Deadline

PATH = "/api/snipe-targets"

Row = dict[str, Any]


@dataclass
class Bot:
    """Its rows, what it was asked, and how it misbehaves."""

    rows: dict[str, Row] = field(default_factory=dict)
    patches: list[tuple[str, Row]] = field(default_factory=list)
    polls: int = 0
    answer: tuple[int, bytes] | None = None  # instead of the rows
    lost: int = 0  # number of reports that are accepted but not kept
    patch_status: int = 200
    token: str | None = None  # required of every request
    authorizations: set[str | None] = field(default_factory=set)  # what callers have shown
    extra: list[Any] = field(default_factory=list)  # rows of nonsense beside the others
    hold: threading.Event = field(default_factory=threading.Event)  # while cleared, GET waits
    url: str = ""

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.hold.set()

    def add(self, target_id: int | str, **changes: Any) -> str:
        """Add a target that is ready: 25 USDT worth of BTC, now."""
        row = {
            "id": target_id, "userId": "u1", "vcoinId": "v", "symbolName": "BTC", "entryStrategy": "market",
            "entryPrice": None, "positionSizeUsdt": 25, "status": "ready", "priority": 1,
            "targetExecutionTime": None, "confidenceScore": 90, "actualExecutionTime": None, "executionPrice": None,
            "actualPositionSize": None, "executionStatus": None, "errorMessage": None,
        } | changes  # fmt: skip
        with self.changed:
            self.rows[str(target_id)] = row
        return str(target_id)

    def row(self, target_id: str) -> Row:
        """Return a row."""
        with self.changed:
            return dict(self.rows[target_id])

    def set(self, target_id: str, **changes: Any) -> None:
        """Change a row, as the bot or its user would."""
        with self.changed:
            self.rows[target_id] |= changes

    def reports_of(self, target_id: str) -> list[Row]:
        """Return the reports of a target that have come."""
        with self.changed:
            return [body for patched, body in self.patches if patched == target_id]

    def wait_for_report(self, target_id: str, count: int = 1, timeout_s: float = PATIENCE_S, **fields: Any) -> Row:
        """Wait for the given number of reports of a target with these fields; return the last of them."""
        deadline = Deadline(timeout_s)
        with self.changed:
            while True:
                found = [
                    body for patched, body in self.patches if patched == target_id and body.items() >= fields.items()
                ]
                if len(found) >= count:
                    return found[-1]
                left_s = deadline.left_s()
                assert left_s, f"no {count} reports {fields} of {target_id}, but {self.patches}"
                self.changed.wait(left_s)

    def wait_for_polls(self, count: int = 2, timeout_s: float = PATIENCE_S) -> None:
        """Wait for the given number of further queries; two mean that one was answered since and acted on."""
        deadline = Deadline(timeout_s)
        with self.changed:
            wanted = self.polls + count
            while self.polls < wanted:
                left_s = deadline.left_s()
                assert left_s, f"it was not asked {count} times more"
                self.changed.wait(left_s)

    def admits(self, authorization: str | None) -> bool:
        """Whether a caller may ask."""
        with self.changed:
            self.authorizations.add(authorization)
        return self.token is None or authorization == f"Bearer {self.token}"

    def shown(self, user_id: str, status: str) -> list[Any]:
        """Return what it shows: a user's targets with a status, newest first."""
        with self.changed:
            found = [
                row for row in self.rows.values() if (row.get("userId", user_id), row["status"]) == (user_id, status)
            ]
            return [*(self.extra if status == "ready" else []), *reversed(found)]

    def patch(self, target_id: str, body: Row) -> int:
        """Receive a report; return the status of the answer."""
        with self.changed:
            self.patches.append((target_id, body))
            self.changed.notify_all()
            if self.lost:
                self.lost -= 1
                return 0
            if self.patch_status != 200:
                return self.patch_status
            if target_id not in self.rows:
                return 404
            self.rows[target_id] |= body
            return 200


@contextmanager
def running(bot: Bot) -> Iterator[Bot]:
    """Let a bot listen; at the same address again, if it has done so before."""
    port = urlsplit(bot.url).port or 0
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(bot))
    server.daemon_threads = True
    bot.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="bot", daemon=True)
    thread.start()
    try:
        yield bot
    finally:
        bot.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE_S)


def _handler(bot: Bot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # a connection a request: one that is gone is never met again

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert url.path == PATH
            with bot.changed:
                if query["status"] == "ready":
                    bot.polls += 1
                    bot.changed.notify_all()
            bot.hold.wait(PATIENCE_S)
            if not bot.admits(self.headers["Authorization"]):
                self._reply(401, f"not you: {self.headers['Authorization']}".encode())
                return
            if bot.answer is not None:
                self._reply(*bot.answer)
                return
            rows = bot.shown(query["userId"], query["status"])
            self._reply(200, json.dumps({"success": True, "data": rows, "count": len(rows)}).encode())

        def do_PATCH(self) -> None:
            target_id = self.path.removeprefix(f"{PATH}/")
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            admitted = bot.admits(self.headers["Authorization"])
            status = bot.patch(target_id, body) if admitted else 401
            if status:  # else the connection ends without an answer
                self._reply(status, json.dumps({"success": status == 200}).encode())

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # the client may have closed the connection
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name
            """Write nothing."""

    return Handler
