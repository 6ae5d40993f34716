"""Gauges for Prometheus. They are created for every scrape; nothing is kept."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon import __version__
from daemon.core.rules.readiness import Lack
from daemon.core.values.fleet_health import FleetHealth, Standing
from daemon.core.values.poller_health import PollerHealth
from daemon.core.values.states import State
from daemon.monitoring.alerts import AlertState
from daemon.monitoring.figures import AGED
from daemon.monitoring.snapshot import MonitorSnapshot

PRIORITIES = range(11)
"""1 to 10, and 0 for emergency SELLs, which bypass the queue."""

PHASES = {None: 0, AlertState.PENDING: 1, AlertState.FIRING: 2}


class _One(Collector):
    """One metric, as the library writes it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """Yield it."""
        yield self._metric


async def expose(kept: CollectorRegistry, process: CollectorRegistry, standing: MonitorSnapshot, mode: str) -> bytes:
    """Return the text of a scrape: counts and durations, the process's own metrics, and the gauges.

    Other tasks run after each metric: together they take as long as several orders. A thread would be no better,
    because it would keep the interpreter from the event loop several times for each order.
    """
    text = []
    for metric in chain(kept.collect(), process.collect(), gauges(standing, mode)):
        text.append(generate_latest(_One(metric)))
        await asyncio.sleep(0)
    return b"".join(text)


def process_figures() -> CollectorRegistry:
    """Return the library's metrics of the process: memory, files, processor time, garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def gauges(standing: MonitorSnapshot, mode: str) -> Iterator[Metric]:
    """Yield the gauges."""
    yield _labelled(
        "build_info",
        "Always 1; the labels name the running version and the mode",
        ("version", "mode"),
        {(__version__, mode): 1},
    )
    yield _gauge("ready", "1 while signals are accepted", standing.ready)
    yield _gauge("halted", "1 while the kill switch is on", standing.readings.halted)
    yield from _of_orders(standing)
    yield from _of_locks(standing)
    yield from _of_exchange(standing)
    yield from _of_poller(standing.poller)
    yield from _of_fleet(standing.fleet)
    yield from _of_machine(standing)
    phases = {name: PHASES[alert.state] for name, alert in standing.alerts.items()}
    alerts = {rule.name: phases.get(rule.name, 0) for rule in standing.rules}
    yield _by("alert_state", "State of each alert: 0 quiet, 1 pending, 2 firing", "alert", alerts)


def _of_orders(standing: MonitorSnapshot) -> Iterator[Metric]:
    readings = standing.readings
    in_memory = {state: readings.orders[state] for state in State}
    yield _by("orders", "Orders that are not finished, by state", "state", in_memory)
    ages = {state: readings.oldest_ms[state] / 1_000 for state in AGED}
    yield _by("order_oldest_age_seconds", "Age of the oldest order, by state; 0 where there is none", "state", ages)
    yield _gauge("orders_past_grace", "Orders in doubt for longer than their grace", readings.past_grace)
    yield _gauge(
        "orders_contradicted", "Orders whose answers contradict what was sent, or are not understood",
        readings.contradicted,
    )  # fmt: skip
    yield _gauge("dead_letters", "Dead letters: orders that wait for the operator", standing.dead_letters)
    yield _by(
        "orders_not_ready", "Orders whose instant is near, by what they lack", "lacking",
        {lack.value: standing.unready.by_lack.get(lack, 0) for lack in Lack},
    )  # fmt: skip
    yield _gauge(
        "orders_listing_gone", "Waiting orders whose pair is not shown any more, or opens too far ahead",
        standing.unready.gone,
    )  # fmt: skip
    waiting = {priority: readings.waiting.get(priority, 0) for priority in PRIORITIES}
    yield _by("queue_orders", "Orders that wait for their turn, by priority", "priority", waiting)
    oldest = {priority: readings.waiting_oldest_ms.get(priority, 0) / 1_000 for priority in PRIORITIES}
    yield _by("queue_oldest_age_seconds", "Age of the oldest waiting order, by priority", "priority", oldest)
    yield _gauge("queue_callers", "Callers that wait for a lease", readings.callers)
    yield _gauge(
        "reconcile_overdue_seconds",
        "Delay of the most overdue query about an order's outcome",
        readings.query_overdue_ms / 1_000,
    )


def _of_locks(standing: MonitorSnapshot) -> Iterator[Metric]:
    readings = standing.readings
    yield _by("locks_held", "Active locks, by holder: an order, or a caller's lease", "holder", readings.held)
    oldest = {holder: age_ms / 1_000 for holder, age_ms in readings.held_oldest_ms.items()}
    yield _by("lock_oldest_age_seconds", "Age of the oldest active lock, by holder", "holder", oldest)
    yield _gauge("locks_overdue", "Locks that are still held after the end of their lease", readings.overdue)
    yield _gauge(
        "lock_overdue_seconds",
        "Age of the oldest lease end among locks that are still held",
        readings.overdue_ms / 1_000,
    )


def _of_exchange(standing: MonitorSnapshot) -> Iterator[Metric]:
    readings, health = standing.readings, standing.health
    used = {"orders": readings.orders_used, "weight": health.weight_used}
    yield _by(
        "rate_used",
        "Used of each rate budget: orders in the last second, weight in the last ten seconds",
        "budget",
        used,
    )
    limits = {"orders": readings.orders_limit, "weight": health.weight_limit}
    yield _by("rate_limit", "Limit of each rate budget: orders per second, weight per ten seconds", "budget", limits)
    yield _gauge("rate_budget_left_ratio", "Share left of the tightest rate budget, from 0 to 1", standing.rate_budget)
    ban_ms = max(readings.blocked_ms, health.backoff_until_ms - standing.now_ms, 0)
    yield _gauge("rate_ban_seconds", "Time until the wait that the exchange asked for ends", ban_ms / 1_000)
    yield _gauge("exchange_turned_away", "1 while the exchange's edge refuses orders", int(readings.turned_away))
    yield _gauge("exchange_reachable", "1 while the exchange answers", health.reachable)
    yield _gauge(
        "exchange_clock_offset_seconds", "The exchange's clock minus this machine's", _seconds(health.offset_ms)
    )
    yield _gauge(
        "exchange_clock_uncertainty_seconds",
        "By how much the offset of the exchange's clock is wrong at most",
        _seconds(health.uncertainty_ms),
    )
    yield _gauge(
        "exchange_clock_round_trip_seconds",
        "Round trip of the best measurement of the exchange's clock, in view of its age",
        _seconds(health.round_trip_ms),
    )
    measured_ms = None if health.measured_ms is None else standing.now_ms - health.measured_ms
    yield _gauge(
        "exchange_clock_age_seconds", "Age of the last measurement of the exchange's clock", _seconds(measured_ms)
    )


def _of_poller(health: PollerHealth | None) -> Iterator[Metric]:
    """Yield the poller's gauges; zeros without polling."""
    failing_s, targets, untold = (
        (0.0, 0, 0) if health is None else (health.failing_ms / 1_000, health.targets, health.untold)
    )
    yield _gauge("poller_enabled", "1 if the bot's targets are polled", health is not None)
    yield _gauge(
        "poller_failing_seconds", "Time for which the bot has shown no targets or accepted no report", failing_s
    )
    yield _gauge("poller_targets", "Targets in the bot's last answer", targets)
    yield _gauge("poller_untold", "Reports that the bot has not accepted yet", untold)


