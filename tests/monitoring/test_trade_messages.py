"""Messages about trades: what each event becomes, the words of the line, and the fields for programs."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.config.tables import Notified
from daemon.core.values.events import Event
from daemon.core.values.orders import OrderType, Side
from daemon.core.values.states import State
from daemon.monitoring.trade_messages import OrderFacts, about_halt, about_order, summary, word_of
from tests.support import making

FILLED = making.order(
    state=State.FILLED,
    executed_quantity=Decimal("0.000249"),
    executed_quote=Decimal("23.80462161"),
    execute_at_ms=making.NOW_MS,
    sent_ms=making.NOW_MS + 8,
)


def event(name: str, state: State | None = None, **detail: Any) -> Event:
    return Event(name=name, at_ms=making.NOW_MS, state=state, detail=detail)


def line(word: Notified, facts: OrderFacts, *, amounts: bool = True, reason: str = "") -> str:
    return about_order(word, event("any", reason=reason), facts, amounts=amounts).text("live")


def facts(**changes: Any) -> OrderFacts:
    """Return the facts of an order that was sent at an instant, with changes."""
    order = making.order(**changes)
    return OrderFacts(order, order.execute_at_ms, "USDT")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (event("order.seen", State.FILLED, was="open"), "filled"),
        (event("order.seen_late", State.FILLED, was="rejected"), "filled"),
        (event("order.seen", State.PARTIALLY_CANCELED, was="open"), "filled"),
        (event("order.seen", State.CANCELED, was="open"), "canceled"),
        (event("order.seen", State.PARTIALLY_FILLED, was="open"), None),
        (event("order.seen", State.FILLED, was="filled"), None),
        (event("order.rejected", State.REJECTED), "rejected"),
        (event("order.dead_letter", State.DEAD_LETTER), "rejected"),
        (event("order.expired", State.EXPIRED, execute_at_ms=None), "expired"),
        (event("order.expired", State.EXPIRED, execute_at_ms=1), "missed"),
        (event("order.lost", State.LOST), "lost"),
        (event("trading.halted", reason="r"), "halted"),
        (event("order.placed", State.OPEN), None),
        (event("order.withdrawn", State.WITHDRAWN), None),
    ],
)
def test_what_an_event_is_about(given: Event, word: str | None) -> None:
    assert word_of(given) == word


def test_a_fill_says_what_was_traded_and_how_long_after_its_instant() -> None:
    found = about_order("filled", event("order.seen"), OrderFacts(FILLED, making.NOW_MS, "USDT"), amounts=True)
    assert found.text("live") == "FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT, 8 ms after its instant"
    assert found.text("paper").endswith(" (paper)")
    assert found.fields() == {
        "notification": "filled",
        "line": found.line,
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.000249",
        "price": "95600.89",
        "value": "23.80462161",
        "quoteAsset": "USDT",
        "afterInstantMs": 8,
    }


def test_a_fill_without_amounts_shows_none() -> None:
    found = about_order("filled", event("order.seen"), OrderFacts(FILLED, making.NOW_MS, "USDT"), amounts=False)
    assert found.line == "FILLED BUY BTCUSDT, 8 ms after its instant"
    assert set(found.fields()) == {"notification", "line", "symbol", "side", "afterInstantMs"}


def test_a_part_a_small_value_an_unknown_price_and_an_early_order() -> None:
    part = facts(state=State.PARTIALLY_CANCELED, executed_quantity=Decimal(3), executed_quote=Decimal("0.000123456"))
    assert line("filled", part) == "PARTLY FILLED BUY BTCUSDT 3 @ 0.000041152 = 0.0001235 USDT"
    unknown = facts(state=State.FILLED, executed_quantity=Decimal(3))
    assert line("filled", unknown) == "FILLED BUY BTCUSDT 3, price unknown"
    early = facts(execute_at_ms=making.NOW_MS, sent_ms=making.NOW_MS - 2, quote_quantity=Decimal("25.50"))
    assert line("canceled", early) == (
        "CANCELED BUY BTCUSDT for 25.5 USDT, 2 ms before its instant: nothing was filled"
    )


def test_what_was_asked_is_shown_where_nothing_was_filled() -> None:
    limit = facts(
        side=Side.SELL, type=OrderType.LIMIT, quantity=Decimal("0.50"), quote_quantity=None, price=Decimal("1E+2")
    )
    assert line("rejected", limit, reason="30004:\n no balance") == (
        "REJECTED SELL 0.5 BTCUSDT at 100 or better: 30004: no balance"
    )
    market = facts(side=Side.SELL, quantity=Decimal("0.50"), quote_quantity=None)
    assert line("expired", market, reason="the deadline passed") == "EXPIRED SELL 0.5 BTCUSDT: the deadline passed"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("rejected", "REJECTED BUY BTCUSDT: it was definitely not executed"),
        ("expired", "EXPIRED BUY BTCUSDT: its deadline passed before it was sent"),
        ("missed", "MISSED BUY BTCUSDT: its instant passed and it was not sent in time"),
        ("lost", "LOST BUY BTCUSDT: no source shows it; `sniperd orders --state lost` names it"),
    ],
)
def test_without_amounts_no_reason_is_quoted(word: Notified, shown: str) -> None:
    given = facts(execute_at_ms=making.NOW_MS, sent_ms=making.NOW_MS)
    assert line(word, given, amounts=False, reason="30005: 25 USDT at 95600.89") == shown


def test_a_halt_says_why_in_one_line_of_bounded_length() -> None:
    assert about_halt(event("trading.halted", reason="a\nrehearsal")).line == (
        "HALTED: the kill switch is on, nothing new is sent: a rehearsal"
    )
    assert len(about_halt(event("trading.halted", reason="x" * 5_000)).line) < 400


def test_a_summary_counts_each_kind() -> None:
    found = summary({"rejected": 1, "filled": 12}, 7)
    assert (found.line, found.name) == ("and 12 more filled, 1 more rejected", "summary")
    assert found.fields()["more"] == {"filled": 12, "rejected": 1}
