"""Until when the exchange may admit a request without a clear answer."""

from daemon.core.views.unanswered import admitted_until_ms
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, rules, unclear

WINDOW_MS = rules().config.exchange.recv_window_ms


def test_without_a_request_nothing_is_admitted() -> None:
    bench = Bench()
    bench.submit(execute_at=NOON_MS + 60_000)
    assert admitted_until_ms(bench.state, bench.now_ms) == 0


def test_a_request_without_an_answer_counts_from_now() -> None:
    bench = Bench()
    bench.submit()
    bench.now_ms += 700
    assert admitted_until_ms(bench.state, bench.now_ms) == NOON_MS + 700 + WINDOW_MS


def test_a_request_with_a_clear_answer_does_not_count() -> None:
    bench = Bench()
    bench.submit()
    bench.send_next(placed())
    assert admitted_until_ms(bench.state, bench.now_ms) == 0


def test_an_order_in_doubt_counts_from_its_request() -> None:
    """The connection broke: the request may still be on the way."""
    bench = Bench()
    bench.submit()
    bench.send_next(unclear())
    bench.now_ms += 700
    assert admitted_until_ms(bench.state, bench.now_ms) == NOON_MS + WINDOW_MS


def test_it_is_an_instant_of_the_exchanges_clock() -> None:
    bench = Bench()
    bench.submit()
    bench.send_next(unclear())
    bench.state.exchange_time.offset_ms = 90_000
    assert admitted_until_ms(bench.state, bench.now_ms) == NOON_MS + 90_000 + WINDOW_MS
