"""Answers, and the one place where an error becomes a status."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from daemon.api.views import ErrorView, encode
from daemon.clock import Clock
from daemon.core.events import Event
from daemon.errors import (
    CommitFailed,
    Full,
    Guarded,
    Halted,
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
    NotAllowed: 403,
    Unknown: 404,
    WrongState: 409,
    Halted: 409,
    Full: 409,
    Guarded: 409,
    KeyConflict: 422,
    NotReady: 503,
}

_JSON = "application/json"


def json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a value."""
    return web.Response(body=encode(value), status=status, headers=headers, content_type=_JSON)


def errors_become_answers(clock: Clock, emit: Callable[[Event], None]) -> Middleware:
    """Make the middleware that answers every error in the same form, and logs it."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            answer = _refused(refusal)
            word, text = refusal.code, str(refusal)
        except CommitFailed as error:
            word, text = "commit_failed", str(error)
            answer = json(ErrorView(error=word, message=f"{text}; nothing was sent, the daemon stops"), 503)
        except web.HTTPException as error:
            word, text = error.reason.lower().replace(" ", "_"), _HINTS.get(error.status, error.reason)
            answer = json(ErrorView(error=word, message=text), error.status)
            if error.status in _CLOSING:
                answer.force_close()
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            emit(_event("request.failed", clock, request, error=f"{type(error).__name__}: {error}"))
            return json(ErrorView(error="failed", message="an error of the daemon's own; its log tells more"), 500)
        emit(_event("request.refused", clock, request, status=answer.status, code=word, message=text))
        return answer

    return middleware


_HINTS = {
    404: "there is no such route; /openapi.json and the README list them",
    405: "the route does not take this method",
    408: "the body did not come in time; send it at once",
    413: "the body is longer than [sockets] body_limit_kb allows",
}
_CLOSING = {408, 413}


def _refused(refusal: Refusal) -> web.Response:
    field = refusal.field if isinstance(refusal, Invalid) else None
    allowed = refusal.allowed if isinstance(refusal, Invalid) else None
    guard = refusal.guard if isinstance(refusal, Guarded) else None
    status = STATUS[type(refusal)]
    headers = {"Retry-After": "1"} if status == STATUS[NotReady] else None
    return json(
        ErrorView(error=refusal.code, message=str(refusal), field=field, allowed=allowed, guard=guard), status, headers
    )


def _event(name: str, clock: Clock, request: web.Request, **detail: str | int) -> Event:
    return Event(
        name=name, at_ms=clock.now_ms(), detail={"method": request.method, "path": request.path[:200], **detail}
    )
