"""The day itself: starts the processes, does the plan's deeds, lets everything settle, collects the evidence."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from daemon.core.values.states import PENDING, State
from daemon.store import rows
from daemon.store.opening import open_for_reading
from tests.chaos.bot import Bot
from tests.chaos.plan import FAULTS, STARTING, Deed, Plan
from tests.chaos.trades import Entry
from tests.chaos.verdict import Arrival, Evidence, Halt, differences, judge
from tests.support import Daemon, Exchange, eventually
from tests.support.daemon_process import Tables
from tests.support.stage import Stage
from tests.support.waiting import wall_ms

CONFIG: Tables = {
    "exchange": {"timeout_ms": 1_000, "order_rate_per_s": 60},
    "queue": {"max_in_flight": 12, "drain_s": 3},
    "reconcile": {"longest_ms": 300, "lost_every_ms": 1_000, "startup_s": 2},
}

NEXT_EVENT_S = 1.0
"""How long a deed waits for its event, which may not come at all; then it is done nevertheless."""

SETTLE_S = 60.0

Tell = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True):
    """The result of a day."""

    broken: list[str]
    figures: dict[str, Any]


class Day:
    """One day."""

    send_again = frozenset({503})  # answers after which the bot sends again

    def __init__(self, stage: Stage, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell
        self._directory = stage.directory
        self._exchange: Exchange = stage.exchange()
        self.daemon: Daemon = stage.daemon(self._exchange, CONFIG)
        self._bot = Bot(self.daemon.signals, plan.deliveries, self.send_again)
        self._broken: list[str] = []
        self._halts: list[Halt] = []
        self._requests = Requests(self._exchange)
        self._lives = 0
        self._began_s = time.perf_counter()
        self._settled_s = 0.0

    def live(self) -> Outcome:
        """Run the day, then judge it."""
        try:
            self._exchange.inject(*FAULTS)
            self.daemon.start(with_rules=True)
            self._bot.start()
            for number, deed in enumerate(self._plan.deeds, start=1):
                self._do(number, deed)
            self._bot.finish()
            self._settle()
        except AssertionError as error:
            self._broken.append(f"the day came to no end: {error}")
        finally:
            self._end_life()
        return self._judged()

    def _do(self, number: int, deed: Deed) -> None:
        answers = self._bot.wait_for_answers(deed.answers)
        began_s = time.perf_counter()
        if deed.what == "outage":
            after = self._outage()
        elif deed.what in {"halt", "halt and kill"}:
            after = self._halt(kills=bool(deed.kills))
        elif deed.event in STARTING:
            after = self._kill_in_start(deed.event)
        else:
            after = self._kill_at(deed.event)
        told = f"{number:>3}/{len(self._plan.deeds)} {deed.what:<13} at {answers:>4} answers, {after}"
        took_s = time.perf_counter() - began_s
        self._requests.gather()
        self._tell(f"{told}; {len(self._exchange.orders())} orders on the book, {took_s:.2f} s until it was up again")

    def _kill_at(self, event: str | None) -> str:
        """Kill the daemon now, or at its next event of this name."""
        came = event is not None and self._wait_for(event)
        found = self._kill()
        self.daemon.start()
        return f"{f'at {event}' if came else 'at once'}: {self._inherited()}{found}"

    def _kill_in_start(self, event: str) -> str:
        """Kill the daemon, and once more while it starts."""
        found = self._kill()
        self.daemon.launch()
        came = self._wait_for(event)
        found += self._kill()
        self.daemon.start()
        return f"and again {f'at {event}' if came else 'in its start'}: {self._inherited()}{found}"

    def _wait_for(self, event: str) -> bool:
        try:
            self.daemon.process.wait_for(event, since=self.daemon.process.mark(), timeout_s=NEXT_EVENT_S)
        except AssertionError:
            return False
        return True

    def _kill(self) -> str:
        """Kill the daemon; it must have run until now."""
        found = ""
        if not self.daemon.process.is_running():
            found = f"the daemon had ended by itself with {self.daemon.process.exit_code()}"
            self._broken.append(f"{found}: {self.daemon.process.transcript()}")
        self.strike()
        self._end_life()
        return found

    def strike(self) -> None:
        """Kill the daemon."""
        self.daemon.kill()

    def _end_life(self) -> None:
        """Keep what the ended process wrote."""
        self.daemon.process.close()
        self._lives += 1
        lines = [*self.daemon.process.output.so_far(), *self.daemon.process.errors.so_far()]
        (self._directory / f"life-{self._lives:03}.log").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _inherited(self) -> str:
        recovered = self.daemon.wait_for("daemon.recovered")
        return f"{recovered['orders']} orders to go on with, {recovered['in_doubt']} of them in doubt"

    def _outage(self) -> str:
        """Stop the exchange until an order could not connect, then start it again."""
        self._requests.gather()
        self._exchange.kill()
        came = self._wait_for("order.deferred")
        self._exchange.start()
        self._requests.begin_anew()
        self._exchange.inject(*FAULTS)
        return "an order met with it" if came else "no order met with it"

    def _halt(self, *, kills: bool) -> str:
        """Halt trading until a request was refused; meanwhile the daemon may be killed and start again."""
        self._switch("halt")
        for _ in range(2):  # the exchange answers in the order of arrival: it has now read everything sent before
            self._requests.gather()
        since_ms = wall_ms()
        found = ""
        if kills:
            found = self._kill()
            self.daemon.start()
        came = self._bot.wait_for_halted(NEXT_EVENT_S)
        self._halts.append(Halt(since_ms, wall_ms()))
        self._switch("resume")
        return f"{'a request' if came else 'no request'} met with it{found}"

    def _switch(self, verb: str) -> None:
        answer = self.daemon.ask("POST", f"/v1/admin/{verb}", {"reason": "the day has it so"})
        assert answer.status == 200, answer.raw

    def _settle(self) -> None:
        """Leave the daemon alone until nothing more can happen, and resolve what stays unknown."""
        self._exchange.inject()
        for symbol in {wish.symbol for wish in self._plan.wishes}:
            self._exchange.change_market(symbol, volatility=0)
        began_s = time.perf_counter()
        eventually(self._is_quiet, "no order is on its way or lost any more", SETTLE_S)
        try:
            eventually(lambda: not differences(self._evidence()), "agreement with the book", SETTLE_S / 4)
        except AssertionError:
            self._tell("daemon and book do not come to agree")  # the verdict says where
        self._settled_s = time.perf_counter() - began_s
        code = self.daemon.terminate()
        if code != 0:
            self._broken.append(f"the daemon ended with {code}")

    def _is_quiet(self) -> bool:
        """Return whether nothing more can happen; lost orders are resolved, because others may wait for their locks."""
        self._rule_on_lost()
        states = self.daemon.get("/v1/status")["orders"]
        return not states.keys() & {state.value for state in PENDING | {State.LOST}}

    def _rule_on_lost(self) -> None:
        """Resolve lost orders as an operator does, by the exchange's own list; those in it are found in the end."""
        lost = self.daemon.get("/v1/orders?state=lost&limit=1000")["orders"]
        held = {entry["clientOrderId"] for entry in self._exchange.orders()}
        for order in lost:
            if order["clientOrderId"] not in held:
                resolution = {"ruling": "not_placed", "reason": "it does not stand in the exchange's list"}
                answer = self.daemon.ask("POST", f"/v1/admin/orders/{order['id']}/resolve", resolution)
                assert answer.status == 200, answer.raw

    def _evidence(self) -> Evidence:
        with closing(open_for_reading(self.daemon.database)) as disk:
            orders = [rows.order_from(row) for row in disk.execute("SELECT * FROM orders ORDER BY seq")]
            attempts = [rows.attempt_from(row) for row in disk.execute("SELECT * FROM attempts")]
            locks = [rows.lock_from(row) for row in disk.execute("SELECT * FROM transaction_locks")]
        return Evidence(
            wishes=self._plan.wishes,
            acknowledged=self._bot.acknowledged,
            trades=self._bot.trades,
            halts=self._halts,
            book=msgspec.convert(self._exchange.orders(), list[Entry], strict=False),
            arrivals=[_arrival(request) for request in self._requests.gather()],
            orders=orders,
            attempts=attempts,
            locks=locks,
        )

    def _judged(self) -> Outcome:
        evidence = self._evidence()
        requests = self._requests.gather()
        figures = {
            "signals": len(self._plan.wishes),
            "acknowledged": len(
                {each.wish for each in self._bot.acknowledged} | {each.wish for each in self._bot.trades}
            ),
            "bot": dict(self._bot.figures),
            "kills": self._lives - 1,
            "halts": len(self._halts),
            "outages": len([deed for deed in self._plan.deeds if deed.what == "outage"]),
            "faults that hit orders": dict(Counter(fault for request in requests for fault in request["faults"])),
            "requests to place": len(requests),
            "orders on the book": len(evidence.book),
            "orders by state": dict(Counter(order.state.value for order in evidence.orders)),
            "settled in s": round(self._settled_s, 1),
            "took s": round(time.perf_counter() - self._began_s, 1),
        }
        return Outcome([*self._broken, *self._bot.complaints, *judge(evidence)], figures)


