"""Answers, and the one place where an error becomes a status."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.bot import shapes
from daemon.api.http.request import Request
from daemon.api.lock_views import HeldView, lock_view
from daemon.api.views import ErrorView, encode
from daemon.clock import Clock
from daemon.core.values.events import Event
from daemon.core.values.locks import Lock
from daemon.errors import (
    CommitFailed,
    Full,
    Guarded,
    Halted,
    Held,
    Invalid,
    KeyConflict,
    NotAllowed,
    NotReady,
    Refusal,
    Unknown,
    WrongState,
)

STATUS: dict[type[Refusal], int] = {
    Invalid: 400,
    shapes.BotRefusal: 400,
    NotAllowed: 403,
    Unknown: 404,
    WrongState: 409,
    Halted: 409,
    Full: 409,
    Held: 409,
    Guarded: 409,
    KeyConflict: 422,
    NotReady: 503,
}

_JSON = "application/json"


def json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a value."""
    return encoded(encode(value), status, headers)


def encoded(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with JSON that is written already."""
    return web.Response(body=body, status=status, headers=headers, content_type=_JSON)


def written(response: web.StreamResponse, *, stays: bool) -> bytes:
    """Write a whole answer as it goes over the wire; without ``stays`` it says that the connection ends."""
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    close = "" if stays else "Connection: close\r\n"
    start = f"HTTP/1.1 {response.status} {response.reason}\r\n{head}{close}Content-Length: {len(response.body)}\r\n\r\n"
    return start.encode() + response.body


def errors_become_answers(clock: Clock, emit: Callable[[Event], None]) -> Middleware:
    """Make the middleware that answers every error in the same form, and logs it."""

    @web.middleware
    async def middleware(
        request: Request, handler: Callable[[Any], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            answer = _shaped(request, refusal, STATUS[type(refusal)])
            word, text = refusal.code, str(refusal)
        except CommitFailed as error:
            word, text = "commit_failed", f"{error}; nothing was sent, the daemon stops"
            answer = _told(request, word, text, 503)
        except web.HTTPException as error:
            word, text = error.reason.lower().replace(" ", "_"), _HINTS.get(error.status, error.reason)
            answer = _told(request, word, text, error.status)
            if "Allow" in error.headers:  # as HTTP has it for 405
                answer.headers["Allow"] = error.headers["Allow"]
            if error.status in _CLOSING:
                answer.force_close()
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            emit(_event("request.failed", clock, request, error=f"{type(error).__name__}: {error}"))
            return _told(request, "failed", "an error of the daemon's own; its log tells more", 500)
        emit(_event("request.refused", clock, request, status=answer.status, code=word, message=text))
        return answer

    return middleware


_HINTS = {
    401: "changes over TCP need `Authorization: Bearer TOKEN`, the token of [http] token_file",
    404: "there is no such route; /openapi.json and the README list them",
    405: "the route does not take this method",
    408: "the body did not come in time; send it at once",
    421: "the Host header does not name this listener",
    413: "the body is longer than [sockets] body_limit_kb allows",
}
_CLOSING = {408, 413}


def _told(request: Request, word: str, text: str, status: int) -> web.Response:
    of_bot = request.path.startswith(shapes.PREFIX)
    return json(shapes.refused(word, text) if of_bot else ErrorView(error=word, message=text), status)


def _shaped(request: Request, refusal: Refusal, status: int) -> web.Response:
    headers = {"Retry-After": "1"} if isinstance(refusal, NotReady) else None
    view: object
    if isinstance(refusal, shapes.BotRefusal):
        view = shapes.refused(refusal.code, str(refusal), refusal.detail)
    elif request.path.startswith(shapes.PREFIX):
        wrong = refusal if isinstance(refusal, Invalid) and refusal.field else None
        detail = None if wrong is None else f"{wrong.field}: {wrong.allowed or 'of another kind'}"
        view = shapes.refused(refusal.code, str(refusal), detail)
    elif isinstance(refusal, Held):
        holder = lock_view(refusal.holder) if isinstance(refusal.holder, Lock) else None
        view = HeldView(error=refusal.code, message=str(refusal), holder=holder, queue_length=refusal.queue_length)
    elif isinstance(refusal, Invalid | KeyConflict):
        view = ErrorView(error=refusal.code, message=str(refusal), field=refusal.field, allowed=refusal.allowed)
    else:
        guard = refusal.guard if isinstance(refusal, Guarded) else None
        view = ErrorView(error=refusal.code, message=str(refusal), guard=guard)
    return json(view, status, headers)


def _event(name: str, clock: Clock, request: Request, **detail: str | int) -> Event:
    return Event(
        name=name, at_ms=clock.now_ms(), detail={"method": request.method, "path": request.path[:200], **detail}
    )
