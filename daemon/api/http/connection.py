"""The connections of one listener: how many there may be, how long one may take, and when one ends.

A :class:`Connection` connects the transport to the code that answers: the fast path (:mod:`daemon.api.http.fast_path`)
while requests arrive whole, then aiohttp's server. It does what both need:

- Each listener has its own limit, so that callers of one cannot use up the descriptors of another. A connection beyond
  the limit is answered with 503 at once.
- The head of a request must arrive in time. aiohttp bounds only idle connections.
- A client that shuts its writing half sends nothing more and still gets its answers (``nc -N``, ``socat``). The end of
  the input looks the same as a disconnect. On a Unix socket the kernel reports a hang-up for a disconnect. Over TCP it
  does not: there a route that lasts until its client disconnects (``until_gone``) ends at the end of the input, so that
  a client that has disconnected is never granted a lock.
"""

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import cast

import anyio
from aiohttp import web

from daemon.api.http.fast_path import FastPath, FastRequest, wire_form
from daemon.api.http.head_counter import HeadCounter
from daemon.api.http.peer import Peer, peer_of
from daemon.api.http.response import AfterCommit, Response, json
from daemon.api.views import ErrorView
from daemon.engine.turns import Turns

SWEEP_S = 15.0

MAX_PIPELINED = 65_536
"""Bytes that may wait behind a request that is being answered; reading pauses beyond them."""