class Requests:
    """The requests to place orders, as they arrived; gathered at intervals, because the exchange forgets them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._past: list[dict[str, Any]] = []
        self._now: dict[tuple[str, int, int], dict[str, Any]] = {}

    def gather(self) -> list[dict[str, Any]]:
        """Gather what has arrived; return all of it."""
        seen: Counter[tuple[str, int]] = Counter()
        for request in self._exchange.arrivals():
            key = request["parameters"]["newClientOrderId"], request["receivedMs"]
            self._now[*key, seen[key]] = request
            seen[key] += 1
        return [*self._past, *self._now.values()]

    def begin_anew(self) -> None:
        """Keep what was gathered: the exchange was started again and remembers nothing."""
        self._past += self._now.values()
        self._now.clear()


def _arrival(request: dict[str, Any]) -> Arrival:
    parameters = request["parameters"]
    return msgspec.convert(
        {
            "client_order_id": parameters["newClientOrderId"],
            "symbol": parameters["symbol"],
            "quantity": parameters["quantity"],
            "received_ms": request["receivedMs"],
            "status": request["status"],
        },
        Arrival,
        strict=False,
    )


def kept(directory: Path) -> str:
    """Describe the contents of a day's directory."""
    return f"{directory} holds what everybody wrote (life-*.log), the daemon's database and the exchange's book"
