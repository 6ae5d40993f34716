"""The one place where an error becomes a response, for both adapters."""

from collections.abc import Callable
from http import HTTPStatus

from daemon.api.bot import bot_errors
from daemon.api.http.response import Response, json
from daemon.api.lock_views import HeldView, lock_view
from daemon.api.views import ErrorView
from daemon.clock import Clock
from daemon.core.values.events import Detail, Event
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
    Unanswered,
    Unknown,
    WrongState,
)

STATUS: dict[type[Refusal], int] = {
    Invalid: 400,
    bot_errors.BotRefusal: 400,
    NotAllowed: 403,
    Unknown: 404,
    WrongState: 409,
    Halted: 409,
    Full: 409,
    Held: 409,
    Guarded: 409,
    KeyConflict: 422,
    NotReady: 503,
    Unanswered: 503,
}

_HINTS = {
    401: "changes over TCP need `Authorization: Bearer TOKEN`, the token of [http] token_file",
    404: "there is no such route; /openapi.json describes every route",
    405: "the route does not take this method",
    408: "the body did not come in time; send it at once",
    421: "the Host header does not name this listener",
    413: "the body is longer than [sockets] body_limit_kb allows",
}
_CLOSING = {408, 413}


_UNKNOWN = "the daemon stops; what became of the request is not known: repeat it, a signal with the same key"
"""Of a request that waited for an outcome, an earlier commit may have succeeded, and its order may have been sent."""


class HttpError(Exception):
    """A request without a handler, or with an unreadable body. ``allow`` is the header ``Allow`` of a 405."""

    def __init__(self, status: int, allow: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.allow = allow


class ErrorResponses:
    """Answers every error in the same form, and emits an event for it."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._clock = clock
        self._emit = emit

    def response_to(self, error: Exception, method: str, path: str) -> Response:
        """Return the response to a request that ended with an error. No error stops the daemon here."""
        match error:
            case Refusal():
                word, text = error.code, str(error)
                response = _refused(path, error)
            case CommitFailed():
                word, text = "commit_failed", f"{error}; {_UNKNOWN}"
                response = _failed(path, word, text, 503)
            case HttpError():
                reason = HTTPStatus(error.status).phrase
                word, text = reason.lower().replace(" ", "_"), _HINTS.get(error.status, reason)
                headers = None if error.allow is None else {"Allow": error.allow}
                response = _failed(path, word, text, error.status, headers, closes=error.status in _CLOSING)
            case _:
                self._record("request.failed", method, path, error=f"{type(error).__name__}: {error}")
                return _failed(path, "failed", "internal error; see the daemon's log", 500)
        self._record("request.refused", method, path, status=response.status, code=word, message=text)
        return response

    def _record(self, name: str, method: str, path: str, **detail: str | int) -> None:
        shown: dict[str, Detail] = {"method": method, "path": path[:200], **detail}
        self._emit(Event(name=name, at_ms=self._clock.now_ms(), detail=shown))


def _failed(
    path: str, word: str, text: str, status: int, headers: dict[str, str] | None = None, *, closes: bool = False
) -> Response:
    of_bot = path.startswith(bot_errors.PREFIX)
    view = bot_errors.refused(word, text) if of_bot else ErrorView(error=word, message=text)
    return json(view, status, headers, closes=closes)


def _refused(path: str, refusal: Refusal) -> Response:
    headers = {"Retry-After": "1"} if isinstance(refusal, NotReady) else None
    view: object
    if isinstance(refusal, bot_errors.BotRefusal):
        view = bot_errors.refused(refusal.code, str(refusal), refusal.detail)
    elif path.startswith(bot_errors.PREFIX):
        wrong = refusal if isinstance(refusal, Invalid) and refusal.field else None
        detail = None if wrong is None else f"{wrong.field}: {wrong.allowed or 'of another kind'}"
        view = bot_errors.refused(refusal.code, str(refusal), detail)
    elif isinstance(refusal, Held):
        holder = lock_view(refusal.holder) if isinstance(refusal.holder, Lock) else None
        view = HeldView(error=refusal.code, message=str(refusal), holder=holder, queue_length=refusal.queue_length)
    elif isinstance(refusal, Invalid | KeyConflict):
        view = ErrorView(error=refusal.code, message=str(refusal), field=refusal.field, allowed=refusal.allowed)
    else:
        guard = refusal.guard if isinstance(refusal, Guarded) else None
        view = ErrorView(error=refusal.code, message=str(refusal), guard=guard)
    return json(view, STATUS[type(refusal)], headers)
