"""Events: each is in the catalogue once, with all its keys.

The bench (:mod:`tests.core.bench`) checks in every test, at every decision, that each event is in the catalogue with
no other keys, and that no order changes its state without an event.
"""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from daemon import core
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.events import BOUND_KEYS, CATALOGUE, DAEMON, Event, Kind, Level
from daemon.core.values.states import State
from tests.core.bench import Bench
from tests.core.making import NOON_MS, RULES, order

RECORDED_BY_THE_CORE = re.compile(r"(order|lock|trading)\.[a-z_]+")


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_event_has_a_dotted_name_a_meaning_and_keys_of_its_own(name: str) -> None:
    kind = CATALOGUE[name]
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
    assert kind.meaning
    assert len(set(kind.keys)) == len(kind.keys)
    assert not BOUND_KEYS & set(kind.keys)


def test_events_that_change_an_order_a_lock_or_trading_are_stored_and_others_only_logged() -> None:
    about_itself = {
        "daemon",
        "clock",
        "exchange",
        "store",
        "request",
        "poller",
        "feed",
        "alert",
        "notification",
        "listing",
        "fleet",
    }
    answered_without_a_change = {"order.replayed"}
    told_by_rows_of_their_own = {"lock.acquired", "lock.renewed", "lock.released", "lock.abandoned"}
    logged_only = {name for name, kind in CATALOGUE.items() if not kind.durable}
    caused_by_a_person = {"clock.reset", "exchange.wait_cleared", "fleet.loss_accepted"}
    of_itself = {name for name in CATALOGUE if name.split(".")[0] in about_itself} - caused_by_a_person
    assert logged_only == of_itself | answered_without_a_change | told_by_rows_of_their_own


def test_what_the_operator_must_know_at_once_has_the_highest_level() -> None:
    critical = {name for name, kind in CATALOGUE.items() if kind.level is Level.CRITICAL}
    assert critical == {
        "order.seen_late",
        "order.lost",
        "trading.halted",
        "daemon.failed",
        "fleet.database_doubted",
        "fleet.log_went_back",
    }


def test_levels_are_those_of_the_standard_library() -> None:
    assert {level.name: level.value for level in Level} == {
        "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50,
    }  # fmt: skip


def test_every_name_that_the_core_records_is_in_the_catalogue() -> None:
    """Also a name that no test here records."""
    names = set()
    for path in Path(core.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "record":
                named = {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)}
                names |= {name for name in named if isinstance(name, str) and RECORDED_BY_THE_CORE.fullmatch(name)}
    assert len(names) > 15
    assert names <= CATALOGUE.keys()


@pytest.mark.parametrize("state", [State.REJECTED, State.DEAD_LETTER])
def test_a_final_refusal_has_the_name_of_its_state(state: State) -> None:
    assert CATALOGUE[f"order.{state.value}"].keys == ("reason",)


def test_an_event_carries_what_it_is_about() -> None:
    bench = Bench()
    asked = bench.submit()
    told = bench.events(asked)[-1]
    assert told == Event(
        name="order.sent",
        at_ms=NOON_MS,
        actor=DAEMON,
        order_id=asked.order_id,
        lock_id=asked.lock_id,
        resource=asked.resource,
        client_order_id=asked.client_order_id,
        state=State.IN_FLIGHT,
        detail={"attempt": 1, "token": 1, "waited_ms": 0},
    )
    assert msgspec.json.decode(msgspec.json.encode(told), type=Event) == told


def test_an_event_without_an_order_has_none() -> None:
    bench = Bench()
    bench.halt("too hot")
    (told,) = bench.events()
    assert (told.order_id, told.lock_id, told.resource, told.client_order_id, told.state) == (None,) * 5


def test_amounts_are_written_in_plain_digits() -> None:
    d = Decision(TradingState(RULES, lambda _: (), lambda _: None), NOON_MS)
    asked = order(State.OPEN)
    d.record(
        "order.seen",
        asked,
        executed_quantity=asked.executed_quantity,
        executed_quote=asked.quote_quantity,
    )
    assert d.changes.events[0].detail == {"executed_quantity": "0", "executed_quote": "10"}


def test_an_event_that_is_not_in_the_catalogue_is_refused() -> None:
    with pytest.raises(KeyError):
        Decision(TradingState(RULES, lambda _: (), lambda _: None), NOON_MS).record("order.vanished")


def test_a_kind_is_stored_and_has_no_keys_by_default() -> None:
    assert Kind(Level.INFO, "something happened") == Kind(Level.INFO, "something happened", (), durable=True)
