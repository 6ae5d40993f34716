"""The trading state: what memory holds and when it is freed, which order is searched for next, and what is due."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.state.decision import Decision
from daemon.core.state.keys import MAX_ABSENT
from daemon.core.state.trading_state import TradingState
from daemon.core.values.events import Event
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import Found, Resolution
from tests.core.bench import Bench
from tests.core.making import NOON_MS, RULES, an_id, attempt, lock, order, placed, query, report, rules, unclear
from tests.support.steps import at_once


@pytest.fixture
def bench() -> Bench:
    return Bench()


def filled(bench: Bench) -> Order:
    bench.submit()
    return bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))


# What memory holds


def test_a_finished_order_stays_in_memory_until_its_last_change_is_on_disk(bench: Bench) -> None:
    """So that no caller reads an older state of it from the disk in between."""
    done = filled(bench)
    bench.write()
    assert bench.state.orders == {done.order_id: done}
    assert bench.state.orders.counts[State.FILLED] == 1
    bench.publish(len(bench.unpublished) - 1)
    assert bench.state.orders == {done.order_id: done}
    bench.publish()
    assert not bench.state.orders
    assert bench.state.orders.counts[State.FILLED] == 0


def test_an_order_that_is_not_finished_stays_whatever_is_on_disk(bench: Bench) -> None:
    order = bench.submit()
    bench.settle()
    assert bench.state.orders == {order.order_id: order}


def test_an_order_that_changed_again_stays_until_that_is_on_disk_too(bench: Bench) -> None:
    done = filled(bench)
    bench.write()
    bench.decide(Decision.unbind, done)
    bench.publish()
    assert bench.state.orders.keys() == {done.order_id}
    bench.settle()
    assert not bench.state.orders


def test_a_finished_order_stays_while_it_is_being_searched_for(bench: Bench) -> None:
    done = doubt(bench, "FOOUSDT")
    assert bench.state.searches.due(bench.now_ms) == done
    done = bench.resolve(
        done, Found(resolution=Resolution.FILLED, executed_quantity=Decimal(4), executed_quote=Decimal(40))
    )
    bench.settle()
    assert bench.state.orders == {done.order_id: done}
    bench.query(done, query(report(State.PARTIALLY_FILLED, "1")))
    bench.settle()
    assert not bench.state.orders


def test_an_order_whose_key_went_to_another_one_leaves_without_freeing_the_key(bench: Bench) -> None:
    done = filled(bench)
    bench.write()
    bench.pass_time(RULES.config.queue.manual_window_ms + 1)
    newer = bench.submit()
    assert newer.key == done.key
    bench.settle()
    assert bench.state.orders.keys() == {newer.order_id}
    assert bench.state.orders.by_key(done.key) == newer


def lacking(asked: list[str]) -> TradingState:
    """Make a state beside an empty disk; each query of the disk adds the keys to ``asked``."""

    def recall(keys: Sequence[str]) -> Sequence[Order]:
        asked.extend(keys)
        return ()

    return TradingState(RULES, recall, lambda _: None)


def test_memory_is_asked_for_a_key_before_the_disk() -> None:
    asked: list[str] = []
    state = lacking(asked)
    state.orders.load(order(key="k"))
    assert state.orders.by_key("k") == order(key="k")
    assert asked == []
    assert state.orders.by_key("other") is None
    assert asked == ["other"]


def test_the_disk_is_asked_at_once_for_the_keys_that_are_not_known() -> None:
    queries: list[Sequence[str]] = []
    on_disk = order(order_id=an_id(2), key="on disk")

    def recall(keys: Sequence[str]) -> Sequence[Order]:
        queries.append(tuple(keys))
        return [on_disk] if "on disk" in keys else []

    state = TradingState(RULES, recall, lambda _: None)
    state.orders.load(order(key="in memory"))
    state.orders.ask_for(("in memory", "a", "on disk", "b"))
    state.orders.ask_for(("in memory", "a", "b"))
    assert queries == [("a", "on disk", "b")]
    found = {key: state.orders.by_key(key) for key in ("in memory", "a", "on disk", "b")}
    assert found == {"in memory": order(key="in memory"), "a": None, "on disk": on_disk, "b": None}
    assert queries[1:] == [("on disk",)]


def test_the_disk_is_asked_once_for_a_key_that_it_lacks_until_an_order_has_taken_it() -> None:
    asked: list[str] = []
    state = lacking(asked)
    assert [state.orders.by_key("k"), state.orders.by_key("k")] == [None, None]
    assert asked == ["k"]
    gone = order(State.FILLED, key="k", finished_ms=NOON_MS)
    state.orders.load(gone)
    at_once(state.committed(ChangeSet(orders={gone.order_id: gone})))
    state.orders.by_key("k")
    assert asked == ["k", "k"], "now the disk may have it"


def test_the_keys_of_a_decided_signal_are_not_remembered_as_absent() -> None:
    bench, asked = Bench(), list[Sequence[str]]()

    def recall(keys: Sequence[str]) -> Sequence[Order]:
        asked.append(tuple(keys))
        return ()

    bench.state = TradingState(RULES, recall, lambda _: None)
    bench.state.gate.open()
    bench.submit(idempotency_key="k")
    bench.state.orders.ask_for(("k", "other"))
    assert asked == [("k",), ("other",)], "it is bound in memory"
    bench.submit(snipe_target_id="7")
    [*_, (target, *derived)] = asked
    bench.state.orders.ask_for((target, *derived))
    assert asked[-1] == tuple(derived)


def test_the_number_of_keys_remembered_as_absent_is_bounded() -> None:
    asked: list[str] = []
    state = lacking(asked)
    for number in range(2 * MAX_ABSENT + 1):
        state.orders.by_key(str(number))
    state.orders.by_key("0")
    assert asked[-1] == "0"


def test_the_latest_keys_are_remembered_as_absent_however_many_came_before() -> None:
    asked: list[str] = []
    state = lacking(asked)
    for number in range(MAX_ABSENT + MAX_ABSENT // 2):
        state.orders.by_key(str(number))
    del asked[:]
    for number in range(MAX_ABSENT // 2, MAX_ABSENT + MAX_ABSENT // 2):
        state.orders.by_key(str(number))
    assert not asked, "a decision about a whole batch queries the disk for none of its keys"


# Which order is searched for


def doubt(bench: Bench, symbol: str) -> Order:
    bench.submit(symbol=symbol)
    return bench.send_next(unclear())


def test_orders_in_doubt_are_searched_for_before_placed_ones(bench: Bench) -> None:
    bench.submit(symbol="AAUSDT")
    followed = bench.send_next(placed())
    bench.now_ms += 1
    doubted = doubt(bench, "BBUSDT")
    assert bench.state.searches.due(bench.now_ms) == doubted
    assert bench.state.searches.due(bench.now_ms) == followed
    assert bench.state.searches.due(bench.now_ms) is None


def test_the_order_that_waits_longest_is_searched_for_first(bench: Bench) -> None:
    doubts = []
    for symbol in ("AAUSDT", "BBUSDT", "CCUSDT"):
        doubts.append(doubt(bench, symbol))
        bench.now_ms += 1
    assert [bench.state.searches.due(bench.now_ms) for _ in doubts] == doubts


def test_no_order_is_searched_for_before_it_is_due(bench: Bench) -> None:
    order = bench.query(doubt(bench, "AAUSDT"), query())
    next_ms = bench.state.searches.next_ms()
    assert next_ms == NOON_MS + RULES.config.reconcile.first_ms
    assert bench.state.searches.due(next_ms - 1) is None
    assert bench.state.searches.due(next_ms) == order


def test_an_order_has_one_search_at_a_time(bench: Bench) -> None:
    order = doubt(bench, "AAUSDT")
    assert bench.state.searches.due(bench.now_ms) == order
    assert bench.state.searches.next_ms() is None
    assert bench.state.searches.due(bench.now_ms + 60_000) is None
    bench.query(order, query())
    assert bench.state.searches.due(bench.now_ms + 60_000) == order


def test_nothing_is_due_without_a_search(bench: Bench) -> None:
    assert bench.state.searches.next_ms() is None
    assert bench.state.searches.due(NOON_MS) is None


# What is due


def test_timers_by_the_exchanges_clock_move_with_it_and_others_do_not() -> None:
    state = TradingState(RULES, lambda _: (), lambda _: None)
    state.timers.set(10, "ours")
    state.timers.set(20, "theirs", by_exchange=True)
    assert (state.timers.next_ms(), state.timers.next_of_exchange_ms()) == (10, 20)
    state.exchange_time.offset_ms = 15
    assert (state.timers.next_ms(), state.timers.next_of_exchange_ms()) == (5, 5)
    assert list(state.timers.due(9, 9)) == ["theirs"]
    assert (state.timers.next_ms(), state.timers.next_of_exchange_ms()) == (10, None)
    state.timers.set(20, "theirs", by_exchange=True)
    state.exchange_time.offset_ms = -100
    assert list(state.timers.due(134, 9)) == ["ours"]
    assert not state.timers.are_due(134)
    assert list(state.timers.due(135, 9)) == ["theirs"]
    assert state.timers.next_ms() is None


def test_due_timers_are_returned_in_order_and_once() -> None:
    state = TradingState(RULES, lambda _: (), lambda _: None)
    for at_ms, subject_id in ((3, "c"), (1, "a"), (2, "b"), (9, "d")):
        state.timers.set(at_ms, subject_id)
    assert state.timers.next_ms() == 1
    assert list(state.timers.due(3, 2)) == ["a", "b"]
    assert list(state.timers.due(3, 2)) == ["c"]
    assert list(state.timers.due(3, 2)) == []
    assert state.timers.next_ms() == 9


def test_a_timer_of_an_order_that_has_ended_does_nothing(bench: Bench) -> None:
    order = bench.submit()
    bench.withdraw(bench.submit(snipe_target_id="t1", execute_at=NOON_MS + 60_000))
    bench.settle()
    before = bench.order(order)
    bench.pass_time(120_000)
    assert bench.order(order).state is before.state


def test_new_rules_apply_from_the_next_decision_on(bench: Bench) -> None:
    bench.state.set_rules(rules(locks={"scope": "symbol"}, queue={"max_in_flight": 1}))
    assert bench.submit().resource == "trade:FOOUSDT"
    assert bench.submit(symbol="BARUSDT").state is State.QUEUED


# Changes


def test_changes_with_a_row_of_any_kind_are_written() -> None:
    assert not ChangeSet()
    assert ChangeSet(orders={"a": order()})
    assert ChangeSet(attempts={"a": attempt()})
    assert ChangeSet(locks={"a": lock()})
    assert ChangeSet(facts={"halted": ""})
    assert ChangeSet(events=[Event(name="trading.halted", at_ms=NOON_MS)])


def test_changes_with_only_notes_for_the_log_are_not() -> None:
    assert not ChangeSet(notes=[Event(name="order.replayed", at_ms=NOON_MS)])
