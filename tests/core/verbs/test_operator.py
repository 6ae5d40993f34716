"""The operator: what an operator may do, what it changes, and what even an operator cannot do."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import msgspec
import pytest

from daemon.core.rules.rate import WINDOW_MS
from daemon.core.state.trading_state import HALT_FACT
from daemon.core.values.exchange_replies import Advice, CancelAnswer
from daemon.core.values.locks import LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import Found, Resolution, ask_cancel, requeue, resolve, withdraw
from daemon.errors import WrongState
from tests.core.bench import Bench
from tests.core.making import RULES, everywhere, placed, query, refused, report, rules, unclear

NOT_PLACED = Found(resolution=Resolution.NOT_PLACED)
GRACE_MS = RULES.config.exchange.recv_window_ms + RULES.grace_ms
"""How long after it was sent a request may still be admitted, or be admitted and not shown."""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def queued(bench: Bench) -> Order:
    return bench.submit(execute_at=bench.now_ms + 60_000)


def armed(bench: Bench) -> Order:
    return bench.submit(execute_at=bench.now_ms + 300)


def shot(bench: Bench) -> Order:
    """Make an armed order whose request has left without a decision."""
    order = armed(bench)
    bench.settle()
    bench.pass_time(300)
    bench.shoot(order)
    return order


def in_flight(bench: Bench) -> Order:
    return bench.submit()


def in_doubt(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(unclear())


def lost(bench: Bench) -> Order:
    order = in_doubt(bench)
    bench.pass_time(60_000)
    for _ in range(bench.rules.config.reconcile.negatives):
        order = bench.query(order, *everywhere())
    return order


def resting(bench: Bench) -> Order:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    order = bench.send_next(placed())
    return bench.query(order, query(report()))


def partially_filled(bench: Bench) -> Order:
    return bench.query(resting(bench), query(report(State.PARTIALLY_FILLED, "1")))


def filled(bench: Bench) -> Order:
    return bench.query(resting(bench), query(report(State.FILLED, "4")))


def canceled(bench: Bench) -> Order:
    return bench.query(resting(bench), query(report(State.CANCELED)))


def partially_canceled(bench: Bench) -> Order:
    return bench.query(resting(bench), query(report(State.CANCELED, "1")))


def rejected(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(refused(Advice.STOP))


def dead_letter(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(refused(Advice.DEAD_LETTER))


def expired(bench: Bench) -> Order:
    order = queued(bench)
    bench.pass_time(120_000)
    return bench.order(order)


def withdrawn(bench: Bench) -> Order:
    return bench.withdraw(queued(bench))


ALL: tuple[Callable[[Bench], Order], ...] = (
    queued, armed, in_flight, in_doubt, lost, resting, partially_filled, filled, canceled, partially_canceled, rejected,
    dead_letter, expired, withdrawn,
)  # fmt: skip


def all_but(*admitted: Callable[[Bench], Order]) -> list[Callable[[Bench], Order]]:
    return [make for make in ALL if make not in admitted]


def names(make: Callable[[Bench], Order]) -> str:
    return make.__name__


def test_the_cases_below_cover_every_state() -> None:
    assert {make(Bench()).state for make in ALL} == set(State)


# Withdraw


@pytest.mark.parametrize("make", [queued, armed, dead_letter], ids=names)
def test_an_unsent_order_can_be_withdrawn(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = bench.withdraw(make(bench), "wrong coin")
    assert (order.state, order.reason, order.key_bound) == (State.WITHDRAWN, "wrong coin", False)
    told = bench.events(order)[-1]
    assert (told.name, told.actor, told.detail) == ("order.withdrawn", "uid:0", {"reason": "wrong coin"})
    bench.settle()
    assert not bench.state.orders
    assert len(bench.state.queue) == len(bench.state.locks) == bench.state.rate_budget.in_flight == 0


@pytest.mark.parametrize("make", all_but(queued, armed, dead_letter), ids=names)
def test_an_order_that_may_have_been_sent_cannot_be_withdrawn(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = make(bench)
    with pytest.raises(WrongState, match=order.state.value):
        bench.withdraw(order)
    assert bench.order(order) == order


def test_an_armed_order_whose_request_has_left_is_not_withdrawn(bench: Bench) -> None:
    order = shot(bench)
    got = bench.withdraw(order)
    assert got.state is bench.order(order).state is State.IN_FLIGHT
    assert [event.name for event in bench.events(order)][-2:] == ["order.armed", "order.sent"]
    bench.answer(got, placed())
    assert bench.order(order).state is State.OPEN
    assert bench.state.rate_budget.in_flight == 0


def test_a_withdrawn_order_that_was_armed_never_fires(bench: Bench) -> None:
    order = armed(bench)
    bench.settle()
    bench.withdraw(order)
    bench.pass_time(300)
    assert not bench.fire(order)
    assert bench.order(order).state is State.WITHDRAWN


def test_the_next_order_goes_when_the_holder_is_withdrawn(bench: Bench) -> None:
    first = armed(bench)
    second = bench.submit(quote_order_qty=Decimal(20))
    assert second.state is State.QUEUED
    bench.withdraw(first)
    assert bench.order(second).state is State.IN_FLIGHT


# Cancel a resting order


@pytest.mark.parametrize("make", [resting, partially_filled], ids=names)
def test_a_resting_order_is_queried_as_soon_as_its_cancel_was_answered(
    bench: Bench, make: Callable[[Bench], Order]
) -> None:
    order = make(bench)
    for _ in range(5):
        order = bench.query(order, query(report(order.state, str(order.executed_quantity))))
    assert (bench.state.searches.next_ms() or 0) > bench.now_ms
    bench.cancel(order, "enough")
    bench.cancel_answered(order, CancelAnswer("refused", "DELETE", "HTTP 400 -2011"))
    assert bench.order(order) == order, "the answer to a cancel proves nothing"
    assert bench.state.searches.next_ms() == bench.now_ms
    asked, answered = bench.events(order)[-2:]
    assert (asked.name, asked.actor, asked.detail) == ("order.cancel_requested", "uid:0", {"reason": "enough"})
    assert answered.detail == {"asked": "DELETE", "answered": "HTTP 400 -2011", "outcome": "refused"}


def test_a_cancel_takes_a_rate_slot() -> None:
    """MEXC counts orders and cancels together: an order that would be one too many waits."""
    bench = Bench(rules(exchange={"order_rate_per_s": 2}))
    order = resting(bench)
    bench.cancel(order)
    waiting = bench.submit(symbol="BARUSDT")
    assert waiting.state is State.QUEUED
    bench.pass_time(WINDOW_MS)
    assert bench.order(waiting).state is State.IN_FLIGHT


@pytest.mark.parametrize("make", all_but(resting, partially_filled), ids=names)
def test_an_order_that_does_not_rest_cannot_be_cancelled(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = make(bench)
    with pytest.raises(WrongState, match=order.state.value):
        bench.cancel(order)


def test_a_cancel_that_is_answered_after_the_order_ended_is_recorded_and_changes_nothing(bench: Bench) -> None:
    order = resting(bench)
    bench.cancel(order)
    order = bench.query(order, query(report(State.FILLED, "4")))
    bench.cancel_answered(order, CancelAnswer("accepted", "DELETE", "HTTP 200"))
    assert bench.events(order)[-1].name == "order.cancel_answered"
    assert bench.state.searches.next_ms() is None


# Resolve


@pytest.mark.parametrize("make", [in_doubt, lost], ids=names)
def test_the_operator_may_resolve_an_order_as_not_placed(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = make(bench)
    assert bench.state.lock_of(order) is not None
    bench.pass_time(GRACE_MS)
    order = bench.resolve(order, NOT_PLACED, "not in the exchange's list")
    assert (order.state, order.reason, order.key_bound) == (State.REJECTED, "not in the exchange's list", False)
    assert bench.state.lock_of(order) is None
    told = bench.events(order)[-1]
    assert (told.name, told.actor) == ("order.ruled", "uid:0")
    assert told.detail == {"ruling": "not_placed", "reason": "not in the exchange's list"}
    bench.settle()
    assert bench.disk.locks[1].state is LockState.FAILED
    assert bench.submit().order_id != order.order_id


@pytest.mark.parametrize("make", [in_doubt, lost], ids=names)
@pytest.mark.parametrize(
    ("resolution", "state", "done"),
    [
        (Resolution.OPEN, State.OPEN, False),
        (Resolution.FILLED, State.FILLED, True),
        (Resolution.CANCELED, State.CANCELED, False),
        (Resolution.PARTIALLY_CANCELED, State.PARTIALLY_CANCELED, False),
    ],
    ids=lambda value: value.value if isinstance(value, Resolution) else "",
)
def test_the_operator_may_resolve_an_order_with_its_outcome(
    bench: Bench, make: Callable[[Bench], Order], resolution: Resolution, state: State, *, done: bool
) -> None:
    found = Found(
        resolution=resolution, exchange_order_id="C02__9", executed_quantity=Decimal(2), executed_quote=Decimal(20)
    )
    order = bench.resolve(make(bench), found)
    assert order.state is state
    assert order.exchange_order_id == "C02__9"
    assert (order.executed_quantity, order.executed_quote) == (Decimal(2), Decimal(20))
    assert order.key_bound, "what was placed keeps its key"
    assert (order.finished_ms is not None) is done
    assert (bench.state.searches.next_ms() is None) is done, (
        "the exchange is asked all the same, as long as it may change"
    )
    bench.settle()
    assert bench.disk.locks[1].state is LockState.RELEASED


def test_a_resolution_without_the_exchanges_id_keeps_the_known_one(bench: Bench) -> None:
    order = in_doubt(bench)
    assert bench.resolve(order, Found(resolution=Resolution.OPEN)).exchange_order_id is None


REPEATED = [
    NOT_PLACED,
    Found(resolution=Resolution.OPEN),
    Found(resolution=Resolution.FILLED, executed_quantity=Decimal(2), executed_quote=Decimal(20)),
    Found(resolution=Resolution.CANCELED, exchange_order_id="C02__9"),
]


@pytest.mark.parametrize("found", REPEATED, ids=[found.resolution.value for found in REPEATED])
def test_the_same_resolution_again_changes_nothing(bench: Bench, found: Found) -> None:
    """The answer to the first may have been lost."""
    order = in_doubt(bench)
    bench.pass_time(GRACE_MS)
    resolved = bench.resolve(order, found)
    told = bench.events(order)
    assert bench.resolve(order, found) == resolved
    bench.settle()
    assert bench.verb(partial(resolve, found=found), resolved, "looked at the exchange") == resolved, "from the disk"
    assert bench.events(order) == told


def test_another_resolution_of_a_resolved_order_is_refused(bench: Bench) -> None:
    found = Found(resolution=Resolution.FILLED, executed_quantity=Decimal(2), executed_quote=Decimal(20))
    order = in_doubt(bench)
    bench.pass_time(GRACE_MS)
    bench.resolve(order, found)
    others = [
        NOT_PLACED, msgspec.structs.replace(found, executed_quote=Decimal(21)),
        msgspec.structs.replace(found, exchange_order_id="C02__9"),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(WrongState, match="only an order that is in_doubt"):
            bench.resolve(order, other)
    with pytest.raises(WrongState, match="is filled"):
        bench.resolve(order, found, "looked once more")


@pytest.mark.parametrize("make", all_but(in_doubt, lost), ids=names)
def test_a_known_outcome_cannot_be_resolved(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = make(bench)
    with pytest.raises(WrongState, match=order.state.value):
        bench.resolve(order, NOT_PLACED)
    assert bench.order(order) == order


def test_the_order_behind_one_in_doubt_goes_when_the_operator_has_resolved_it(bench: Bench) -> None:
    order = in_doubt(bench)
    bench.pass_time(GRACE_MS)
    waiting = bench.submit(quote_order_qty=Decimal(20))
    assert waiting.state is State.QUEUED
    bench.resolve(order, NOT_PLACED)
    assert bench.order(waiting).state is State.IN_FLIGHT


# Requeue


def test_a_requeued_dead_letter_has_its_key_and_its_time_to_deadline_again(bench: Bench) -> None:
    order = dead_letter(bench)
    assert not order.key_bound
    bench.settle()
    assert not bench.state.orders
    bench.pass_time(3_600_000)
    order = bench.order(bench.requeue(order, "the key works again"))
    assert order.state is State.IN_FLIGHT
    assert order.attempts == 2, "a new attempt has a new name"
    assert order.key_bound
    assert order.finished_ms is None
    assert order.deadline_ms == bench.now_ms + bench.rules.config.queue.buy_deadline_ms
    told = next(event for event in bench.events(order) if event.name == "order.requeued")
    assert told.detail == {"reason": "the key works again", "deadline_ms": order.deadline_ms}


@pytest.mark.parametrize("ahead_ms", [300, -300], ids=["ahead", "past"])
def test_a_requeued_dead_letter_has_the_time_to_deadline_that_its_signal_asked(bench: Bench, ahead_ms: int) -> None:
    bench.submit(execute_at=bench.now_ms + ahead_ms, deadline_ms=700)
    bench.pass_time(max(0, ahead_ms))
    bench.settle()
    ((send, _),) = bench.sends.values()
    if send.fire_ms is not None:
        assert bench.fire(send.order)
    bench.answer(send.order, refused(Advice.DEAD_LETTER))
    order = bench.requeue(send.order)
    assert order.deadline_ms == bench.now_ms + 700
    assert order.execute_at_ms == bench.now_ms, "its instant is now"


def test_a_dead_letter_gets_no_more_time_each_time_it_is_requeued(bench: Bench) -> None:
    order = dead_letter(bench)
    for _ in range(3):
        bench.pass_time(3_600_000)
        bench.requeue(order)
        order = bench.send_next(refused(Advice.DEAD_LETTER))
        assert order.deadline_ms == bench.now_ms + bench.rules.config.queue.buy_deadline_ms


@pytest.mark.parametrize("make", all_but(dead_letter), ids=names)
def test_only_a_dead_letter_can_be_requeued(bench: Bench, make: Callable[[Bench], Order]) -> None:
    """Above all not an order that is in doubt or lost: that could buy twice."""
    order = make(bench)
    with pytest.raises(WrongState, match=order.state.value):
        bench.requeue(order)
    assert bench.order(order) == order


def test_a_dead_letter_whose_key_went_to_another_order_is_not_requeued(bench: Bench) -> None:
    order = dead_letter(bench)
    newer = bench.submit()
    with pytest.raises(WrongState, match=newer.order_id):
        bench.requeue(order)


# An outdated view of an order


def test_a_dead_letter_whose_signal_became_an_order_under_another_key_is_not_requeued(bench: Bench) -> None:
    """The second amount of a target has a key of its own until the first order has ended with nothing executed."""
    first = bench.submit(snipe_target_id="t1", quote_order_qty=Decimal(10))
    bench.send_next(placed())
    dead = bench.submit(snipe_target_id="t1", quote_order_qty=Decimal(20))
    bench.send_next(refused(Advice.DEAD_LETTER))
    while not bench.order(first).ended_empty:
        bench.pass_time(20_000)
        bench.query(first, query(report(State.CANCELED)))
    again = bench.submit(snipe_target_id="t1", quote_order_qty=Decimal(20))
    assert (again.key, dead.key) == (first.key, bench.order(dead).key)
    assert again.key != dead.key
    bench.send_next(placed("C02__2"))
    with pytest.raises(WrongState, match=f"was replaced by {again.order_id}"):
        bench.requeue(dead)


def test_a_dead_letter_is_requeued_while_its_target_has_an_order_of_other_amounts(bench: Bench) -> None:
    bench.submit(snipe_target_id="t1", quote_order_qty=Decimal(10))
    bench.send_next(placed())
    dead = bench.submit(snipe_target_id="t1", quote_order_qty=Decimal(20))
    bench.send_next(refused(Advice.DEAD_LETTER))
    assert bench.requeue(dead).state is State.QUEUED


def test_a_dead_letter_is_requeued_once_though_two_operators_ask(bench: Bench) -> None:
    """The second had read the order from the disk before the first one's decision was committed."""
    outdated = dead_letter(bench)
    bench.requeue(outdated)
    bench.settle()
    with pytest.raises(WrongState, match="in_flight"):
        bench.verb(requeue, outdated)
    assert len(bench.sends) == 1


