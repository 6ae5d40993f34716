"""Reports: what the bot is told of its targets, at least once.

Nothing about reports is stored. What is to be told follows from the order on disk, and whether it was told from what
the bot shows: of a target whose order has an outcome and that is still ``ready``, or ``executing``, it was not told. So
a report that was lost, with its answer or with this process, is made again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import anyio

from daemon.clock import Clock
from daemon.config.tables import PollerTable
from daemon.core.values.events import Detail, Event
from daemon.core.values.orders import Order
from daemon.engine.engine import Engine
from daemon.engine.order_commands import OrderCommands
from daemon.poller import target_reports
from daemon.poller.bot_api import BotClient, Trouble

MAX_REMEMBERED = 10_000
"""Reports that are remembered; of more, those that the bot has taken are forgotten, oldest first."""

_MOST_DOUBLINGS = 30


def wait_ms(failures: int, table: PollerTable) -> int:
    """Return the wait after consecutive failures: doubled each time, bounded."""
    return min(table.interval_ms << min(failures, _MOST_DOUBLINGS), table.longest_interval_ms)


@dataclass
class Report:
    """What is to be told of one target, and how far that has come."""

    target_id: str
    order_id: str | None = None  # its order, or None where there is none
    body: bytes | None = None  # what to tell; of an order it follows from how that stands
    remark: bool = False  # only that it came back: the bot shows it as traded
    rearmed: bool = False  # it came back after it was reported
    taken: bytes | None = None  # what the bot has taken
    taken_ms: int = 0  # when
    done: bool = False  # nothing more is to be told
    ended_empty: bool = False  # of its order the bot took the last word: nothing was executed, its key is free
    refusals: int = 0  # how often the bot has refused it
    tries: int = 0  # how often it was sent; the wait grows with it
    next_ms: int = 0
    seen: Order | None = None  # the order as it was last looked at
    failing_since_ms: int | None = None  # since when the bot has not taken it
    error: str | None = None  # why, while it has not


class ReportOutbox:
    """Follows orders to their outcome, and tells the bot."""

    def __init__(
        self,
        engine: Engine,
        desk: OrderCommands,
        client: BotClient,
        table: Callable[[], PollerTable],
    ) -> None:
        self._engine = engine
        self._desk = desk
        self._client = client
        self._table = table
        self._clock: Clock = engine.clock
        self._reports: dict[str, Report] = {}
        self._silent_until_ms = 0
        self._silences = 0
        self._wanted = anyio.Event()

    def follow(self, target_id: str, order_id: str) -> None:
        """Tell of a target's order when its outcome is known, and again when that changes."""
        known = self._reports.get(target_id)
        if known is None or known.order_id != order_id:
            self._put(Report(target_id, order_id))

    def follow_anew(self, target_id: str, order_id: str) -> None:
        """Tell once more of an order that goes on, whatever was told of it before."""
        self._put(Report(target_id, order_id))

    def came_back(self, target_id: str, order_id: str, *, executed: bool, told: str, began_ms: int) -> bool:
        """Look at a target of which an order is known, and which the bot shows as ready.

        Args:
            target_id: the bot's.
            order_id: of its order.
            executed: the bot shows it as traded; then its status is the bot's own business.
            told: the error message that the bot shows.
            began_ms: when the bot was asked.

        Returns:
            Whether it is a target that came back, seen for the first time.

        """
        known = self._reports.get(target_id)
        remark = executed and order_id not in self._engine.state.orders  # of others there is an outcome to tell yet
        if known is None or known.order_id != order_id:
            stands_there = order_id in told
            self._put(Report(target_id, order_id, remark=remark, rearmed=executed, done=remark and stands_there))
            return executed and not stands_there
        if known.taken is None or began_ms <= known.taken_ms or (executed and order_id in told):
            return False  # its report is under way or given up, came after the bot was asked, or stands there
        is_first = not (known.rearmed or known.remark)
        known.rearmed, known.remark = True, remark
        known.done, known.taken, known.seen = False, None, None
        known.next_ms = self._clock.now_ms() + self._wait_ms(known.tries)
        return is_first

    def may_be_tried_again(self, target_id: str, order_id: str, began_ms: int) -> bool:
        """Whether nothing came of a target's order, and the bot shows the target as ready although it was told so."""
        known = self._reports.get(target_id)
        return (
            known is not None and known.order_id == order_id and known.ended_empty and known.done
        ) and began_ms > known.taken_ms

    def refuses(self, target_id: str) -> bool:
        """Whether a target was refused and the bot has not taken that yet: until then it stays refused."""
        known = self._reports.get(target_id)
        return known is not None and known.order_id is None and known.taken is None

    def refuse(self, target_id: str, body: bytes) -> bool:
        """Tell why a target is not traded, the more seldom the more often that was told; whether it is new."""
        known = self._reports.get(target_id)
        if known is None or known.order_id is not None:
            self._put(Report(target_id, body=body))
            return True
        is_new = known.body != body
        known.body, known.done, known.taken = body, False, None
        known.next_ms = self._clock.now_ms() + self._wait_ms(known.tries)
        return is_new

    def untold(self) -> int:
        """Count the reports that the bot was sent and has neither taken nor refused."""
        return sum(1 for _ in self._untaken())

    def failing(self) -> tuple[int | None, str | None]:
        """Tell since when the bot has not taken a report, and why; ``None`` where it takes all."""
        oldest = min(self._untaken(), key=lambda report: report.failing_since_ms or 0, default=None)
        return (None, None) if oldest is None else (oldest.failing_since_ms, oldest.error)

    def _untaken(self) -> Iterator[Report]:
        return (each for each in self._reports.values() if each.failing_since_ms is not None and not each.done)

    async def run(self) -> None:
        """Report, again and again, until cancelled."""
        while True:
            await self._round()
            with anyio.move_on_after(self._table().interval_ms / 1_000):
                await self._wanted.wait()
            self._wanted = anyio.Event()

    async def _round(self) -> None:
        for report in [report for report in self._reports.values() if not report.done]:
            now_ms = self._clock.now_ms()
            if now_ms < self._silent_until_ms:
                return
            if now_ms < report.next_ms:
                continue
            body = await self._body(report)
            if body is not None and body != report.taken:
                await self._send(report, body)

    async def _body(self, report: Report) -> bytes | None:
        """Say what is to be told now, from the disk; and notice when nothing more will follow."""
        if report.order_id is None:
            return report.body
        current = self._engine.state.orders.get(report.order_id)
        if current is not None and current is report.seen:
            return report.taken
        order = await self._desk.order(report.order_id)
        body = target_reports.remark(order) if report.remark else target_reports.report(order, report.rearmed)
        if body == report.taken:
            report.seen = current
            report.done = order.finished_ms is not None or report.remark
            report.ended_empty = order.ended_empty
        return body

    async def _send(self, report: Report, body: bytes) -> None:
        trouble = await self._client.report(report.target_id, body, timeout_s=self._table().timeout_ms / 1_000)
        now_ms = self._clock.now_ms()
        if trouble is not None and not trouble.refused:
            report.failing_since_ms = now_ms if report.failing_since_ms is None else report.failing_since_ms
            report.error = f"a report is not taken: {trouble.why}"
        if trouble is not None and not trouble.answered:
            self._silent_until_ms = now_ms + self._wait_ms(self._silences)
            self._silences += 1
            return
        self._silences = 0
        report.tries += 1
        if trouble is None:
            report.taken, report.taken_ms, report.refusals = body, now_ms, 0
            report.failing_since_ms = report.error = None
            report.done = report.order_id is None
            self._tell("poller.reported", report, body=body)
            self._wanted.set()  # an order's next look notices whether it was the last word
            return
        self._failed(report, body, trouble, now_ms)

    def _failed(self, report: Report, body: bytes, trouble: Trouble, now_ms: int) -> None:
        report.next_ms = now_ms + self._wait_ms(report.tries - 1)
        report.refusals += trouble.refused
        if report.refusals >= self._table().report_attempts:
            report.done, report.taken_ms, report.failing_since_ms = True, now_ms, None
            self._tell("poller.report_dropped", report, body=body, error=trouble.why)

    def _wait_ms(self, tries: int) -> int:
        return wait_ms(tries, self._table())

    def _put(self, report: Report) -> None:
        self._reports.pop(report.target_id, None)
        self._reports[report.target_id] = report
        if len(self._reports) > MAX_REMEMBERED:
            oldest = next((each.target_id for each in self._reports.values() if each.done), report.target_id)
            del self._reports[oldest]
        self._wanted.set()

    def _tell(self, name: str, report: Report, *, body: bytes, error: str | None = None) -> None:
        detail: dict[str, Detail] = {"target_id": report.target_id, "report": body.decode()}
        detail |= {} if error is None else {"error": error}
        event = Event(name=name, at_ms=self._clock.now_ms(), order_id=report.order_id, detail=detail)
        self._engine.emit(event)
