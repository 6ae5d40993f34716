"""How every decision is made: run the verb, then dispatch what may be sent because of it.

The engine (:mod:`daemon.engine.effects`) and the tests of the core call the same function; they differ only in
what they do with the result. So the tests cannot forget to dispatch, nor dispatch at another moment.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.verbs.dispatch import FEW, SLICE, dispatch, tick
from daemon.errors import InvariantBroken, Refusal

P = ParamSpec("P")
T = TypeVar("T")


def decide(
    state: TradingState, now_ms: int, verb: Callable[Concatenate[Decision, P], T], /, *args: P.args, **kwargs: P.kwargs
) -> tuple[T, Decision, int | None]:
    """Run a verb, then dispatch.

    Returns:
        What the verb returned, the decision, and when to dispatch again (Unix ms;
        :func:`~daemon.core.verbs.dispatch.dispatch`).

    Raises:
        Refusal: the verb refused; nothing was changed.
        InvariantBroken: the verb refused after it had recorded a change, so that memory and disk would differ.

    """
    d = Decision(state, now_ms)
    try:
        result = verb(d, *args, **kwargs)
    except Refusal as refusal:
        if d.changes or d.changes.sends:
            raise InvariantBroken(f"a refused decision had recorded changes: {refusal}") from refusal
        raise
    return result, d, dispatch(d, SLICE if verb is tick else FEW)
