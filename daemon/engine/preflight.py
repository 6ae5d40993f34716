"""The preflight: whether the exchange lets this account trade, before real orders are sent.

If the exchange says no, the start fails, because another start does not help. If it does not answer, the daemon starts:
it searches for what is in doubt, serves leases and readers, sends no order, and asks again until there is an answer.
If there are orders to follow, a "no" halts trading instead of ending the daemon.
"""

from collections.abc import Callable

import anyio

from daemon.core.values.events import Event
from daemon.core.values.exchange_replies import PreflightResult, PreflightVerdict
from daemon.core.values.states import SEARCHED
from daemon.core.verbs.lifecycle import end_preflight
from daemon.engine.effects import Effects
from daemon.errors import Unfit
from daemon.exchange.port import Exchange

AGAIN_S = 0.5


class Preflight:
    """Asks the exchange, and holds orders back until it lets this account trade."""

    def __init__(self, effects: Effects, exchange: Exchange, emit: Callable[[Event], None]) -> None:
        self._effects = effects
        self._exchange = exchange
        self._emit = emit
        self.known: PreflightResult | None = None  # of a preflight that was made before the engine ran
        effects.state.gate.preflight_pending = "the exchange was not found fit to trade on yet"

    async def before_opening(self) -> None:
        """Ask once, unless the result is known.

        Raises:
            Unfit: the exchange said no, and there is no order to follow.

        """
        result = self.known or await self._exchange.preflight()
        orders = self._effects.state.orders.not_queued()
        if result.verdict is PreflightVerdict.UNFIT and not any(order.state in SEARCHED for order in orders):
            raise Unfit(result.why)
        self._take(result)

    async def run(self) -> None:
        """Ask again until there is an answer."""
        while self._effects.state.gate.preflight_pending is not None:
            self._take(await self._exchange.preflight())
            if self._effects.state.gate.preflight_pending is not None:
                await anyio.sleep(AGAIN_S)

    def _take(self, result: PreflightResult) -> None:
        state, now_ms = self._effects.state, self._effects.clock.now_ms()
        if result.verdict is PreflightVerdict.UNKNOWN:
            preflight_pending = f"no order is sent before the exchange is found fit to trade on: {result.why}"
            if state.gate.preflight_pending != preflight_pending:
                state.gate.preflight_pending = preflight_pending
                self._emit(Event(name="exchange.unproven", at_ms=now_ms, detail={"reason": result.why}))
            return
        unfit = result.why if result.verdict is PreflightVerdict.UNFIT else None
        if unfit is None:
            self._emit(Event(name="exchange.proven", at_ms=now_ms))
        self._effects.decide(end_preflight, unfit)
