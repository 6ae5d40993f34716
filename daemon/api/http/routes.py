"""Routes: each is declared once, with its types; what is served and what describes it are both made from that.

A route's summary is the first line of its handler's docstring. The statuses of what it refuses follow from the errors
that it names, as :data:`daemon.api.http.responses.STATUS` maps them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from daemon.api.http.body import MAX_WAIT_S, Body
from daemon.errors import Refusal

JSON = "application/json"
EVENTS = "text/event-stream"

Method = Literal["GET", "POST", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """Something that a request may carry beside its body; always optional."""

    name: str
    place: Literal["query", "header"] = "query"
    type: Any = str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    ``answers`` maps the statuses of success to the types of their bodies, ``media`` says in which form these are, and
    ``tells`` names the headers they may have. Of a stream of events the type is that of the JSON within its messages.
    """

    method: Method
    path: str
    handler: Handler
    answers: Mapping[int, Any]
    media: str = JSON
    takes: Body[Any] | None = None
    parameters: Sequence[Parameter] = ()
    refuses: Sequence[type[Refusal]] = ()
    tells: Sequence[str] = ()
    quick: bool = False  # short requests, in a hurry (:mod:`daemon.api.http.fast_path`)
    until_gone: bool = False  # may last until its caller goes (:mod:`daemon.api.http.connection`)

    def definition(self) -> web.RouteDef:
        """Return it as aiohttp serves it; a GET answers HEAD as well."""
        return web.route(self.method, self.path, self.handler)


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
