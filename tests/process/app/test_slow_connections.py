"""Connections that are slow to open or to transmit: no order arrives that may no longer be sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import Daemon, Exchange, Stage, eventually, wall_ms
from tests.support.edge import Edge, edge_before
from tests.support.signals import market_buy
from tests.support.tls import certificate, tls_before

REASON = {"reason": "a look around"}
CLOCK_ERROR_MS = 500
"""By how much the measured offset of the exchange's clock may be wrong on a busy machine."""


@pytest.fixture
def edge(exchange: Exchange, tmp_path: Path) -> Iterator[Edge]:
    """A gateway whose TLS handshake takes as long as the test says."""
    with tls_before(exchange.url, certificate(tmp_path, 60)) as url, edge_before(url) as edge:
        yield edge


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange, edge: Edge, tmp_path: Path) -> Daemon:
    """A daemon behind that gateway."""
    daemon = own_stage.daemon(exchange, {"exchange": {"base_url": edge.url}})
    daemon.environ["SSL_CERT_FILE"] = str(tmp_path / "server.pem")
    daemon.start(with_rules=True)
    return daemon


def test_an_order_whose_connection_opens_after_its_deadline_is_not_sent(
    daemon: Daemon, exchange: Exchange, edge: Edge
) -> None:
    order_id = send_into_a_handshake(daemon, edge, deadlineMs=300)
    deadline_ms = daemon.order(order_id)["deadlineAtMs"]
    eventually(lambda: wall_ms() > deadline_ms, "the deadline")
    edge.release()
    assert "deadline" in daemon.until(order_id, "expired")["reason"]
    assert exchange.arrivals(order_id) == []


def test_an_order_whose_connection_opens_after_halt_was_answered_is_not_sent(
    daemon: Daemon, exchange: Exchange, edge: Edge
) -> None:
    order_id = send_into_a_handshake(daemon, edge, deadlineMs=60_000)
    assert daemon.ask("POST", "/v1/admin/halt", REASON).status == 200
    edge.release()
    assert "halted" in daemon.until(order_id, "queued")["reason"]
    assert exchange.arrivals(order_id) == []
    daemon.ask("POST", "/v1/admin/resume", REASON)
    daemon.until(order_id, "filled")
    assert len(exchange.arrivals(order_id)) == 1


def test_an_order_whose_lock_was_released_while_its_connection_opened_is_not_sent_under_it(
    daemon: Daemon, exchange: Exchange, edge: Edge
) -> None:
    order_id = send_into_a_handshake(daemon, edge, deadlineMs=60_000)
    lock_id = daemon.wait_for("order.sent", order_id=order_id)["lock_id"]
    released = daemon.ask("POST", f"/v1/admin/locks/{lock_id}/force-release", REASON | {"exchangeChecked": True})
    assert released.status == 200, released.raw
    edge.release()
    daemon.until(order_id, "filled")
    attempts = daemon.explain(order_id)["attempts"]
    assert [attempt["state"] for attempt in attempts] == ["not_sent", "placed"]
    assert [arrival["parameters"]["newClientOrderId"] for arrival in exchange.arrivals(order_id)] == [f"{order_id}-2"]


def test_the_exchange_itself_refuses_an_order_that_reaches_it_after_its_deadline(
    own_stage: Stage, exchange: Exchange
) -> None:
    """The request's own receive window bounds what happens after the last check, a stopped process included."""
    with edge_before(exchange.url) as edge:
        daemon = own_stage.daemon(exchange, {"exchange": {"base_url": edge.url}})
        daemon.start(with_rules=True)
        edge.hold()
        order_id = daemon.send(market_buy(deadlineMs=300))
        edge.wait_for_held()
        deadline_ms = daemon.order(order_id)["deadlineAtMs"]
        eventually(lambda: wall_ms() > deadline_ms + CLOCK_ERROR_MS, "the deadline")
        edge.release()
        assert "700003" in daemon.until(order_id, "rejected", "expired")["reason"]
        assert len(exchange.arrivals(order_id)) == 1
        assert exchange.orders(order_id) == []


def send_into_a_handshake(daemon: Daemon, edge: Edge, deadlineMs: int) -> str:  # noqa: N803  # the signal's own name
    """Send an order whose connection is being opened when this returns."""
    edge.hold()
    edge.cut()
    order_id = daemon.send(market_buy(deadlineMs=deadlineMs))
    edge.wait_for_held()
    return order_id
