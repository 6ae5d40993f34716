"""One kill -9 with orders in every state at once, and the start after it. Tests check what became of each order."""

import http.client
from typing import Any

from tests.support import at_once, eventually, wall_ms
from tests.support.signals import Signal, market_buy
from tests.support.stage import Stage

HOUR_MS = 3_600_000

LATE_MS = 2_000
"""How long a slow exchange waits before it accepts: by then the daemon has started again."""

PLACED: dict[str, list[dict[str, Any]]] = {
    "it never answers": [{"kind": "slow_after", "delay_ms": 60_000}],
    "it accepts when nobody waits any more": [{"kind": "slow_before", "delay_ms": LATE_MS}],
    "it cuts the connection after the accept": [{"kind": "reply_lost"}],
    "it answers 503 after the accept": [{"kind": "error_after"}],
    "it answers 403 after the accept": [{"kind": "forbidden_after"}],
    "it answers with half of the answer": [{"kind": "junk_body"}],
    "it names no order": [{"kind": "no_order_id"}],
    "it does not show the order for a while": [{"kind": "reply_lost"}, {"kind": "invisible", "delay_ms": LATE_MS}],
}
"""What the exchange does to a request that it places, by a description."""

NEVER_PLACED = {"kind": "request_lost"}
"""What it does to a request that it does not place; the daemon cannot see the difference."""

BLIND = [
    {"kind": "error_before", "endpoint": f"GET /api/v3/{place}"}
    for place in ("order", "openOrders", "allOrders", "myTrades")
]
"""Every query fails, so that an order in doubt is still in doubt when the daemon is killed."""

ARM_AHEAD_MS = 1_500

CALLERS, SIGNALS_EACH = 8, 60
KILL_AFTER = 40


class Aftermath:
    """What was sent before the kill, and the daemon that was started after it."""

    def __init__(self, stage: Stage) -> None:
        self.exchange = stage.exchange()
        self.daemon = stage.daemon(
            self.exchange, {"reconcile": {"lost_every_ms": 1_000}, "queue": {"arm_ahead_ms": ARM_AHEAD_MS}}
        )
        self.signals: dict[str, Signal] = {}
        """Order id → its signal."""
        self.placed: dict[str, str] = {}
        """What the exchange did → order id."""
        self.acknowledged: list[str] = []
        """The order ids of those concurrent signals that were acknowledged before the kill."""
        self.daemon.start(with_rules=True)
        for what, faults in PLACED.items():
            self.placed[what] = self._send(*faults)
        self.never_placed = self._send(NEVER_PLACED)
        self.exchange.inject(*BLIND)
        self.locks = {order_id: self._lock(order_id) for order_id in (*self.placed.values(), self.never_placed)}
        self.behind_placed = self._accept(self._behind(self.placed["it never answers"]))
        self.behind_never_placed = self._accept(self._behind(self.never_placed))
        self.queued = self._accept(market_buy(executeAt=wall_ms() + HOUR_MS))
        self.due_soon = self._accept(market_buy(executeAt=wall_ms() + 2 * ARM_AHEAD_MS, deadlineMs=HOUR_MS))
        self.armed = self._accept(market_buy(executeAt=wall_ms() + ARM_AHEAD_MS))
        self.daemon.wait_for("order.armed", order_id=self.armed)
        self.too_late = self._accept(self._behind(self.never_placed) | {"deadlineMs": 700, "quoteOrderQty": "27"})
        self._kill_in_a_crowd()
        self.killed_lines = self.daemon.process.output.all()
        self.exchange.inject()
        eventually(lambda: wall_ms() > self.deadlines[self.too_late], "the deadline passes while the daemon is dead")
        self.daemon.start()
        self.ready_ms = wall_ms()

    def _accept(self, signal: Signal) -> str:
        order_id = self.daemon.accept(signal)
        self.signals[order_id] = signal
        return order_id

    def _send(self, *faults: dict[str, Any]) -> str:
        """Send an order to an exchange with these faults; return when its request has arrived or it is in doubt."""
        self.exchange.inject(*({"count": 1} | fault for fault in faults), *BLIND)
        order_id = self._accept(market_buy())
        self.exchange.wait_for_arrivals(order_id)
        if not any(fault["kind"].startswith("slow") for fault in faults):
            self.daemon.until(order_id, "in_doubt")
        if self.daemon.get("/v1/status")["turnedAway"] is not None:
            self._open_door()
        return order_id

    def _open_door(self) -> None:
        """Send one order that the exchange answers: after a gateway's error page all others wait for that."""
        cleared = self.daemon.ask("POST", "/v1/admin/resume", {"reason": "the next goes at once", "clearWait": True})
        assert cleared.status == 200, cleared.raw
        self.daemon.until(self._accept(market_buy()), "open")

    def _behind(self, order_id: str) -> Signal:
        """Return a signal for the same resource."""
        return market_buy(snipeTargetId=self.signals[order_id]["snipeTargetId"], quoteOrderQty="26", deadlineMs=HOUR_MS)

    def _lock(self, order_id: str) -> dict[str, Any]:
        [lock] = self.daemon.explain(order_id)["locks"]
        assert isinstance(lock, dict)
        return lock

    def _kill_in_a_crowd(self) -> None:
        """Let many callers send signals, and kill the daemon meanwhile."""
        self.deadlines = {self.too_late: self.daemon.order(self.too_late)["deadlineAtMs"]}

        def call(number: int) -> None:
            if number == CALLERS:
                eventually(lambda: len(self.acknowledged) >= KILL_AFTER, "the crowd is at work")
                self.daemon.kill()
                return
            for _ in range(SIGNALS_EACH):
                signal = market_buy(symbol="XRPUSDT", ownerId=f"caller-{number}")
                try:
                    answer = self.daemon.submit(signal)
                except (OSError, http.client.HTTPException):
                    return
                assert answer.status == 202, answer.raw
                self.signals[answer.json["id"]] = signal
                self.acknowledged.append(answer.json["id"])

        at_once(CALLERS + 1, call)


def order_of(client_order_id: str) -> str:
    """Return the order id in a client order id."""
    return client_order_id.rpartition("-")[0]
