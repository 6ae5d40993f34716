"""The judge of a fleet: it finds each broken promise in what really happened, and nothing where none is broken."""

from typing import Any

from msgspec.structs import replace

from daemon.core.state.trading_state import BACKOFF_FACT
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.fleet.entries import Body, Takeover, encode
from daemon.fleet.port import Entry, Lease, Position, next_entry
from tests.core import making
from tests.simulation.fleet.schedule import NEWER, OLDER
from tests.simulation.fleet.verdict import KINDS, Admission, Records, judge, waits


def log(*bodies: Body) -> list[Entry]:
    """Make a log of bodies; each takeover begins an epoch."""
    entries, position, epoch = list[Entry](), Position(), 0
    for body in bodies:
        epoch += body.takeover is not None
        entries.append(next_entry(position, epoch=epoch, at_ms=0, body=encode(body)))
        position = entries[-1].position
    return entries


def takeover(reason: str = "the former owner's lease had ended") -> Body:
    return Body(takeover=Takeover("id", "name", 0, reason))


def an_order(number: int, state: State = State.OPEN, **changes: Any) -> Order:
    changes = {"key": f"key-{number}", "fingerprint": f"print-{number}"} | changes
    return making.order(state, order_id=making.an_id(number), seq=number, **changes)


def sent(*orders: Order) -> Body:
    """Make the body in which orders are sent."""
    moved = [replace(order, state=State.IN_FLIGHT, attempts=1) for order in orders]
    attempts = [making.attempt(order_id=order.order_id, client_order_id=f"{order.order_id}-1") for order in orders]
    return Body(orders=moved, attempts=attempts)


def in_book(*orders: Order) -> list[dict[str, Any]]:
    return [{"clientOrderId": f"{order.order_id}-1"} for order in orders]


def kinds(entries: list[Entry], book: list[dict[str, Any]], records: Records | None = None) -> set[str]:
    found = judge(entries, book, records or Records()).broken
    assert found.keys() <= set(KINDS)
    return set(found)


def test_what_was_placed_once_and_is_known_breaks_nothing() -> None:
    first, second = an_order(1), an_order(2)
    records = Records()
    records.acknowledged = {1: {first.order_id}, 2: {second.order_id}}
    assert kinds(log(takeover(), Body(orders=[first, second])), in_book(first, second), records) == set()


def test_two_orders_of_a_key_are_found() -> None:
    first, second = an_order(1), an_order(2, key="key-1")
    assert kinds(log(Body(orders=[first, second])), in_book(first, second)) == {"a key with two orders"}
    assert kinds(log(Body(orders=[first, second])), in_book(first)) == set()


def test_an_acknowledged_signal_that_the_log_lacks_is_found() -> None:
    records = Records()
    records.acknowledged = {7: {an_order(7).order_id}}
    assert kinds(log(), [], records) == {"an acknowledged signal is missing"}


def test_an_order_that_the_log_does_not_know_or_denies_is_found() -> None:
    order = an_order(1)
    assert kinds(log(), in_book(order)) == {"an order in the book is not in the log"}
    denied = replace(order, state=State.REJECTED)
    assert kinds(log(Body(orders=[denied])), in_book(order)) == {"an order in the book is denied by the log"}


def test_an_order_that_still_waits_is_found() -> None:
    waits = an_order(1, State.QUEUED)
    assert kinds(log(Body(orders=[waits])), []) == {"an order was not sent by the end"}
    turned_away = {BACKOFF_FACT: "HTTP 503"}
    assert kinds(log(Body(orders=[waits], facts=turned_away)), []) == set()
    assert kinds(log(Body(facts=turned_away), Body(orders=[waits], facts={BACKOFF_FACT: ""})), []) != set()


def test_a_schedule_goes_on_while_an_order_waits_or_is_in_flight() -> None:
    assert waits(log(Body(orders=[an_order(1), an_order(2, State.QUEUED)])))
    assert waits(log(Body(orders=[an_order(1, State.IN_FLIGHT)])))
    assert not waits(log(Body(orders=[an_order(1, State.IN_FLIGHT)]), Body(orders=[an_order(1)])))


def test_an_error_of_the_schedule_itself_is_found() -> None:
    records = Records()
    records.errors.append("IndexError()")
    assert kinds(log(), [], records) == {"a bot, a blow or a machine ended by an error"}


def test_a_buy_that_passed_a_waiting_sell_is_found() -> None:
    buy, sell = an_order(1, State.QUEUED), an_order(2, State.QUEUED, side=Side.SELL)
    waiting, end = Body(orders=[buy, sell]), Body(orders=[an_order(1), an_order(2, side=Side.SELL)])
    assert kinds(log(waiting, takeover(), sent(buy), sent(sell), end), []) == {"a BUY was sent before a SELL"}
    assert kinds(log(waiting, takeover(), sent(sell, buy), end), []) == set()
    assert kinds(log(waiting, takeover(), sent(sell), sent(buy), end), []) == set()


def test_an_admission_after_the_lease_is_found() -> None:
    order, records = an_order(1), Records()
    records.lease_set(Lease("a", 1, 5_000))
    records.lease_set(Lease("a", 1, 6_000))
    records.lease_set(Lease("a", 1, 0))  # handed over: what it had sent may be admitted until then
    records.admitted = [Admission("x-1", 1, 6_000)]
    assert kinds(log(Body(orders=[order])), [], records) == set()
    records.admitted = [Admission("x-1", 1, 6_001)]
    assert kinds(log(Body(orders=[order])), [], records) == {"an order was admitted after its lease"}


def test_an_admission_after_a_successors_is_found_unless_that_one_did_not_wait() -> None:
    records = Records()
    records.ends_ms = {1: 9_000, 2: 9_000}
    records.admitted = [Admission("a-1", 1, 1), Admission("b-1", 2, 2), Admission("c-1", 1, 3)]
    assert kinds(log(takeover(), takeover()), [], records) == {"an order was admitted after a successor's"}
    assert kinds(log(takeover(), takeover("by force")), [], records) == set()


def test_an_owner_that_cannot_read_the_log_before_it_is_found() -> None:
    entries = log(takeover(), takeover(), Body(format=NEWER), takeover(), takeover())
    records = Records()
    for entry, reads in zip((entries[0], entries[1], entries[4]), (OLDER, NEWER, NEWER), strict=True):
        records.asked(entry, reads)
    assert kinds(entries, [], records) == set()
    records.asked(entries[3], OLDER)
    assert kinds(entries, [], records) == {"a member owned a log that it cannot read"}


def test_an_order_that_leaves_after_halt_was_answered_is_found() -> None:
    records = Records()
    records.left("before-1", 2)
    records.halted_by = 2
    records.left("a former owner's-1", 1)
    assert kinds(log(), [], records) == set()
    records.left("after-1", 3)
    assert kinds(log(), [], records) == {"an order left after halt was answered"}
