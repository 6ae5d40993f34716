"""``GET /v1/events``: the live stream of events (server-sent events)."""

from functools import partial

from daemon import __version__
from daemon.api.event_stream import EventFilter, EventStream, message, reset
from daemon.api.http.body import check_query
from daemon.api.http.request import Request
from daemon.api.http.response import Response, Stream
from daemon.api.http.routes import EVENTS, Answered, Parameter, Route
from daemon.api.views import EventView, HelloView
from daemon.errors import Full, Invalid

MAX_READERS = 256
_HEADERS = {"Content-Type": EVENTS, "Cache-Control": "no-store"}
_PARAMETERS = [
    Parameter(name="after", about="an event's id: go on after it; `Last-Event-ID` has precedence"),
    Parameter(
        name="Last-Event-ID", place="header", about="an event's id: go on after it, as browsers ask by themselves"
    ),
    Parameter(name="name", about="only events whose name begins so, like `order.`"),
    Parameter(name="orderId", about="only events of this order"),
]


class Events:
    """The route of events."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream

    @Route(
        "GET",
        "/v1/events",
        until_gone=True,
        answered=Answered.BY_EACH,
        parameters=_PARAMETERS,
        answers={200: EventView},
        media=EVENTS,
        refuses=[Invalid, Full],
    )
    async def follow(self, request: Request) -> Response:
        """Stream events as they happen, without end.

        First comes a message `hello` (`version`, `startedMs`, `position`), then one for each event, by its name and
        with its id, `data` as described. `reset` (`position`) says that some events after the id that was given
        are no longer held, as after a restart: read everything anew. The events that are held follow. A comment comes
        every 15 s. Slow readers are disconnected.
        """
        wanted = _filter(request)
        if len(self._stream) >= MAX_READERS:
            raise Full(f"{MAX_READERS} readers follow events already; end one of them")
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        position, greeting = self._greeting(request)
        follow = partial(self._stream.follow, position=position, wanted=wanted)
        return Response(headers=_HEADERS, stream=Stream(greeting, follow))

    def _greeting(self, request: Request) -> tuple[int, bytes]:
        """Find the position to begin from; return it and the first messages."""
        recent = self._stream.recent
        after = request.headers.get("Last-Event-ID") or request.query.get("after")
        known = recent.last if after is None else recent.position_of(after)
        position = recent.oldest if known is None else known
        at = recent.id_of(position)
        hello = message(at, "hello", HelloView(version=__version__, started_ms=recent.started_ms, position=at))
        return position, hello if known is not None else hello + reset(recent, position)


def _filter(request: Request) -> EventFilter:
    """Read the filter from the query.

    Raises:
        Invalid: the query holds something else.

    """
    query = request.query
    check_query(request, ("after", "name", "orderId"))
    return EventFilter(query.get("name", ""), query.get("orderId") or None)
