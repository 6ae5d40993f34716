"""Recovery: the disk's rows become memory again, and nothing that may have been sent is sent again."""

from decimal import Decimal

import pytest

from daemon.core.values.attempts import AttemptState
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import Found, Resolution
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, placed, query, refused, report, rules, unclear


@pytest.fixture
def bench() -> Bench:
    return Bench()


def resting(bench: Bench) -> Order:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    return bench.query(bench.send_next(placed()), query(report()))


def crashed(bench: Bench, order: Order) -> Order:
    """End the process with everything on disk, and start again; return the order."""
    bench.crash(written=len(bench.unwritten))
    return bench.order(order)


def test_what_was_not_committed_is_gone(bench: Bench) -> None:
    bench.submit()
    bench.crash()
    assert not bench.state.orders
    assert not bench.state.locks
    assert bench.state.orders.last_seq == bench.state.locks.last_token == 0


def test_nothing_is_sent_before_the_daemon_opens(bench: Bench) -> None:
    bench.halt()
    bench.resume()
    order = bench.submit(execute_at=NOON_MS + 60_000)
    crashed(bench, order)
    bench.pass_time(60_000)
    assert bench.order(order).state is State.QUEUED
    bench.open()
    assert bench.order(order).state is State.IN_FLIGHT


@pytest.mark.parametrize("armed", [False, True], ids=["in flight", "armed"])
def test_an_order_that_was_durable_as_sent_is_in_doubt_and_keeps_its_lock(bench: Bench, *, armed: bool) -> None:
    order = bench.submit(execute_at=NOON_MS + 300 if armed else None)
    assert order.state is (State.ARMED if armed else State.IN_FLIGHT)
    bench.now_ms += 100
    order = crashed(bench, order)
    assert (order.state, order.doubt_ms, order.key_bound) == (State.IN_DOUBT, bench.now_ms, True)
    assert bench.state.lock_of(order) is not None
    assert bench.state.searches.next_ms() == bench.now_ms
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == (
        "order.in_doubt",
        {"reason": "the daemon ended before the outcome was recorded"},
    )
    bench.settle()
    (attempt,) = bench.disk.attempts.values()
    assert attempt.state is AttemptState.UNKNOWN
    bench.open()
    bench.pass_time(3_600_000)
    assert not bench.sends


def test_an_order_whose_answer_was_not_committed_is_searched_for(bench: Bench) -> None:
    order = bench.submit()
    bench.settle()
    bench.answer(order, placed("C02__7"))
    bench.crash()
    assert bench.order(order).state is State.IN_DOUBT
    order = bench.query(order, query(report(State.FILLED, "4", exchange_order_id="C02__7")))
    assert (order.state, order.exchange_order_id) == (State.FILLED, "C02__7")


def test_a_refusal_that_was_not_committed_does_not_count(bench: Bench) -> None:
    order = bench.submit()
    bench.settle()
    bench.answer(order, refused(Advice.RETRY, retry_after_ms=100))
    bench.crash()
    bench.open()
    bench.pass_time(100)
    assert bench.order(order).state is State.IN_DOUBT
    assert not bench.sends


@pytest.mark.parametrize("state", ["in doubt", "lost", "open", "canceled"])
def test_searches_go_on_after_a_restart(bench: Bench, state: str) -> None:
    if state == "open":
        order = resting(bench)
    elif state == "canceled":
        order = bench.query(resting(bench), query(report(State.CANCELED)))
    else:
        bench.submit()
        order = bench.send_next(unclear())
        if state == "lost":
            bench.pass_time(12_000)
            for _ in range(bench.rules.config.reconcile.negatives):
                order = bench.query(order, *everywhere())
    again = crashed(bench, order)
    assert again == order, "a restart changes nothing about it"
    assert bench.state.searches.keys() == {order.order_id}
    assert (bench.state.lock_of(again) is not None) == (state in {"in doubt", "lost"})
    pauses = {"lost": bench.rules.config.reconcile.lost_every_ms, "canceled": 2_000}
    assert bench.state.searches.next_ms() == bench.now_ms + pauses.get(state, 0)


