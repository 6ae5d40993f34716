"""A batch is looked at in pieces and accepted in one decision: others come in between, and it is still all or none."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from daemon.core.rules.exposure import DAY_MS
from daemon.core.state.decision import Decision
from daemon.core.state.orders import Orders
from daemon.core.state.trading_state import PIECE as PUBLISHED
from daemon.core.values.orders import Side
from daemon.core.values.signals import SignalRequest
from daemon.core.values.states import State
from daemon.core.verbs.dispatch import DUE
from daemon.core.verbs.intake import AT_ONCE, PIECE, accept
from daemon.errors import Full, Guarded, Halted, KeyConflict
from tests.core.bench import Bench, Drafting
from tests.core.making import NOON_MS, RULES, placed, query, report, request, rules
from tests.support.steps import calls_in

MANY = 3 * PIECE
HOUR_MS = 3_600_000
ROOM = {"exchange": {"order_rate_per_s": 1_000_000}, "queue": {"max_in_flight": 1_000_000}}


@pytest.fixture
def bench() -> Bench:
    """Make a bench whose rate is no limit."""
    return Bench(rules(**ROOM))


def buys(count: int = MANY, **changes: Any) -> list[SignalRequest]:
    return [request(snipe_target_id=f"t{number}", **changes) for number in range(count)]


def drafted(bench: Bench, asked: list[SignalRequest]) -> Drafting:
    """Look at a whole batch; what is left is the decision."""
    drafting = bench.begin_batch(asked)
    while drafting.drafted is None:
        drafting.look()
    return drafting


def test_others_come_between_the_pieces_of_a_batch_and_nothing_is_changed_before_the_decision(bench: Bench) -> None:
    drafting, pieces = bench.begin_batch(buys()), 0
    while drafting.drafted is None:
        drafting.look()
        pieces += 1
        assert not bench.latest
    assert pieces == 2 * MANY // PIECE - 1, "each is looked up, then the guards are asked"
    drafting.finish()
    assert [order.seq for order in bench.latest.values()] == list(range(1, MANY + 1))


def test_no_piece_of_a_batch_makes_many_steps_and_the_decision_makes_few_per_order(bench: Bench) -> None:
    drafting = bench.begin_batch(buys(1_000))
    steps: list[int] = []
    while drafting.drafted is None:
        steps.append(calls_in(drafting.look))
    assert max(steps) < 120 * PIECE
    assert drafting.drafted is not None
    d = Decision(bench.state, bench.now_ms)
    assert calls_in(partial(accept, d, drafting.drafted)) < 12 * 1_000
    assert len(d.changes.orders) == 1_000


def test_an_equal_signal_that_was_accepted_meanwhile_is_the_answer(bench: Bench) -> None:
    asked = buys()
    drafting = drafted(bench, asked)
    first = bench.submit(asked[70])
    accepted = drafting.finish()
    assert [place for place, each in enumerate(accepted) if each.replayed] == [70]
    assert accepted[70].order.order_id == first.order_id
    assert len(bench.latest) == MANY


def test_of_two_equal_batches_at_the_same_time_one_answers_the_other(bench: Bench) -> None:
    first, second = (bench.begin_batch(buys(execute_at=NOON_MS + HOUR_MS)) for _ in range(2))
    while (ours := first.go_on()) is None:
        second.look()
    theirs = second.finish()
    assert [each.replayed for each in ours] == [False] * MANY
    assert [each.replayed for each in theirs] == [True] * MANY
    assert [each.order.order_id for each in theirs] == [each.order.order_id for each in ours]


def test_a_batch_that_comes_again_is_answered_from_memory_and_from_disk(bench: Bench) -> None:
    asked = buys(execute_at=NOON_MS + HOUR_MS)
    orders = [each.order.order_id for each in bench.submit_all(asked)]
    for _ in range(2):
        again = bench.submit_all(asked)
        assert [(each.order.order_id, each.replayed) for each in again] == [(each, True) for each in orders]
        bench.settle()


def test_a_key_that_got_another_payload_meanwhile_refuses_the_batch_as_a_whole(bench: Bench) -> None:
    drafting = drafted(bench, [*buys(MANY - 1), request(idempotency_key="k")])
    other = bench.submit(idempotency_key="k", quote_order_qty=Decimal(11))
    with pytest.raises(KeyConflict, match=other.order_id):
        drafting.finish()
    assert bench.latest.keys() == {other.order_id}


def test_a_halt_in_between_refuses_the_batch(bench: Bench) -> None:
    drafting = drafted(bench, buys())
    bench.halt()
    with pytest.raises(Halted):
        drafting.finish()
    assert not bench.latest


def test_repetitions_are_answered_whatever_came_in_between(bench: Bench) -> None:
    orders = [each.order for each in bench.submit_all(buys())]
    drafting = drafted(bench, buys())
    bench.halt()
    assert [(each.order.order_id, each.replayed) for each in drafting.finish()] == [
        (order.order_id, True) for order in orders
    ]


def test_room_that_was_taken_in_between_refuses_the_batch() -> None:
    bench = Bench(rules(queue={"max_queued": MANY}))
    drafting = drafted(bench, buys(execute_at=NOON_MS + HOUR_MS))
    bench.submit(snipe_target_id="other", execute_at=NOON_MS + HOUR_MS)
    with pytest.raises(Full):
        drafting.finish()
    assert len(bench.latest) == 1


@pytest.mark.parametrize(
    "pieces",
    [1, MANY // PIECE, 2 * MANY // PIECE - 1],
    ids=["during the lookups", "before the guards have been asked", "before the decision"],
)
def test_a_guard_counts_what_was_bought_in_between(pieces: int) -> None:
    bench = Bench(rules(guards={"max_open_buys_per_owner": MANY}, **ROOM))
    drafting = bench.begin_batch(buys())
    for _ in range(pieces):
        drafting.look()
    bought = bench.submit(snipe_target_id="other")
    with pytest.raises(Guarded, match=rf"^\[{MANY - 1}\]: anna has {MANY} BUYs"):
        drafting.finish()
    assert bench.latest.keys() == {bought.order_id}


@pytest.mark.parametrize(
    "pieces",
    [1, 2 * MANY // PIECE - 2, 2 * MANY // PIECE - 1],
    ids=["during the lookups", "while the guards are asked", "before the decision"],
)
def test_a_guard_that_a_reload_switched_on_in_between_counts(bench: Bench, pieces: int) -> None:
    drafting = bench.begin_batch(buys())
    for _ in range(pieces):
        drafting.look()
    bench.state.set_rules(rules(guards={"forbidden_symbols": frozenset({"FOOUSDT"})}, **ROOM))
    with pytest.raises(Guarded, match=r"FOOUSDT must not be bought"):
        drafting.finish()
    assert not bench.latest


def test_a_refusal_names_the_places_of_a_batch_instead_of_orders_that_will_never_be() -> None:
    bench = Bench(rules(guards={"repeat_window_ms": 500}))
    with pytest.raises(Guarded, match=r"^\[2\]: .* \(order \[0\]\)"):
        bench.submit_all([request(snipe_target_id="t1"), request(symbol="BARUSDT"), request(snipe_target_id="t2")])


def test_the_instants_of_an_order_are_those_of_its_acceptance(bench: Bench) -> None:
    sell = request(side="SELL", quantity=Decimal(1), deadline_ms=700)
    timed = request(execute_at=NOON_MS + HOUR_MS, deadline_ms=700)
    drafting = bench.begin_batch([*buys(MANY - 2), sell, timed])
    drafting.go_on()
    bench.pass_time(40)
    single = bench.submit(snipe_target_id="single")
    *_, sold, bought = (each.order for each in drafting.finish())
    at_ms = NOON_MS + 40
    window_ms = bench.rules.config.queue.manual_window_ms
    assert (sold.accepted_ms, sold.updated_ms, sold.deadline_ms) == (at_ms, at_ms, at_ms + 700)
    assert (sold.key_until_ms, bought.key_until_ms) == (at_ms + window_ms, at_ms + window_ms)
    assert (bought.accepted_ms, bought.deadline_ms) == (at_ms, NOON_MS + HOUR_MS + 700)
    assert (sold.seq, bought.seq) == (single.seq + MANY - 1, single.seq + MANY)
    for order in (sold, bought):
        said = bench.events(order)[0]
        assert (said.at_ms, said.detail["deadline_ms"]) == (at_ms, order.deadline_ms)


def test_a_batch_over_midnight_counts_for_the_day_of_its_acceptance() -> None:
    day = NOON_MS // DAY_MS
    bench = Bench(rules(guards={"max_notional_per_day": Decimal(5_000)}, **ROOM), now_ms=(day + 1) * DAY_MS - 1)
    drafting = drafted(bench, buys(2 * PIECE))
    bench.pass_time(1)
    drafting.finish()
    assert bench.state.orders.exposure.spent(bench.now_ms) == 20 * PIECE


@pytest.mark.parametrize("count", [AT_ONCE, AT_ONCE + 1], ids=["queued at once", "queued in slices"])
def test_orders_of_a_batch_are_kept_like_single_ones(count: int) -> None:
    asked = [*buys(count - 3, execute_at=NOON_MS + HOUR_MS), *_of_others()]
    batch, single = (Bench(rules(queue={"max_in_flight": 1})) for _ in range(2))
    batch.submit_all(asked)
    for each in asked:
        single.submit(each)
    assert batch.latest == single.latest
    assert _content(batch.state.orders) == _content(single.state.orders)
    assert len(batch.state.queue) == len(single.state.queue)


def _of_others() -> list[SignalRequest]:
    others: dict[str, Any] = {"owner_id": "bert", "execute_at": NOON_MS + HOUR_MS}
    of_unknown_worth = request(quantity=Decimal(1), snipe_target_id="unpriced", **others)
    return [request(**others), of_unknown_worth, request(side="SELL", quantity=Decimal(1), **others)]


def _content(orders: Orders) -> object:
    """Return everything that is kept of orders, to compare it with another's."""
    parts = (orders, orders.exposure, orders.timed, vars(orders)["_keys"])
    return [
        {
            name: value
            for name, value in vars(part).items()
            if not callable(value) and all(value is not other for other in parts)
        }
        for part in parts
    ]


