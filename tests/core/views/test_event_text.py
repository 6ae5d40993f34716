"""Events in words: a line for each event of the catalogue, words of its own for a trade, and no broken line."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.values.events import BOUND_KEYS, CATALOGUE, Event, Level
from daemon.core.values.states import State
from daemon.core.views.event_text import EventText, event_text, shown_level

AT_MS = 1_760_000_000_123
ORDER = "01M81Y2MZRN8P5YEHEBN2DHAV6"
BUY, WHOLE = "trade:BTCUSDT:BUY:manual", "trade:BTCUSDT"
FILL: dict[str, Any] = {"executed_quantity": "0.000249", "executed_quote": "23.80462161", "after_ms": 8, "side": "BUY"}


def at(ms: int) -> str:
    return f"<{ms - AT_MS:+}>"


def text(
    name: str,
    *,
    state: State | None = None,
    resource: str | None = None,
    actor: str = "daemon",
    order_id: str | None = None,
    **detail: Any,
) -> EventText:
    is_order = name.startswith("order.")
    event = Event(
        name=name,
        at_ms=AT_MS,
        actor=actor,
        order_id=ORDER if is_order else order_id,
        resource=resource or (BUY if is_order else None),
        state=state,
        detail=detail,
    )
    return event_text(event, at)


def line(name: str, **given: Any) -> str:
    found = text(name, **given)
    return f"{found.title}|{found.rest}"


# --- events about trades


def test_an_accepted_order_says_what_it_asks_for_when_and_for_whom() -> None:
    pair: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    detail = pair | {"quote_quantity": "25", "owner_id": "bot"}
    assert line("order.accepted", actor="uid:1000", **detail) == (
        f"ACCEPTED|BUY BTCUSDT for 25 USDT, owner bot, order {ORDER}"
    )
    timed = detail | {"symbol": "FOOEUR", "quote_asset": "EUR", "execute_at_ms": AT_MS + 5_000, "owner_id": None}
    assert line("order.accepted", **timed) == f"ACCEPTED|BUY FOOEUR for 25 EUR, at <+5000>, order {ORDER}"
    limit = pair | {"side": "SELL", "type": "LIMIT", "quantity": "0.5", "price": "200000"}
    assert line("order.accepted", **limit) == f"ACCEPTED|SELL 0.5 BTCUSDT at 200000 or better, order {ORDER}"


def test_a_fill_says_what_was_traded_and_how_long_after_its_signal() -> None:
    found = text("order.seen", state=State.FILLED, **FILL)
    assert (found.title, found.rest) == ("FILLED", "BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (8 ms)")
    assert found.is_good
    assert line("order.seen", state=State.PARTIALLY_FILLED, **FILL | {"after_ms": 90_000}) == (
        "PARTLY FILLED|BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (1.5 min)"
    )
    unknown: dict[str, Any] = FILL | {"executed_quote": None}
    assert line("order.seen", state=State.FILLED, **unknown) == "FILLED|BUY BTCUSDT 0.000249, price unknown (8 ms)"


@pytest.mark.parametrize(
    ("state", "detail", "shown"),
    [
        (State.OPEN, {"executed_quantity": "0", "after_ms": 8}, "OPEN|BUY BTCUSDT, it rests on the exchange"),
        (State.CANCELED, {"executed_quantity": "0"}, "CANCELED|BUY BTCUSDT, nothing was filled"),
        (State.PARTIALLY_CANCELED, FILL | {"after_ms": None},
         "CANCELED|BUY BTCUSDT after 0.000249 @ 95600.89 = 23.80 USDT"),
        (State.FILLED, {}, "FILLED|BUY BTCUSDT"),
        (State.PARTIALLY_FILLED, {}, "PARTLY FILLED|BUY BTCUSDT"),
        (None, {}, "SEEN|BUY BTCUSDT"),
    ],
)  # fmt: skip
def test_what_a_query_found(state: State | None, detail: dict[str, Any], shown: str) -> None:
    assert line("order.seen", state=state, **detail) == shown
    assert not text("order.seen", state=State.CANCELED, **detail).is_good


def test_the_side_is_its_own_where_the_resource_names_none() -> None:
    assert line("order.seen", state=State.CANCELED, resource=WHOLE, side="SELL") == (
        "CANCELED|SELL BTCUSDT, nothing was filled"
    )
    assert line("order.placed", resource=WHOLE) == "PLACED|BTCUSDT"
    assert line("order.placed", resource="vault:1") == "PLACED|"
    assert line("order.placed", resource="trade:A:B:C") == "PLACED|A"


def test_the_other_steps_of_an_order() -> None:
    assert line("order.placed", exchange_order_id="C02__1", took_ms=7) == "PLACED|BUY BTCUSDT as C02__1 (7 ms)"
    assert line("order.armed", fire_ms=AT_MS + 1) == "ARMED|BUY BTCUSDT, leaves at <+1>"
    assert line("order.sent", attempt=2) == "SENT|BUY BTCUSDT, attempt 2"
    assert line("order.replayed", actor="uid:1") == (
        "REPEATED|BUY BTCUSDT: the signal came again, and is the same order"
    )
    assert line("order.rejected", reason="30004: no\nbalance") == (
        f"REJECTED|BUY BTCUSDT: 30004: no balance, order {ORDER}"
    )
    assert line("order.lost", reason="not found") == f"LOST|BUY BTCUSDT: not found, order {ORDER}"
    assert line("order.withdrawn", reason="changed", actor="uid:0") == "WITHDRAWN|BUY BTCUSDT: changed, by uid:0"
    assert line("order.refitted", quantity="0.1", price=None).endswith(
        f"refused for its amounts (quantity 0.1), order {ORDER}"
    )
    assert line("order.seen_late", state=State.FILLED, was="dead_letter", **FILL) == (
        "SEEN LATE|: FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT; it counted as dead letter: compare with the "
        f"exchange at once, order {ORDER}"
    )


def test_a_halt_names_its_reason_and_who_did_it() -> None:
    assert line("trading.halted", reason="too hot", actor="uid:0") == "HALTED|: nothing new is sent: too hot, by uid:0"
    assert line("trading.resumed", reason=None) == "RESUMED|: orders are sent again"


# --- other events


def test_other_events_have_their_meaning_and_their_keys() -> None:
    assert line("daemon.ready", signals="/run/s", http=None, status="") == (
        "daemon ready|: the daemon accepts signals (signals /run/s)"
    )
    assert line("exchange.unreachable", error="TimeoutError") == (
        "ERROR exchange unreachable|: the exchange does not answer: TimeoutError"
    )
    assert line("exchange.rate_limited", wait_ms=1_500) == (
        "WARNING exchange rate limited|: the exchange asked to wait (wait 1.5 s)"
    )
    assert line("exchange.turned_away", reason="HTTP 403", next_ms=AT_MS + 5) == (
        "WARNING exchange turned away|: the exchange refused an order at its edge, nothing is sent until <+5>: HTTP 403"
    )
    assert "(symbol FOOUSDT, shown yes, tradable no" in line(
        "listing.changed", symbol="FOOUSDT", shown=True, tradable=False
    )
    assert line("alert.firing", alert="a", severity="warning", summary="s", todo=None, orders="o") == (
        "ALERT|a (warning): s; o"
    )
    assert line("alert.resolved", alert="a", severity="warning", summary="s") == "ALERT OVER|a (warning): s"


def test_leases_are_quiet() -> None:
    assert line("lock.acquired", resource="vault:1", owner_id="bot", expires_ms=AT_MS + 9, actor="uid:3") == (
        "lock|vault:1 granted to bot until <+9>"
    )
    assert line("lock.released", resource="vault:1", failed=True) == "lock|vault:1 released by its owner, which failed"
    assert line("lock.released", resource="vault:1") == "lock|vault:1 released by its owner"
    assert line("lock.expired", resource="vault:1").startswith("WARNING lock expired|vault:1: a lease ended")
    assert text("lock.acquired").is_quiet
    assert text("lock.renewed").is_quiet
    assert not text("lock.expired").is_quiet


def test_an_event_of_a_newer_daemon_has_a_line() -> None:
    assert line("moon.landed", crew=3) == "moon landed|(crew 3)"


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_event_has_a_readable_line_whatever_it_lacks(name: str) -> None:
    bound: dict[str, Any] = dict.fromkeys(BOUND_KEYS - {"actor", "state"}, "b\x1b\n")
    for value in (None, "x\x1b[2J\ny", 7):
        detail: dict[str, Any] = dict.fromkeys(CATALOGUE[name].keys, value)
        found = event_text(Event(name=name, at_ms=AT_MS, detail=detail, **bound), at)
        shown = f"{found.title} {found.rest}"
        assert shown.isprintable()
        assert len(shown) >= 5
        assert "{" not in shown
        assert "None" not in shown


def test_what_people_see_from_which_level_on() -> None:
    assert shown_level("order.sent", Level.INFO) is Level.DEBUG
    assert shown_level("order.placed", Level.INFO) is Level.INFO
    assert shown_level("moon.landed", Level.ERROR) is Level.ERROR


def test_a_long_value_is_cut_but_a_traceback_is_whole() -> None:
    assert line("order.rejected", reason="x" * 5_000).count("x") == 499
    assert line("daemon.failed", error="e", traceback="x" * 5_000).count("x") >= 5_000


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40))


@given(name=st.sampled_from(list(CATALOGUE)), data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_value_breaks_a_line_or_raises(name: str, data: st.DataObject) -> None:
    detail = {key: data.draw(VALUES) for key in CATALOGUE[name].keys}
    state = data.draw(st.sampled_from([None, *State]))
    resource = data.draw(st.one_of(st.none(), st.text(max_size=20), st.just(BUY)))
    found = event_text(Event(name=name, at_ms=AT_MS, resource=resource, state=state, detail=detail), str)
    assert found.title.isprintable()
    assert found.rest.isprintable()
