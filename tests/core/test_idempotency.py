"""Idempotency: which signals are the same wish, and what a key means for the next one that brings it."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.answers import Advice
from daemon.core.idempotency import Claim, claim, fingerprint_of, key_of, key_until_ms, resource_of
from daemon.core.orders import KEY_FREE, Order, State
from daemon.core.rulings import Found, Ruling
from daemon.core.signals import Signal
from tests.core.bench import Bench
from tests.core.making import NOON_MS, look, order, refused, sighting, signal, unclear

ONE = {"type": "LIMIT", "quantity": 1, "price": 10}


def derived(asked: Signal) -> str:
    return key_of(asked, resource_of(asked, per_symbol=False), fingerprint_of(asked))


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
def test_two_spellings_of_one_wish_are_one_wish(one: dict[str, Any], other: dict[str, Any]) -> None:
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
def test_whatever_would_be_traded_otherwise_is_another_wish(difference: dict[str, Any]) -> None:
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
def test_when_and_how_urgently_does_not_make_another_wish(difference: dict[str, Any]) -> None:
    """A broadcast that arrives again with a fresh instant is still the same wish."""
    first, second = signal(), signal(**difference)
    assert fingerprint_of(first) == fingerprint_of(second)
    assert derived(first) == derived(second)


def test_a_fingerprint_is_a_sha_256_and_stays_what_it_was() -> None:
    """It stands on disk: another recipe would make strangers of all signals that came before it."""
    assert fingerprint_of(signal()) == "3218ed07d73bbf369923d4fa3978522e853d1e50de3a46c0fdd7ae0fbfd6518b"


def test_a_resource_has_the_bots_own_form() -> None:
    assert resource_of(signal(snipe_target_id=7), per_symbol=False) == "trade:FOOUSDT:BUY:7"
    assert resource_of(signal(side="SELL"), per_symbol=False) == "trade:FOOUSDT:SELL:manual"
    assert resource_of(signal(side="SELL"), per_symbol=True) == "trade:FOOUSDT"


# Which key, and for how long


def test_the_callers_key_is_taken_as_it_is() -> None:
    assert derived(signal(idempotency_key="launch-7")) == "launch-7"


def test_a_key_that_nobody_brought_is_derived() -> None:
    assert derived(signal()).startswith("derived:")


def test_a_key_of_the_callers_or_of_a_target_counts_for_ever() -> None:
    assert key_until_ms(signal(idempotency_key="launch-7"), NOON_MS, 60_000) is None
    assert key_until_ms(signal(snipe_target_id="t1"), NOON_MS, 60_000) is None


def test_any_other_key_counts_for_a_short_window() -> None:
    assert key_until_ms(signal(), NOON_MS, 60_000) == NOON_MS + 60_000


# What a known key means


def known(state: State, **changes: Any) -> Order:
    return order(state, key_bound=state not in KEY_FREE, fingerprint="f", **changes)


def test_a_key_that_nobody_has_is_free() -> None:
    assert claim(None, "f", NOON_MS) is Claim.NEW


@pytest.mark.parametrize("state", sorted(KEY_FREE))
def test_a_key_is_free_again_when_its_order_was_not_placed(state: State) -> None:
    assert claim(known(state), "f", NOON_MS) is Claim.NEW
    assert claim(known(state), "g", NOON_MS) is Claim.NEW


@pytest.mark.parametrize("state", sorted(set(State) - KEY_FREE))
def test_the_key_of_an_order_that_was_or_may_be_placed_answers_with_it(state: State) -> None:
    assert claim(known(state), "f", NOON_MS) is Claim.REPLAY
    assert claim(known(state), "g", NOON_MS) is Claim.CONFLICT


@pytest.mark.parametrize(
    ("now_ms", "finished_ms", "verdict"),
    [
        (NOON_MS + 10, NOON_MS, Claim.REPLAY),
        (NOON_MS + 11, NOON_MS, Claim.NEW),
        (NOON_MS + 11, None, Claim.REPLAY),
    ],
    ids=["in its last millisecond", "after it", "after it, with an unfinished order"],
)
def test_a_window_ends_for_finished_orders_only(now_ms: int, finished_ms: int | None, verdict: Claim) -> None:
    in_window = known(State.FILLED, key_until_ms=NOON_MS + 10, finished_ms=finished_ms)
    assert claim(in_window, "f", now_ms) is verdict


# Keys in a ledger, where memory and disk know different things


def test_an_order_seen_after_it_was_ruled_out_has_its_key_again_whatever_the_disk_knows() -> None:
    """The look was under way when a person vouched; the ruling is not on disk yet when it ends."""
    bench = Bench()
    placed_order = bench.submit()
    bench.send_next(unclear())
    bench.settle()
    assert bench.ledger.due_look(bench.now_ms) is not None
    bench.rule(placed_order, Found(ruling=Ruling.NOT_PLACED))
    seen = bench.look(placed_order, look(sighting()))
    assert (seen.state, seen.key_bound) == (State.OPEN, True)
    bench.settle()
    assert bench.submit().order_id == placed_order.order_id


def test_a_key_that_memory_has_let_go_belongs_to_nobody_whatever_the_disk_knows() -> None:
    """A dead letter can go back as soon as the order that had taken its place is withdrawn."""
    bench = Bench()
    dead = bench.submit(idempotency_key="k")
    bench.send_next(refused(Advice.DEAD_LETTER))
    newer = bench.submit(idempotency_key="k", execute_at=bench.now_ms + 60_000)
    bench.settle()
    bench.withdraw(newer)
    assert bench.disk.by_key("k") == newer
    assert bench.ledger.by_key("k") is None
    assert bench.requeue(dead).key_bound
    bench.settle()


def decimals(fields: dict[str, Any]) -> dict[str, Any]:
    """Read amounts as the wire does: exactly, from digits."""
    amounts = {"quantity", "price", "quote_order_qty"}
    return {name: Decimal(value) if name in amounts and value is not None else value for name, value in fields.items()}
