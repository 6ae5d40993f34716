"""The poller: the bot's targets become signals, at most one each.

It stands before the front desk like any caller, with no right of its own: what it submits goes through intake, keys and
locks. It remembers nothing that it could not read again: which targets were bought is read from the orders on disk once
and known from then on by their keys, because while it runs every buy of a target has the target's key.
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
from daemon.errors import Full, Halted, Invalid, KeyConflict, NotReady, Refusal
from daemon.exchange.mexc.client import MexcExchange
from daemon.poller import target_reports, targets
from daemon.poller.bot_api import BotClient, Trouble
from daemon.poller.outbox import ReportOutbox, wait_ms
from daemon.poller.targets import READY, Candidate, Reason, Row

EXECUTING = "executing"
CALLER = Caller("poller", administrator=False)
LATEST_ORDERS = 1_000
"""Orders among which duplicates are looked for: more than are taken in within any sensible window."""

UNKNOWN_PAIR_MS = 2_000
"""The exchange is asked for pairs that it has not shown only so often: each costs a tenth of what it grants."""

MAX_TOLD = 10_000

REOPENING = frozenset({"order.requeued", "order.seen_late"})
"""Events after which an order goes on that had ended."""


class Poller:
    """Reads targets and submits them."""

    def __init__(
        self, *, engine: Engine, desk: OrderCommands, client: BotClient, exchange: MexcExchange, config: Config
    ) -> None:
        self.config = config
        self._engine = engine
        self._desk = desk
        self._client = client
        self._exchange = exchange
        self._reports = ReportOutbox(engine, desk, client, lambda: self.config.poller)
        self._orders: dict[str, str] = {}  # target → its order
        self._under_way: dict[str, Candidate] = {}  # being submitted at this moment
        self._ask_again_ms = 0
        self._told: dict[tuple[str, str], None] = {}  # what the log was told of which target
        self._is_reachable: bool | None = None
        self._failing_since_ms: int | None = None  # since when the bot does not show its targets
        self._error: str | None = None  # why, while it does not
        self._answered_ms: int | None = None
        self._targets = 0  # shown then
        self._is_new = True  # what was left executing by an earlier process was not asked for yet

    async def run(self) -> None:
        """Read and report until cancelled; beside trading, never in its way."""
        await self._engine.ready.wait()
        self._orders = await self._engine.store.bought_targets()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._reports.run)
            failures = 0
            while self._engine.state.gate.stage is Stage.READY:
                failures = 0 if await self._poll(tasks) else failures + 1
                await anyio.sleep(wait_ms(failures, self.config.poller) / 1_000)

    def health(self) -> PollerHealth:
        """Tell how it stands with the bot."""
        now_ms = self._engine.clock.now_ms()
        refused_since_ms, refusal = self._reports.failing()
        since_ms = min([now_ms, *(each for each in (self._failing_since_ms, refused_since_ms) if each is not None)])
        return PollerHealth(
            url=self._client.url,
            reachable=self._is_reachable,
            failing_ms=now_ms - since_ms,
            answered_ms=self._answered_ms,
            targets=self._targets,
            untold=self._reports.untold(),
            error=self._error or refusal,
        )

    def hear(self, event: Event) -> None:
        """Listen to what happens: an order whose outcome the bot was told may have another one after all."""
        if event.name in REOPENING:
            targets_of = [target_id for target_id, order_id in self._orders.items() if order_id == event.order_id]
            for target_id in targets_of:
                self._reports.follow_anew(target_id, self._orders[target_id])

    async def _poll(self, tasks: TaskGroup) -> bool:
        """Read the targets once, and act on them; whether the bot showed them."""
        began_ms = self._engine.clock.now_ms()
        shown = await self._shown()
        self._note_answer(shown)
        if isinstance(shown, Trouble):
            return False
        rows = [targets.read(raw, self.config) for raw in shown]
        self._tell_unreadable(rows.count(None))
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
            return ready  # those wait; the ready ones do not
        self._is_new = False
        return ready + executing

    async def _ask(self, status: str) -> list[bytes] | Trouble:
        table = self.config.poller
        return await self._client.targets(status, timeout_s=table.timeout_ms / 1_000, limit=table.body_limit_kb * 1024)

    def _judge(self, row: Row, began_ms: int) -> Candidate | None:
        """Return what a row asks for, if it is to be bought; otherwise see to what the bot is told."""
        order_id = self._order_of(row.target_id)
        if order_id is not None and self._may_be_tried_again(row, order_id, began_ms):
            del self._orders[row.target_id]
            order_id = self._order_of(row.target_id)
        if order_id is not None:
            self._recognise(row, order_id, began_ms)
        elif row.status != READY or self._reports.refuses(row.target_id) or row.target_id in self._under_way:
            pass
        elif row.executed:
            self._tell_once("poller.refused", row.target_id, reason="the bot shows it as traded already")
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
            row.target_id, order_id, executed=row.executed, told=row.told, began_ms=began_ms
        ):
            self._tell_once("poller.rearmed", row.target_id, order_id)

    async def _without_duplicates(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return what is submitted now: no duplicates, and few pairs that the exchange must be asked for."""
        under_way = list(self._under_way.values())  # some may have become orders before the disk is read
        latest = await self._engine.store.page(state=None, symbol=None, before_seq=None, limit=LATEST_ORDERS)
        known = {order.order_id: order for order in latest} | dict(self._engine.state.orders)
        bought = [each for order in known.values() if (each := targets.bought(order)) is not None]
        first, duplicates = targets.drop_duplicates(candidates, bought, under_way, self.config)
        for duplicate in duplicates:
            self._refuse(duplicate)
        return [candidate for candidate in first if self._may_ask(candidate)]

    def _may_ask(self, candidate: Candidate) -> bool:
        """Whether the exchange may be bothered: a row of nonsense must not cost what orders and looks need."""
        now_ms = self._engine.clock.now_ms()
        if self._exchange.knows(candidate.request.symbol):
            return True
        if now_ms < self._ask_again_ms:
            return False
        self._ask_again_ms = now_ms + UNKNOWN_PAIR_MS
        return True

    async def _submit(self, candidate: Candidate) -> None:
        """Submit one beside the others, so that a pair that must be asked for keeps none waiting."""
        target_id = candidate.row.target_id
        try:
            accepted = await self._desk.submit(candidate.request, CALLER)
        except KeyConflict as conflict:
            self._lost_to_another(target_id, str(conflict))
        except (Halted, Full, NotReady) as later:
            self._tell_once("poller.waiting", target_id, reason=str(later))
        except Refusal as refusal:
            if self._may_be_listed_yet(candidate, refusal):
                self._tell_once("poller.waiting", target_id, reason=str(refusal))
            else:
                self._refuse(Reason(target_id, str(refusal)))
        else:
            self._orders[target_id] = accepted.order.order_id
            self._reports.follow(target_id, accepted.order.order_id)
        finally:
            del self._under_way[target_id]

    def _lost_to_another(self, target_id: str, why: str) -> None:
        """Follow the order that somebody else sent for the target with other amounts, a moment ago."""
        order_id = self._order_of(target_id)
        self._tell_once("poller.refused", target_id, order_id, reason=why)
        if order_id is not None:
            self._reports.follow(target_id, order_id)

    def _may_be_listed_yet(self, candidate: Candidate, refusal: Refusal) -> bool:
        """Whether a pair that the exchange does not know may still be listed before it is to be bought."""
        at_ms = candidate.request.execute_at
        is_unknown = isinstance(refusal, Invalid) and refusal.field == "symbol"
        return is_unknown and at_ms is not None and at_ms > self._engine.clock.now_ms()

    def _refuse(self, reason: Reason) -> None:
        if self._reports.refuse(reason.target_id, target_reports.refusal(reason)):
            self._tell("poller.refused", target_id=reason.target_id, reason=reason.why)

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
            self._tell("poller.unreachable", error=shown.why)
        else:
            self._tell("poller.reachable", targets=len(shown))

    def _tell_unreadable(self, rows: int) -> None:
        if rows and ("", "unreadable") not in self._told:
            self._tell("poller.unreadable", rows=rows)
            self._told["", "unreadable"] = None
        elif not rows:
            self._told.pop(("", "unreadable"), None)

    def _tell_once(self, name: str, target_id: str, order_id: str | None = None, **detail: Detail) -> None:
        if (target_id, name) in self._told:
            return
        if len(self._told) >= MAX_TOLD:
            del self._told[next(iter(self._told))]
        self._told[target_id, name] = None
        self._tell(name, order_id, target_id=target_id, **detail)

    def _tell(self, name: str, order_id: str | None = None, **detail: Detail) -> None:
        self._engine.emit(Event(name=name, at_ms=self._engine.clock.now_ms(), order_id=order_id, detail=detail))
