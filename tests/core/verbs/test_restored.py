"""The first start from a backup: what happened since is unknown, so nothing is sent or believed to be unsent."""

from copy import deepcopy
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from daemon.core.values.attempts import AttemptState
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.core.verbs.rescheduling import reschedule
from daemon.core.verbs.restored import COPIED_FACT, COPIED_WHY_FACT, TOKEN_FACT
from daemon.errors import Halted
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, placed, query, report, rules, symbol_rules

COPIED = "2026-09-21T14:13:20.000Z"
"""NOON_MS, as the backup has it."""


@pytest.fixture
def bench() -> Bench:
    return Bench(rules(queue={"max_in_flight": 1}))


def restored(bench: Bench, later_ms: int = 1_000) -> None:
    """Lose what came after a backup of everything so far, and start from that backup."""
    bench.settle()
    bench.disk.facts[COPIED_FACT] = COPIED
    bench.now_ms += later_ms
    bench.crash()
    bench.settle()
    bench.open()


def queued(bench: Bench, **changes: Any) -> Order:
    """Return an order that waits in the queue."""
    bench.submit(symbol="BARUSDT")
    return bench.submit(**changes)


def test_trading_is_halted_until_the_operator_resumes_and_the_reason_names_the_time_of_the_backup(bench: Bench) -> None:
    restored(bench)
    with pytest.raises(Halted, match=f"restored from a backup that knows nothing after {COPIED}"):
        bench.submit()
    assert bench.events()[-1].name == "trading.halted"
    bench.resume()
    assert bench.submit(symbol="NEWUSDT").state is State.IN_FLIGHT


def test_the_reason_names_why_the_database_is_a_copy(bench: Bench) -> None:
    bench.disk.facts[COPIED_WHY_FACT] = "the log lost entries, and went on with a copy"
    restored(bench)
    assert (bench.state.gate.halted or "").startswith(
        f"the log lost entries, and went on with a copy that knows nothing after {COPIED}: compare"
    )
    bench.resume()
    restored(bench)
    assert (bench.state.gate.halted or "").startswith("restored from a backup")


def test_the_next_start_is_an_ordinary_one_and_still_halted(bench: Bench) -> None:
    restored(bench)
    told, facts = len(bench.disk.events), dict(bench.disk.facts)
    bench.crash()
    bench.settle()
    assert (len(bench.disk.events), bench.disk.facts) == (told, facts)
    assert bench.state.gate.halted is not None


def test_the_reason_of_an_earlier_halt_is_kept(bench: Bench) -> None:
    bench.halt("too hot")
    restored(bench)
    assert (bench.state.gate.halted or "").endswith("halted before that: too hot")


def test_an_order_queued_in_the_backup_may_have_been_sent_since_and_is_searched_for(bench: Bench) -> None:
    order = queued(bench)
    restored(bench)
    order = bench.order(order)
    assert (order.state, order.key_bound, order.client_order_id) == (State.IN_DOUBT, True, f"{order.order_id}-1")
    assert order.sent_ms == NOON_MS, "looks go back to the moment of the copy"
    assert bench.disk.attempts[f"{order.order_id}-1"].state is AttemptState.UNKNOWN
    assert bench.state.lock_of(order) is not None
    order = bench.query(order, query(report(State.FILLED, "4", exchange_order_id="C02__7")))
    assert (order.state, order.exchange_order_id) == (State.FILLED, "C02__7")


def test_it_is_never_sent_again_and_never_expires(bench: Bench) -> None:
    order = queued(bench)
    restored(bench)
    bench.resume()
    bench.pass_time(3_600_000)
    for _ in range(bench.rules.config.reconcile.negatives):
        bench.query(order, *everywhere())
    assert bench.order(order).state is State.LOST
    assert not bench.sends


def test_two_orders_of_one_resource_are_both_searched_for_and_one_holds_the_lock(bench: Bench) -> None:
    first = queued(bench, snipe_target_id="7")
    second = bench.submit(snipe_target_id="7", idempotency_key="another wish")
    assert first.resource == second.resource
    restored(bench)
    both = [bench.order(order) for order in (first, second)]
    assert [order.state for order in both] == [State.IN_DOUBT] * 2
    assert [bench.state.lock_of(order) is not None for order in both] == [True, False]
    for order in both:
        bench.query(order, query(report(State.FILLED, "4", exchange_order_id=f"C02__{order.seq}")))
    assert bench.state.locks.holder(first.resource) is None


