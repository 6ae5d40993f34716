"""The condition of the daemon at one moment: trading state, exchange client, machine, alerts."""

from collections.abc import Mapping

import msgspec

from daemon.config.tables import AlertsTable
from daemon.core.values.fleet_health import FleetHealth
from daemon.core.values.poller_health import PollerHealth
from daemon.core.values.states import State
from daemon.core.views.countdown import Unready
from daemon.exchange.port import Health
from daemon.monitoring.alerts import Alert, AlertFigures, Rule
from daemon.monitoring.figures import Readings
from daemon.monitoring.machine import Disk
from daemon.monitoring.recorder import FAILED, PLACED, SEEN_LATE, SLOW_COMMIT, TIMEOUT
from daemon.monitoring.series import Series

MB = 1_000_000


class MonitorSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of the gauges and alerts."""

    now_ms: int
    ready: bool
    readings: Readings
    health: Health
    unready: Unready
    disk: Disk
    lag_s: float
    database_locked_s: float
    dead_letters: int | None  # None: not counted yet
    poller: PollerHealth | None  # None: without polling
    fleet: FleetHealth | None  # None: alone
    rules: tuple[Rule, ...]
    alerts: Mapping[str, Alert]

    @property
    def rate_budget(self) -> float:
        """The share left of the tightest rate budget, from 0 to 1."""
        readings, health = self.readings, self.health
        if max(readings.blocked_ms, health.backoff_until_ms - self.now_ms) > 0:
            return 0.0
        used = max(readings.orders_used / readings.orders_limit, health.weight_used / health.weight_limit)
        return round(max(0.0, 1 - used), 4)


def snapshot(standing: MonitorSnapshot, series: Series, limits: AlertsTable) -> AlertFigures:
    """Return the values that alerts read."""
    readings, health, disk = standing.readings, standing.health, standing.disk
    now_ms, window_ms = standing.now_ms, limits.window_s * 1_000
    placed, failed = (series.total(what, now_ms, window_ms) for what in (PLACED, FAILED))
    return AlertFigures(
        queue_depth=readings.queue_depth,
        lock_overdue_s=readings.overdue_ms / 1_000,
        lock_timeouts=series.total(TIMEOUT, now_ms, window_ms),
        failed_percent=round(100 * failed / (placed + failed), 1) if failed >= limits.failed_at_least else 0.0,
        past_grace=readings.past_grace,
        contradicted=readings.contradicted,
        lost=readings.orders[State.LOST],
        seen_late=series.total(SEEN_LATE, now_ms, window_ms),
        dead_letters=standing.dead_letters,
        halted=int(readings.halted),
        rate_ban_s=max(readings.blocked_ms, health.backoff_until_ms - now_ms, 0) / 1_000,
        turned_away=int(readings.turned_away),
        unreachable=None if health.reachable is None else int(not health.reachable),
        clock_offset_ms=None if health.offset_ms is None else abs(health.offset_ms),
        slow_commits=series.total(SLOW_COMMIT, now_ms, window_ms),
        reconcile_overdue_s=readings.query_overdue_ms / 1_000,
        poller_failing_s=None if standing.poller is None else standing.poller.failing_ms / 1_000,
        **_of_fleet(standing.fleet),
        speaks_for_fleet=standing.fleet is None or standing.fleet.speaks,
        database_locked_s=round(standing.database_locked_s, 1),
        armed_not_ready=standing.unready.orders,
        listing_gone=standing.unready.gone,
        lacking=", ".join(sorted(standing.unready.by_lack)),
        unready=standing.unready.named,
        differing="" if standing.fleet is None else ", ".join(standing.fleet.differing),
        disk_free_mb=None if disk.free is None else disk.free // MB,
    )


def _of_fleet(fleet: FleetHealth | None) -> dict[str, float | None]:
    """Return what the alerts about the fleet read; unknown without one."""
    return {
        "fleet_unowned": None if fleet is None else int(not fleet.is_owned),
        "fleet_standbys": None if fleet is None else fleet.standbys,
        "fleet_lag": None if fleet is None else fleet.lag,
        "fleet_doubts": None if fleet is None else len(fleet.doubts),
        "fleet_lease_excess_ms": None if fleet is None else round(fleet.lease_excess_ms),
        "fleet_entries_missing": None if fleet is None else fleet.entries_missing,
        "fleet_differing": None if fleet is None else len(fleet.differing),
    }
