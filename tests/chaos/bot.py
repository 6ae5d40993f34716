"""The bot: sends what the day's plan says, from several threads, until each request is answered."""

import http.client
from collections import Counter
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from tests.chaos.plan import Delivery, Wish
from tests.chaos.trades import Told, read_answer
from tests.chaos.verdict import Acknowledged
from tests.support.unix_http import Answer, ask
from tests.support.waiting import Deadline, eventually, wall_ms

HANDS = 8
"""Concurrent requests of the bot."""

PATIENCE_S = 60.0
PAUSE_S = 0.03
"""Pause between a request without an answer and the next."""

TRADE = "/api/mexc/trade"
TRADED = frozenset({200, 202, 400, 409})
"""HTTP statuses by which the trade route reports the state of an order."""


class Bot:
    """Sends signals and keeps the answers."""

    def __init__(self, socket: Path, deliveries: list[Delivery], again: frozenset[int]) -> None:
        """Create a bot; a request answered with one of the statuses ``again`` is sent again."""
        self.acknowledged: list[Acknowledged] = []
        self.trades: list[Told] = []
        self.complaints: list[str] = []
        self.figures: Counter[str] = Counter()
        self._socket = socket
        self._again = again
        self._left = iter(deliveries)
        self._answers = 0
        self._changed = Condition()
        self._hands = [Thread(target=self._work, name="bot", daemon=True) for _ in range(HANDS)]

    def start(self) -> None:
        """Start the threads that send."""
        for hand in self._hands:
            hand.start()

    def wait_for_answers(self, count: int, timeout_s: float = PATIENCE_S) -> int:
        """Wait until this many requests are answered or given up; return their number."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._answers >= count, timeout_s)
            assert came, f"{self._answers} of {count} requests were answered within {timeout_s} s"
            return self._answers

    def wait_for_halted(self, timeout_s: float) -> bool:
        """Wait for a request that is answered with "halted" from now on; return whether there was one."""
        with self._changed:
            before = self.figures["answered halted"]
            return self._changed.wait_for(lambda: self.figures["answered halted"] > before, timeout_s)

    def finish(self) -> None:
        """Wait until everything is sent."""
        deadline = Deadline(PATIENCE_S)
        for hand in self._hands:
            hand.join(deadline.left_s())
            assert not hand.is_alive(), "a request of the bot found no answer"

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            try:
                self._deliver(delivery)
            except Exception as error:  # noqa: BLE001  # the end of a thread must be reported
                self._complain(f"signals {_numbers(delivery)}: {type(error).__name__}: {error}")
            with self._changed:
                self._answers += 1
                self._changed.notify_all()

    def _next(self) -> Delivery | None:
        with self._changed:
            return next(self._left, None)

    def _deliver(self, delivery: Delivery) -> None:
        got: tuple[int, Answer] | None
        if delivery.insists:
            what = f"an answer to {_numbers(delivery)}"
            got = eventually(lambda: self._try(delivery), what, PATIENCE_S, pause_s=PAUSE_S)
        else:
            got = self._try(delivery)
        if got is None:
            self._count("given up")
            return
        asked_ms, answer = got
        if delivery.trades and answer.status in TRADED:
            self._note_trade(delivery.wishes[0], answer, asked_ms)
        elif answer.status in {200, 202}:
            self._note(delivery, answer.json)
        else:
            self._complain(f"signals {_numbers(delivery)} were answered with {answer.status} {answer.raw!r}")

    def _try(self, delivery: Delivery) -> tuple[int, Answer] | None:
        """Send it once; return when, and the answer. ``None``: send it again, with the same key."""
        self._count("requests")
        bodies = [_body(wish) for wish in delivery.wishes]
        prefer = {} if delivery.wait_s is None else {"Prefer": f"wait={delivery.wait_s:g}"}
        asked_ms = wall_ms()
        try:
            if delivery.trades:
                answer = ask(self._socket, "POST", TRADE, _as_trade(bodies[0]), headers=prefer)
            elif len(bodies) == 1:
                answer = ask(self._socket, "POST", "/v1/signals", bodies[0], headers=prefer)
            else:
                answer = ask(self._socket, "POST", "/v1/signals/batch", bodies)
        except (OSError, http.client.HTTPException) as error:
            refused = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            self._count("no connection" if refused else "connection lost")
            return None
        if answer.status in self._again:
            self._count(f"answered {answer.status}")
            return None
        if _is_halted(answer):
            self._count("answered halted")
            return None
        return asked_ms, answer

    def _note(self, delivery: Delivery, told: Any) -> None:
        answers = told if isinstance(told, list) else [told]
        with self._changed:
            for wish, order in zip(delivery.wishes, answers, strict=True):
                self.acknowledged.append(Acknowledged(wish.number, order["id"]))
                self.figures["replays" if order["replayed"] else "orders"] += 1

    def _note_trade(self, wish: Wish, answer: Answer, asked_ms: int) -> None:
        told = read_answer(wish.number, answer.status, answer.json, asked_ms=asked_ms, told_ms=wall_ms())
        with self._changed:
            self.trades.append(told)
            if told.order_id is not None:
                self.acknowledged.append(Acknowledged(wish.number, told.order_id))
            self.figures[f"trades {told.state if told.succeeded else f'answered {told.status}'}"] += 1

    def _count(self, name: str) -> None:
        with self._changed:
            self.figures[name] += 1
            self._changed.notify_all()

    def _complain(self, text: str) -> None:
        with self._changed:
            self.complaints.append(text)


def _body(wish: Wish) -> dict[str, Any]:
    """Return a signal's body; a repetition has a fresh instant, as a broadcast does."""
    if wish.execute_in_ms is None:
        return wish.signal
    return wish.signal | {"executeAt": wall_ms() + wish.execute_in_ms}


def _as_trade(signal: dict[str, Any]) -> dict[str, Any]:
    """Return a signal's body for the trade route."""
    return {("userId" if name == "ownerId" else name): value for name, value in signal.items()}


def _is_halted(answer: Answer) -> bool:
    """Return whether trading is halted; the trade route and the others name the reason differently."""
    return answer.status == 409 and "halted" in {answer.json.get("error"), answer.json.get("code")}


def _numbers(delivery: Delivery) -> str:
    return ", ".join(str(wish.number) for wish in delivery.wishes)