def _of_fleet(fleet: FleetHealth | None) -> Iterator[Metric]:
    """Yield the fleet's gauges; without a fleet they have no samples, so that no rule about one fires."""
    about: dict[str, tuple[str, Callable[[FleetHealth], float | None]]] = {
        "owner": ("1 if this member owns the account and may trade", lambda fleet: fleet.standing is Standing.OWNER),
        "owned": ("1 while any member owns the account, as far as this one knows", lambda fleet: fleet.is_owned),
        "epoch": ("How many owners there have been", lambda fleet: fleet.epoch),
        "lease_left_seconds": (
            "Time until the lease ends, by the exchange's clock; below 0 once it has ended",
            lambda fleet: _seconds(fleet.lease_left_ms),
        ),
        "lease_excess_seconds": (
            "By how much the lease's end lies beyond its length: a takeover waits for it",
            lambda fleet: fleet.lease_excess_ms / 1_000,
        ),
        "log_lag_entries": ("Entries of the log that this member's copy lacks", lambda fleet: fleet.lag),
        "entries_missing": (
            "Entries that a member has seen and the log lacks: the database lost what it had acknowledged",
            lambda fleet: fleet.entries_missing,
        ),
        "doubts": ("Reasons why the database may lose what it acknowledged", lambda fleet: len(fleet.doubts)),
        "append_seconds": ("Median duration of the owner's latest appends", lambda fleet: _seconds(fleet.append_ms)),
        "append_p99_seconds": (
            "99th percentile of the owner's latest appends", lambda fleet: _seconds(fleet.append_p99_ms)
        ),
    }  # fmt: skip
    for name, (text, value) in about.items():
        yield _gauge(f"fleet_{name}", text, None if fleet is None else value(fleet))
    takeovers = CounterMetricFamily("sniperd_fleet_takeovers", "Takeovers since this process started")
    if fleet is not None:
        takeovers.add_metric([], fleet.takeovers)
    yield takeovers
    yield _by("fleet_members", "Members, by what they are; standby: those that could take over at once", "standing",
              {} if fleet is None else _standings(fleet))  # fmt: skip
    yield _by(
        "fleet_configuration_differs", "1 if a member would decide about orders otherwise than the owner", "member",
        {} if fleet is None else {each.name: each.name in fleet.differing for each in fleet.members},
    )  # fmt: skip


def _standings(fleet: FleetHealth) -> dict[str, float]:
    """Count the members by standing; a standby that could not take over is ``unfit``."""
    counts: dict[str, float] = {**dict.fromkeys(Standing, 0), "unfit": 0}
    for member in fleet.members:
        is_unfit = member.standing is Standing.STANDBY and member.cannot_own is not None
        counts["unfit" if is_unfit else member.standing] += 1
    return counts


def _of_machine(standing: MonitorSnapshot) -> Iterator[Metric]:
    disk = standing.disk
    yield _gauge("loop_lag_seconds", "Largest delay of the event loop in the last minute", standing.lag_s)
    yield _gauge("disk_free_bytes", "Free space on the database's file system", disk.free)
    yield _gauge("disk_size_bytes", "Size of the database's file system", disk.size)
    yield _gauge("database_bytes", "Size of the database file", disk.database)
    about = "Time for which a commit has waited for another program's lock on the database"
    yield _gauge("database_locked_seconds", about, standing.database_locked_s)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1_000


def _gauge(name: str, about: str, value: float | None) -> Metric:
    """Make a gauge. An unknown value has no sample."""
    family = GaugeMetricFamily(f"sniperd_{name}", about)
    if value is not None:
        family.add_metric([], value)
    return family


def _by(
    name: str, about: str, label: str, values: Mapping[str, float] | Mapping[State, float] | Mapping[int, float]
) -> Metric:
    return _labelled(name, about, (label,), {(str(word),): value for word, value in values.items()})


def _labelled(name: str, about: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(f"sniperd_{name}", about, labels=labels)
    for words, value in values.items():
        family.add_metric(words, value)
    return family
