"""Idempotency: which signals are the same, and what a known key means for the next signal."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.rules.idempotency import Claim, Identity, claim, fingerprint_of, identity_of, key_until_ms
from daemon.core.rules.reconciliation import CONFIRM_MS, SUM_ATTEMPTS, further_source
from daemon.core.values.exchange_replies import Advice, Source
from daemon.core.values.orders import Order
from daemon.core.values.signals import Signal
from daemon.core.values.states import KEY_FREE, State
from daemon.core.verbs.operator import Found, Resolution
from daemon.errors import KeyConflict
from tests.core.bench import Bench
from tests.core.making import NOON_MS, RULES, order, placed, query, refused, report, request, rules, signal, unclear

ONE = {"type": "LIMIT", "quantity": 1, "price": 10}


def identity(asked: Signal, *, per_symbol: bool = False, one_buy_per_target: bool = False) -> Identity:
    return identity_of(asked, per_symbol=per_symbol, one_buy_per_target=one_buy_per_target)


def derived(asked: Signal) -> str:
    return identity(asked).keys[-1]


# What makes two signals the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"symbol": "FOOUSDT"}, {"symbol": " foousdt "}),
        ({"side": "BUY"}, {"side": "buy"}),
        ({"type": "IMMEDIATE_OR_CANCEL"}, {"type": "ioc"}),
        ({"quantity": "1"}, {"quantity": "1.00"}),
        ({"price": "0.00001"}, {"price": "1E-5"}),
        ({"owner_id": 7}, {"owner_id": "7"}),
        ({"snipe_target_id": 7}, {"snipe_target_id": "7"}),
    ],
    ids=[
        "case and blanks of the symbol",
        "case of the side",
        "alias of the type",
        "zeros",
        "exponent",
        "owner",
        "target",
    ],
)
def test_two_spellings_of_one_signal_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = signal(**decimals(ONE | one)), signal(**decimals(ONE | other))
    assert fingerprint_of(first) == fingerprint_of(second)
    assert derived(first) == derived(second)


@pytest.mark.parametrize(
    "difference",
    [
        {"symbol": "BARUSDT"},
        {"side": "SELL"},
        {"type": "IOC"},
        {"quantity": 2},
        {"price": 11},
        {"owner_id": "bert"},
        {"snipe_target_id": "t1"},
        {"type": "MARKET", "price": None},
        {"type": "MARKET", "price": None, "quantity": None, "quote_order_qty": 1},
    ],
    ids=" ".join,
)
def test_a_signal_that_would_trade_something_else_is_another_one(difference: dict[str, Any]) -> None:
    first, second = signal(**decimals(ONE)), signal(**decimals(ONE | difference))
    assert fingerprint_of(first) != fingerprint_of(second)
    assert derived(first) != derived(second)


@pytest.mark.parametrize(
    "difference",
    [
        {"execute_at": NOON_MS + 1_000},
        {"deadline_ms": 77},
        {"priority": 9},
        {"timeout_ms": 777},
        {"allow_repeat": True},
    ],
    ids=" ".join,
)
def test_time_and_priority_do_not_make_another_signal(difference: dict[str, Any]) -> None:
    """A broadcast that arrives again with a fresh instant is still the same signal."""
    first, second = signal(), signal(**difference)
    assert fingerprint_of(first) == fingerprint_of(second)
    assert derived(first) == derived(second)


def test_a_cap_is_a_part_of_the_fingerprint() -> None:
    caps: list[dict[str, Any]] = [
        {},
        {"max_price": Decimal(2)},
        {"slippage_percent": Decimal(2)},
        {"max_price": Decimal(3)},
    ]
    assert len({fingerprint_of(signal(**cap)) for cap in caps}) == len(caps)


def test_a_fingerprint_is_a_sha_256_and_never_changes() -> None:
    """It is stored on disk: another formula would make every earlier signal unknown."""
    assert fingerprint_of(signal()) == "3218ed07d73bbf369923d4fa3978522e853d1e50de3a46c0fdd7ae0fbfd6518b"


def test_a_resource_has_the_bots_own_form() -> None:
    assert identity(signal(snipe_target_id=7)).resource == "trade:FOOUSDT:BUY:7"
    assert identity(signal(side="SELL")).resource == "trade:FOOUSDT:SELL:manual"
    assert identity(signal(side="SELL"), per_symbol=True).resource == "trade:FOOUSDT"


# Which key, and for how long


def test_the_callers_key_is_used_unchanged() -> None:
    assert identity(signal(idempotency_key="launch-7")).keys == ("launch-7",)


def test_a_missing_key_is_derived() -> None:
    assert identity(signal()).key.startswith("derived:")
    assert identity(signal(side="SELL", snipe_target_id="7")).key.startswith("derived:")


@pytest.mark.parametrize("changes", [{}, {"snipe_target_id": "7"}, {"side": "SELL", "snipe_target_id": "7"}], ids=str)
def test_a_key_does_not_depend_on_a_setting(changes: dict[str, Any]) -> None:
    identities = [
        identity(signal(**changes), per_symbol=per_symbol, one_buy_per_target=polled)
        for per_symbol in (False, True)
        for polled in (False, True)
    ]
    assert len({(each.key, each.keys) for each in identities}) == 1


def test_the_forms_that_earlier_versions_derived_are_known() -> None:
    """They are stored on disk: if one of them is missing, a known signal becomes a new one after an upgrade."""
    assert identity(signal(snipe_target_id="7")).keys == (
        "target:7",
        "derived:f3aa0b973144e1f99c3a9b51bd664b0058057efc2c2bfdf5169a8935d95bfd0f",
        "derived:735cedcc03d715721dd0bbfb6ba7d4fe693a345b34d69695d43d9023ca892709",
    )


def test_a_buy_with_the_targets_key_is_the_targets_buy() -> None:
    given = identity(signal(snipe_target_id="7", idempotency_key="target:7"))
    implied = identity(signal(snipe_target_id="7"), one_buy_per_target=True)
    assert (given.key, given.keys, given.second_key) == (implied.key, implied.keys, None)


def test_a_key_of_the_callers_or_of_a_targets_buy_counts_for_ever() -> None:
    assert key_until_ms(identity(signal(idempotency_key="launch-7")), NOON_MS, 60_000) is None
    assert key_until_ms(identity(signal(snipe_target_id="t1")), NOON_MS, 60_000) is None


@pytest.mark.parametrize("changes", [{}, {"side": "SELL"}, {"side": "SELL", "snipe_target_id": "t1"}], ids=str)
def test_any_other_key_counts_for_a_short_window(changes: dict[str, Any]) -> None:
    assert key_until_ms(identity(signal(**changes)), NOON_MS, 60_000) == NOON_MS + 60_000


# What a known key means


def known(state: State, **changes: Any) -> Order:
    return order(state, key_bound=state not in KEY_FREE, fingerprint="f", **changes)


def wish(fingerprint: str = "f", *, ends: bool = False) -> Identity:
    return msgspec.structs.replace(identity(signal()), fingerprint=fingerprint, ends=ends)


def test_an_unused_key_is_free() -> None:
    assert claim(None, wish(), NOON_MS, 10) is Claim.NEW


@pytest.mark.parametrize("state", sorted(KEY_FREE))
def test_a_key_is_free_again_when_its_order_was_not_placed(state: State) -> None:
    assert claim(known(state), wish(), NOON_MS, 10) is Claim.NEW
    assert claim(known(state), wish("g"), NOON_MS, 10) is Claim.NEW


@pytest.mark.parametrize("state", sorted(set(State) - KEY_FREE))
def test_the_key_of_an_order_that_was_or_may_be_placed_answers_with_it(state: State) -> None:
    assert claim(known(state), wish(), NOON_MS, 10) is Claim.REPLAY
    assert claim(known(state), wish("g"), NOON_MS, 10) is Claim.CONFLICT


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"finished_ms": NOON_MS}, Claim.NEW),
        ({"finished_ms": None}, Claim.REPLAY),
        ({"finished_ms": NOON_MS, "executed_quantity": Decimal(1)}, Claim.REPLAY),
    ],
    ids=["nothing executed", "not seen so again yet", "something executed"],
)
def test_a_key_is_free_again_when_its_order_ended_empty(changes: dict[str, Any], verdict: Claim) -> None:
    """An order of an earlier version, whose key is still bound; later versions free the key at the end of the order."""
    assert claim(known(State.CANCELED, **changes), wish(), NOON_MS, 10) is verdict


@pytest.mark.parametrize(
    ("now_ms", "changes", "verdict"),
    [
        (NOON_MS + 10, {"finished_ms": NOON_MS}, Claim.REPLAY),
        (NOON_MS + 11, {"finished_ms": NOON_MS}, Claim.NEW),
        (NOON_MS + 11, {"finished_ms": None}, Claim.REPLAY),
        (NOON_MS + 30, {"finished_ms": NOON_MS + 20, "key_until_ms": None}, Claim.REPLAY),
        (NOON_MS + 31, {"finished_ms": NOON_MS + 20, "key_until_ms": None}, Claim.NEW),
    ],
    ids=[
        "in its last millisecond",
        "after it",
        "after it, with an unfinished order",
        "of an earlier version's sell, in its last millisecond",
        "of an earlier version's sell, after it",
    ],
)
def test_a_window_ends_for_finished_orders_only(now_ms: int, changes: dict[str, Any], verdict: Claim) -> None:
    in_window = known(State.FILLED, **({"key_until_ms": NOON_MS + 10} | changes))
    assert claim(in_window, wish(ends=True), now_ms, 10) is verdict
    assert claim(in_window, wish(ends=False), now_ms, 10) is Claim.REPLAY, "a key that was brought counts for ever"


# Which order answers a signal after the configuration changed


SETTINGS = [(scope, polled) for scope in ("target", "symbol") for polled in (False, True)]


@pytest.mark.parametrize("before", SETTINGS, ids=str)
@pytest.mark.parametrize("after", SETTINGS, ids=str)
@pytest.mark.parametrize(
    "changes", [{"snipe_target_id": "7"}, {"side": "SELL", "quantity": Decimal(1), "snipe_target_id": "7"}, {}], ids=str
)
def test_a_known_signal_stays_known_when_the_configuration_changes(
    before: tuple[str, bool], after: tuple[str, bool], changes: dict[str, Any]
) -> None:
    bench = Bench(rules(locks={"scope": before[0]}, poller={"enabled": before[1]}))
    first = bench.submit(**changes)
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.rules = rules(locks={"scope": after[0]}, poller={"enabled": after[1]})
    bench.crash()
    bench.open()
    (again,) = bench.submit_all([request(**changes)])
    assert (again.replayed, again.order.order_id) == (True, first.order_id)


@pytest.mark.parametrize("form", range(3))
def test_an_order_is_known_by_every_form_of_its_key(form: int) -> None:
    """An earlier version's order has the form that its configuration derived."""
    bench = Bench()
    first = bench.submit(snipe_target_id="7")
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.crash()
    old = bench.disk.orders[first.order_id]
    bench.disk.orders[first.order_id] = msgspec.structs.replace(
        old, key=identity(signal(snipe_target_id="7")).keys[form]
    )
    bench.crash()
    bench.open()
    for asked in (request(snipe_target_id="7"), request(snipe_target_id="7", idempotency_key="target:7")):
        (again,) = bench.submit_all([asked])
        assert again.replayed