def test_an_outdated_view_withdraws_no_order_that_was_sent_since(bench: Bench) -> None:
    outdated = dead_letter(bench)
    bench.requeue(outdated)
    with pytest.raises(WrongState, match="in_flight"):
        bench.verb(withdraw, outdated)
    assert bench.order(outdated).state is State.IN_FLIGHT


def test_an_outdated_view_resolves_no_order_that_was_found_since(bench: Bench) -> None:
    outdated = in_doubt(bench)
    bench.query(outdated, query(report()))
    with pytest.raises(WrongState, match="open"):
        bench.verb(partial(resolve, found=NOT_PLACED), outdated)


def test_an_outdated_view_cancels_no_order_that_has_ended_since(bench: Bench) -> None:
    outdated = resting(bench)
    bench.query(outdated, query(report(State.FILLED, "4")))
    with pytest.raises(WrongState, match="filled"):
        bench.verb(ask_cancel, outdated)


# The kill switch


def test_a_halt_takes_back_only_the_armed_orders_whose_requests_have_not_left(bench: Bench) -> None:
    left = shot(bench)
    stays = bench.submit(symbol="BARUSDT", execute_at=bench.now_ms + 300)
    bench.halt("too hot")
    assert [bench.order(order).state for order in (left, stays)] == [State.IN_FLIGHT, State.QUEUED]
    lock = bench.state.lock_of(bench.order(left))
    assert bench.events(left)[-1].detail == {"attempt": 1, "token": lock and lock.token}
    bench.settle()
    assert bench.fire(left), "it is known already"
    assert not bench.fire(stays)