class Connections:
    """The connections of one listener. It is asyncio's protocol factory."""

    def __init__(
        self,
        aiohttp: Callable[[], web.RequestHandler],
        fast_path: FastPath | None,
        *,
        turns: Turns,
        limit: int,
        idle_s: float,
        head_s: Callable[[], float],
        until_gone: Collection[str] = (),
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve nothing yet.

        Args:
            aiohttp: makes the protocol of aiohttp's server for a connection.
            fast_path: answers urgent requests that came whole; ``None`` where the listener has no such routes.
            turns: lets requests of the fast path have their turns.
            limit: how many connections may be open at once.
            idle_s: an idle connection is closed after this time.
            head_s: returns how long the head of a request may take.
            until_gone: paths whose requests may last until their clients disconnect.
            refused: called for each connection beyond the limit.

        """
        self.aiohttp = aiohttp
        self.fast_path = fast_path
        self.head_s = head_s
        self.until_gone = until_gone
        self.refused = refused
        self.limit = limit
        self.open: set[Connection] = set()
        self.hangups = HangUps()
        self.turns = turns
        self._idle_s = idle_s

    def __call__(self) -> "Connection":
        """Make a connection's protocol."""
        return Connection(self)

    async def sweep(self) -> None:
        """Close idle connections, until cancelled."""
        while True:
            await anyio.sleep(SWEEP_S)
            before_s = asyncio.get_running_loop().time() - self._idle_s
            for connection in [each for each in self.open if each.is_idle_since(before_s)]:
                connection.close()

    async def close(self, grace_s: float) -> None:
        """Close the connections of the fast path, after a grace period for requests that it is answering."""
        if answering := {each.answering for each in self.open if each.answering is not None}:
            await asyncio.wait(answering, timeout=grace_s)
        for connection in [each for each in self.open if not each.is_handed_over]:
            connection.close()
        self.hangups.close()


class HangUps:
    """Aborts connections whose clients shut their writing halves earlier and have now disconnected.

    A transport does not read after the end of the input, so it does not notice. An epoll descriptor that waits for no
    event still reports a hang-up, and then becomes readable itself.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Connection] = {}
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._abort_hung_up)

    def watch(self, descriptor: int, connection: "Connection") -> None:
        """Abort a connection when its client disconnects."""
        self._watched[descriptor] = connection
        self._epoll.register(descriptor, 0)

    def forget(self, connection: "Connection") -> None:
        """Stop watching a connection; the kernel removes its descriptor from the epoll when it is closed."""
        for descriptor in [number for number, watched in self._watched.items() if watched is connection]:
            del self._watched[descriptor]

    def close(self) -> None:
        """Stop watching."""
        if not self._epoll.closed:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _abort_hung_up(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            if (connection := self._watched.pop(descriptor, None)) is not None:
                self._epoll.unregister(descriptor)
                connection.abort()


class Connection(asyncio.Protocol):
    """One connection, from its first byte to its end."""

    peer: Peer
    _transport: asyncio.Transport

    def __init__(self, listener: Connections) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self.answering: asyncio.Future[None] | None = None  # on the fast path
        self._lost: Callable[[], None] | None = None  # is called if the client disconnects before that
        self._is_waiting = False  # for its turn on the fast path
        self._waiting = b""  # behind that
        self._used_s = self._loop.time()
        self._ended = False  # the client sends no more
        self._aiohttp: web.RequestHandler | None = None
        self._heads = HeadCounter()
        self._begun = self._active = 0  # requests that aiohttp's server has begun to answer, and is answering
        self._lasting = 0  # of these, requests that last until their clients disconnect
        self._late: asyncio.TimerHandle | None = None
        self._late_head = 0

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        if len(self._listener.open) >= self._listener.limit:
            self._listener.refused()
            text = f"{self._listener.limit} connections are open here already, the limit; close some, then try again"
            self._end(json(ErrorView(error="full", message=text), 503, {"Retry-After": "1"}))
        else:
            self._listener.open.add(self)
            self.peer = peer_of(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the requests of the client."""
        self._listener.open.discard(self)
        if self._late is not None:
            self._late.cancel()
        if self._ended:
            self._listener.hangups.forget(self)
        if self.answering is not None:
            self.answering.cancel()
        if self._lost is not None:
            self._lost()
        if self._aiohttp is not None:
            self._aiohttp.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer a request, after the one that is being answered."""
        if self._transport.is_closing():
            return
        self._used_s = self._loop.time()
        if self._aiohttp is not None:
            self._hand_on(data)
        elif self.answering is None and not self._is_waiting:
            self._take(data)
        else:
            self._waiting += data
            if len(self._waiting) > MAX_PIPELINED:
                self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Handle the end of the input; return whether requests are still unanswered."""
        peer = self._transport.get_extra_info("socket")
        is_unix = peer.family == socket.AF_UNIX
        if self._transport.is_closing() or self._has_gone(peer.fileno(), is_unix=is_unix) or not self._owes():
            return False
        if not self._ended and is_unix:  # uvloop may call this more than once
            self._listener.hangups.watch(peer.fileno(), self)
        self._ended = True
        self._end_with_the_last()
        return True

    def pause_writing(self) -> None:
        """Pause reading from a client that does not read."""
        if self._aiohttp is not None:
            self._aiohttp.pause_writing()
        else:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading."""
        if self._aiohttp is not None:
            self._aiohttp.resume_writing()
        else:
            self._transport.resume_reading()

    # What the aiohttp adapter calls.

    def begin(self, path: str) -> bool:
        """Count a request that aiohttp answers; return whether it may last until its client disconnects."""
        self._begun += 1
        self._active += 1
        lasts = path in self._listener.until_gone
        self._lasting += lasts
        self._end_with_the_last()
        return lasts

    def end(self, *, lasted: bool) -> None:
        """Count a finished answer."""
        self._active -= 1
        self._lasting -= lasted

    # What its listener calls.

    @property
    def is_handed_over(self) -> bool:
        """Whether aiohttp's server has it."""
        return self._aiohttp is not None

    def is_idle_since(self, instant_s: float) -> bool:
        """Whether nothing has happened since an instant of the loop's clock; aiohttp's server checks its own."""
        return self._aiohttp is None and not self._owes() and self._used_s < instant_s

    def close(self) -> None:
        """Close the connection once everything written has been sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, and drop unsent data."""
        self._transport.abort()

    # The fast path.

    def _take(self, data: bytes) -> None:
        fast_path = self._listener.fast_path
        found = None if fast_path is None else fast_path.recognise(data, self.peer)
        if fast_path is None or found is None:
            self._hand_over(data)
        else:
            self._is_waiting = True
            self._listener.turns.run(partial(self._answer, fast_path, found))

    def _answer(self, fast_path: FastPath, found: FastRequest) -> None:
        self._is_waiting = False
        if self._transport.is_closing():
            return
        answer = fast_path.answer(found)
        if isinstance(answer, Response):
            self._respond(found, answer)
        elif isinstance(answer, AfterCommit):
            self.answering, self._lost = self._loop.create_future(), answer.lost
            answer.commit.then(partial(self._respond_after_commit, fast_path, found, answer, self.answering))
        else:
            self.answering = self._loop.create_task(self._await(fast_path, found, answer))  # held here, ended with it

    def _respond_after_commit(
        self, fast_path: FastPath, found: FastRequest, answer: AfterCommit, answering: "asyncio.Future[None]"
    ) -> None:
        if answering.cancelled():  # the connection is closed
            return
        self._lost = None
        if answer.lost is not None and self._is_gone():
            answer.lost()
            self.abort()
            return
        answering.set_result(None)
        try:
            answer.commit.check()
            response = answer.respond()
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            response = fast_path.refusal(found, error)
        self._respond(found, response)

    async def _await(self, fast_path: FastPath, found: FastRequest, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            response = fast_path.refusal(found, error)
        self._respond(found, response)

    def _respond(self, found: FastRequest, response: Response) -> None:
        self.answering, self._used_s = None, self._loop.time()
        is_last = self._ended and not self._waiting
        stays = found.keep_alive and not response.closes and not is_last
        self._transport.write(wire_form(response, stays=stays))
        if not stays:
            self._transport.close()
        elif self._waiting and not self._transport.is_closing():
            data, self._waiting = self._waiting, b""
            if not self._ended:
                self._transport.resume_reading()
            self._take(data)
            if self._ended and not self._owes():
                self._transport.close()  # what waited was no whole request, and no more of it comes

    # aiohttp's server.

    def _hand_over(self, data: bytes) -> None:
        self._aiohttp = self._listener.aiohttp()
        self._aiohttp.connection_made(self._transport)
        self._hand_on(data)

    def _hand_on(self, data: bytes) -> None:
        assert self._aiohttp is not None
        self._heads.read(data)
        self._aiohttp.data_received(data)
        head = self._heads.begun if self._heads.is_within_head else 0
        if head != self._late_head:
            self._late_head = head
            if self._late is not None:
                self._late.cancel()
            self._late = self._loop.call_later(self._listener.head_s(), self._head_is_late) if head else None

    def _head_is_late(self) -> None:
        if self._active or self._begun < self._heads.complete:  # the answer to an earlier request must not be cut
            self._late = self._loop.call_later(self._listener.head_s(), self._head_is_late)
            return
        text = "the head of the request did not come in time ([sockets] read_timeout_s); send it at once"
        self._end(json(ErrorView(error="request_timeout", message=text), 408))

    def _end_with_the_last(self) -> None:
        """Let aiohttp's server close the connection after the last request, once it is answering that one.

        After invalid HTTP it closes the connection by itself.
        """
        if self._ended and self._active and self._begun >= self._heads.complete and not self._heads.is_broken:
            assert self._aiohttp is not None
            self._aiohttp.close()

    # Its end.

    def _owes(self) -> bool:
        """Whether a complete request, or invalid HTTP, has no answer yet."""
        if self._aiohttp is None:
            return self.answering is not None or self._is_waiting
        if self._heads.is_broken:
            return True
        if self._heads.is_lost:
            return bool(self._active) or self._begun < self._heads.complete
        return self._begun - self._active < self._heads.complete

    def _is_gone(self) -> bool:
        """Whether the client has disconnected, also if the event loop does not know that yet."""
        if self._transport.is_closing():
            return True
        peer = self._transport.get_extra_info("socket")
        return self._has_gone(peer.fileno(), is_unix=peer.family == socket.AF_UNIX)

    def _has_gone(self, descriptor: int, *, is_unix: bool) -> bool:
        if not is_unix:
            return self._lasting > 0
        poll = select.poll()
        poll.register(descriptor, 0)
        return bool(poll.poll(0))

    def _end(self, response: Response) -> None:
        self._transport.write(wire_form(response, stays=False))
        self._transport.close()
