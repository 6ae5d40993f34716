"""Metrics, alerts and time series, for Prometheus, for plots, and for the operator."""

from typing import Annotated, Any

import msgspec

from daemon.api.context import Context
from daemon.api.http.body import number
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import Answered, Parameter, Route
from daemon.api.read_scheduler import SharedRead
from daemon.api.views import View
from daemon.engine.order_commands import administrators_only
from daemon.errors import Invalid, NotAllowed, WrongState
from daemon.monitoring.alerts import Alert, AlertState, Severity
from daemon.monitoring.series import STEP_MS, STEPS, Point

METRICS_TYPE = "text/plain"
LONGEST_WINDOW_S = STEPS * STEP_MS // 1_000
WINDOW = Parameter(
    name="window_s",
    type=Annotated[int, msgspec.Meta(ge=1, le=LONGEST_WINDOW_S)],
    about=f"how far back, in seconds; all that is kept, {LONGEST_WINDOW_S}, where it is left out",
)


class AlertView(View, frozen=True, kw_only=True):
    """An alert that is pending or fires."""

    name: str
    severity: Severity
    state: AlertState
    since_ms: int
    summary: str
    todo: str
    value: float
    orders: list[str]  # for `armed_not_ready`: the first orders that lack something, with what each lacks


class AlertsView(View, frozen=True):
    """What needs the operator; firing alerts come first."""

    alerts: list[AlertView]


class LatencyView(View, frozen=True, kw_only=True):
    """The time from signal to sent request, in milliseconds."""

    at_ms: int
    p50: float | None
    p99: float | None
    count: int


class ValueView(View, frozen=True, kw_only=True):
    """A figure."""

    at_ms: int
    value: float


class SeriesView(View, frozen=True):
    """The series; each has one point for each step, at the same instants."""

    signal_to_wire_ms: list[LatencyView]
    queue_depth: list[ValueView]
    rate_budget: list[ValueView]
    outcomes: list[dict[str, int]]


class StatsView(View, frozen=True):
    """Time series of the last hour, in memory since the start."""

    step_ms: int
    series: SeriesView


class DeliveryView(View, frozen=True, kw_only=True):
    """The result of a webhook's test message."""

    webhook: str
    delivered: bool
    error: str | None


class DeliveriesView(View, frozen=True):
    """The results of the test messages, by webhook."""

    webhooks: list[DeliveryView]


def alert_view(alert: Alert) -> AlertView:
    """Show an alert."""
    return AlertView(
        name=alert.rule.name,
        severity=alert.rule.severity,
        state=alert.state,
        since_ms=alert.since_ms,
        summary=alert.summary,
        todo=alert.rule.todo,
        value=alert.value,
        orders=list(alert.orders),
    )


class Monitoring:
    """The routes of monitoring."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._metrics = SharedRead(context.memory_reads, self._make_metrics)

    @Route("GET", "/metrics", answered=Answered.BY_EACH, answers={200: str}, media=METRICS_TYPE)
    async def metrics(self, _request: Request) -> Response:
        """Show metrics as Prometheus reads them."""
        text = await self._metrics.get()
        return Response(body=text, headers={"Content-Type": f"{METRICS_TYPE}; version=0.0.4; charset=utf-8"})

    async def _make_metrics(self) -> bytes:
        return await self._context.monitor.metrics()

    @Route("GET", "/v1/alerts", answered=Answered.BY_EACH, answers={200: AlertsView})
    async def alerts(self, _request: Request) -> Response:
        """List what needs the operator."""
        return json(AlertsView([alert_view(alert) for alert in self._context.monitor.alerts()]))

    @Route(
        "GET",
        "/v1/stats",
        answered=Answered.BY_EACH,
        answers={200: StatsView},
        parameters=[WINDOW],
        refuses=[Invalid],
    )
    async def stats(self, request: Request) -> Response:
        """Show time series for plots: at most the last hour, in steps of five seconds."""
        window_s = number(request.query.get("window_s"), "window_s", LONGEST_WINDOW_S, LONGEST_WINDOW_S)
        return json(StatsView(STEP_MS, _series(self._context.monitor.points(window_s * 1_000))))

    @Route(
        "POST",
        "/v1/admin/alerts/test",
        answered=Answered.BY_EACH,
        answers={200: DeliveriesView},
        refuses=[NotAllowed, WrongState],
    )
    async def test(self, request: Request) -> Response:
        """Send a test message to every webhook, and return the results."""
        administrators_only(self._context.caller(request))
        deliveries = await self._context.monitor.test_webhooks()
        if not deliveries:
            raise WrongState("there is no webhook: name a file of them with [alerts] webhook_file, and restart")
        return json(
            DeliveriesView(
                [
                    DeliveryView(webhook=each.webhook, delivered=each.error is None, error=each.error)
                    for each in deliveries
                ]
            )
        )


def _series(points: list[Point]) -> SeriesView:
    return SeriesView(
        [
            LatencyView(at_ms=point.at_ms, p50=point.latency.p50, p99=point.latency.p99, count=point.latency.count)
            for point in points
        ],
        [ValueView(at_ms=point.at_ms, value=point.queue_depth) for point in points],
        [ValueView(at_ms=point.at_ms, value=point.rate_budget) for point in points],
        [_outcomes(point) for point in points],
    )


def _outcomes(point: Point) -> dict[str, Any]:
    return {"atMs": point.at_ms, **point.outcomes}
