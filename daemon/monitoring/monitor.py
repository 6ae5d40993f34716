"""The monitor: evaluates the alerts every second, and serves metrics, alerts and series."""

from collections.abc import Callable
from pathlib import Path

import anyio

from daemon.config.tables import AlertsTable
from daemon.core.state.gate import Stage
from daemon.core.values.events import Event
from daemon.core.values.fleet_health import FleetHealth
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

EVALUATE_EVERY_S = 1.0
COUNT_EVERY_S = 5.0
"""Dead letters are only on disk, and are counted there."""


class Monitor:
    """Monitors the daemon; trading never waits for it."""

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
        self._machine = Machine(database)
        self._process = gauges.process_figures()
        self._webhooks = webhooks
        self._emit = emit
        self.poller: Callable[[], PollerHealth] | None = None  # set while the bot's targets are polled
        self.fleet: Callable[[], FleetHealth] | None = None  # set in a fleet

    def reload(self, table: AlertsTable) -> None:
        """Apply a new configuration, from the next evaluation and message on."""
        self._table = self._webhooks.table = table
        self._rules = rules(table)

    async def run(self) -> None:
        """Monitor until cancelled."""
        async with anyio.create_task_group() as tasks:
            for task in (self._machine.watch_loop, self._machine.watch_disk, self._count, self._webhooks.run):
                tasks.start_soon(task)
            while True:
                await self._evaluate()
                await anyio.sleep(EVALUATE_EVERY_S)

    def poller_health(self) -> PollerHealth | None:
        """Return the poller's health; ``None`` without polling."""
        return None if self.poller is None else self.poller()

    def fleet_health(self) -> FleetHealth | None:
        """Return the fleet as this member knows it; ``None`` where there is none."""
        return None if self.fleet is None else self.fleet()

    def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or fire, firing ones first."""
        return sorted(self._alerts.values(), key=lambda alert: alert.state is not AlertState.FIRING)

    def points(self, window_ms: int) -> list[Point]:
        """Return the time series of a window."""
        return self._recorder.series.points(self._engine.clock.now_ms(), window_ms)

    async def metrics(self) -> bytes:
        """Return the text for Prometheus."""
        self._dead_letters = await self._engine.store.dead_letters()
        return await gauges.expose(self._recorder.registry, self._process, await self._standing(), self._mode)

    async def test_webhooks(self) -> list[Delivery]:
        """Send a test to every webhook; return the results."""
        return await self._webhooks.test(self._engine.clock.now_ms())

    async def _standing(self) -> MonitorSnapshot:
        engine = self._engine
        now_ms = engine.clock.now_ms()
        readings = await read(engine.state, now_ms)
        return MonitorSnapshot(
            now_ms=now_ms,
            ready=engine.state.gate.stage is Stage.READY and engine.state.gate.halted is None,
            readings=readings,
            health=engine.exchange.health(),
            unready=engine.countdowns().unready(),
            disk=self._machine.disk,
            lag_s=self._machine.lag_s,
            database_locked_s=engine.store.locked_s,
            dead_letters=self._dead_letters,
            poller=self.poller_health(),
            fleet=self.fleet_health(),
            rules=self._rules,
            alerts=self._alerts,
        )

    async def _evaluate(self) -> None:
        standing, series = await self._standing(), self._recorder.series
        series.observe(standing.now_ms, queue_depth=standing.readings.queue_depth, rate_budget=standing.rate_budget)
        judged = judge(self._rules, self._alerts, snapshot(standing, series, self._table), standing.now_ms)
        self._alerts = judged.alerts
        for alert in judged.fired:
            orders = {"orders": "; ".join(alert.orders)} if alert.orders else {}
            self._emit_alert("alert.firing", alert, standing.now_ms, todo=alert.rule.todo, **orders)
        for alert in judged.resolved:
            self._emit_alert("alert.resolved", alert, standing.now_ms, fired_ms=standing.now_ms - alert.since_ms)

    def _emit_alert(self, name: str, alert: Alert, now_ms: int, **more: str | int) -> None:
        rule = alert.rule
        detail = {"alert": rule.name, "severity": rule.severity.value, "value": alert.value, "summary": alert.summary}
        self._emit(Event(name=name, at_ms=now_ms, detail={**detail, **more}))
        self._webhooks.send(Notice.of(alert, firing=name == "alert.firing", at_ms=now_ms))

    async def _count(self) -> None:
        while True:
            self._dead_letters = await self._engine.store.dead_letters()
            await anyio.sleep(COUNT_EVERY_S)
