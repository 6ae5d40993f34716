"""The daemon's status, for operators, health checks and scripts."""

import os
from collections.abc import Sequence
from pathlib import Path

from daemon import __version__
from daemon.api.context import Context
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import Answered, Parameter, Route
from daemon.api.monitoring_routes import AlertView, alert_view
from daemon.api.views import View
from daemon.core.state.gate import Stage
from daemon.core.state.trading_state import HALT_FACT
from daemon.core.values.fleet_health import FleetHealth, Standing
from daemon.core.values.poller_health import PollerHealth
from daemon.core.values.states import State
from daemon.core.verbs.clock_steps import disagreement
from daemon.core.views.summary import Circumstances, Firing, Summary, summary
from daemon.engine.engine import Engine
from daemon.exchange.port import Health
from daemon.monitoring.alerts import Alert, AlertState, Severity

_OWNER = Parameter(name="owner", about="1: only the owner of a fleet's account is ready, for load balancers")


class StatusView(View, frozen=True, kw_only=True):
    """The daemon's status."""

    stage: Stage
    halted: str | None  # the reason, while the kill switch is on
    mode: str
    summary: Summary  # whether all is well, in a sentence; and the day's figures
    shadow_of: str | None  # in shadow mode: the real market whose prices and rules the paper exchange uses
    unproven: str | None  # why no order is sent, until the preflight has passed; null for a member that stands by
    turned_away: str | None  # the answer of the exchange's gateway, while it accepts no orders
    next_try_ms: int | None  # when one order tries again
    clock_wrong: str | None  # while our clock differs too much from the exchange's: by how much, and what to do
    exchange_url: str
    version: str
    pid: int
    now_ms: int
    uptime_ms: int
    orders: dict[str, int]  # not finished, by state
    queue_length: int
    in_flight: int
    in_doubt: int
    lost: int
    dead_letters: int
    alerts: list[AlertView]  # what fires
    active_locks: int
    orders_last_second: int
    orders_per_second: int
    exchange: Health
    poller: PollerHealth | None  # null: the bot's targets are not polled
    fleet: FleetHealth | None  # null: this daemon is alone
    database: str
    database_bytes: int
    http: str | None  # where the loopback listener is reached
    http_token_file: str | None


class AliveView(View, frozen=True):
    """The process answers requests."""

    alive: bool


class ReadyView(View, frozen=True):
    """Whether signals are taken, and why not."""

    ready: bool
    stage: Stage
    halted: str | None
    role: Standing | None  # null: this daemon is alone


async def status_view(context: Context) -> StatusView:
    """Show the daemon's status."""
    engine = context.engine
    state, now_ms, health = engine.state, engine.clock.now_ms(), engine.exchange.health()
    halted, dead_letters = await _halted(engine), await engine.store.dead_letters()
    firing = [alert for alert in context.monitor.alerts() if alert.state is AlertState.FIRING]
    poller, fleet = context.monitor.poller_health(), context.monitor.fleet_health()
    clock_wrong = disagreement(health.offset_ms)
    around = Circumstances(
        halted=halted,
        alerts=[_firing(alert) for alert in firing],
        dead_letters=dead_letters,
        reachable=health.reachable,
        unreachable_since_ms=health.unreachable_since_ms,
        wait_until_ms=health.backoff_until_ms,
        clock_wrong=clock_wrong,
        poller=poller,
        fleet=fleet,
        is_takeover_late=_is_takeover_late(context.monitor.alerts(), now_ms),
    )
    return StatusView(
        stage=engine.state.gate.stage,
        halted=halted,
        mode=context.mode,
        summary=summary(state, around, now_ms),
        shadow_of=context.shadow_of,
        unproven=None if state.gate.stage is Stage.STANDBY else state.gate.preflight_pending,
        turned_away=state.backoff.why,
        next_try_ms=None if state.backoff.why is None else state.backoff.next_ms,
        clock_wrong=clock_wrong,
        exchange_url=context.exchange_url,
        version=__version__,
        pid=os.getpid(),
        now_ms=now_ms,
        uptime_ms=now_ms - context.started_ms,
        orders={each.value: count for each, count in sorted(state.orders.counts.items()) if count},
        queue_length=state.orders.counts[State.QUEUED],
        in_flight=len(state.open_attempts),
        in_doubt=state.orders.counts[State.IN_DOUBT],
        lost=state.orders.counts[State.LOST],
        dead_letters=dead_letters,
        alerts=[alert_view(alert) for alert in firing],
        active_locks=len(state.locks),
        orders_last_second=state.rate_budget.used(now_ms),
        orders_per_second=state.rate_budget.config.exchange.order_rate_per_s,
        exchange=health,
        poller=poller,
        fleet=fleet,
        database=context.database,
        database_bytes=_size(context.database),
        http=context.http,
        http_token_file=context.http_token_file,
    )


class Status:
    """The routes of the status."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route("GET", "/v1/status", answered=Answered.BY_EACH, answers={200: StatusView})
    async def status(self, _request: Request) -> Response:
        """Show the daemon's status."""
        return json(await status_view(self._context))

    @Route("GET", "/healthz", answered=Answered.BY_EACH, answers={200: AliveView})
    async def alive(self, _request: Request) -> Response:
        """Answer 200 while the process answers requests."""
        return json(AliveView(alive=True))

    @Route("GET", "/readyz", answered=Answered.BY_EACH, parameters=[_OWNER], answers={200: ReadyView, 503: ReadyView})
    async def ready(self, request: Request) -> Response:
        """Answer 200 while signals are taken, 503 while starting, draining or halted.

        A member of a fleet that stands by takes signals, too: it hands them over to the owner. With ``owner=1`` it
        answers 503.
        """
        engine, fleet = self._context.engine, self._context.monitor.fleet_health()
        stage, halted = engine.state.gate.stage, await _halted(engine)
        takes_signals = stage is Stage.READY
        if stage is Stage.STANDBY and request.query.get("owner") != "1":
            takes_signals = fleet is not None and fleet.backend_error is None
        ready = takes_signals and halted is None
        role = None if fleet is None else fleet.standing
        view = ReadyView(ready=ready, stage=stage, halted=halted, role=role)
        return json(view, 200 if ready else 503)


async def _halted(engine: Engine) -> str | None:
    """Return why trading is halted; a member that stands by reads it from its copy, because its engine does not run."""
    gate = engine.state.gate
    return await engine.store.fact(HALT_FACT) or None if gate.stage is Stage.STANDBY else gate.halted


def _firing(alert: Alert) -> Firing:
    return Firing(
        name=alert.rule.name,
        is_critical=alert.rule.severity is Severity.CRITICAL,
        is_back=alert.clear_since_ms is not None,
        summary=alert.summary,
    )


def _is_takeover_late(alerts: Sequence[Alert], now_ms: int) -> bool:
    return any(alert.rule.name == "fleet_no_owner" and alert.fires_somewhere(now_ms) for alert in alerts)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
