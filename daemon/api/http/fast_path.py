"""The fast path of ``signals.sock``: urgent requests that arrive whole are answered without aiohttp's server.

A bot's urgent requests use a few routes; they are short and arrive in one piece. The fast path recognises them and
calls the same handlers as the aiohttp adapter, in a fifth of the time of aiohttp's server. Anything else hands the
connection over to aiohttp with its bytes (:mod:`daemon.api.http.connection`), for good: another route, a part of a
request, several requests at once, a header that changes the encoding of the body or the protocol, invalid HTTP. So this
module does not need the rest of HTTP, and its answers equal aiohttp's except for the headers Date and Server.
"""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

import msgspec

from daemon.api.http.body import BodyLimits
from daemon.api.http.error_responses import ErrorResponses, HttpError
from daemon.api.http.heads import Heads
from daemon.api.http.peer import Peer
from daemon.api.http.request import Request
from daemon.api.http.response import Answer, Response
from daemon.api.http.routes import Endpoint

_ID = "([0-9A-Za-z_-]{1,128})"
_START_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class FastRequest(msgspec.Struct, frozen=True):
    """A recognised request and its endpoint."""

    request: Request
    endpoint: Endpoint
    keep_alive: bool


class FastPath:
    """The adapter of urgent requests: bytes become a :class:`Request`, and its response becomes bytes."""

    def __init__(self, endpoints: Sequence[Endpoint], errors: ErrorResponses, limits: Callable[[], BodyLimits]) -> None:
        self._errors = errors
        self._limits = limits
        fast = [endpoint for endpoint in endpoints if endpoint.route.fast]
        self._heads = Heads()
        self._exact = {each.route.path: each for each in fast if "{id}" not in each.route.path}
        self._patterns = [
            (re.compile(each.route.path.replace("{id}", _ID)), each) for each in fast if "{id}" in each.route.path
        ]

    def recognise(self, data: bytes, peer: Peer) -> FastRequest | None:
        """Read a whole request and find its endpoint; ``None`` leaves it to aiohttp's server."""
        head = self._heads.read(data)
        found = None if head is None else self._find(head.path)
        if head is None or found is None:
            return None
        endpoint, path_parameters = found
        request = Request(
            method="POST",
            path=head.path,
            peer=peer,
            headers=head.fields.headers,
            path_parameters=path_parameters,
            body=head.body,
        )
        return FastRequest(request, endpoint, head.fields.keep_alive)

    def answer(self, found: FastRequest) -> Answer:
        """Call the handler of a recognised request; a refusal is answered."""
        request, endpoint = found.request, found.endpoint
        try:
            if endpoint.route.body is not None and len(request.body) > endpoint.route.body.size_limit(self._limits()):
                raise HttpError(413)  # noqa: TRY301  # as the aiohttp adapter does
            return endpoint.handler(request)
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            return self.refusal(found, error)

    def refusal(self, found: FastRequest, error: Exception) -> Response:
        """Return the response to a request whose handler raised an error."""
        return self._errors.response_to(error, found.request.method, found.request.path)

    def _find(self, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Find the endpoint and the path parameters."""
        endpoint = self._exact.get(path)
        if endpoint is not None:
            return endpoint, {}
        for pattern, of_pattern in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return of_pattern, {"id": match[1]}
        return None


def wire_form(response: Response, *, stays: bool) -> bytes:
    """Return the bytes of a response; without ``stays`` it says that the connection ends."""
    head = "".join([f"{name}: {value}\r\n" for name, value in response.headers.items()])
    close = "" if stays else "Connection: close\r\n"
    start = f"{_START_LINES[response.status]}{head}{close}Content-Length: {len(response.body)}\r\n\r\n"
    return start.encode() + response.body
