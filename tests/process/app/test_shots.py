"""Armed orders leave at their instants, on warm connections, unless they are taken back before the first byte."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.far_tls import FarServer
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.tls import certificate
from tests.support.unix_http import Answer

AHEAD_MS = 1_200


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A running daemon that keeps as many connections as it is told."""
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    return daemon


def sleep_until(at_s: float) -> None:
    """Wait for an instant of the wall clock: a race begins there, so nothing can be awaited instead."""
    time.sleep(max(0, at_s - wall_s() - 0.002))
    while wall_s() < at_s:
        pass


def wall_s() -> float:
    """Return Unix seconds."""
    return wall_ms() / 1_000


def held(exchange: Exchange, order_id: str) -> int:
    """Count an order's appearances in the exchange's own book."""
    return len(exchange.orders(order_id))


def test_a_cancel_at_the_instant_withdraws_an_order_or_comes_too_late(daemon: Daemon, exchange: Exchange) -> None:
    """By the exchange's own book an order is never there and withdrawn, nor sent twice, nor lost."""
    dice, count = random.Random(7), 30  # noqa: S311  # a race
    first_ms = wall_ms() + AHEAD_MS
    instants = [first_ms + 25 * number for number in range(count)]
    orders = [daemon.accept(market_buy(executeAt=at_ms)) for at_ms in instants]

    offsets_s = [
        -0.5,
        *(dice.uniform(-0.004, 0.003) for _ in range(count - 2)),
        0.5,
    ]  # one surely early, one surely late

    def cancel(number: int) -> Answer:
        sleep_until(instants[number] / 1_000 + offsets_s[number])
        return daemon.ask("DELETE", f"/v1/orders/{orders[number]}?reason=race")

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(cancel, range(count)))
    ends: Counter[str] = Counter()
    for order_id, answer in zip(orders, answers, strict=True):
        withdrawn = answer.status == 200 and answer.json["state"] == "withdrawn"
        state = daemon.until(order_id, "withdrawn", "filled")["state"]
        assert (state == "withdrawn") is withdrawn, answer.raw
        assert (len(exchange.arrivals(order_id)), held(exchange, order_id)) == ((0, 0) if withdrawn else (1, 1))
        ends[state] += 1
    assert set(ends) == {"withdrawn", "filled"}


@pytest.mark.parametrize("after_ms", [-2.0, -0.5, 0.0, 0.5, 1.5])
def test_a_halt_at_the_instant_recalls_what_has_not_left(daemon: Daemon, exchange: Exchange, after_ms: float) -> None:
    at_ms = wall_ms() + AHEAD_MS
    orders = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=400)) for _ in range(8)]
    for order_id in orders:
        daemon.wait_for("order.armed", order_id=order_id)
    mark = daemon.process.mark()
    sleep_until((at_ms + after_ms) / 1_000)
    assert daemon.ask("POST", "/v1/admin/halt", {"reason": "race"}).status == 200
    halted_at = daemon.wait_for("trading.halted", since=mark)["at"]
    for order_id in orders:
        state = daemon.until(order_id, "filled", "expired")["state"]
        arrivals = exchange.arrivals(order_id)
        assert (len(arrivals), held(exchange, order_id)) == ((1, 1) if state == "filled" else (0, 0))
        if state == "filled":
            left_at = daemon.wait_for("order.sent", order_id=order_id)["at"]
            assert left_at <= halted_at, "nothing leaves after the halt"


@pytest.mark.parametrize("after_ms", [-1.0, 0.0, 1.0])
def test_a_stop_at_the_instant_sends_an_order_once_or_leaves_it_to_the_next_process(
    own_stage: Stage, exchange: Exchange, after_ms: float
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    at_ms = wall_ms() + AHEAD_MS
    orders = [daemon.accept(market_buy(executeAt=at_ms, deadlineMs=60_000)) for _ in range(6)]
    for order_id in orders:
        daemon.wait_for("order.armed", order_id=order_id)
    sleep_until((at_ms + after_ms) / 1_000)
    assert daemon.terminate() == 0
    daemon.start(with_rules=True)
    for order_id in orders:
        daemon.until(order_id, "filled")
        assert (len(exchange.arrivals(order_id)), held(exchange, order_id)) == (1, 1)


def test_an_order_that_is_killed_with_its_process_before_the_instant_is_in_doubt_and_never_sent(
    own_stage: Stage, exchange: Exchange
) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + AHEAD_MS))
    daemon.wait_for("order.armed", order_id=order_id)
    time.sleep(0.25)  # its shot is held: half of the time that it is armed
    daemon.kill()
    daemon.start(with_rules=True)
    daemon.until(order_id, "lost")
    assert exchange.arrivals(order_id) == []


@pytest.fixture
def far(own_stage: Stage, exchange: Exchange, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon 25 ms away from an exchange that closes connections after five idle seconds."""
    pem = certificate(tmp_path, 60)
    with FarServer(urlsplit(exchange.url).port or 0, pem, way_ms=25, idle_s=5) as server:
        daemon = own_stage.daemon(exchange, {"exchange": {"base_url": server.url}})
        daemon.environ["SSL_CERT_FILE"] = str(pem)
        daemon.start(with_rules=True)
        yield daemon
        daemon.close()


def test_orders_arrive_at_their_instant_at_a_far_server_that_closes_idle_connections(
    far: Daemon, exchange: Exchange
) -> None:
    """A handshake would take 100 ms, and the way there takes 25."""
    late: list[int] = []
    for ahead_ms in (9_000, 6_500):
        at_ms = wall_ms() + ahead_ms
        orders = [far.accept(market_buy(executeAt=at_ms)) for _ in range(5)]
        for order_id in orders:
            assert far.until(order_id, "filled")["attempts"] == 1
            (arrival,) = exchange.arrivals(order_id)
            late.append(arrival["receivedMs"] - at_ms)
    assert max(late) < 45, late
    assert min(late) > -25, late