def test_a_halt_disarms_orders_and_sends_nothing(bench: Bench) -> None:
    order = armed(bench)
    bench.settle()
    bench.halt("too hot")
    order = bench.order(order)
    assert (order.state, order.reason) == (State.QUEUED, "trading was halted: too hot")
    assert not bench.fire(order)
    assert bench.state.lock_of(order) is None
    assert bench.disk.attempts[order.client_order_id or ""].state == "in_flight"
    bench.settle()
    assert bench.disk.attempts[order.client_order_id or ""].state == "not_sent"
    bench.pass_time(300)
    assert bench.order(order).state is State.QUEUED
    bench.resume()
    assert bench.order(order).state is State.IN_FLIGHT
    assert bench.order(order).client_order_id != order.client_order_id


def test_an_order_expires_at_its_deadline_during_a_halt(bench: Bench) -> None:
    bench.halt()
    bench.resume()
    order = queued(bench)
    bench.halt()
    bench.pass_time(60_000 + bench.rules.config.queue.buy_deadline_ms)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(order).state is State.EXPIRED


def test_the_kill_switch_is_on_disk_with_reason_and_actor(bench: Bench) -> None:
    bench.halt("too hot")
    bench.settle()
    assert bench.disk.facts == {HALT_FACT: "too hot"}
    bench.crash()
    assert bench.state.gate.halted == "too hot"
    bench.resume("cooled down")
    bench.settle()
    assert bench.disk.facts == {HALT_FACT: ""}
    halted, resumed = bench.events()
    assert (halted.name, halted.actor, halted.detail) == ("trading.halted", "uid:0", {"reason": "too hot"})
    assert (resumed.name, resumed.actor, resumed.detail) == ("trading.resumed", "uid:0", {"reason": "cooled down"})


