"""The only way to change the trading state: decide, commit, send.

A decision changes memory at once. All its effects outside wait for the commit that holds it. That gives "durable before
sent, durable before answered", and "the outcome is durable before the lock's next holder sends": the next holder's
request waits for the same commit, or a later one.

Every change goes through :meth:`Effects.decide`, whether a caller, an answer of the exchange or the clock caused it. So
no code can forget to dispatch, to commit or to stop after an error.
"""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import anyio

from daemon.clock import Clock
from daemon.core.state.changes import ChangeSet, Send
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.verbs.deciding import decide
from daemon.engine.publisher import Publisher
from daemon.errors import CommitFailed, InvariantBroken, Refusal
from daemon.store.commit import Commit
from daemon.store.store import Store

P = ParamSpec("P")
T = TypeVar("T")


class Effects:
    """Makes decisions and applies their effects."""

    def __init__(self, state: TradingState, store: Store, publisher: Publisher, clock: Clock) -> None:
        self.state = state
        self.clock = clock
        self.next_dispatch_ms: int | None = None  # when to go on: another slice, or room in the rate budget
        self._store = store
        self._publisher = publisher
        self._start: Callable[[Send, Commit], None] = _not_running
        self._price: Callable[[Order], None] = _not_priced
        self._grant: Callable[[Lock, Commit], None] = _nobody_waits
        self._look_again: list[Callable[[], None]] = []
        self._will_look = False
        self._broken_by: Exception | None = None
        self._broken = anyio.Event()

    def wire(
        self,
        *,
        start: Callable[[Send, Commit], None],
        price: Callable[[Order], None],
        grant: Callable[[Lock, Commit], None],
        look_again: list[Callable[[], None]],
    ) -> None:
        """Set what makes requests, queries prices, delivers new leases, and runs after changes to see what is due."""
        self._start = start
        self._price = price
        self._grant = grant
        self._look_again = look_again

    def decide(
        self, verb: Callable[Concatenate[Decision, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, Commit]:
        """Run a verb of the core, dispatch, commit, and start the requests that follow.

        A refusal changes nothing. A failed commit ends the process. Any other error leaves changes in memory that are
        never written, so it ends the process as well: the next one starts from the disk.

        Returns:
            What the verb returned, and the commit: nothing may be shown before it is durable.

        Raises:
            Refusal: the verb refused.

        """
        try:
            result, d, self.next_dispatch_ms = decide(self.state, self.clock.now_ms(), verb, *args, **kwargs)
            return result, self._apply(d.changes)
        except (Refusal, CommitFailed):
            raise
        except Exception as error:
            self._break(error)
            raise

    def guard(self, effect: Callable[[], None]) -> None:
        """Run an effect outside a task; an error ends the process."""
        try:
            effect()
        except Exception as error:  # noqa: BLE001  # until_broken raises it
            self._break(error)

    async def until_broken(self) -> None:
        """Wait for a decision, or an effect of one, that ends in an error.

        Raises:
            InvariantBroken: one has.

        """
        await self._broken.wait()
        why = f"a decision ended halfway, by {type(self._broken_by).__name__}: {self._broken_by}; start again"
        raise InvariantBroken(why) from self._broken_by

    def _break(self, error: Exception) -> None:
        self._broken_by = error
        self._broken.set()

    def _apply(self, changes: ChangeSet) -> Commit:
        commit = self._store.commit(changes)
        for send in changes.sends:
            self._start(send, commit)
        for order in changes.unpriced:
            self._price(order)
        for lock in changes.grants:
            self._grant(lock, commit)
        if changes or changes.notes:
            self._publisher.publish_after(changes, commit)
        if not self._will_look:
            self._will_look = True
            # once for all decisions of this iteration, after their commit
            asyncio.get_running_loop().call_soon(self.guard, self._look)
        return commit

    def _look(self) -> None:
        self._will_look = False
        for look_again in self._look_again:
            look_again()


def _not_running(send: Send, _commit: Commit) -> None:
    raise RuntimeError(f"{send.attempt.client_order_id} was to be sent before the engine runs")


def _not_priced(order: Order) -> None:
    raise RuntimeError(f"{order.order_id} was to be priced before the engine runs")


def _nobody_waits(lock: Lock, _commit: Commit) -> None:
    raise RuntimeError(f"{lock.lock_id} was granted before the engine runs")
