"""The outbox: reports about targets, which the bot gets at least once.

Reports are not stored. Their content follows from the order on disk. Whether the bot has it follows from what the bot
shows: a target whose order has an outcome, and that is still ``ready`` or ``executing``, was not reported. So a report
that was lost, with its answer or with this process, is sent again.
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
"""Reports that are kept in memory. Beyond that the oldest ones that the bot has accepted are dropped."""

_MOST_DOUBLINGS = 30


def wait_ms(failures: int, table: PollerTable) -> int:
    """Return the wait after consecutive failures, in milliseconds: it doubles each time, up to a limit."""
    return min(table.interval_ms << min(failures, _MOST_DOUBLINGS), table.longest_interval_ms)


@dataclass
class Report:
    """The report about one target, and its progress."""

    target_id: str
    order_id: str | None = None  # its order, or None where there is none
    body: bytes | None = None  # what to send; for an order it follows from the order's state
    remark: bool = False  # send only a message: the bot shows the target as traded
    rearmed: bool = False  # the bot set it ready again after it was reported
    accepted: bytes | None = None  # the body that the bot has accepted
    accepted_ms: int = 0  # when, or when it was given up
    done: bool = False  # nothing more is to be sent
    ended_empty: bool = False  # the bot has accepted that nothing was executed and the key is free
    refusals: int = 0  # number of refusals by the bot
    tries: int = 0  # number of requests; the wait grows with it
    next_ms: int = 0
    seen: Order | None = None  # the order when it was last checked
    failing_since_ms: int | None = None  # since when the bot has not accepted it
    error: str | None = None  # why not


class ReportOutbox:
    """Follows orders to their outcome, and reports it to the bot."""

    def __init__(
        self,
        engine: Engine,
        order_commands: OrderCommands,
        client: BotClient,
        table: Callable[[], PollerTable],
    ) -> None:
        self._engine = engine
        self._order_commands = order_commands
        self._client = client
        self._table = table
        self._clock: Clock = engine.clock
        self._reports: dict[str, Report] = {}
        self._retry_at_ms = 0
        self._failures = 0
        self._wanted = anyio.Event()

    def follow(self, target_id: str, order_id: str) -> None:
        """Report a target's order when its outcome is known, and again when the outcome changes."""
        known = self._reports.get(target_id)
        if known is None or known.order_id != order_id:
            self._put(Report(target_id, order_id))

    def follow_again(self, target_id: str, order_id: str) -> None:
        """Report an order again that continues, whatever was reported before."""
        self._put(Report(target_id, order_id))

    def came_back(self, target_id: str, order_id: str, *, executed: bool, shown_error: str, began_ms: int) -> bool:
        """Handle a target that has an order and that the bot shows as ready.

        Args:
            target_id: the bot's.
            order_id: of its order.
            executed: the bot shows it as traded; then only the bot changes its status.
            shown_error: the error message that the bot shows.
            began_ms: when the bot was queried.

        Returns:
            Whether the bot has set the target ready again, seen for the first time.

        """
        known = self._reports.get(target_id)
        remark = executed and order_id not in self._engine.state.orders  # active orders still have an outcome to report
        if known is None or known.order_id != order_id:
            is_reported = order_id in shown_error
            self._put(Report(target_id, order_id, remark=remark, rearmed=executed, done=remark and is_reported))
            return executed and not is_reported
        if known.accepted is None or began_ms <= known.accepted_ms or (executed and order_id in shown_error):
            return False  # its report is open or given up, is newer than the query, or is already shown
        is_first = not (known.rearmed or known.remark)
        known.rearmed, known.remark = True, remark
        known.done, known.accepted, known.seen = False, None, None
        known.next_ms = self._clock.now_ms() + self._wait_ms(known.tries)
        return is_first

    def may_be_tried_again(self, target_id: str, order_id: str, began_ms: int) -> bool:
        """Whether a target's order executed nothing, and the bot shows the target as ready after accepting that."""
        known = self._reports.get(target_id)
        return (
            known is not None and known.order_id == order_id and known.ended_empty and known.done
        ) and began_ms > known.accepted_ms

    def refuses(self, target_id: str) -> bool:
        """Whether a target was refused and the bot has not accepted that yet. Until then it stays refused."""
        known = self._reports.get(target_id)
        return known is not None and known.order_id is None and known.accepted is None

    def refuse(self, target_id: str, body: bytes) -> bool:
        """Report why a target is not traded, at growing intervals; return whether the reason is new."""
        known = self._reports.get(target_id)
        if known is None or known.order_id is not None:
            self._put(Report(target_id, body=body))
            return True
        is_new = known.body != body
        known.body, known.done, known.accepted = body, False, None
        known.next_ms = self._clock.now_ms() + self._wait_ms(known.tries)
        return is_new

    def unaccepted(self) -> int:
        """Count the reports that were sent and that the bot has neither accepted nor refused."""
        return sum(1 for _ in self._unaccepted())

    def failing(self) -> tuple[int | None, str | None]:
        """Return since when the bot has not accepted a report, and why; ``None`` if it accepts all."""
        oldest = min(self._unaccepted(), key=lambda report: report.failing_since_ms or 0, default=None)
        return (None, None) if oldest is None else (oldest.failing_since_ms, oldest.error)

    def _unaccepted(self) -> Iterator[Report]:
        return (each for each in self._reports.values() if each.failing_since_ms is not None and not each.done)

    async def run(self) -> None:
        """Send reports until cancelled."""
        while True:
            await self._send_due()
            with anyio.move_on_after(self._table().interval_ms / 1_000):
                await self._wanted.wait()
            self._wanted = anyio.Event()

    async def _send_due(self) -> None:
        for report in [report for report in self._reports.values() if not report.done]:
            now_ms = self._clock.now_ms()
            if now_ms < self._retry_at_ms:
                return
            if now_ms < report.next_ms:
                continue
            body = await self._body(report)
            if body is not None and body != report.accepted:
                await self._send(report, body)

    async def _body(self, report: Report) -> bytes | None:
        """Return what is to be sent now, from the order on disk. Mark it as done when nothing more will follow."""
        if report.order_id is None:
            return report.body
        current = self._engine.state.orders.get(report.order_id)
        if current is not None and current is report.seen:
            return report.accepted
        order = await self._order_commands.order(report.order_id)
        body = target_reports.remark(order) if report.remark else target_reports.report(order, report.rearmed)
        if body == report.accepted:
            report.seen = current
            report.done = order.finished_ms is not None or report.remark
            report.ended_empty = order.ended_empty
        return body

    async def _send(self, report: Report, body: bytes) -> None:
        trouble = await self._client.report(report.target_id, body, timeout_s=self._table().timeout_ms / 1_000)
        now_ms = self._clock.now_ms()
        if trouble is not None and not trouble.refused:
            report.failing_since_ms = now_ms if report.failing_since_ms is None else report.failing_since_ms
            report.error = f"the bot did not accept a report: {trouble.why}"
        if trouble is not None and not trouble.answered:
            self._retry_at_ms = now_ms + self._wait_ms(self._failures)
            self._failures += 1
            return
        self._failures = 0
        report.tries += 1
        if trouble is None:
            report.accepted, report.accepted_ms, report.refusals = body, now_ms, 0
            report.failing_since_ms = report.error = None
            report.done = report.order_id is None
            self._emit("poller.reported", report, body=body)
            self._wanted.set()  # the next check of the order finds whether this was its last report
            return
        self._failed(report, body, trouble, now_ms)

    def _failed(self, report: Report, body: bytes, trouble: Trouble, now_ms: int) -> None:
        report.next_ms = now_ms + self._wait_ms(report.tries - 1)
        report.refusals += trouble.refused
        if report.refusals >= self._table().report_attempts:
            report.done, report.accepted_ms, report.failing_since_ms = True, now_ms, None
            self._emit("poller.report_dropped", report, body=body, error=trouble.why)

    def _wait_ms(self, tries: int) -> int:
        return wait_ms(tries, self._table())

    def _put(self, report: Report) -> None:
        self._reports.pop(report.target_id, None)
        self._reports[report.target_id] = report
        if len(self._reports) > MAX_REMEMBERED:
            oldest = next((each.target_id for each in self._reports.values() if each.done), report.target_id)
            del self._reports[oldest]
        self._wanted.set()

    def _emit(self, name: str, report: Report, *, body: bytes, error: str | None = None) -> None:
        detail: dict[str, Detail] = {"target_id": report.target_id, "report": body.decode()}
        detail |= {} if error is None else {"error": error}
        event = Event(name=name, at_ms=self._clock.now_ms(), order_id=report.order_id, detail=detail)
        self._engine.emit(event)
