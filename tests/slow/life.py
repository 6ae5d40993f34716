"""One signal with a crash or fault, and what must hold after the next start, by the exchange's book."""

import http.client
from decimal import Decimal
from itertools import count
from typing import Any

from tests.support import Answer, Daemon, Exchange
from tests.support.daemon_process import Tables
from tests.support.exchange_process import PLACE
from tests.support.signals import Signal, market_buy
from tests.support.stage import Stage

SOON_LOST: Tables = {
    "exchange": {"recv_window_ms": 500},
    "reconcile": {"first_ms": 20, "longest_ms": 200, "grace_ms": 1_000, "negatives": 2},
}
"""What was never sent becomes lost as soon as possible."""

WAIT_S = 10.0

_numbers = count(1)


def one_signal() -> Signal:
    """Make a signal with a quantity of its own, which identifies it in the exchange's book and arrivals."""
    quantity = Decimal("0.001") + next(_numbers) * Decimal("0.000001")
    return market_buy(quantity=str(quantity), quoteOrderQty=None, deadlineMs=60_000)


def send(daemon: Daemon, signal: Signal) -> Answer | None:
    """Send a signal and wait for its outcome; ``None`` where the daemon ended instead of answering."""
    try:
        return daemon.submit(signal, wait_s=WAIT_S)
    except (OSError, http.client.HTTPException):
        return None


class Life:
    """A daemon, its exchange, and the signals between them."""

    def __init__(self, stage: Stage, exchange: Exchange, config: Tables | None = None) -> None:
        self.exchange = exchange
        self.daemon = stage.daemon(exchange, {**SOON_LOST, **(config or {})})

    def is_alive(self) -> bool:
        """Return whether the daemon answers; it may die a moment after an answer."""
        try:
            return bool(self.daemon.get("/healthz")["alive"])
        except (OSError, http.client.HTTPException):
            return False

    def placed(self, signal: Signal) -> list[dict[str, Any]]:
        """Return a signal's orders in the book."""
        quantity = Decimal(signal["quantity"])
        return [entry for entry in self.exchange.orders() if Decimal(entry["origQty"]) == quantity]

    def requested(self, signal: Signal) -> list[dict[str, Any]]:
        """Return a signal's requests that arrived at the exchange."""
        quantity = Decimal(signal["quantity"])
        found = self.exchange.arrivals(endpoint=PLACE)
        return [request for request in found if Decimal(request["parameters"]["quantity"]) == quantity]

    def check(self, signal: Signal, told: str | None) -> str:
        """Send a signal again after the restart and check its promises; ``told`` is the acknowledged order id.

        Returns the state that its order had reached.
        """
        state = self._repeated(signal, told)
        assert state in {"filled", "lost"}
        assert len(self.placed(signal)) == len(self.requested(signal)) == (1 if state == "filled" else 0)
        if state == "lost":
            self._rule_out(signal)
            assert self._repeated(signal, None) == "filled"
            assert len(self.placed(signal)) == len(self.requested(signal)) == 1
        return state

    def _repeated(self, signal: Signal, told: str | None) -> str:
        answer = self.daemon.submit(signal, wait_s=WAIT_S)
        assert answer.status == 200, answer.raw
        assert told in {None, answer.json["id"]}, "the signal was acknowledged, and then became another order"
        return str(answer.json["state"])

    def _rule_out(self, signal: Signal) -> None:
        order_id = self.daemon.submit(signal).json["id"]
        resolution = {"ruling": "not_placed", "reason": "the exchange's list does not have it"}
        assert self.daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", resolution).status == 200
