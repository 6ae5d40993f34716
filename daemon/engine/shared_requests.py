"""The requests of armed orders in the engine: what the tasks of the orders that share one have in common.

Each order has a task of its own (:mod:`daemon.engine.executor`). The first that is ready opens the connection, and each
reads its own answer from the one to the request.
"""

import asyncio
from collections.abc import Callable, Mapping

from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer
from daemon.engine.trigger import Shot
from daemon.exchange.port import ShotRequest


class SharedRequest:
    """A request, and the orders that are to leave with it."""

    def __init__(self, request: ShotRequest) -> None:
        """Begin without orders."""
        self.request = request
        self.sends: dict[str, Send] = {}  # of the orders that it is signed for, or will be, by client order id
        self.shot: Shot | None = None  # None: it has to be signed before the trigger can hold it
        self.users = 0  # tasks that have it
        self.is_ended = False  # its orders need another
        self._unwatching: asyncio.TimerHandle | None = None
        self._is_open = False
        self._opening = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._answers: Mapping[str, Answer] | None = None

    async def open(self, at_ms: int) -> bool:
        """Get a connection, and a rate slot at an instant of our clock, unless it has both; return false if it cannot.

        Raises:
            NotConnected: no connection could be opened.

        """
        async with self._opening:
            if not self._is_open:
                await self.request.connect()
                self._is_open = self.request.reserve_rate_slot(at_ms)
                if not self._is_open:
                    self.request.release()
            return self._is_open

    def watch_for(self, duration_s: float) -> None:
        """Stop watching the connection after a time."""
        self.keep_watch()
        self._unwatching = asyncio.get_running_loop().call_later(duration_s, self.request.unwatch)

    def keep_watch(self) -> None:
        """Do not stop watching, or do not do so any more: the connection is another's, or its answer is read."""
        if self._unwatching is not None:
            self._unwatching.cancel()
            self._unwatching = None

    async def answer(self, client_order_id: str) -> Answer:
        """Read the answer to one of its orders."""
        async with self._reading:
            if self._answers is None:
                self._answers = await self.request.answers()
        return self._answers[client_order_id]


class SharedRequests:
    """The requests that tasks have, by the name that the decisions gave them."""

    def __init__(self) -> None:
        self._by_name: dict[str, SharedRequest] = {}

    def join(self, name: str, prepare: Callable[[], ShotRequest | None]) -> SharedRequest | None:
        """Return a request for one more task, a new one if there is none; ``None`` if none can be made."""
        shared = self._by_name.get(name)
        if shared is None:
            request = prepare()
            if request is None:
                return None
            shared = self._by_name[name] = SharedRequest(request)
        shared.users += 1
        return shared

    def leave(self, shared: SharedRequest) -> None:
        """Count a task less; the last gives back what the request holds."""
        shared.users -= 1
        if not shared.users:
            self.end(shared)

    def end(self, shared: SharedRequest) -> None:
        """Let no other order join a request, and give back what it holds if it was not written."""
        shared.is_ended = True
        shared.keep_watch()
        for name, each in list(self._by_name.items()):
            if each is shared:
                del self._by_name[name]
        shared.request.release()
