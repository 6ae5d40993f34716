"""The Prometheus metrics, from the collectors of a daemon in which nothing has happened."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from daemon.config.tables import AlertsTable
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.trading_state import TradingState
from daemon.core.values.fleet_health import FleetHealth
from daemon.core.views.countdown import Unready
from daemon.exchange.port import Health
from daemon.monitoring.alert_rules import rules
from daemon.monitoring.figures import read
from daemon.monitoring.gauges import gauges, process_figures
from daemon.monitoring.machine import Disk
from daemon.monitoring.recorder import Recorder
from daemon.monitoring.snapshot import MonitorSnapshot
from tests.exchange.mexc.clocks import LoopClock
from tests.manual import markdown
from tests.manual.markdown import code, items, sentence
from tests.support import making
from tests.support.fleets import some_fleet
from tests.support.steps import at_once

FEW = 12
"""Label values that are listed; of more, a few examples."""


def page() -> str:
    """Return the handbook's page."""
    intro = (
        "`GET /metrics`, on every listener, returns these in Prometheus's text format. A counter's series ends in "
        "`_total`; a histogram has the series `_bucket`, `_sum` and `_count`. Every label value exists from the start."
    )
    kept = Recorder(LoopClock()).registry.collect()
    now = gauges(quiet_snapshot(some_fleet()), "paper")
    return markdown.page(
        "Metric reference",
        "Every Prometheus metric with its type and labels.",
        intro,
        "## State now",
        _metrics(now),
        "## Counts and durations since the start",
        _metrics(kept),
        "## The process",
        _metrics(process_figures().collect()),
    )


def _metrics(metrics: Iterable[Metric]) -> str:
    return items(_entry(metric) for metric in sorted(metrics, key=lambda metric: metric.name))


def _entry(metric: Metric) -> str:
    labels = _labels(metric)
    return f"{code(metric.name)} ({metric.type}): {sentence(metric.documentation)}" + (
        f" Labels: {labels}." if labels else ""
    )


def _labels(metric: Metric) -> str:
    """Name the labels; list what they can be, where that is a choice of few words of our own."""
    found: dict[str, list[str]] = {}
    for sample in metric.samples:
        for label, value in sample.labels.items():
            values = found.setdefault(label, [])
            if label != "le" and value not in values:
                values.append(value)
    is_ours = metric.name.startswith("sniperd_")
    return ", ".join(
        f"{code(label)} ({', '.join(map(code, values))})" if is_ours and 1 < len(values) <= FEW else code(label)
        for label, values in found.items()
        if label != "le"
    )


def quiet_snapshot(fleet: FleetHealth | None) -> MonitorSnapshot:
    """Return the status of a daemon in which nothing has happened yet."""
    state = TradingState(Rules(), lambda _: (), lambda _: None)
    health = Health(
        reachable=True, uncertainty_ms=1.5,
        offset_ms=0, round_trip_ms=0, measured_ms=0, weight_used=0, weight_limit=1, backoff_until_ms=0,
        error=None,
    )  # fmt: skip
    return MonitorSnapshot(
        now_ms=making.NOW_MS,
        ready=True,
        readings=at_once(read(state, making.NOW_MS)),
        health=health,
        unready=Unready(),
        disk=Disk(0, 0, 0),
        lag_s=0.0,
        database_locked_s=0.0,
        dead_letters=0,
        poller=None,
        fleet=fleet,
        rules=rules(AlertsTable()),
        alerts={},
    )
