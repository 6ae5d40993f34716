"""``GET /openapi.json``: the routes of a socket as OpenAPI 3.1, made from the types that validate and answer.

Amounts come in as JSON numbers or as strings and are read exactly; they go out as strings.
"""

import inspect
import re
from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any

import msgspec

from daemon import __version__
from daemon.api.bot import bot_errors
from daemon.api.http.error_responses import STATUS
from daemon.api.http.request import Request
from daemon.api.http.response import JSON, Response, json
from daemon.api.http.routes import EVENTS, Endpoint, Parameter, Route, endpoints_of
from daemon.api.lock_views import HeldView
from daemon.api.views import ErrorView
from daemon.core.values.fields import AMOUNT_ALLOWED, NUMBER, Amount
from daemon.errors import Held, Invalid, Refusal

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{name}"
DECIMAL = {"type": "string", "format": "decimal"}
AMOUNT = {
    "description": f"{AMOUNT_ALLOWED}; read exactly, then rounded to what the pair admits",
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": rf"^\s*{NUMBER}\s*$"}],
}
HEADERS = {
    "Location": "where the new one is found",
    "Idempotent-Replayed": "`true` where an earlier request with the same key is answered",
    "Preference-Applied": "how long the answer may have waited",
    "Sniperd-Shadow-Of": "in shadow mode: the real market that the paper exchange follows",
    "Sniperd-Answered-From": "`copy`: this member's own, while it reaches no owner of its fleet",
    "Retry-After": "seconds after which to ask again",
}
_OF_BODIES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_IN_PATH = re.compile(r"{(\w+)}")


class Description:
    """Describes the routes of one listener, its own included. The document is made at the first request for it."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = [*endpoints, *endpoints_of(self)]

    @Route("GET", "/openapi.json", answers={200: dict[str, Any]})
    async def show(self, _request: Request) -> Response:
        """Describe the routes of this socket, as OpenAPI 3.1."""
        return json(self.document)

    @cached_property
    def document(self) -> Schema:
        """The description."""
        endpoints = [endpoint for endpoint in self.endpoints if endpoint.route.described]
        types = list(_types([endpoint.route for endpoint in endpoints]))
        found, components = msgspec.json.schema_components(types, schema_hook=_of_ours, ref_template=REFERENCE)
        schemas = dict(zip(map(repr, types), found, strict=True))
        paths: dict[str, Schema] = {}
        for endpoint in endpoints:
            route = endpoint.route
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(endpoint, schemas)
        document: Schema = {
            "openapi": "3.1.0",
            "info": {"title": "sniperd", "version": __version__, "description": (__doc__ or "").partition("\n\n")[2]},
            "servers": [{"url": "http://localhost", "description": "the Unix socket that answers this"}],
            "paths": paths,
            "components": {"schemas": {**components, "Amount": AMOUNT}},
        }
        return {name: _with_amounts(part) for name, part in document.items()}


def _types(routes: Sequence[Route]) -> dict[Any, None]:
    """List every type that a route takes, answers or refuses with, once."""
    listed: dict[Any, None] = {ErrorView: None, HeldView: None, dict[str, Any]: None, str: None}
    for route in routes:
        taken = [] if route.body is None else [route.body.shape]
        listed |= dict.fromkeys([*taken, *route.answers.values(), *(each.type for each in route.parameters)])
    return listed


def _of_ours(_kind: type[Amount]) -> Schema:
    """Describe the one type of ours that msgspec does not know."""
    return DECIMAL


def _operation(endpoint: Endpoint, schemas: dict[str, Schema]) -> Schema:
    route = endpoint.route
    summary, _, more = (inspect.getdoc(endpoint.handler) or "").partition("\n")
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _IN_PATH.findall(route.path)
    ]
    operation: Schema = {
        "operationId": _operation_id(endpoint),
        "summary": summary,
        "description": more.strip(),
        "parameters": [*in_path, *(_parameter(each, schemas) for each in route.parameters)],
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content([schemas[repr(route.body.shape)]])}
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    owner, _, name = endpoint.handler.__qualname__.rpartition(".")
    return f"{owner}.{name}"


def _parameter(parameter: Parameter, schemas: dict[str, Schema]) -> Schema:
    schema = schemas[repr(parameter.type)]
    return {"name": parameter.name, "in": parameter.place, "description": parameter.about, "schema": schema}


def _responses(route: Route, schemas: dict[str, Schema]) -> Schema:
    """Describe every answer: those of success, and each status that stands for some refusals."""
    responses: Schema = {}
    for status, shape in route.answers.items():
        responses[str(status)] = _response(status, [schemas[repr(shape)]], route.response_headers, route.media)
    of_bot = route.path.startswith(bot_errors.PREFIX)
    for status, refusals in sorted(_refusals(route).items()):
        views = {_view(refusal, of_bot=of_bot): None for refusal in refusals}
        headers = ["Retry-After"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
        responses[str(status)] = _response(status, [schemas[repr(view)] for view in views], headers)
    return responses


def _refusals(route: Route) -> dict[int, list[type[Refusal]]]:
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in route.refuses:
        by_status.setdefault(STATUS[refusal], []).append(refusal)
    if route.body is not None:
        by_status |= {status: [Refusal] for status in _OF_BODIES}
        by_status.setdefault(STATUS[Invalid], []).append(Invalid)
    return by_status


def _view(refusal: type[Refusal], *, of_bot: bool) -> Any:  # noqa: ANN401  # a type, maybe generic
    if of_bot:
        return dict[str, Any]
    return HeldView if refusal is Held else ErrorView


def _response(status: int, schemas: list[Schema], headers: Sequence[str], media: str = JSON) -> Schema:
    content = _content(schemas, media)
    if media == EVENTS:
        content = {media: {"schema": {"type": "string"}, "x-data": schemas[0]}}
    response: Schema = {"description": HTTPStatus(status).phrase, "content": content}
    if headers:
        response["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in headers}
    return response


def _content(schemas: list[Schema], media: str = JSON) -> Schema:
    return {media: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}


def _with_amounts(part: Any) -> Any:  # noqa: ANN401  # JSON
    """Let every decimal be an amount as it is read, which is more than msgspec's own description of the type."""
    if part == DECIMAL:
        return {"$ref": REFERENCE.format(name="Amount")}
    if isinstance(part, dict):
        if part.items() >= DECIMAL.items():
            others = {name: value for name, value in part.items() if name not in DECIMAL}
            return {"$ref": REFERENCE.format(name="Amount"), **others}
        return {name: _with_amounts(value) for name, value in part.items()}
    return [_with_amounts(each) for each in part] if isinstance(part, list) else part