def test_a_large_batch_is_known_as_a_whole_and_queued_in_slices_before_any_of_it_is_sent(bench: Bench) -> None:
    bench.goes_on = False
    orders = [each.order for each in bench.submit_all(buys(AT_ONCE + DUE))]
    assert all(bench.state.orders.by_key(order.key) is order for order in orders)
    assert bench.state.orders.queued[Side.BUY] == len(orders)
    assert (len(bench.state.queue), len(bench.last.sends)) == (0, 0)
    assert bench.state.timers.next_ms() == 0, "the dispatcher goes on at once"
    bench.withdraw(orders[0])
    urgent = bench.submit(side="SELL", quantity=Decimal(1))
    assert not bench.last.sends, "it may not overtake what came with a higher rank"
    emergency = bench.submit(side="SELL", quantity=Decimal(1), snipe_target_id="now", skip_lock=True)
    assert [send.order.order_id for send in bench.last.sends] == [emergency.order_id]
    bench.goes_on = True
    bench.pass_time()
    assert bench.order(orders[0]).state is State.WITHDRAWN
    sent = [bench.order(order).state for order in [*orders[1:], urgent]]
    assert sent == [State.IN_FLIGHT] * len(sent)


def test_a_key_whose_order_no_longer_counts_is_bound_to_the_new_order(bench: Bench) -> None:
    ladder: dict[str, Any] = {"side": "SELL", "quantity": Decimal(1), "type": "LIMIT", "price": Decimal(10)}
    first = bench.submit(**ladder)
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "1")))
    bench.settle()
    bench.pass_time(RULES.config.queue.manual_window_ms + 1)
    bench.submit_all([*buys(3), request(**ladder)])
    bench.settle()
    bound = [order.seq for order in bench.disk.orders.values() if order.key == first.key and order.key_bound]
    assert bound == [first.seq + 4]


def test_what_is_on_disk_is_published_in_pieces(bench: Bench) -> None:
    bench.submit_all(buys(2 * PUBLISHED, execute_at=NOON_MS + HOUR_MS))
    bench.write()
    steps = list(bench.state.committed(bench.unpublished.popleft()))
    assert len(steps) == 1
