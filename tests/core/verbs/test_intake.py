"""Intake: a signal becomes one order, or is answered by an earlier one, or is refused and nothing has changed."""

from decimal import Decimal

import pytest

from daemon.core.state.decision import Decision
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.states import State
from daemon.core.verbs.intake import Incoming, accept_all, earlier_order, identify
from daemon.errors import Full, Halted, Invalid, KeyConflict, NotReady, Refusal
from tests.core.bench import Bench
from tests.core.making import (
    NOON_MS,
    RULES,
    an_id,
    placed,
    query,
    refused,
    report,
    request,
    rules,
    signal,
    unclear,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# A signal becomes an order


def test_an_order_has_everything_that_its_signal_asked_for(bench: Bench) -> None:
    order = bench.submit(
        symbol="foousdt",
        side="sell",
        type="limit",
        quantity=Decimal("1.50"),
        price=Decimal(10),
        owner_id="anna",
        snipe_target_id="t1",
        idempotency_key="k",
        priority=3,
        execute_at=NOON_MS + 60_000,
        deadline_ms=700,
        timeout_ms=400,
    )
    assert (order.symbol, order.side, order.type) == ("FOOUSDT", "SELL", "LIMIT")
    assert (order.quantity, order.quote_quantity, order.price) == (Decimal("1.5"), None, Decimal(10))
    assert (order.owner_id, order.target_id, order.resource) == ("anna", "t1", "trade:FOOUSDT:SELL:t1")
    assert (order.key, order.key_bound, order.key_until_ms) == ("k", True, None)
    assert (order.priority, order.skip_lock, order.timeout_ms) == (3, False, 400)
    assert (order.accepted_ms, order.execute_at_ms, order.deadline_ms) == (NOON_MS, NOON_MS + 60_000, NOON_MS + 60_700)
    assert (order.state, order.attempts, order.finished_ms) == (State.QUEUED, 0, None)


def test_acceptance_is_recorded_with_the_caller(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000)
    (told,) = bench.events(order)
    assert (told.name, told.actor, told.at_ms, told.state) == ("order.accepted", "uid:1000", NOON_MS, State.QUEUED)
    assert told.detail["quote_quantity"] == "10"
    assert told.detail["key"] == order.key


def test_orders_are_numbered_in_order_of_acceptance(bench: Bench) -> None:
    orders = [bench.submit(snipe_target_id=target) for target in ("t1", "t2", "t3")]
    assert [order.seq for order in orders] == [1, 2, 3]


@pytest.mark.parametrize(
    ("execute_at_ms", "deadline_ms"),
    [(None, NOON_MS + 700), (NOON_MS + 60_000, NOON_MS + 60_700), (NOON_MS - 100, NOON_MS + 600)],
    ids=["after acceptance", "after its instant", "after its instant, which is past"],
)
def test_a_deadline_counts_from_the_requested_instant(
    bench: Bench, execute_at_ms: int | None, deadline_ms: int
) -> None:
    assert bench.submit(execute_at=execute_at_ms, deadline_ms=700).deadline_ms == deadline_ms


def test_a_signal_that_arrives_long_after_its_instant_is_refused(bench: Bench) -> None:
    """A source that was disconnected delivers late: a listing of ten minutes ago is no longer worth a trade."""
    with pytest.raises(Invalid, match="expired") as refusal:
        bench.submit(execute_at=NOON_MS - 600_000)
    assert refusal.value.field == "executeAt"
    with pytest.raises(Invalid) as in_batch:
        bench.submit_all([request(), request(execute_at=NOON_MS - 600_000, snipe_target_id="7")])
    assert in_batch.value.field == "[1].executeAt"
    assert not bench.latest


def test_a_repetition_is_answered_however_long_ago_its_instant_was(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000, snipe_target_id="7")
    bench.pass_time(60_000)
    bench.send_next(placed())
    bench.pass_time(600_000)
    assert bench.submit(execute_at=NOON_MS + 60_000, snipe_target_id="7").order_id == order.order_id


def test_the_scope_symbol_means_one_lock_per_symbol() -> None:
    bench = Bench(rules(locks={"scope": "symbol"}))
    buy, sell = bench.submit(), bench.submit(side="SELL", quantity=Decimal(1))
    assert buy.resource == sell.resource == "trade:FOOUSDT"
    assert (buy.state, sell.state) == (State.IN_FLIGHT, State.QUEUED)


# A repeated signal


def test_a_repeated_signal_gets_the_first_ones_order_in_its_present_state(bench: Bench) -> None:
    first = bench.submit()
    (again,) = bench.submit_all([request()])
    assert again.replayed
    assert again.order == first
    bench.send_next(placed())
    assert bench.submit().state is State.OPEN
    assert len(bench.latest) == 1


def test_a_repetition_is_emitted_and_not_stored(bench: Bench) -> None:
    order = bench.submit()
    notes = []
    bench.watchers.append(lambda step: notes.extend(step.notes))
    bench.submit()
    assert [(note.name, note.order_id, note.detail) for note in notes] == [
        ("order.replayed", order.order_id, {"key": order.key})
    ]
    assert "order.replayed" not in [event.name for event in bench.events(order)]


def test_a_repetition_is_answered_though_no_new_signal_is_accepted(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000)
    bench.halt()
    assert bench.submit(execute_at=NOON_MS + 60_000).order_id == order.order_id
    bench.resume()
    bench.drain()
    assert bench.submit().order_id == order.order_id


def test_a_repetition_is_answered_from_disk_after_its_order_left_memory(bench: Bench) -> None:
    bench.submit(snipe_target_id="t1")
    order = bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    assert not bench.state.orders
    (again,) = bench.submit_all([request(snipe_target_id="t1")])
    assert again.replayed
    assert again.order == order


def test_a_key_with_another_payload_is_a_conflict_and_changes_nothing(bench: Bench) -> None:
    order = bench.submit(idempotency_key="k")
    with pytest.raises(KeyConflict, match=order.order_id):
        bench.submit(idempotency_key="k", quote_order_qty=Decimal(11))
    assert bench.latest == {order.order_id: order}


def test_after_a_definite_refusal_the_same_signal_is_a_new_order(bench: Bench) -> None:
    first = bench.submit(idempotency_key="k")
    bench.send_next(refused(Advice.STOP))
    second = bench.submit(idempotency_key="k", quote_order_qty=Decimal(11))
    assert second.order_id != first.order_id
    assert second.seq == 2


@pytest.mark.parametrize("outcome", ["in doubt", "lost with the process"])
def test_after_an_unknown_outcome_the_same_signal_is_never_a_new_order(bench: Bench, outcome: str) -> None:
    first = bench.submit()
    if outcome == "in doubt":
        bench.send_next(unclear())
    else:
        bench.settle()
        bench.crash()
        bench.open()
    bench.pass_time(600_000)
    assert bench.submit().order_id == first.order_id
    assert len(bench.latest) == 1


def test_a_signal_without_key_or_target_becomes_a_new_order_after_its_window(bench: Bench) -> None:
    first = bench.submit()
    filled = bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.pass_time(RULES.config.queue.manual_window_ms)
    assert bench.submit().order_id == first.order_id
    bench.pass_time(1)
    second = bench.submit()
    assert second.order_id != first.order_id
    assert second.key == first.key
    bench.settle()
    assert not bench.disk.orders[first.order_id].key_bound
    assert bench.disk.orders[first.order_id].state is filled.state


def test_an_order_that_left_memory_frees_its_key_in_the_commit_of_the_next(bench: Bench) -> None:
    first = bench.submit()
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.pass_time(RULES.config.queue.manual_window_ms + 1)
    second = bench.submit()
    assert first.order_id not in bench.state.orders
    bench.settle()
    assert bench.disk.by_key(first.key) == bench.order(second)


# A signal that is not accepted


@pytest.mark.parametrize("kind", [Halted, NotReady, Full])
def test_a_signal_that_is_not_accepted_leaves_no_trace(kind: type[Refusal]) -> None:
    bench = Bench(rules(queue={"max_queued": 1}))
    bench.submit(execute_at=NOON_MS + 60_000)
    if kind is Halted:
        bench.halt("too hot")
    elif kind is NotReady:
        bench.drain()
    before = dict(bench.latest)
    with pytest.raises(kind):
        bench.submit(snipe_target_id="t1")
    assert bench.latest == before
    assert bench.state.orders.last_seq == 1


def test_only_waiting_orders_fill_the_queue() -> None:
    bench = Bench(rules(queue={"max_queued": 1, "max_in_flight": 1}))
    bench.submit(snipe_target_id="t1")
    bench.submit(snipe_target_id="t2")
    with pytest.raises(Full, match="max_queued"):
        bench.submit(snipe_target_id="t3")
    bench.send_next(placed())
    assert bench.submit(snipe_target_id="t3").state is State.QUEUED


def test_waiting_buys_never_keep_a_sell_out() -> None:
    """It must always be possible to sell, even if BUYs for next month fill the queue."""
    bench = Bench(rules(queue={"max_queued": 2}))
    for target in ("t1", "t2"):
        bench.submit(snipe_target_id=target, execute_at=NOON_MS + 60_000)
    with pytest.raises(Full, match="2 orders wait"):
        bench.submit(snipe_target_id="t3")
    sells = [
        bench.submit(side="SELL", quantity=Decimal(1), snipe_target_id=target, execute_at=NOON_MS + 60_000)
        for target in ("t1", "t2")
    ]
    assert {order.state for order in sells} == {State.QUEUED}
    with pytest.raises(Full, match="2 SELLs wait"):
        bench.submit(side="SELL", quantity=Decimal(1), snipe_target_id="t3")
    bench.withdraw(sells[0])
    assert bench.submit(side="SELL", quantity=Decimal(1), snipe_target_id="t3").state is State.IN_FLIGHT


def test_a_batch_of_both_sides_needs_room_for_each_side() -> None:
    bench = Bench(rules(queue={"max_queued": 1}))
    sell = request(side="SELL", quantity=Decimal(1))
    with pytest.raises(Full, match="0 orders wait"):
        bench.submit_all([sell, request(snipe_target_id="t2")])
    assert not bench.latest
    bench.submit(snipe_target_id="t1", execute_at=NOON_MS + 60_000)
    assert len(bench.submit_all([sell])) == 1


# Batches


def test_a_batch_is_accepted_as_a_whole_and_sent_by_priority() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    buy, sell = bench.submit_all([request(), request(side="SELL", quantity=Decimal(1))])
    assert bench.order(buy.order).state is State.QUEUED
    assert bench.order(sell.order).state is State.IN_FLIGHT


def test_a_batch_that_does_not_fit_is_refused_as_a_whole() -> None:
    bench = Bench(rules(queue={"max_queued": 2}))
    with pytest.raises(Full):
        bench.submit_all([request(snipe_target_id=target) for target in ("t1", "t2", "t3")])
    assert not bench.latest


def test_the_same_signal_twice_in_a_batch_is_one_order_and_counts_once() -> None:
    bench = Bench(rules(queue={"max_queued": 1}))
    first, second = bench.submit_all([request(), request()])
    assert (first.replayed, second.replayed) == (False, True)
    assert first.order.order_id == second.order.order_id


def test_one_key_for_two_payloads_in_a_batch_is_a_conflict_and_none_is_accepted(bench: Bench) -> None:
    with pytest.raises(KeyConflict, match="in one batch"):
        bench.submit_all(
            [request(idempotency_key="k"), request(idempotency_key="k", quote_order_qty=Decimal(11))],
        )
    assert not bench.latest


def test_a_batch_with_one_conflict_is_refused_as_a_whole(bench: Bench) -> None:
    known = bench.submit(idempotency_key="k")
    with pytest.raises(KeyConflict):
        bench.submit_all([request(snipe_target_id="t1"), request(idempotency_key="k", quote_order_qty=Decimal(11))])
    assert bench.latest.keys() == {known.order_id}


def test_a_signal_that_was_not_rounded_because_it_was_known_is_not_accepted_as_new(bench: Bench) -> None:
    """Between the lookup and the decision the order that answered it may have ended unplaced."""
    identity = identify(bench.state, signal())
    with pytest.raises(NotReady, match="send it again"):
        bench.decide(accept_all, [Incoming(None, identity)], [an_id(9)], actor="uid:1000")
    known = bench.submit()
    (again,) = bench.decide(accept_all, [Incoming(None, identity)], [an_id(9)], actor="uid:1000")
    assert (again.replayed, again.order.order_id) == (True, known.order_id)


def test_an_earlier_order_is_found_without_a_change(bench: Bench) -> None:
    identity = identify(bench.state, signal(idempotency_key="k"))
    assert earlier_order(bench.state, identity, NOON_MS) is None
    known = bench.submit(idempotency_key="k")
    decisions = len(bench.events())
    assert earlier_order(bench.state, identity, NOON_MS) == known
    with pytest.raises(KeyConflict, match=known.order_id):
        earlier_order(bench.state, identify(bench.state, signal(idempotency_key="k", symbol="ETHUSDT")), NOON_MS)
    assert len(bench.events()) == decisions


def test_a_batch_of_repetitions_is_answered_while_trading_is_halted(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 60_000)
    bench.halt()
    (again,) = bench.submit_all([request()])
    assert again.replayed
    assert again.order.order_id == order.order_id


def test_the_traded_amount_is_rounded_and_the_fingerprint_is_not(bench: Bench) -> None:
    """Rounding to a pair's steps must neither merge two signals nor split one when the pair's steps change."""
    asked, rounded = signal(quote_order_qty=Decimal("9.999")), signal(quote_order_qty=Decimal("9.99"))
    d = Decision(bench.state, NOON_MS)
    (accepted,) = accept_all(d, [Incoming(rounded, identify(bench.state, asked))], [an_id(1)], actor="uid:1000")
    assert accepted.order.quote_quantity == Decimal("9.99")
    assert accepted.order.asked == {"quote_quantity": Decimal("9.999")}
    (told,) = d.changes.events
    assert (told.detail["quote_quantity"], told.detail["asked_quote_quantity"]) == ("9.99", "9.999")
    assert told.detail.keys().isdisjoint({"asked_quantity", "asked_price"})
    assert accepted.order.fingerprint == identify(bench.state, asked).fingerprint
    assert accepted.order.fingerprint != identify(bench.state, rounded).fingerprint
