"""Back to a backup that was made while trading: halted, nothing sent twice, nothing believed unsent.

How long copy and restore take is printed (``pytest -s``): it is the README's figure.
"""

import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.command import sniperd
from tests.support.signals import Signal, market_buy
from tests.support.stage import Stage

ORDERS, BATCH = 20_000, 1_000
HOUR_MS = 3_600_000


class Restored:
    """A daemon under load, a backup of it, what came after, and another daemon that started from the backup."""

    def __init__(self, stage: Stage) -> None:
        self.exchange: Exchange = stage.exchange()
        self.daemon: Daemon = stage.daemon(self.exchange, {"queue": {"max_queued": 2 * ORDERS}})
        self.daemon.start(with_rules=True)
        self.before = self.buy(market_buy())
        at_ms = wall_ms() + HOUR_MS
        for _ in range(ORDERS // BATCH):
            wishes = [market_buy(executeAt=at_ms) for _ in range(BATCH)]
            assert self.daemon.ask("POST", "/v1/signals/batch", wishes).status == 202
        self.due = self.daemon.accept(market_buy(executeAt=wall_ms() + 3_000, deadlineMs=HOUR_MS))
        self.signal = market_buy(idempotencyKey="sent again")
        with _Load(self.daemon) as load:
            self.copied_s, self.copy = self._timed("backup", self.daemon.directory / "copy.db")
        self.meanwhile = load.orders
        self.after = self.buy(self.signal)
        self.daemon.until(self.due, "filled")
        self.daemon.kill()
        self.sent = len(self.exchange.arrivals())
        self.elsewhere = stage.daemon(self.exchange, {"queue": {"max_queued": 2 * ORDERS}})
        self.restored_s, self.put = self._timed(
            "restore", Path(self.copy["path"]), "--database", self.elsewhere.database
        )
        self.elsewhere.start(with_rules=True)

    def buy(self, signal: Signal) -> str:
        """Buy, and wait for the outcome; return the order's id."""
        order_id = self.daemon.accept(signal)
        self.daemon.until(order_id, "filled")
        return order_id

    def _timed(self, *words: str | Path) -> tuple[float, dict[str, Any]]:
        began_s = time.perf_counter()
        ran = sniperd(
            *words,
            "--json",
            environ=self.daemon.environ | {"SNIPERD_CONFIG": str(self.daemon.config_path)},
            directory=self.daemon.directory,
        )
        assert ran.code == 0, ran.errors
        return time.perf_counter() - began_s, ran.json


class _Load:
    """A caller that buys while the context lasts."""

    def __init__(self, daemon: Daemon) -> None:
        self.orders: list[str] = []
        self._daemon = daemon
        self._over = threading.Event()
        self._some = threading.Event()
        self._thread = threading.Thread(target=self._buy)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._some.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _buy(self) -> None:
        while not self._over.is_set():
            self.orders.append(self._daemon.accept(market_buy()))
            self._some.set()


@pytest.fixture(scope="module")
def restored(shared_stage: Stage) -> Restored:
    """Run it once."""
    return Restored(shared_stage)


def test_backup_and_restore_are_checked_and_complete(restored: Restored) -> None:
    assert restored.copy["orders"] == restored.put["orders"] >= ORDERS + 2
    assert restored.put["kept"] is None
    print(  # noqa: T201  # the README's figure
        f"\n{restored.copy['orders']} orders, {restored.copy['bytes'] / 1e6:.0f} MB: copied under load in "
        f"{restored.copied_s:.1f} s, restored in {restored.restored_s:.1f} s"
    )


def test_the_daemon_went_on_trading_during_the_backup(restored: Restored) -> None:
    assert len(restored.meanwhile) > 1


def test_the_restored_daemon_is_halted_and_says_why(restored: Restored) -> None:
    halted = restored.elsewhere.get("/v1/status")["halted"]
    assert "restored from a backup that knows nothing after" in halted
    answer = restored.elsewhere.submit(restored.signal)
    assert (answer.status, answer.json["error"]) == (409, "halted"), "it would be bought a second time"


def test_earlier_orders_are_known_and_later_ones_are_on_the_exchange_only(restored: Restored) -> None:
    assert restored.elsewhere.order(restored.before)["state"] == "filled"
    assert restored.elsewhere.submit(restored.signal).status == 409
    assert [order["clientOrderId"] for order in restored.exchange.orders(restored.after)] == [f"{restored.after}-1"]


def test_an_order_queued_in_the_backup_and_sent_since_is_found_and_not_sent_again(restored: Restored) -> None:
    found = restored.elsewhere.until(restored.due, "filled")
    assert found["clientOrderId"] == f"{restored.due}-1"
    assert len(restored.exchange.arrivals(restored.due)) == 1


def test_an_order_that_cannot_have_been_sent_still_waits(restored: Restored) -> None:
    assert restored.elsewhere.get("/v1/status")["orders"]["queued"] == ORDERS


def test_the_restored_daemon_sent_nothing(restored: Restored) -> None:
    assert len(restored.exchange.arrivals()) == restored.sent
