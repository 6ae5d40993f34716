"""The poller: turns the bot's targets into signals, at most one each.

It uses the order commands like any caller, without extra rights: its signals go through intake, keys and locks. It
keeps no state of its own: it reads once from disk which targets have an order, and knows later ones by their keys,
because while it runs every BUY of a target has the target's key.
"""

import anyio
from anyio.abc import TaskGroup

from daemon.config.tables import Config
from daemon.core.rules.idempotency import target_key
from daemon.core.state.gate import Stage
from daemon.core.values.events import Detail, Event
from daemon.core.values.poller_health import PollerHealth
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.errors import Full, Halted, KeyConflict, NotReady, Refusal
from daemon.exchange.mexc.client import MexcExchange
from daemon.poller import target_reports, targets
from daemon.poller.bot_api import BotClient, Trouble
from daemon.poller.outbox import ReportOutbox, wait_ms
from daemon.poller.targets import READY, Candidate, Reason, Row
from daemon.store.queries import OrderFilter

EXECUTING = "executing"
CALLER = Caller("poller", administrator=False)
LATEST_ORDERS = 1_000
"""The number of latest orders that are searched for duplicates: more than arrive within any sensible window."""

UNKNOWN_PAIR_MS = 2_000
"""The minimum interval between queries for unknown pairs: each costs a tenth of the weight that the exchange grants."""

MAX_LOGGED = 10_000

REOPENING = frozenset({"order.requeued", "order.seen_late"})
"""Events after which an ended order continues."""


