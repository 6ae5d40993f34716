"""The fast path without a socket: bytes become a request, and its response becomes bytes."""

import msgspec
import pytest

from daemon.api.http.body import Body, BodyLimits
from daemon.api.http.error_responses import ErrorResponses
from daemon.api.http.fast_path import FastPath, FastRequest, wire_form
from daemon.api.http.peer import Peer
from daemon.api.http.request import Request
from daemon.api.http.response import Response, completed, json
from daemon.api.http.routes import Route, endpoints_of
from daemon.core.values.events import Event
from daemon.errors import Unknown
from tests.exchange.mexc.clocks import ManualClock

PEER = Peer(uid=1)


class Text(msgspec.Struct):
    """A body."""

    text: str


_text = Body[Text](Text)


class Routes:
    """Two fast routes and one that is not."""

    @Route("POST", "/echo", fast=True, body=_text, answers={200: dict[str, str]})
    async def echo(self, request: Request) -> Response:
        """Answer with what was asked."""
        text = _text.decode(request.body).text
        return json({"text": text}, 202, {"X-Key": request.headers["idempotency-key"]})

    @Route("POST", "/things/{id}/end", fast=True, answers={200: dict[str, str]})
    async def end(self, request: Request) -> Response:
        """Refuse."""
        raise Unknown(f"there is no {request.path_parameters['id']}")

    @Route("POST", "/slow", answers={200: dict[str, str]})
    async def slow(self, _request: Request) -> Response:
        """Answer with nothing."""
        return Response()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def fast_path(events: list[Event]) -> FastPath:
    errors = ErrorResponses(ManualClock(), events.append)
    return FastPath(endpoints_of(Routes()), errors, lambda: BodyLimits(size=20, timeout_s=1))


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def response_to(fast_path: FastPath, found: FastRequest) -> Response:
    """Return the response as a connection does."""
    try:
        return await completed(fast_path.answer(found))
    except Exception as error:  # noqa: BLE001  # whatever the handler raises
        return fast_path.refusal(found, error)


async def answered(fast_path: FastPath, data: bytes) -> bytes:
    found = fast_path.recognise(data, PEER)
    assert found is not None
    return wire_form(await response_to(fast_path, found), stays=found.keep_alive)


async def test_a_request_becomes_a_value_and_its_response_bytes(fast_path: FastPath) -> None:
    data = post("/echo", b'{"text":"a"}', "Idempotency-Key: k")
    found = fast_path.recognise(data, PEER)
    assert found is not None
    assert (found.request.method, found.request.path, found.request.peer) == ("POST", "/echo", PEER)
    assert (found.request.body, found.keep_alive) == (b'{"text":"a"}', True)
    assert await answered(fast_path, data) == (
        b'HTTP/1.1 202 Accepted\r\nX-Key: k\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text":"a"}'
    )


async def test_the_last_response_says_that_the_connection_ends(fast_path: FastPath) -> None:
    said = await answered(fast_path, post("/echo", b'{"text":"a"}', "Idempotency-Key: k", "Connection: close"))
    assert b"\r\nConnection: close\r\n" in said


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post("/things/7/end", b""), 404),
        (post("/echo", b"{"), 400),
        (post("/echo", b'{"text":"aaaaaaaaaaaaaaaaaaaaa"}'), 413),
        (post("/echo", b'{"text":"a"}'), 500),  # the header is not there
    ],
)
async def test_every_error_of_a_handler_is_answered(
    fast_path: FastPath, events: list[Event], data: bytes, status: int
) -> None:
    found = fast_path.recognise(data, PEER)
    assert found is not None
    response = await response_to(fast_path, found)
    assert (response.status, response.closes) == (status, status == 413)
    assert [event.name for event in events] == ["request.failed" if status == 500 else "request.refused"]


@pytest.mark.parametrize("path", ["/slow", "/none", "/things/a.b/end", "/echo?a=b"])
def test_other_routes_are_left_to_aiohttp(fast_path: FastPath, path: str) -> None:
    assert fast_path.recognise(post(path, b""), PEER) is None


def test_a_request_cannot_be_changed() -> None:
    request = Request(method="POST", path="/echo", peer=PEER)
    with pytest.raises(AttributeError):
        request.path = "/other"  # type: ignore[misc]


def test_the_routes_of_an_object_are_found_in_the_order_of_their_declaration() -> None:
    found = endpoints_of(Routes())
    assert [endpoint.route.path for endpoint in found] == ["/echo", "/things/{id}/end", "/slow"]
    assert [endpoint.route.is_read for endpoint in found] == [False, False, False]