def test_other_amounts_for_a_target_are_another_signal_unless_targets_are_polled() -> None:
    bench = Bench()
    first = bench.submit(snipe_target_id="7")
    second = bench.submit(snipe_target_id="7", quote_order_qty=Decimal(11))
    assert first.key == "target:7"
    assert second.key.startswith("derived:")
    assert bench.submit(snipe_target_id="7", quote_order_qty=Decimal(11)).order_id == second.order_id
    bench.state.set_rules(rules(poller={"enabled": True}))
    assert bench.submit(snipe_target_id="7", quote_order_qty=Decimal(11)).order_id == second.order_id
    with pytest.raises(KeyConflict, match=first.order_id):
        bench.submit(snipe_target_id="7", quote_order_qty=Decimal(12))


def test_other_amounts_for_a_target_in_one_batch_are_separate_orders() -> None:
    bench = Bench()
    asked = [request(snipe_target_id="7", quote_order_qty=Decimal(quote)) for quote in (10, 11, 10, 11)]
    taken = bench.submit_all(asked)
    assert [each.replayed for each in taken] == [False, False, True, True]
    assert [each.order.key[:7] for each in taken] == ["target:", "derived", "target:", "derived"]
    bench.state.set_rules(rules(poller={"enabled": True}))
    with pytest.raises(KeyConflict, match="in one batch"):
        bench.submit_all([request(snipe_target_id="8", quote_order_qty=Decimal(quote)) for quote in (10, 11)])


