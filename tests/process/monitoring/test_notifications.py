"""Messages about trades of a running daemon: each kind of webhook gets them, and trading never waits for one."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.monitoring.receiver import Receiver, receiver
from tests.process.monitoring.conftest import with_webhooks
from tests.support import Daemon, Exchange, eventually
from tests.support.daemon_process import KEYS
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.waiting import wall_ms

ALL = ["filled", "canceled", "rejected", "expired", "missed", "lost", "halted"]
TOKEN = "T0KEN-that-nobody-may-see"


@pytest.fixture(scope="module")
def told() -> Iterator[Receiver]:
    """Where the messages go."""
    with receiver() as server:
        yield server


@pytest.fixture(scope="module")
def venue(monitoring_stage: Stage) -> Exchange:
    """Where that daemon trades."""
    return monitoring_stage.exchange()


@pytest.fixture(scope="module")
def trading(monitoring_stage: Stage, venue: Exchange, told: Receiver) -> Daemon:
    """A daemon with a webhook of each kind."""
    config = {"notifications": {"events": ALL, "amounts": True, "per_minute": 1_000}}
    daemon = monitoring_stage.daemon(venue, config)
    url = told.url(f"/{TOKEN}")
    with_webhooks(
        daemon,
        f"json {url}/json trades",
        f"slack {url}/slack trades",
        f"discord {url}/discord trades",
        f"telegram {url}/telegram 42 trades",
    )
    daemon.start(with_rules=True)
    return daemon


def shown(told: Receiver, kind: str, word: str) -> list[str]:
    """Return the lines of a kind of webhook that begin with a word."""
    field = {"json": "line", "slack": "text", "discord": "content", "telegram": "text"}[kind]
    bodies: list[dict[str, Any]] = [each.body for each in list(told.posted) if each.path == f"/{TOKEN}/{kind}"]
    return [body[field] for body in bodies if body[field].startswith(word)]


def wait_for(told: Receiver, kind: str, word: str) -> str:
    """Return the last line of a kind of webhook that begins with a word, once there is one."""
    return eventually(lambda: shown(told, kind, word), f"a message {word} to {kind}")[-1]


def test_a_fill_at_its_instant_reaches_a_webhook_of_each_kind(trading: Daemon, told: Receiver) -> None:
    order_id = trading.accept(market_buy(executeAt=wall_ms() + 1_500, deadlineMs=5_000))
    order = trading.until(order_id, "filled")
    for kind in ("json", "slack", "discord", "telegram"):
        line = wait_for(told, kind, "FILLED")
        found = re.fullmatch(
            r"FILLED BUY BTCUSDT (\S+) @ \S+ = \d+\.\d\d USDT, \d+ ms (after|before) its instant( \(\w+\))?", line
        )
        assert found is not None, line
        assert found[1] == order["executedQuantity"]


def test_a_rejection_and_a_halt_are_told_and_escaped(trading: Daemon, venue: Exchange, told: Receiver) -> None:
    venue.inject({"kind": "refused", "code": 30004, "count": 1})
    trading.until(trading.accept(market_buy()), "rejected")
    venue.inject()
    assert re.match(r"REJECTED BUY BTCUSDT for 25 USDT: .*30004", wait_for(told, "slack", "REJECTED"))
    trading.ask("POST", "/v1/admin/halt", {"reason": "a <rehearsal>"})
    assert "a &lt;rehearsal&gt;" in wait_for(told, "slack", "HALTED")
    assert "a <rehearsal>" in wait_for(told, "discord", "HALTED")
    trading.ask("POST", "/v1/admin/resume", {"reason": "it is over"})


def test_a_lost_order_is_told(trading: Daemon, venue: Exchange, told: Receiver) -> None:
    venue.inject("request_lost")
    trading.until(trading.accept(market_buy()), "lost")
    venue.inject()
    assert "`sniperd orders --state lost`" in wait_for(told, "discord", "LOST BUY BTCUSDT for 25 USDT: ")


def test_an_order_that_was_not_sent_in_time_is_missed(trading: Daemon, told: Receiver) -> None:
    missed = trading.accept(market_buy(executeAt=wall_ms() + 1_000, deadlineMs=300))
    trading.ask("POST", "/v1/admin/halt", {"reason": "over the instant"})
    trading.until(missed, "expired")
    assert wait_for(told, "telegram", "MISSED").startswith("MISSED BUY BTCUSDT for 25 USDT: the deadline passed: ")
    trading.ask("POST", "/v1/admin/resume", {"reason": "it is over"})


def test_no_message_and_no_log_line_has_a_secret(trading: Daemon, told: Receiver) -> None:
    trading.until(trading.accept(market_buy()), "filled")
    wait_for(told, "json", "FILLED")
    bodies = json.dumps([each.body for each in told.posted])
    for secret in (TOKEN, *KEYS.environ().values()):
        assert secret not in bodies
        assert secret not in trading.transcript()


def test_a_webhook_that_hangs_slows_no_order_and_no_alert(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(
        exchange,
        {
            "alerts": {"webhook_timeout_ms": 1_000, "webhook_attempts": 1, "disk_free_mb": 1_000_000_000},
            "notifications": {"events": ["filled"]},
        },
    )
    with receiver(None) as dead, receiver() as well:
        with_webhooks(daemon, f"json {dead.url()} trades", f"json {well.url()} alerts")
        daemon.start(with_rules=True)
        for _ in range(20):
            assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
        given_up = daemon.wait_for("notification.undelivered", webhook="json 1", notification="filled")
        assert "no answer within 1 s" in given_up["error"]
        assert well.wait_for(1)[0].body["alert"] == "disk_low"


def test_what_is_sent_is_read_again(own_stage: Stage, exchange: Exchange) -> None:
    with receiver() as server:
        daemon = own_stage.daemon(exchange)
        with_webhooks(daemon, f"slack {server.url()}")
        daemon.start(with_rules=True)
        daemon.until(daemon.accept(market_buy()), "filled")
        daemon.configure({"notifications": {"events": ["filled"]}})
        daemon.reload()
        daemon.until(daemon.accept(market_buy(side="BUY")), "filled")
        assert re.fullmatch(r"FILLED BUY BTCUSDT( \(\w+\))?", server.wait_for(1)[0].body["text"])