def test_waiting_orders_keep_their_place_and_their_deadline() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(symbol="AAUSDT")
    waiting = [
        bench.submit(symbol="BBUSDT"),
        bench.submit(symbol="CCUSDT", side="SELL", quantity=Decimal(1)),
        bench.submit(symbol="DDUSDT", deadline_ms=700),
    ]
    bench.settle()
    bench.crash()
    assert [bench.order(order) for order in waiting] == waiting
    bench.pass_time(701)
    assert bench.order(waiting[2]).state is State.EXPIRED, "not fired after a restart either"
    bench.open()
    assert bench.order(waiting[1]).state is State.IN_FLIGHT
    assert bench.order(waiting[0]).state is State.QUEUED


def test_an_order_whose_deadline_passed_while_the_daemon_was_down_is_not_sent(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000)
    bench.settle()
    bench.now_ms += 3_600_000
    bench.crash()
    bench.open()
    assert bench.order(order).state is State.EXPIRED


def test_an_order_between_two_attempts_keeps_its_lock(bench: Bench) -> None:
    bench.submit()
    order = bench.send_next(refused(retry_after_ms=300))
    waiting = bench.submit(quote_order_qty=Decimal(20))
    order = crashed(bench, order)
    assert order.state is State.QUEUED
    lock = bench.state.lock_of(order)
    assert lock is not None
    bench.open()
    assert bench.order(waiting).state is State.QUEUED, "the lock is still the other one's"
    bench.pass_time(300)
    ((send, _),) = bench.sends.values()
    assert (send.attempt.number, send.token) == (2, lock.token)


def test_a_lease_that_ended_while_the_daemon_was_down_ends_now(bench: Bench) -> None:
    bench.submit(timeout_ms=400)
    order = bench.send_next(refused(retry_after_ms=3_000))
    in_doubt = bench.submit(symbol="BARUSDT", timeout_ms=400)
    bench.settle()
    bench.now_ms += 1_000
    bench.crash()
    bench.pass_time()
    assert bench.state.locks.holder(order.resource) is None
    lock = bench.state.lock_of(bench.order(in_doubt))
    assert lock is not None
    assert lock.overdue


def test_an_overdue_lock_is_reported_once_over_a_restart(bench: Bench) -> None:
    order = bench.submit(timeout_ms=400)
    bench.pass_time(400)
    crashed(bench, order)
    bench.pass_time(400)
    assert [event.name for event in bench.events(order)].count("lock.overdue") == 1


def test_order_numbers_and_tokens_continue(bench: Bench) -> None:
    first = bench.submit()
    lock = bench.state.lock_of(first)
    assert lock is not None
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.crash()
    bench.open()
    second = bench.submit(snipe_target_id="t1")
    newer = bench.state.lock_of(second)
    assert newer is not None
    assert second.seq == first.seq + 1
    assert newer.token == lock.token + 1


def test_a_halt_stays_over_a_restart(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000)
    bench.halt("too hot")
    crashed(bench, order)
    bench.open()
    bench.pass_time(60_000)
    assert bench.state.gate.halted == "too hot"
    assert bench.order(order).state is State.QUEUED


def test_finished_orders_stay_on_disk_with_their_keys(bench: Bench) -> None:
    bench.submit(snipe_target_id="t1")
    order = bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.crash()
    bench.open()
    assert not bench.state.orders
    assert bench.submit(snipe_target_id="t1") == order


def test_a_crash_during_recovery_is_recovered_from(bench: Bench) -> None:
    """The conclusions of the first recovery were not on disk yet."""
    order = bench.submit()
    crashed(bench, order)
    bench.crash()
    assert bench.order(order).state is State.IN_DOUBT
    bench.crash(written=1)
    assert bench.order(order).state is State.IN_DOUBT
    assert [event.name for event in bench.events(order)].count("order.in_doubt") == 1


def test_the_operator_can_resolve_right_after_a_restart(bench: Bench) -> None:
    order = bench.submit()
    waiting = bench.submit(quote_order_qty=Decimal(20), deadline_ms=60_000)
    bench.now_ms += 12_000
    crashed(bench, order)
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    assert bench.order(waiting).state is State.QUEUED
    bench.open()
    assert bench.order(waiting).state is State.IN_FLIGHT
