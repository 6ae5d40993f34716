"""The reconciler: searches for orders whose outcome is unknown, and follows placed ones to their end.

When to search, at which sources, and what the results conclude is decided in :mod:`daemon.core.rules.reconciliation`;
here the queries are made.
"""

import anyio
from anyio.abc import TaskGroup

from daemon.core.rules.reconciliation import Search, further_source, sources
from daemon.core.values.exchange_replies import QueryResult
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.outcomes import searched
from daemon.engine.effects import Effects
from daemon.engine.timers import Alarm
from daemon.exchange.port import Exchange

AT_ONCE = 32
"""Orders that are searched for at the same time, so that after a start each is queried once before the first is queried
everywhere; the exchange's weight limit binds long before."""


class Reconciler:
    """Makes the search attempts that are due."""

    def __init__(self, effects: Effects, exchange: Exchange) -> None:
        self._effects = effects
        self._exchange = exchange
        self._alarm = Alarm(effects.clock)
        self._under_way = 0
        self._unanswered: set[str] = set()  # in doubt since before the start, and not queried with an answer yet
        self._answered = anyio.Event()

    def look_again(self) -> None:
        """Wake the task if something is due sooner than it knows."""
        self._alarm.bring_forward(self._due_ms())

    def wake(self) -> None:
        """Check at once what is due: the clock stepped after that was computed."""
        self._alarm.ring()

    async def turn(self) -> None:
        """Return when the task has run once."""
        await self._alarm.turn()

    async def run(self) -> None:
        """Make the search attempts that are due, until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._start_due(tasks)
                await self._alarm.sleep_until(self._due_ms())

    async def first_search(self) -> None:
        """Wait until the exchange has answered one query for every order that is in doubt now.

        The rest of each attempt may wait for the exchange's weight, and the caller must not wait for that.
        """
        orders = self._effects.state.orders.not_queued()
        self._unanswered = {order.order_id for order in orders if order.state is State.IN_DOUBT}
        self._answered = anyio.Event()
        if self._unanswered:
            await self._answered.wait()

    def _start_due(self, tasks: TaskGroup) -> None:
        now_ms = self._effects.clock.now_ms()
        while self._under_way < AT_ONCE and (order := self._effects.state.searches.due(now_ms)) is not None:
            self._under_way += 1
            tasks.start_soon(self._search, order)

    def _due_ms(self) -> int | None:
        return None if self._under_way >= AT_ONCE else self._effects.state.searches.next_ms()

    async def _search(self, order: Order) -> None:
        results = await self._query(order)
        self._under_way -= 1
        self._effects.decide(searched, order.order_id, results)
        self._alarm.ring()
        if not all(result.failed for result in results):
            self._answer_came(order)

    def _answer_came(self, order: Order) -> None:
        self._unanswered.discard(order.order_id)
        if not self._unanswered:
            self._answered.set()

    async def _query(self, order: Order) -> list[QueryResult]:
        """Query one source after another, until one shows the order or the exchange cannot be reached.

        What that one does not show of the order's fills is queried in the same attempt, so that a caller that waits for
        the outcome gets its price.
        """
        state = self._effects.state
        search = state.searches.get(order.order_id, Search(next_ms=0))
        results: list[QueryResult] = []
        for source in sources(order, search, self._effects.clock.now_ms(), state.rules):
            results.append(await self._exchange.query(order, source, search.next_ms))
            if results[-1].report is not None or not results[-1].reached:
                break
            if not results[-1].failed:
                self._answer_came(order)
        further = further_source(order, search, results)
        if further is not None:
            results.append(await self._exchange.query(order, further, search.next_ms))
        return results
