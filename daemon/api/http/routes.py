"""Routes: each is declared once, next to its handler. The server and the OpenAPI description use the same declaration.

A route's summary is the first line of its handler's docstring. The statuses of its refusals follow from the errors that
it names, by :data:`daemon.api.http.error_responses.STATUS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec

from daemon.api.http.body import MAX_WAIT_S, Body
from daemon.api.http.request import Request
from daemon.api.http.response import JSON, Answer
from daemon.errors import Refusal

EVENTS = "text/event-stream"

Method = Literal["GET", "POST", "DELETE"]
Handler = Callable[[Request], Answer]

_F = TypeVar("_F", bound=Callable[..., Answer])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An optional query parameter or header of a request."""

    name: str
    place: Literal["query", "header"] = "query"
    type: Any = str
    about: str


class Repeated(Enum):
    """What a change does that is made twice by one request, because its first answer was lost with the owner."""

    SAME = auto()  # the same as once
    SAME_WITH_KEY = auto()  # the same as once, if the request has an idempotency key for each thing that it asks for
    AGAIN = auto()  # perhaps a second one


FROM_COPY = "Sniperd-Answered-From"
"""Header of an answer from a member's own copy."""


class Answered(Enum):
    """Which member of a fleet answers a request that reaches any of them."""

    BY_OWNER = auto()
    BY_OWNER_OR_COPY = auto()  # the member's own copy, while it reaches no owner
    BY_EACH = auto()  # the member that is asked, about itself


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path, and the decorator that declares it for a handler. A GET answers HEAD as well.

    Attributes:
        answers: the statuses of success, with the types of their bodies. Of a stream of events the type is that of the
            JSON within its messages.
        media: the content type of these bodies.
        body: what the route takes.
        parameters: what a request may carry beside its body.
        refuses: the refusals that the handler may raise.
        response_headers: the headers that a success may have.
        fast: requests are short and urgent (:mod:`daemon.api.http.fast_path`).
        until_gone: a request may last until its client disconnects (:mod:`daemon.api.http.connection`).
        only_reads: a POST that changes nothing.
        lasts_s: how long a request may wait for its outcome if it does not say how long, in seconds.
        repeated: what it does when it is made twice; for routes that change something.
        answered: which member of a fleet answers.
        unanswered: what its caller has to know if no owner answers; empty: nothing more than that.
        described: whether ``/openapi.json`` lists it.

    """

    method: Method
    path: str
    _: KW_ONLY
    answers: Mapping[int, Any]
    media: str = JSON
    body: Body[Any] | None = None
    parameters: Sequence[Parameter] = ()
    refuses: Sequence[type[Refusal]] = ()
    response_headers: Sequence[str] = ()
    fast: bool = False
    until_gone: bool = False
    only_reads: bool = False
    lasts_s: float = 0
    repeated: Repeated = Repeated.AGAIN
    answered: Answered = Answered.BY_OWNER
    unanswered: str = ""
    described: bool = True

    def __call__(self, handler: _F) -> _F:
        """Declare the route for a handler; :func:`endpoints_of` finds it."""
        vars(handler)["route"] = self
        return handler

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET" or self.only_reads


class Endpoint(NamedTuple):
    """A route and the handler that answers it."""

    route: Route
    handler: Handler


def endpoints_of(owner: object) -> list[Endpoint]:
    """List the endpoints whose handlers are an object's methods, in the order of their declaration."""
    declared = {name: getattr(member, "route", None) for name, member in vars(type(owner)).items()}
    return [Endpoint(route, getattr(owner, name)) for name, route in declared.items() if isinstance(route, Route)]


WAIT = Parameter(
    name="Prefer",
    place="header",
    about=f"`wait=SECONDS` (RFC 7240): answer when the outcome is known, or when the wait ends; {MAX_WAIT_S:g} at most",
)
KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    type=Annotated[str, msgspec.Meta(min_length=1, max_length=128)],
    about="what makes two requests the same; 1 to 128 printable characters",
)
