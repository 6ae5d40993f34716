"""Dispatch: whoever may go next goes, at once; whoever may not is in nobody's way."""

from decimal import Decimal

from daemon.core.answers import Advice, NotSent
from daemon.core.orders import State
from tests.core.bench import Bench
from tests.core.making import refused, rules


def test_a_lease_that_ends_while_its_order_waits_again_frees_the_resource() -> None:
    """The order keeps its place in the queue, and from then on waits for the resource like everybody."""
    bench = Bench()
    order = bench.submit(side="SELL", quantity=Decimal(1), timeout_ms=1_000)
    bench.settle()
    bench.halt()
    order = bench.send_next(refused())
    assert order.state is State.QUEUED
    assert bench.ledger.lock_of(order) is not None
    bench.pass_time(1_000)
    assert bench.ledger.locks.holder(order.resource) is None
    assert [event.name for event in bench.events(order)][-1] == "lock.expired"
    bench.resume()
    assert bench.order(order).state is State.IN_FLIGHT


def test_an_armed_order_that_is_taken_back_frees_its_place_in_its_second() -> None:
    """After a halt that is soon over, all armed orders are armed again for the same instant."""
    bench = Bench(rules(limits={"order_rate_per_s": 2}))
    at_ms = bench.now_ms + 400
    orders = [bench.submit(snipe_target_id=target, execute_at=at_ms) for target in ("t1", "t2")]
    assert [bench.order(order).state for order in orders] == [State.ARMED, State.ARMED]
    bench.halt()
    assert [bench.order(order).state for order in orders] == [State.QUEUED, State.QUEUED]
    bench.resume()
    assert [bench.order(order).state for order in orders] == [State.ARMED, State.ARMED]


def test_nothing_passes_the_gate_while_the_exchange_says_wait() -> None:
    """What was decided before the exchange said so is on its way to the wire; it must not earn a longer ban."""
    bench = Bench()
    first, second = bench.submit(symbol="FOOUSDT"), bench.submit(symbol="BARUSDT")
    armed = bench.submit(symbol="BAZUSDT", execute_at=bench.now_ms + 300)
    bench.settle()
    bench.answer(first, refused(Advice.WAIT, retry_after_ms=2_000))
    assert "wait" in (bench.gate(second) or "")
    bench.answer(second, NotSent(bench.gate(second) or ""))
    bench.pass_time(300)
    assert bench.fire(armed)
    bench.answer(armed, NotSent(bench.gate(armed) or ""))
    bench.pass_time(1_699)
    assert bench.ledger.counts[State.QUEUED] == 3
    bench.pass_time(1)
    assert bench.ledger.counts[State.IN_FLIGHT] == 3
    bench.settle()
    assert [bench.gate(bench.order(order)) for order in (first, second, armed)] == [None] * 3