# A key that ends


LADDER: dict[str, Any] = {"side": "SELL", "quantity": Decimal(1), "snipe_target_id": "t1"}


def test_an_equal_sell_is_a_retry_until_a_window_after_the_end_of_the_first_and_then_a_new_order() -> None:
    bench = Bench()
    first = bench.submit(**LADDER)
    bench.send_next(placed())
    bench.pass_time(10 * RULES.config.queue.manual_window_ms)
    assert bench.submit(**LADDER).order_id == first.order_id, "it has not ended"
    bench.query(first, query(report(State.FILLED, "1")))
    bench.settle()
    bench.pass_time(RULES.config.queue.manual_window_ms)
    (again,) = bench.submit_all([request(**LADDER)])
    assert (again.replayed, again.order.order_id) == (True, first.order_id)
    bench.pass_time(1)
    (step,) = bench.submit_all([request(**LADDER)])
    assert not step.replayed
    assert step.order.key == first.key
    bench.settle()
    assert not bench.disk.orders[first.order_id].key_bound


def test_a_targets_buy_is_never_bought_again() -> None:
    bench = Bench()
    first = bench.submit(snipe_target_id="t1")
    bench.query(bench.send_next(placed()), query(report(State.FILLED, "4")))
    bench.settle()
    bench.pass_time(1_000 * RULES.config.queue.manual_window_ms)
    assert bench.submit(snipe_target_id="t1").order_id == first.order_id


