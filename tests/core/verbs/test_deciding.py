"""Every decision is made in one way: the verb, then the dispatch; a refusal changes nothing."""

import pytest

from daemon.core.state.decision import Decision
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.dispatch import expire
from daemon.errors import InvariantBroken, Refusal, WrongState
from tests.core.bench import Bench
from tests.core.making import placed


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refuse(_: Decision) -> None:
    raise WrongState("it has ended")


def expire_and_refuse(d: Decision, order: Order) -> None:
    expire(d, order)
    raise WrongState("too late")


def test_what_a_decision_makes_possible_goes_with_it(bench: Bench) -> None:
    first, second = bench.submit(), bench.submit(idempotency_key="another")
    assert bench.order(second).state is State.QUEUED
    bench.settle()
    bench.answer(first, placed())
    assert bench.last.orders.keys() == {first.order_id, second.order_id}
    assert [send.order.order_id for send in bench.last.sends] == [second.order_id]


def test_a_refusal_decides_nothing(bench: Bench) -> None:
    with pytest.raises(Refusal, match="it has ended"):
        bench.decide(refuse)
    assert not bench.unwritten


def test_a_refusal_that_has_recorded_something_ends_the_process(bench: Bench) -> None:
    order = bench.submit(execute_at=bench.now_ms + 60_000)
    with pytest.raises(InvariantBroken, match="a refused decision had recorded changes: too late"):
        bench.decide(expire_and_refuse, order)
