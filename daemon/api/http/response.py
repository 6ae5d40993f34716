"""A response as a value. Handlers return it, and the adapters write it to the connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from daemon.api.views import encode
from daemon.store.commit import Commit

JSON = "application/json"


class StreamConnection(Protocol):
    """The connection of a stream. No method waits."""

    def write(self, piece: bytes) -> None:
        """Write a piece; a closing connection drops it."""

    def unread(self) -> int:
        """Return the number of bytes that wait in this process for the client to read them."""

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""

    def abort(self) -> None:
        """Close the connection at once."""


class Stream(msgspec.Struct, frozen=True):
    """A body of unknown length: ``first``, then what ``run`` writes until it returns or the client disconnects."""

    first: bytes
    run: Callable[[StreamConnection], Awaitable[None]]


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One response. A ``stream`` takes the place of the body; only the aiohttp adapter writes one."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    stream: Stream | None = None
    closes: bool = False  # the connection ends after it


class AfterCommit(msgspec.Struct, frozen=True):
    """A response that is made when a commit is durable; ``lost`` is called instead if the client disconnects before."""

    commit: Commit
    respond: Callable[[], Response]
    lost: Callable[[], None] | None = None


Answer: TypeAlias = Response | AfterCommit | Awaitable[Response]
"""What a handler returns. Only an awaitable needs a task: a handler of an urgent route returns one only if it waits."""


async def completed(answer: Answer) -> Response:
    """Return the response of an answer."""
    if isinstance(answer, Response):
        return answer
    if not isinstance(answer, AfterCommit):
        return await answer
    try:
        await answer.commit.durable()
    except asyncio.CancelledError:
        if answer.lost is not None:
            answer.lost()
        raise
    return answer.respond()


def json(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None, *, closes: bool = False
) -> Response:
    """Answer with a value."""
    return encoded(encode(value), status, headers, closes=closes)


def encoded(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, *, closes: bool = False
) -> Response:
    """Answer with JSON that is written already."""
    return Response(status=status, headers={**(headers or {}), "Content-Type": JSON}, body=body, closes=closes)