# A key whose order ended empty


def cancelled(bench: Bench, **changes: Any) -> Order:
    """Place an order that the exchange shows as cancelled with nothing executed, once so far."""
    order = bench.submit(**changes)
    bench.send_next(placed())
    order = bench.query(order, query(report(State.CANCELED)))
    bench.settle()
    return order


def confirmed(bench: Bench, order: Order) -> Order:
    for _ in CONFIRM_MS:
        order = bench.query(order, query(report(State.CANCELED)))
    bench.settle()
    return bench.order(order)


def test_the_last_search_for_an_order_that_ended_empty_queries_its_fills_before_the_key_is_free() -> None:
    bench = Bench()
    order = cancelled(bench, snipe_target_id="t1")
    shown = query(report(State.CANCELED))
    assert further_source(order, bench.state.searches[order.order_id], [shown]) is None
    order = bench.query(order, shown)
    assert further_source(order, bench.state.searches[order.order_id], [shown]) is Source.MY_TRADES
    fills = query(report(State.PARTIALLY_FILLED, "4"), source=Source.MY_TRADES)
    order = bench.query(order, shown, fills)
    assert (order.state, order.executed_quantity, order.key_bound) == (State.PARTIALLY_CANCELED, Decimal(4), True)
    assert bench.submit(snipe_target_id="t1").order_id == order.order_id


