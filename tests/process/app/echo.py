"""A gateway in front of the exchange that answers an order with everything it was sent, as some error pages do."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

STATUS = {"MARKET": 400, "IMMEDIATE_OR_CANCEL": 403, "FILL_OR_KILL": 502, "LIMIT_MAKER": 200}
"""How orders of each type are answered: refused, forbidden, server error, unreadable."""


class _Gateway(BaseHTTPRequestHandler):
    """Forwards reads; echoes orders."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    signatures: list[str]

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        connection.request("GET", self.path, headers={"X-MEXC-APIKEY": self.headers.get("X-MEXC-APIKEY", "")})
        response = connection.getresponse()
        self._answer(response.status, response.read())
        connection.close()

    def do_POST(self) -> None:
        if self.path.startswith("/api/v3/order/test?"):
            self._answer(200, b"{}")
            return
        status = next(status for kind, status in STATUS.items() if f"type={kind}" in self.path)
        signature = self.path.rpartition("signature=")[2]
        self.signatures.append(signature)
        quoted = json.dumps({"signature": signature})
        echo = f"{signature} {quoted} {json.dumps(quoted)} {signature.upper()} {self.requestline}\n{self.headers}"
        body = json.dumps({"code": 30004, "msg": echo}) if status == 400 else f"<html><pre>{echo}</pre></html>"
        self._answer(status, body.encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def echoing(url: str) -> Iterator[tuple[str, list[str]]]:
    """Run the gateway in front of an exchange; yield its address, and the signatures of the orders that it echoed."""
    signatures: list[str] = []
    handler = type("Gateway", (_Gateway,), {"upstream": urlsplit(url).netloc, "signatures": signatures})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", signatures
        server.shutdown()
        thread.join()