class Poller:
    """Reads targets and submits them."""

    def __init__(
        self,
        *,
        engine: Engine,
        order_commands: OrderCommands,
        client: BotClient,
        exchange: MexcExchange,
        config: Config,
    ) -> None:
        self.config = config
        self._engine = engine
        self._order_commands = order_commands
        self._client = client
        self._exchange = exchange
        self._reports = ReportOutbox(engine, order_commands, client, lambda: self.config.poller)
        self._orders: dict[str, str] = {}  # target id → order id
        self._under_way: dict[str, Candidate] = {}  # being submitted
        self._next_pair_query_ms = 0
        self._logged: dict[tuple[str, str], None] = {}  # target and event name of what is in the log
        self._is_reachable: bool | None = None
        self._failing_since_ms: int | None = None  # since when the bot does not show its targets
        self._error: str | None = None  # why not
        self._answered_ms: int | None = None
        self._targets = 0  # in the last answer
        self._is_new = True  # targets that an earlier process left executing were not read yet

    async def run(self) -> None:
        """Read targets and send reports until cancelled. Trading never waits for this."""
        await self._engine.ready.wait()
        self._orders = await self._engine.store.bought_targets()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._reports.run)
            failures = 0
            while self._engine.state.gate.stage is Stage.READY:
                failures = 0 if await self._poll(tasks) else failures + 1
                await anyio.sleep(wait_ms(failures, self.config.poller) / 1_000)

    def health(self) -> PollerHealth:
        """Return the poller's health."""
        now_ms = self._engine.clock.now_ms()
        refused_since_ms, refusal = self._reports.failing()
        since_ms = min([now_ms, *(each for each in (self._failing_since_ms, refused_since_ms) if each is not None)])
        return PollerHealth(
            url=self._client.url,
            reachable=self._is_reachable,
            failing_ms=now_ms - since_ms,
            answered_ms=self._answered_ms,
            targets=self._targets,
            untold=self._reports.unaccepted(),
            error=self._error or refusal,
        )

    def on_event(self, event: Event) -> None:
        """Report an order again if its reported outcome may change."""
        if event.name in REOPENING:
            targets_of = [target_id for target_id, order_id in self._orders.items() if order_id == event.order_id]
            for target_id in targets_of:
                self._reports.follow_again(target_id, self._orders[target_id])

    async def _poll(self, tasks: TaskGroup) -> bool:
        """Read the targets once and act on them; return whether the bot answered."""
        began_ms = self._engine.clock.now_ms()
        shown = await self._shown()
        self._note_answer(shown)
        if isinstance(shown, Trouble):
            return False
        rows = [targets.read(raw, self.config) for raw in shown]
        self._emit_unreadable(rows.count(None))
        ours = {row.target_id: row for row in rows if row is not None and row.owner_id == self.config.poller.user_id}
        candidates = [candidate for row in ours.values() if (candidate := self._judge(row, began_ms)) is not None]
        if candidates:
            for candidate in await self._without_duplicates(candidates):
                self._under_way[candidate.row.target_id] = candidate
                tasks.start_soon(self._submit, candidate)
        return True

    async def _shown(self) -> list[bytes] | Trouble:
        ready = await self._ask(READY)
        if isinstance(ready, Trouble) or not self._is_new:
            return ready
        executing = await self._ask(EXECUTING)
        if isinstance(executing, Trouble):
            return ready  # trade the ready ones now; the next poll retries
        self._is_new = False
        return ready + executing

    async def _ask(self, status: str) -> list[bytes] | Trouble:
        table = self.config.poller
        return await self._client.targets(status, timeout_s=table.timeout_ms / 1_000, limit=table.body_limit_kb * 1024)

    def _judge(self, row: Row, began_ms: int) -> Candidate | None:
        """Return a candidate if the row is to be bought. Otherwise prepare the report, if one is due."""
        order_id = self._order_of(row.target_id)
        if order_id is not None and self._may_be_tried_again(row, order_id, began_ms):
            del self._orders[row.target_id]
            order_id = self._order_of(row.target_id)
        if order_id is not None:
            self._recognise(row, order_id, began_ms)
        elif row.status != READY or self._reports.refuses(row.target_id) or row.target_id in self._under_way:
            pass
        elif row.executed:
            self._emit_once("poller.refused", row.target_id, reason="the bot shows it as traded already")
        else:
            candidate = targets.candidate_of(row, self.config, self._exchange.pair_of, self._engine.clock.now_ms())
            if isinstance(candidate, Candidate):
                return candidate
            self._refuse(candidate)
        return None

    def _may_be_tried_again(self, row: Row, order_id: str, began_ms: int) -> bool:
        is_wanted = row.status == READY and not row.executed
        return is_wanted and self._reports.may_be_tried_again(row.target_id, order_id, began_ms)

    def _order_of(self, target_id: str) -> str | None:
        known = self._orders.get(target_id)
        if known is not None:
            return known
        order = self._engine.state.orders.by_key(target_key(target_id))
        if order is not None:
            self._orders[target_id] = order.order_id
        return None if order is None else order.order_id

    def _recognise(self, row: Row, order_id: str, began_ms: int) -> None:
        if row.status == EXECUTING:
            self._reports.follow(row.target_id, order_id)
        elif row.status == READY and self._reports.came_back(
            row.target_id, order_id, executed=row.executed, shown_error=row.shown_error, began_ms=began_ms
        ):
            self._emit_once("poller.rearmed", row.target_id, order_id)

    async def _without_duplicates(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return what is submitted now: no duplicates, and few pairs that the exchange must be queried for."""
        under_way = list(self._under_way.values())  # copied first: some may become orders before the disk is read
        latest = await self._engine.store.page(OrderFilter(), LATEST_ORDERS)
        known = {order.order_id: order for order in latest} | dict(self._engine.state.orders)
        bought = [each for order in known.values() if (each := targets.bought(order)) is not None]
        first, duplicates = targets.drop_duplicates(candidates, bought, under_way, self.config)
        for duplicate in duplicates:
            self._refuse(duplicate)
        return [candidate for candidate in first if self._may_query(candidate)]

    def _may_query(self, candidate: Candidate) -> bool:
        """Whether the exchange may be queried for the pair: bad rows must not use up the weight that orders need."""
        now_ms = self._engine.clock.now_ms()
        at_ms = candidate.request.execute_at
        if (at_ms is not None and at_ms > now_ms) or self._exchange.known_rules(candidate.request.symbol) is not None:
            return True  # nothing is queried: a pair that is not listed yet is watched
        if now_ms < self._next_pair_query_ms:
            return False
        self._next_pair_query_ms = now_ms + UNKNOWN_PAIR_MS
        return True

    async def _submit(self, candidate: Candidate) -> None:
        """Submit one candidate in its own task, so that a query for its pair does not delay the others."""
        target_id = candidate.row.target_id
        try:
            accepted = await self._order_commands.submit(candidate.request, CALLER)
        except KeyConflict as conflict:
            self._follow_other_order(target_id, str(conflict))
        except (Halted, Full, NotReady) as later:
            self._emit_once("poller.waiting", target_id, reason=str(later))
        except Refusal as refusal:
            self._refuse(Reason(target_id, str(refusal)))
        else:
            self._orders[target_id] = accepted.order.order_id
            self._reports.follow(target_id, accepted.order.order_id)
        finally:
            del self._under_way[target_id]

    def _follow_other_order(self, target_id: str, why: str) -> None:
        """Follow the order that another caller just sent for the target with other amounts."""
        order_id = self._order_of(target_id)
        self._emit_once("poller.refused", target_id, order_id, reason=why)
        if order_id is not None:
            self._reports.follow(target_id, order_id)

    def _refuse(self, reason: Reason) -> None:
        if self._reports.refuse(reason.target_id, target_reports.refusal(reason)):
            self._emit("poller.refused", target_id=reason.target_id, reason=reason.why)

    def _note_answer(self, shown: list[bytes] | Trouble) -> None:
        now_ms = self._engine.clock.now_ms()
        is_reachable = not isinstance(shown, Trouble)
        if isinstance(shown, Trouble):
            self._failing_since_ms = now_ms if self._failing_since_ms is None else self._failing_since_ms
            self._error = shown.why
        else:
            self._failing_since_ms = self._error = None
            self._answered_ms, self._targets = now_ms, len(shown)
        if is_reachable is self._is_reachable:
            return
        self._is_reachable = is_reachable
        if isinstance(shown, Trouble):
            self._emit("poller.unreachable", error=shown.why)
        else:
            self._emit("poller.reachable", targets=len(shown))

    def _emit_unreadable(self, rows: int) -> None:
        if rows and ("", "unreadable") not in self._logged:
            self._emit("poller.unreadable", rows=rows)
            self._logged["", "unreadable"] = None
        elif not rows:
            self._logged.pop(("", "unreadable"), None)

    def _emit_once(self, name: str, target_id: str, order_id: str | None = None, **detail: Detail) -> None:
        if (target_id, name) in self._logged:
            return
        if len(self._logged) >= MAX_LOGGED:
            del self._logged[next(iter(self._logged))]
        self._logged[target_id, name] = None
        self._emit(name, order_id, target_id=target_id, **detail)

    def _emit(self, name: str, order_id: str | None = None, **detail: Detail) -> None:
        self._engine.emit(Event(name=name, at_ms=self._engine.clock.now_ms(), order_id=order_id, detail=detail))
