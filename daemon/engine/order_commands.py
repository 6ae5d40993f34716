"""What callers can do with orders. The answer to a change is on disk before it is given."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import anyio
import msgspec

from daemon.clock import Entropy
from daemon.core.rules import guards
from daemon.core.rules.idempotency import Identity
from daemon.core.state.decision import Decision
from daemon.core.state.gate import Stage
from daemon.core.values.ids import RANDOM_BYTES, new_id
from daemon.core.values.orders import Order
from daemon.core.values.signals import Signal, SignalRequest, normalise
from daemon.core.values.states import CANCELLED, MEANINGS, REPORT_EVENTS, RESTING, WITHDRAWABLE, State
from daemon.core.values.symbols import FRESH_MS, check_type, fit, listed
from daemon.core.verbs import intake, operator, rescheduling
from daemon.core.verbs.intake import Accepted, Incoming
from daemon.core.views.countdown import Countdown
from daemon.core.views.explain import Outlook, advice, afterwards, fills_missing, outlook
from daemon.engine.engine import Engine
from daemon.errors import Invalid, NotAllowed, Unknown, WrongState
from daemon.exchange.port import Health
from daemon.pieces import stepwise
from daemon.store.commit import Commit
from daemon.store.queries import History

AT_ONCE = 32
"""Signals of a batch that are checked before other tasks may run. They are accepted in one decision, all or none."""

DRAFTS = 3
"""How often a batch is looked up in pieces at most. It is done again if other callers' orders have got its keys
meanwhile; if that happens each time, the decision looks it up in one piece."""


class Verb(Protocol):
    """A verb of the operator on one order (:mod:`daemon.core.verbs.operator`)."""

    def __call__(self, d: Decision, order: Order, /, *, reason: str, actor: str) -> Order:
        """Run the verb."""
        ...


class Switch(Protocol):
    """A verb of the operator on trading as a whole."""

    def __call__(self, d: Decision, /, *, reason: str, actor: str) -> None:
        """Run the verb."""
        ...


class Caller(msgspec.Struct, frozen=True):
    """A caller: its name in the audit trail, and whether it may administer."""

    actor: str
    administrator: bool


class Explanation(msgspec.Struct, frozen=True):
    """Everything about an order, and what comes next."""

    history: History
    outlook: Outlook
    then: Outlook | None
    advice: str | None
    fills_missing: str | None
    countdown: Countdown | None
    health: Health | None  # of the exchange, while the order waits for an instant of its clock
    now_ms: int


class OrderCommands:
    """Runs callers' commands on orders."""

    def __init__(self, engine: Engine, entropy: Entropy) -> None:
        self._engine = engine
        self._entropy = entropy

    def try_submit(self, request: SignalRequest, caller: Caller) -> tuple[Accepted, Commit] | None:
        """Accept a signal without waiting for anything; its order is on disk when the commit is durable.

        Returns:
            ``None`` if something must be waited for first: :meth:`submit` does.

        Raises:
            Refusal: it was not accepted, and nothing was changed.

        """
        if not self._engine.store.is_trusted:
            return None
        incoming = self._prepare_now(request, caller)
        if incoming is None:
            return None
        return self._decide(incoming, caller)

    async def submit(self, request: SignalRequest, caller: Caller) -> Accepted:
        """Accept a signal, once the database has passed its check; return when its order is on disk.

        Raises:
            Refusal: it was not accepted, and nothing was changed.

        """
        await self._engine.store.trusted()
        accepted, commit = self._decide(await self._prepare(request, caller), caller)
        await commit.durable()
        return accepted

    async def submit_all(self, requests: Sequence[SignalRequest], caller: Caller) -> list[Accepted]:
        """Accept all signals, or none, like :meth:`submit`; their orders are on disk in one commit.

        Raises:
            Refusal: none was accepted; if one of them is wrong, the error says which.

        """
        await self._engine.store.trusted()
        incoming, order_ids = [], []
        for place, request in enumerate(requests):
            try:
                incoming.append(await self._prepare(request, caller))
            except Invalid as error:
                raise error.within(f"[{place}]") from None
            order_ids.append(self._new_id())
            if place % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        accepted, commit = await self._accept_all(incoming, order_ids, caller)
        await commit.durable()
        return accepted

    async def _accept_all(
        self, incoming: Sequence[Incoming], order_ids: Sequence[str], caller: Caller
    ) -> tuple[list[Accepted], Commit]:
        """Accept all signals, or none: what is long is done before the decision, in pieces."""
        state = self._engine.state
        with state.orders.watch_keys() as rebound:
            for _ in range(DRAFTS):
                rebound.clear()
                now_ms = self._engine.clock.now_ms()
                drafted = await stepwise(intake.draft(state, now_ms, incoming, order_ids, actor=caller.actor))
                if drafted.keys.isdisjoint(rebound):
                    break
            return self._engine.decide(intake.accept, drafted, rebound)

    def _decide(self, incoming: Incoming, caller: Caller) -> tuple[Accepted, Commit]:
        (accepted,), commit = self._engine.decide(intake.accept_all, [incoming], [self._new_id()], actor=caller.actor)
        return accepted, commit

    def _new_id(self) -> str:
        return new_id(self._engine.clock.now_ms(), self._entropy(RANDOM_BYTES))

    async def outcome(self, order: Order, wait_s: float) -> Order:
        """Wait at most ``wait_s`` seconds for an order's outcome; return the order as it is on disk then."""
        return await self._wait(order, wait_s, lambda now: now.outcome_known)

    async def order(self, order_id: str) -> Order:
        """Return an order as it is on disk.

        Raises:
            Unknown: there is no such order.

        """
        await self._engine.store.flush()
        order = await self._engine.store.order(order_id)
        if order is None:
            raise Unknown(f"there is no order {order_id[:40]!r}; `sniperd orders` lists them")
        return order

    async def explain(self, order_id: str) -> Explanation:
        """Return everything about an order, and what comes next.

        Raises:
            Unknown: there is no such order.

        """
        history = await self._engine.store.history(order_id)
        if history is None:
            raise Unknown(f"there is no order {order_id[:40]!r}; `sniperd orders` lists them")
        state = self._engine.state
        ahead = await stepwise(state.queue.ahead_of(order_id))
        now_ms = self._engine.clock.now_ms()
        now = state.orders.get(order_id, history.order)
        then = afterwards(state, now, now_ms)
        advised = advice(state, now, has_events=bool(history.events))
        is_over = not history.events or any(each.name == "order.fills_unknown" for each in history.events)
        missing = fills_missing(history.order, history.fills, is_over=is_over)
        ahead_of_it = outlook(state, now, now_ms, ahead=ahead)
        countdown = self._engine.countdowns().of(now)
        health = None if countdown is None else self._engine.exchange.health()
        return Explanation(history, ahead_of_it, then, advised, missing, countdown, health, now_ms)

    async def cancel(self, order_id: str, caller: Caller, reason: str, wait_s: float) -> Order:
        """Withdraw an order that was not sent, discard a dead letter, or ask the exchange to cancel a resting order.

        The exchange's answer proves nothing, so a resting order is queried, and waited for at most ``wait_s`` seconds.

        Returns:
            The order as it is then: cancelled, filled, or still resting as far as is known. One that is cancelled
            already is returned as it is: the answer to an earlier request may have been lost.

        Raises:
            Unknown: there is no such order.
            WrongState: its outcome is unknown, or it has ended otherwise.
            NotReady: the daemon is starting, or it ended before the exchange answered.

        """
        order = await self._current(order_id)
        if order.state in WITHDRAWABLE:
            order = await self._carry_out(operator.withdraw, order_id, caller, reason)
            if order.state is State.WITHDRAWN:
                return order
        if order.state in CANCELLED:
            return await self.order(order_id)
        if order.state not in REPORT_EVENTS or order.finished_ms is not None:
            raise WrongState(f"order {order_id} is {order.state.value}: {MEANINGS[order.state].no_cancel}")
        order = await self._engine.executor.finish(partial(self._ask_cancel, order, caller, reason))
        return await self._wait(order, wait_s, lambda now: now.state not in RESTING)

    async def resolve(self, order_id: str, found: operator.Found, caller: Caller, reason: str) -> Order:
        """End an unknown outcome by the operator's resolution.

        Raises:
            Refusal: not an administrator, no such order, or no unknown outcome.

        """
        administrators_only(caller)
        return await self._carry_out(partial(operator.resolve, found=found), order_id, caller, reason)

    async def requeue(self, order_id: str, caller: Caller, reason: str) -> Order:
        """Send a dead letter back into the queue.

        Raises:
            Refusal: not an administrator, no such order, or no dead letter.

        """
        administrators_only(caller)
        return await self._carry_out(operator.requeue, order_id, caller, reason)

    async def reschedule(self, order_id: str, execute_at_ms: int, caller: Caller, reason: str) -> Order:
        """Move an order that waits to be sent to another instant of the exchange's time (Unix ms).

        Raises:
            Refusal: not an administrator, no such order, it does not wait, or the instant is out of range.

        """
        administrators_only(caller)
        verb = partial(rescheduling.reschedule, execute_at_ms=execute_at_ms)
        order = await self._carry_out(verb, order_id, caller, reason)
        if order.state is State.IN_FLIGHT:
            raise WrongState(f"order {order_id} is {order.state.value}: it was sent just now")
        return order

    async def switch(self, verb: Switch, caller: Caller, reason: str) -> None:
        """Change trading as a whole: halt or resume it (:mod:`daemon.core.verbs.operator`).

        Raises:
            NotAllowed: the caller is no administrator.

        """
        administrators_only(caller)
        _, commit = self._engine.decide(verb, reason=reason, actor=caller.actor)
        await commit.durable()

    async def clear_wait(self, caller: Caller, reason: str) -> None:
        """End every wait that the exchange asked for.

        Raises:
            NotAllowed: the caller is no administrator.

        """
        await self.switch(operator.clear_wait, caller, reason)
        self._engine.exchange.end_backoffs()

    def _prepare_now(self, request: SignalRequest, caller: Caller) -> Incoming | None:
        """Check a signal and fit it to its pair; ``None`` if the pair's rules or its price must be queried first."""
        config, now_ms = self._engine.state.rules.config, self._exchange_ms()
        signal, identity = self._examine(request, caller)
        if signal is None:
            return Incoming(None, identity)
        rules, waits = self._engine.exchange.known_rules(signal.symbol), signal.waits(now_ms)
        if rules is None and not waits:
            return None
        if rules is not None:
            try:
                signal = fit(signal, rules, now_ms, waits=waits)
            except Invalid:  # the rules may have changed
                return None
        return None if guards.needs_last_price(signal, config.guards) else Incoming(signal, identity)

    async def _prepare(self, request: SignalRequest, caller: Caller) -> Incoming:
        """Check a signal and fit it to its pair; this waits for the pair's rules and price if they are not known."""
        config, now_ms = self._engine.state.rules.config, self._exchange_ms()
        signal, identity = self._examine(request, caller)
        if signal is None:
            return Incoming(None, identity)
        signal = await self._fitted(signal, now_ms)
        if guards.needs_last_price(signal, config.guards):
            last_price = await self._engine.exchange.last_price(signal.symbol)
            signal = msgspec.structs.replace(signal, last_price=last_price)
        return Incoming(signal, identity)

    def _examine(self, request: SignalRequest, caller: Caller) -> tuple[Signal | None, Identity]:
        """Return a new signal, or ``None`` if an earlier order answers it; and its identity."""
        state = self._engine.state
        signal = normalise(request, state.rules.config, now_ms=self._exchange_ms())
        if signal.skip_lock:
            administrators_only(caller)
        identity = intake.identify(state, signal)
        if intake.earlier_order(state, identity, self._engine.clock.now_ms()) is not None:
            return None, identity
        intake.check_open(state, [signal.side])
        check_type(signal, state.rules.probed.refused_types)
        return signal, identity

    async def _fitted(self, signal: Signal, now_ms: int) -> Signal:
        """Fit a signal to its pair's rules. If known rules refuse it, they are read again first.

        A signal for a later instant does not wait for rules that are not known: its pair may not be listed yet. It is
        fitted when they appear (:mod:`daemon.core.verbs.listings`).
        """
        exchange, waits = self._engine.exchange, signal.waits(now_ms)
        if waits and exchange.known_rules(signal.symbol) is None:
            return signal
        try:
            return fit(signal, listed(signal.symbol, await exchange.rules(signal.symbol)), now_ms, waits=waits)
        except Invalid:
            since_ms = self._engine.clock.now_ms() - FRESH_MS
            rules = listed(signal.symbol, await exchange.fresh_rules(signal.symbol, since_ms))
            return fit(signal, rules, now_ms, waits=waits)

    def _exchange_ms(self) -> int:
        """Return the exchange's time: instants of signals and of listings are instants of its clock."""
        return self._engine.state.exchange_time.exchange_ms(self._engine.clock.now_ms())

    async def _ask_cancel(self, order: Order, caller: Caller, reason: str) -> Order:
        await self._carry_out(operator.ask_cancel, order.order_id, caller, reason)
        answer = await self._engine.exchange.cancel(order)
        verb = partial(operator.cancel_answered, answer=answer)
        return await self._carry_out(verb, order.order_id, caller, reason)

    async def _wait(self, order: Order, wait_s: float, is_over: Callable[[Order], bool]) -> Order:
        """Wait at most ``wait_s`` seconds until ``is_over``; return the order as it is on disk then."""
        with anyio.move_on_after(wait_s):
            while self._engine.state.gate.stage is not Stage.DRAINING:
                now = self._engine.state.orders.get(order.order_id)
                if now is None or is_over(now):
                    break
                await self._engine.publisher.changed(order.order_id)
        return await self.order(order.order_id)

    async def _current(self, order_id: str) -> Order:
        """Return an order from memory, or from the disk."""
        return self._engine.state.orders.get(order_id) or await self.order(order_id)

    async def _carry_out(self, verb: Verb, order_id: str, caller: Caller, reason: str) -> Order:
        order = await self._current(order_id)
        order, commit = self._engine.decide(verb, order, reason=reason, actor=caller.actor)
        await commit.durable()
        return order


def administrators_only(caller: Caller) -> None:
    """Refuse a caller that may not administer.

    Raises:
        NotAllowed: the caller may not.

    """
    if not caller.administrator:
        raise NotAllowed(
            f"{caller.actor} may not administer: run it as root, as the daemon's own user, or as a user whose id "
            "is in [sockets] admin_uids"
        )
