"""Notifications to systemd while the daemon runs: its state, the watchdog, reloads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from daemon.app.systemd import ServiceManager
from daemon.clock import monotonic_us
from daemon.core.state.gate import CHECKING, Stage
from daemon.core.values.events import Event
from daemon.core.values.states import State
from daemon.engine.engine import Engine
from daemon.engine.self_check import SelfCheck

STATUS_EVERY_S = 1.0
CHECKS = 4
"""Checks per watchdog timeout: each check and each pause takes at most a quarter of it."""


class ServiceReports:
    """Sends the notifications."""

    def __init__(
        self,
        manager: ServiceManager,
        engine: Engine,
        watchdog_s: float | None,
        emit: Callable[[Event], None],
        standby: SelfCheck | None = None,
        role: Callable[[], str] | None = None,
    ) -> None:
        """Send nothing yet.

        Args:
            manager: the service manager.
            engine: the engine.
            watchdog_s: the watchdog's timeout; ``None``: it is off.
            emit: emits an event.
            standby: in a fleet, the check of this member until its engine is ready.
            role: in a fleet, says what this member is.

        """
        self._manager = manager
        self._engine = engine
        self._watchdog_s = watchdog_s
        self._emit = emit
        self._standby = standby
        self._role = role

    async def run(self) -> None:
        """Report the state, and reset the watchdog while every check succeeds, until cancelled."""
        if not self._manager.listens:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._report_status)
            if self._watchdog_s is not None:
                tasks.start_soon(self._feed, self._watchdog_s / CHECKS)

    def ready(self) -> None:
        """Report that the daemon takes signals, or stands by and hands them over."""
        self._manager.status(self._line())
        self._manager.ready()

    def stopping(self) -> None:
        """Report that the daemon drains."""
        self._manager.stopping()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Report a reload, but only while the daemon is ready: the report ends with "ready" again."""
        is_ready = self._engine.state.gate.stage in {Stage.READY, Stage.STANDBY}
        if is_ready:
            self._manager.reloading(monotonic_us())
        yield
        if is_ready:
            self._manager.ready()

    async def _report_status(self) -> None:
        reported = ""
        while True:
            line = self._line()
            if line != reported:
                self._manager.status(line)
                reported = line
            await anyio.sleep(STATUS_EVERY_S)

    async def _feed(self, pause_s: float) -> None:
        """Check every part while the daemon stands by or is ready. The drain has its own time limit."""
        before: list[str] = []
        if self._standby is None:
            await self._engine.ready.wait()
        while self._engine.state.gate.stage is not Stage.DRAINING:
            check = self._engine.self_check if self._standby is None or self._engine.ready.is_set() else self._standby
            stuck = await check.stuck(pause_s)
            if not stuck:
                self._manager.alive()
            elif stuck != before:
                detail = {"parts": ", ".join(stuck)}
                self._emit(Event(name="daemon.stuck", at_ms=self._engine.clock.now_ms(), detail=dict(detail)))
            before = stuck
            await anyio.sleep(pause_s)

    def _line(self) -> str:
        if self._role is None:
            return status_line(self._engine)
        if self._engine.state.gate.stage is Stage.STANDBY:
            return f"{self._role()}: what is asked here is handed over to the owner"
        return f"{self._role()}, {status_line(self._engine)}"


def status_line(engine: Engine) -> str:
    """Return the daemon's state in one line."""
    state = engine.state
    gate, counts = state.gate, state.orders.counts
    stage = gate.stage.value if gate.halted is None else f"{gate.stage.value}, HALTED ({gate.halted})"
    if gate.preflight_pending is not None and gate.stage is Stage.READY:
        stage += ", no order is sent yet: the exchange was not found fit to trade on"
    if gate.check_pending:
        stage += f", no order is sent yet: {CHECKING}"
    return (
        f"{stage}: {len(state.open_attempts)} in flight, {counts[State.IN_DOUBT]} in doubt, {counts[State.LOST]} lost, "
        f"{counts[State.QUEUED]} queued"
    )
