"""What the service manager is told while the daemon runs: how it stands, that it is alive, that it reloads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from daemon.app.systemd import ServiceManager
from daemon.clock import monotonic_us
from daemon.core.state.gate import Stage
from daemon.core.values.events import Event
from daemon.core.values.states import State
from daemon.engine.engine import Engine

STATUS_EVERY_S = 1.0
CHECKS = 4
"""So many times in the watchdog's time everything is looked at: each look and each pause has a quarter of it."""


class ServiceReports:
    """Tells the service manager."""

    def __init__(
        self, manager: ServiceManager, engine: Engine, watchdog_s: float | None, emit: Callable[[Event], None]
    ) -> None:
        self._manager = manager
        self._engine = engine
        self._watchdog_s = watchdog_s
        self._emit = emit

    async def run(self) -> None:
        """Tell how it stands, and feed the watchdog while all is well, until cancelled."""
        if not self._manager.listens:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell_status)
            if self._watchdog_s is not None:
                tasks.start_soon(self._feed, self._watchdog_s / CHECKS)

    def ready(self) -> None:
        """Tell that signals are taken."""
        self._manager.status(status_line(self._engine))
        self._manager.ready()

    def stopping(self) -> None:
        """Tell that the daemon drains."""
        self._manager.stopping()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell of a reload, while there is anything to say "ready again" after."""
        tells = self._engine.state.gate.stage is Stage.READY
        if tells:
            self._manager.reloading(monotonic_us())
        yield
        if tells:
            self._manager.ready()

    async def _tell_status(self) -> None:
        told = ""
        while True:
            line = status_line(self._engine)
            if line != told:
                self._manager.status(line)
                told = line
            await anyio.sleep(STATUS_EVERY_S)

    async def _feed(self, pause_s: float) -> None:
        """Look after everything from the first signal on until the drain, which has a time of its own."""
        before: list[str] = []
        await self._engine.ready.wait()
        while self._engine.state.gate.stage is Stage.READY:
            stuck = await self._engine.self_check.stuck(pause_s)
            if not stuck:
                self._manager.alive()
            elif stuck != before:
                detail = {"parts": ", ".join(stuck)}
                self._emit(Event(name="daemon.stuck", at_ms=self._engine.clock.now_ms(), detail=dict(detail)))
            before = stuck
            await anyio.sleep(pause_s)


def status_line(engine: Engine) -> str:
    """Say in one line how the daemon stands."""
    state = engine.state
    gate, counts = state.gate, state.orders.counts
    stage = gate.stage.value if gate.halted is None else f"{gate.stage.value}, HALTED ({gate.halted})"
    if gate.preflight_pending is not None and gate.stage is Stage.READY:
        stage += ", no order is sent yet: the exchange was not found fit to trade on"
    return (
        f"{stage}: {len(state.open_attempts)} under way, {counts[State.IN_DOUBT]} in doubt, {counts[State.LOST]} lost, "
        f"{counts[State.QUEUED]} queued"
    )
