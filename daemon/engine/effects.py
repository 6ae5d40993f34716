"""The effects for effects. A decision goes in; commits and requests come out, in that order.

Every decision is made in memory at once, and all that follows from it outside waits for the commit that holds it.
That is the whole of "durable before sent, durable before answered", and of "the outcome is durable before the lock's
next holder sends": the next holder's request waits for a later place in the same order of commits.
"""

from collections.abc import Callable

from daemon.clock import Clock
from daemon.core.state.decision import Decision, Send
from daemon.core.state.trading_state import TradingState
from daemon.core.verbs.dispatch import dispatch
from daemon.engine.publisher import Publisher
from daemon.store.store import Store
from daemon.store.writer import Commit


class Effects:
    """Carries steps out."""

    def __init__(self, ledger: TradingState, store: Store, publisher: Publisher, clock: Clock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.capacity_ms: int | None = None  # when there is room for the next in the queue
        self._store = store
        self._publisher = publisher
        self._start: Callable[[Send, Commit], None] = _nobody_sends
        self._look_again: list[Callable[[], None]] = []

    def wire(self, *, start: Callable[[Send, Commit], None], look_again: list[Callable[[], None]]) -> None:
        """Name who makes requests, and who must hear of every change because something may be due sooner."""
        self._start = start
        self._look_again = look_again

    def apply(self, step: Decision, *, hurry: bool = True) -> Commit:
        """Carry a step out, and with it whatever may be sent because of it; ``hurry`` where somebody waits for that."""
        self.capacity_ms = dispatch(self.ledger, step, self.clock.now_ms())
        commit = self._store.commit(step, hurry=hurry or bool(step.sends or step.locks))
        for send in step.sends:
            self._start(send, commit)
        if step or step.notes:
            self._publisher.follow(step, commit)
        for look_again in self._look_again:
            look_again()
        return commit


def _nobody_sends(send: Send, _commit: Commit) -> None:
    raise RuntimeError(f"{send.attempt.client_order_id} was to be sent before the engine runs")
