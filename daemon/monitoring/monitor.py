"""The monitor: looks at the daemon every second, judges alerts, and answers whoever asks how it stands."""

from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread

from daemon.config.tables import AlertsTable
from daemon.core.state.gate import Stage
from daemon.core.values.events import Event
from daemon.core.values.poller_health import PollerHealth
from daemon.engine.engine import Engine
from daemon.monitoring import gauges
from daemon.monitoring.alert_rules import rules
from daemon.monitoring.alerts import Alert, AlertState, judge
from daemon.monitoring.figures import read
from daemon.monitoring.machine import Machine
from daemon.monitoring.messages import Notice
from daemon.monitoring.recorder import Recorder
from daemon.monitoring.series import Point
from daemon.monitoring.snapshot import MonitorSnapshot, snapshot
from daemon.monitoring.webhooks import Delivery, Webhooks

LOOK_EVERY_S = 1.0
COUNT_EVERY_S = 5.0
"""Dead letters stand on disk alone, and are counted there."""


class Monitor:
    """Watches; nothing of trading waits for it."""

    def __init__(
        self,
        engine: Engine,
        recorder: Recorder,
        *,
        database: Path,
        mode: str,
        table: AlertsTable,
        webhooks: Webhooks,
        emit: Callable[[Event], None],
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._mode = mode
        self._table = table
        self._rules = rules(table)
        self._alerts: dict[str, Alert] = {}
        self._dead_letters: int | None = None
        self._surroundings = Machine(database)
        self._process = gauges.process_figures()
        self._webhooks = webhooks
        self._emit = emit
        self.poller: Callable[[], PollerHealth] | None = None  # where the bot's targets are polled

    def reload(self, table: AlertsTable) -> None:
        """Take a new configuration; it counts from the next look and the next message on."""
        self._table = self._webhooks.table = table
        self._rules = rules(table)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with anyio.create_task_group() as tasks:
            for task in (self._surroundings.watch_loop, self._surroundings.watch_disk, self._count, self._webhooks.run):
                tasks.start_soon(task)
            while True:
                self._look()
                await anyio.sleep(LOOK_EVERY_S)

    def poller_health(self) -> PollerHealth | None:
        """Tell how the poller stands; ``None`` where nothing is polled."""
        return None if self.poller is None else self.poller()

    def alerts(self) -> list[Alert]:
        """Return what is pending or fires, what fires first."""
        return sorted(self._alerts.values(), key=lambda alert: alert.state is not AlertState.FIRING)

    def points(self, window_ms: int) -> list[Point]:
        """Return the time series of a window."""
        return self._recorder.series.points(self._engine.clock.now_ms(), window_ms)

    async def metrics(self) -> bytes:
        """Return what Prometheus reads; written on a thread, because it takes as long as several orders."""
        self._dead_letters = await self._engine.store.dead_letters()
        standing = self._standing()
        return await anyio.to_thread.run_sync(
            gauges.expose, self._recorder.registry, self._process, standing, self._mode
        )

    async def test_webhooks(self) -> list[Delivery]:
        """Send every webhook a test; return what became of each."""
        return await self._webhooks.test(self._engine.clock.now_ms())

    def _standing(self) -> MonitorSnapshot:
        engine = self._engine
        now_ms = engine.clock.now_ms()
        return MonitorSnapshot(
            now_ms=now_ms,
            ready=engine.state.gate.stage is Stage.READY and engine.state.gate.halted is None,
            readings=read(engine.state, now_ms),
            health=engine.exchange.health(),
            disk=self._surroundings.disk,
            lag_s=self._surroundings.lag_s,
            database_locked_s=engine.store.locked_s,
            dead_letters=self._dead_letters,
            poller=self.poller_health(),
            rules=self._rules,
            alerts=self._alerts,
        )

    def _look(self) -> None:
        standing, series = self._standing(), self._recorder.series
        series.stands(standing.now_ms, queue_depth=standing.readings.queue_depth, rate_budget=standing.rate_budget)
        judged = judge(self._rules, self._alerts, snapshot(standing, series, self._table), standing.now_ms)
        self._alerts = judged.alerts
        for alert in judged.fired:
            self._tell("alert.firing", alert, standing.now_ms, todo=alert.rule.todo)
        for alert in judged.resolved:
            self._tell("alert.resolved", alert, standing.now_ms, fired_ms=standing.now_ms - alert.since_ms)

    def _tell(self, name: str, alert: Alert, now_ms: int, **more: str | int) -> None:
        rule = alert.rule
        detail = {"alert": rule.name, "severity": rule.severity.value, "value": alert.value, "summary": alert.summary}
        self._emit(Event(name=name, at_ms=now_ms, detail={**detail, **more}))
        self._webhooks.send(Notice.of(alert, firing=name == "alert.firing", at_ms=now_ms))

    async def _count(self) -> None:
        while True:
            self._dead_letters = await self._engine.store.dead_letters()
            await anyio.sleep(COUNT_EVERY_S)