def test_a_key_stays_bound_for_some_minutes_while_the_fills_of_an_order_that_ended_empty_cannot_be_queried() -> None:
    bench = Bench()
    order = bench.query(cancelled(bench, snipe_target_id="t1"), query(report(State.CANCELED)))
    unread = query(source=Source.MY_TRADES, failed=True)
    attempts = 1
    while order.key_bound:
        assert order.finished_ms is None
        order = bench.query(order, query(report(State.CANCELED)), unread)
        attempts += 1
    assert attempts == SUM_ATTEMPTS + 1, "a key that may not read fills keeps no order unfinished for ever"


@pytest.mark.parametrize("changes", [{"snipe_target_id": "t1"}, {"idempotency_key": "k"}, {}], ids=str)
def test_the_same_signal_is_a_new_order_once_the_exchange_showed_again_that_nothing_was_executed(
    changes: dict[str, Any],
) -> None:
    bench = Bench()
    first = cancelled(bench, **changes)
    assert bench.submit(**changes).order_id == first.order_id, "a fill may follow a cancel"
    first = confirmed(bench, first)
    assert not first.key_bound
    assert [event.name for event in bench.events(first)][-1] == "order.key_freed"
    (again,) = bench.submit_all([request(**changes)])
    assert not again.replayed
    assert again.order.key == first.key


def test_a_fill_that_follows_the_cancel_keeps_the_key() -> None:
    bench = Bench()
    first = cancelled(bench, snipe_target_id="t1")
    first = bench.query(first, query(report(State.PARTIALLY_CANCELED, "1")))
    for _ in CONFIRM_MS:
        first = bench.query(first, query(report(State.PARTIALLY_CANCELED, "1")))
    assert (first.finished_ms, first.key_bound) == (bench.now_ms, True)
    assert bench.submit(snipe_target_id="t1").order_id == first.order_id


def test_an_order_that_ended_empty_and_is_found_filled_after_all_is_reported_and_has_its_key_again() -> None:
    bench = Bench()
    first = cancelled(bench, snipe_target_id="t1")
    bench.query(first, query(report(State.CANCELED)))
    bench.state.searches.running.add(first.order_id)  # a search that began before the last one ended
    bench.query(first, query(report(State.CANCELED)))
    bench.state.searches.running.add(first.order_id)
    late = bench.query(first, query(report(State.FILLED, "1")))
    assert (late.state, late.key_bound) == (State.FILLED, True)
    assert [event.name for event in bench.events(late)][-1] == "order.seen_late"


# Keys when memory and disk differ


def test_an_order_found_after_it_was_resolved_as_not_placed_has_its_key_again_whatever_is_on_disk() -> None:
    """The search was running when the operator resolved the order; the resolution is not on disk yet when it ends."""
    bench = Bench()
    placed_order = bench.submit()
    bench.send_next(unclear())
    bench.settle()
    bench.pass_time(12_000)
    assert bench.state.searches.due(bench.now_ms) is not None
    bench.resolve(placed_order, Found(resolution=Resolution.NOT_PLACED))
    seen = bench.query(placed_order, query(report()))
    assert (seen.state, seen.key_bound) == (State.OPEN, True)
    bench.settle()
    assert bench.submit().order_id == placed_order.order_id


def test_a_key_that_memory_has_freed_is_free_whatever_is_on_disk() -> None:
    """A dead letter can be requeued as soon as the order that had taken its key is withdrawn."""
    bench = Bench()
    dead = bench.submit(idempotency_key="k")
    bench.send_next(refused(Advice.DEAD_LETTER))
    newer = bench.submit(idempotency_key="k", execute_at=bench.now_ms + 60_000)
    bench.settle()
    bench.withdraw(newer)
    assert bench.disk.by_key("k") == newer
    assert bench.state.orders.by_key("k") is None
    assert bench.requeue(dead).key_bound
    bench.settle()


def decimals(fields: dict[str, Any]) -> dict[str, Any]:
    """Parse amounts as the API does: exactly, from digits."""
    amounts = {"quantity", "price", "quote_order_qty"}
    return {name: Decimal(value) if name in amounts and value is not None else value for name, value in fields.items()}
