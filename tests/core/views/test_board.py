"""The board: every unfinished order, in the order in which the operator needs to see them."""

from collections.abc import Generator
from decimal import Decimal

from daemon.core.rules.priority_queue import PIECE
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.states import State
from daemon.core.verbs.lease_queue import first_served
from daemon.core.views.board import Overview, overview
from daemon.core.views.explain import outlook
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, refused, rules, unclear
from tests.support.steps import at_once


def seen(bench: Bench, limit: int = 100) -> Overview:
    return at_once(overview(bench.state, bench.now_ms, limit))


def ids(found: Overview) -> list[str]:
    return [standing.order.order_id for standing in found.standings]


def test_without_orders_the_board_is_empty() -> None:
    assert seen(Bench()) == Overview(standings=[], unshown=0, queue=[])


def test_orders_in_doubt_come_first_then_those_in_flight_then_waiting_then_resting_ones() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(symbol="AAUSDT")
    rests = bench.send_next(placed())
    bench.submit(symbol="BBUSDT")
    doubted = bench.send_next(unclear())
    flies = bench.submit(symbol="CCUSDT")
    buy = bench.submit(symbol="DDUSDT")
    sell = bench.submit(symbol="EEUSDT", side="SELL", quantity=Decimal(1), quote_order_qty=None)
    later = bench.submit(symbol="FFUSDT", execute_at=NOON_MS + 60_000)
    found = seen(bench)
    assert ids(found) == [each.order_id for each in (doubted, flies, sell, buy, later, rests)]
    positions = [None if each.waiting is None else each.waiting.position for each in found.standings]
    assert positions == [None, None, 1, 2, None, None]
    assert [each.order_id for each in found.queue] == [sell.order_id, buy.order_id]


def test_each_order_shows_the_same_outlook_as_its_explanation() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    for symbol in ("AAUSDT", "BBUSDT", "CCUSDT"):
        bench.submit(symbol=symbol)
    for standing in seen(bench).standings:
        counted = at_once(bench.state.queue.ahead_of(standing.order.order_id))
        assert standing.outlook == outlook(bench.state, standing.order, bench.now_ms, ahead=counted)


def test_an_order_in_doubt_shows_the_progress_of_its_search() -> None:
    bench = Bench()
    bench.submit()
    doubted = bench.send_next(unclear())
    [standing] = seen(bench).standings
    assert standing.order.state is State.IN_DOUBT
    assert standing.search == bench.state.searches[doubted.order_id]


def test_an_ended_order_is_not_shown_even_before_its_end_is_on_disk() -> None:
    bench = Bench()
    bench.submit()
    ended = bench.send_next(refused(Advice.STOP))
    assert bench.unwritten
    assert ended.order_id in bench.state.orders
    assert seen(bench) == Overview(standings=[], unshown=0, queue=[])


def test_orders_beyond_the_limit_are_counted() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    orders = [bench.submit(symbol=f"{letter}USDT") for letter in "ABCD"]
    found = seen(bench, limit=2)
    assert ids(found) == [each.order_id for each in orders[:2]]
    assert found.unshown == 2
    assert len(found.queue) == 2


def test_others_decide_between_the_pieces_and_the_board_shows_what_is_so_at_the_end() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(snipe_target_id="first")
    orders = [bench.submit(snipe_target_id=str(number)) for number in range(3 * PIECE)]
    passes = 0
    steps = overview(bench.state, bench.now_ms, 2)
    while (found := _step(steps)) is None:
        passes += 1
        if passes == 1:
            bench.withdraw(orders[0])
    assert passes >= 3
    assert [each.order_id for each in found.queue] == [orders[1].order_id]
    assert orders[0].order_id not in ids(found)


def test_the_first_in_the_order_of_service_are_found_wherever_they_wait() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(snipe_target_id="first")
    for number in range(3 * PIECE):
        bench.submit(snipe_target_id=str(number), priority=9 - number % 3)
    everyone = at_once(first_served(bench.state, 10 * PIECE))
    assert everyone == sorted(everyone)
    assert at_once(first_served(bench.state, PIECE + 1)) == everyone[: PIECE + 1]


def _step(steps: Generator[None, None, Overview]) -> Overview | None:
    try:
        next(steps)
    except StopIteration as end:
        found: Overview = end.value
        return found
    return None