def test_an_emergency_sell_is_searched_for_without_a_lock(bench: Bench) -> None:
    order = bench.submit(side="SELL", quantity=Decimal(2), skip_lock=True, execute_at=NOON_MS + 60_000)
    bench.halt()
    bench.now_ms += 60_000
    restored(bench)
    assert bench.order(order).state is State.IN_DOUBT
    assert bench.state.lock_of(bench.order(order)) is None


def test_an_order_whose_instant_is_still_to_come_cannot_have_been_sent_and_waits(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 120_000)
    restored(bench)
    assert bench.order(order).state is State.QUEUED
    bench.resume()
    bench.pass_time(120_000)
    assert bench.send_next(placed()).state is State.OPEN


def test_an_order_whose_instant_came_since_is_searched_for(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 120_000)
    restored(bench, later_ms=120_000)
    assert bench.order(order).state is State.IN_DOUBT


def test_an_order_that_a_listing_moved_may_have_been_moved_back_since_and_is_searched_for(bench: Bench) -> None:
    order = bench.submit(type="LIMIT", quantity=Decimal(100), price=Decimal(1), execute_at=NOON_MS + 120_000)
    bench.show(symbol_rules(first_open_ms=NOON_MS + 3_600_000))
    assert bench.order(order).execute_at_ms == NOON_MS + 3_600_000
    restored(bench, later_ms=600_000)
    assert bench.order(order).state is State.IN_DOUBT
    bench.resume()
    bench.pass_time(3_600_000)
    assert not bench.sends


def test_an_order_that_a_listing_moved_waits_if_the_instant_of_its_signal_is_still_to_come(bench: Bench) -> None:
    order = bench.submit(type="LIMIT", quantity=Decimal(100), price=Decimal(1), execute_at=NOON_MS + 1_200_000)
    bench.show(symbol_rules(first_open_ms=NOON_MS + 3_600_000))
    restored(bench, later_ms=600_000)
    assert bench.order(order).state is State.QUEUED


def test_an_order_that_the_operator_moved_to_later_waits_for_that_instant(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 120_000)
    bench.verb(partial(reschedule, execute_at_ms=NOON_MS + 3_600_000), order)
    restored(bench, later_ms=600_000)
    assert bench.order(order).state is State.QUEUED


def test_an_order_whose_instant_may_have_come_by_the_exchanges_clock_is_searched_for(bench: Bench) -> None:
    """That clock is measured later; it may be ahead of ours by up to a minute."""
    order = bench.submit(execute_at=NOON_MS + 120_000)
    restored(bench, later_ms=120_000 - FAR_MS - bench.rules.config.queue.arm_ahead_ms)
    assert bench.order(order).state is State.IN_DOUBT


def test_tokens_continue_above_all_that_were_granted_since_also_over_another_crash(bench: Bench) -> None:
    bench.submit(symbol="BARUSDT")
    granted = bench.state.locks.last_token
    restored(bench)
    bench.crash()
    assert bench.state.locks.last_token == int(bench.disk.facts[TOKEN_FACT]) > granted + 1_000_000


def granted_after_restore(bench: Bench, later_ms: int) -> list[int]:
    """Start from the backup on disk, and return the tokens that are granted then."""
    copy = deepcopy(bench.disk)
    bench.disk.facts[COPIED_FACT] = COPIED
    bench.now_ms += later_ms
    bench.crash()
    bench.open()
    bench.resume()
    bench.submit(symbol="NEWUSDT")
    bench.settle()
    tokens = [token for token in bench.disk.locks if token not in copy.locks]
    bench.disk.__dict__.update(copy.__dict__)
    return tokens


def test_two_daemons_that_start_from_the_same_backup_never_grant_the_same_token() -> None:
    bench = Bench()
    bench.submit(symbol="BARUSDT")
    bench.settle()
    attempts = [granted_after_restore(bench, later_ms) for later_ms in (1, 1, 60_000)]
    tokens = [token for each in attempts for token in each]
    assert len(tokens) >= 3
    assert tokens == sorted(set(tokens)), "they only grow"
    assert max(tokens) < 2**53, "exact as a JSON number"


def test_tokens_grow_also_if_the_clock_was_ahead_at_an_earlier_restore() -> None:
    bench = Bench()
    bench.state.locks.last_token = far = (NOON_MS + 86_400_000) * 1_000
    bench.submit(symbol="BARUSDT")
    bench.settle()
    tokens = [token for later_ms in (1, 1) for token in granted_after_restore(bench, later_ms)]
    assert tokens == sorted(set(tokens))
    assert min(tokens) > far + 1_000_000
