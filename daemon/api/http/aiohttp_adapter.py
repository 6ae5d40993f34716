"""The aiohttp adapter: aiohttp's requests become :class:`Request` values, and responses become aiohttp's."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler as AiohttpHandler
from aiohttp.typedefs import Middleware

from daemon.api.http.body import BATCH_LIMIT, Body, BodyLimits
from daemon.api.http.connection import Connection
from daemon.api.http.error_responses import ErrorResponses, HttpError
from daemon.api.http.loopback import AccessCheck
from daemon.api.http.peer import GONE
from daemon.api.http.request import Request
from daemon.api.http.response import Response, Stream, completed
from daemon.api.http.routes import Endpoint
from daemon.errors import Invalid

_KNOWN = "daemon.known"


def application(
    endpoints: Sequence[Endpoint],
    errors: ErrorResponses,
    limits: Callable[[], BodyLimits],
    check: AccessCheck | None = None,
) -> web.Application:
    """Make aiohttp's application. ``check`` runs before every request, also for unknown routes."""
    made = web.Application(client_max_size=BATCH_LIMIT)
    made.middlewares.extend([_follow_requests(made), _errors_become_responses(errors, check)])
    for endpoint in endpoints:
        made.add_routes([web.route(endpoint.route.method, endpoint.route.path, _handler(endpoint, limits))])
    return made


def _handler(endpoint: Endpoint, limits: Callable[[], BodyLimits]) -> AiohttpHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = endpoint.route.body
        connection = _connection_of(request)
        value = Request(
            method=request.method,
            path=request.path,
            peer=GONE if connection is None else connection.peer,
            headers=request.headers,
            query=request.query,
            path_parameters=request.match_info,
            body=b"" if body is None else await _read(request, body, limits()),
        )
        response = await completed(endpoint.handler(value))
        return _whole(response) if response.stream is None else await _stream(request, response, response.stream)

    return handle


async def _read(request: web.Request, body: Body[object], limits: BodyLimits) -> bytes:
    """Read a request's body.

    Raises:
        HttpError: 408, it did not come in time; 413, it is longer than the limit. The connection is closed.
        Invalid: it cannot be decoded, or the client disconnected before its end.

    """
    size = body.size_limit(limits)
    if (request.content_length or 0) > size:
        raise HttpError(413)
    try:
        if request.content.is_eof():  # nearly all bodies arrive with the head: a timer would cost more than the read
            raw = await request.read()
        else:
            async with asyncio.timeout(limits.timeout_s):
                raw = await request.read()
    except TimeoutError:
        raise HttpError(408) from None
    except web.RequestPayloadError as error:
        why = " ".join(str(error).split())
        raise Invalid(f"the body cannot be decoded: {why}", allowed="JSON without a Content-Encoding") from None
    except (RuntimeError, ConnectionError):  # aiohttp raises either of the two
        raise Invalid("the connection ended within the body", field="body", allowed="a whole body") from None
    if len(raw) > size:
        raise HttpError(413)
    return raw


def _whole(response: Response) -> web.Response:
    made = web.Response(status=response.status, headers=response.headers, body=response.body or None)
    if response.closes:
        made.force_close()
    return made


class _Writer:
    """A stream's connection. aiohttp's own writer waits for a slow client; this one reports the unread bytes."""

    def __init__(self, transport: asyncio.WriteTransport, *, chunked: bool) -> None:
        self._transport = transport
        self._chunked = chunked

    def write(self, piece: bytes) -> None:
        if piece and not self.is_closing():
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def unread(self) -> int:
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()


async def _stream(request: web.Request, response: Response, stream: Stream) -> web.StreamResponse:
    made = web.StreamResponse(status=response.status, headers=response.headers)
    if request.version >= HttpVersion11:
        made.enable_chunked_encoding()
    try:
        await made.prepare(request)
        await made.write(stream.first)
    except ConnectionError:
        return made  # the caller has gone already
    assert request.transport is not None
    await stream.run(_Writer(request.transport, chunked=made.chunked))
    return made


def _errors_become_responses(errors: ErrorResponses, check: AccessCheck | None) -> Middleware:
    """Make the middleware that answers errors: of handlers, of the check, and aiohttp's own."""

    @web.middleware
    async def middleware(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        error: Exception
        try:
            if check is not None:
                check(request.method, request.path, request.headers)
            return await handler(request)
        except web.HTTPException as raised:
            error = HttpError(raised.status, raised.headers.get("Allow"))
        except Exception as raised:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            error = raised
        return _whole(errors.response_to(error, request.method, request.path))

    return middleware


def _follow_requests(application: web.Application) -> Middleware:
    """Make the outermost middleware: a connection learns which requests aiohttp's server answers on it.

    aiohttp answers a few requests without middlewares, like one with an unknown Expect header; its signal covers those.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        request[_KNOWN] = True
        connection = _connection_of(request)
        if connection is None:  # the caller has gone already
            return await handler(request)
        lasted = connection.begin(request.path)
        try:
            return await handler(request)
        finally:
            connection.end(lasted=lasted)

    async def follow_others(request: web.Request, _response: web.StreamResponse) -> None:
        connection = _connection_of(request)
        if connection is not None and _KNOWN not in request:
            connection.end(lasted=connection.begin(request.path))

    application.on_response_prepare.append(follow_others)
    return middleware


def _connection_of(request: web.Request) -> Connection | None:
    found = None if request.transport is None else request.transport.get_protocol()
    return found if isinstance(found, Connection) else None
