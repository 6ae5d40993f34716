"""A bot that feeds a fleet: every signal goes to one member after the other until one of them answers."""

import http.client
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from daemon.simulator.symbols import default_symbols
from tests.support.exchange_process import Exchange
from tests.support.unix_http import Connection
from tests.support.waiting import eventually, wall_ms

HANDS = 8
"""Signals that are under way at the same time."""

PAUSE_S = 0.02
"""Pause before a signal without an answer goes to the next member."""

PAIRS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


class Acknowledged(msgspec.Struct, frozen=True):
    """A signal that was answered: its number, its order, and when."""

    number: int
    order_id: str
    at_ms: int
    state: str


class Load:
    """Sends signals, each with a key and a quantity of its own, until it is stopped."""

    def __init__(self, sockets: Iterable[Path], *, seed: int = 1, per_s: float = 40, at_several: float = 0.3) -> None:
        """Send nothing yet.

        Args:
            sockets: the members' sockets.
            seed: of the choice of members.
            per_s: signals per second.
            at_several: the share of signals that go to a second member at the same time.

        """
        self.acknowledged: list[Acknowledged] = []
        self.figures: Counter[str] = Counter()
        self.sent = 0
        self.longest_silence_ms = 0  # between two answers
        self._sockets = list(sockets)
        self._dice = Random(seed)  # noqa: S311  # a simulation
        self._pause_s = HANDS / per_s
        self._at_several = at_several
        self._numbers = itertools.count(1)
        self._steps = {pair: _least(pair) for pair in PAIRS}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hands = [threading.Thread(target=self._work, name="load", daemon=True) for _ in range(HANDS)]

    def start(self) -> None:
        """Begin to send."""
        for hand in self._hands:
            hand.start()

    def wait_for(self, more: int) -> None:
        """Wait until so many more signals are answered."""
        wanted = len(self.acknowledged) + more
        eventually(lambda: len(self.acknowledged) >= wanted, f"{more} more answers; {self.figures}", 60, pause_s=0.02)

    def finish(self) -> None:
        """Send no new signals, and wait until those that were sent are answered."""
        self._stop.set()
        for hand in self._hands:
            hand.join(90)
            assert not hand.is_alive(), f"a signal found no answer: {self.figures}"

    def signal(self, number: int) -> dict[str, Any]:
        """Return a signal; its symbol and quantity are those of no other."""
        pair = PAIRS[number % len(PAIRS)]
        least, step = self._steps[pair]
        return {
            "symbol": pair,
            "side": "BUY",
            "type": "MARKET",
            "quantity": str(least + number * step),
            "ownerId": "bot",
            "snipeTargetId": f"t-{number}",
            "idempotencyKey": f"key-{number}",
        }

    def problems(self, exchange: Exchange, order_of: Callable[[str], Mapping[str, Any]]) -> list[str]:
        """Return which promises were broken, by the exchange's book; ``order_of`` reads an order at a member.

        No signal has two orders. Every signal that was answered has its order in the book, or that order is unknown or
        came too late, and says so.
        """
        found = [f"{count} orders of {what}" for what, count in self._booked(exchange).items() if count > 1]
        booked = {order["clientOrderId"].rpartition("-")[0] for order in exchange.orders()}
        for each in self.acknowledged:
            if each.order_id not in booked:
                order = order_of(each.order_id)
                is_too_late = order["state"] == "rejected" and "after the deadline" in order["reason"]
                if order["state"] not in {"in_doubt", "lost", "expired"} and not is_too_late:
                    why = f"{order['state']} ({order['reason']})"
                    found.append(f"signal {each.number}, {each.order_id}, is {why} and not in the book")
        ids = Counter(number for number, _ in {(each.number, each.order_id) for each in self.acknowledged})
        found += [f"signal {number} was answered with {count} orders" for number, count in ids.items() if count > 1]
        return found

    def _booked(self, exchange: Exchange) -> Counter[tuple[str, Decimal]]:
        return Counter((order["symbol"], Decimal(order["origQty"])) for order in exchange.orders())

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers)
                self.sent += 1
                first = self._dice.randrange(len(self._sockets))
                several = self._dice.random() < self._at_several
            if several and len(self._sockets) > 1:
                beside = threading.Thread(target=self._once, args=(number, first + 1), daemon=True)
                beside.start()
                self._until_answered(number, first)
                beside.join(60)
            else:
                self._until_answered(number, first)
            self._stop.wait(self._pause_s)

    def _until_answered(self, number: int, member: int) -> None:
        while not self._once(number, member):
            member += 1
            threading.Event().wait(PAUSE_S)

    def _once(self, number: int, member: int) -> bool:
        """Send a signal to a member; return whether it was answered for good."""
        path = self._sockets[member % len(self._sockets)]
        connection = Connection(path, timeout_s=25)
        try:
            answer = connection.ask("POST", "/v1/signals", self.signal(number))
        except (OSError, http.client.HTTPException):
            self._count("no answer")
            return False
        finally:
            connection.close()
        if answer.status not in {200, 202}:
            word = "?"
            with suppress(ValueError, KeyError):
                word = answer.json["error"]
            self._count(f"{answer.status} {word}")
            return False
        with self._lock:
            now_ms = wall_ms()
            if self.acknowledged:
                self.longest_silence_ms = max(self.longest_silence_ms, now_ms - self.acknowledged[-1].at_ms)
            self.acknowledged.append(Acknowledged(number, answer.json["id"], now_ms, answer.json["state"]))
            self.figures["replayed" if answer.json["replayed"] else "accepted"] += 1
        return True

    def _count(self, what: str) -> None:
        with self._lock:
            self.figures[what] += 1


def _least(pair: str) -> tuple[Decimal, Decimal]:
    """Return the least quantity of a pair that is worth enough, and the step to the next."""
    symbol = default_symbols()[pair]
    step = Decimal(1).scaleb(-symbol.quantity_decimals)
    return (Decimal(12) / symbol.price).quantize(step) + step, step