def test_a_second_halt_keeps_the_first_ones_reason(bench: Bench) -> None:
    bench.halt("first")
    bench.halt("second")
    assert bench.state.gate.halted == "first"
    assert len(bench.events()) == 1


def test_resuming_what_is_not_halted_records_nothing(bench: Bench) -> None:
    bench.resume()
    assert bench.state.gate.halted is None
    assert bench.events() == []


# Not before the request can no longer be admitted


def test_an_order_is_not_resolved_as_not_placed_while_its_request_may_be_admitted(bench: Bench) -> None:
    order = in_doubt(bench)
    bench.pass_time(GRACE_MS - 1_001)
    with pytest.raises(
        WrongState, match=rf"resolve it in 2 s, from {bench.now_ms + 1_001} \(Unix ms\) on"
    ) as refused_it:
        bench.resolve(order, NOT_PLACED)
    assert order.order_id in str(refused_it.value)
    assert bench.order(order).state is State.IN_DOUBT
    assert bench.state.lock_of(order) is not None
    bench.pass_time(1_001)
    assert bench.resolve(order, NOT_PLACED).state is State.REJECTED


def test_what_the_operator_saw_on_the_exchange_applies_at_once(bench: Bench) -> None:
    assert bench.resolve(in_doubt(bench), Found(resolution=Resolution.OPEN)).state is State.OPEN
