"""One run of the daemon: builds its parts in order, runs them, reloads, drains."""

import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import anyio
import msgspec
from anyio.abc import TaskGroup

from daemon import __version__
from daemon.api.context import Context
from daemon.api.event_stream import EventStream
from daemon.api.http.body import BodyLimits
from daemon.api.server import endpoints, serve
from daemon.app.environment import ProcessEnvironment
from daemon.app.garbage import collect_between_bursts
from daemon.app.reload import reload
from daemon.app.systemd import ServiceManager, given_sockets, watchdog_s, without
from daemon.app.watchdog import ServiceReports
from daemon.clock import CLOCK_FACT, Anchor, Clock, SteadyClock, anchored, read_anchor
from daemon.config.credentials import Secret
from daemon.config.loading import load
from daemon.config.probe_results import UNSETTLED
from daemon.config.socket_record import recorded
from daemon.config.tables import Config
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.verbs.recovery import Remembered
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands
from daemon.engine.order_commands import OrderCommands
from daemon.errors import BadConfig, Interrupted, Unreachable
from daemon.exchange.mexc.calendar import ListingCalendar
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.idle_limit import IdleLimit
from daemon.exchange.mexc.own_connection import open_dialer
from daemon.exchange.mexc.transport import open_transport
from daemon.library_log import libraries_logged
from daemon.log import Log, write_error
from daemon.monitoring.monitor import Monitor
from daemon.monitoring.notifications import Notifications, finder
from daemon.monitoring.recorder import Recorder
from daemon.monitoring.webhook_file import Subject, Webhook
from daemon.monitoring.webhooks import Webhooks, open_session
from daemon.poller.bot_api import open_client
from daemon.poller.poller import Poller
from daemon.store.files import identity
from daemon.store.store import Store, open_store

if TYPE_CHECKING:
    from daemon.app.fleet_process import FleetProcess

SWITCH_INTERVAL_S = 0.0005
"""How long the event loop may keep the interpreter from other threads, like those of the log and of commits."""

SAVING_S = 600
"""Time limit for saving a database whose files were deleted. About 100 MB per second are saved."""

SOCKET_CHECK_S = 1.0
"""Interval of the check of the sockets."""

JUMP_MS = 1_000
"""A step of the machine's clock larger than this is logged."""

WALL_CHECK_S = 0.1
"""Interval of the check of the machine's clock: after a step forward, a deadline is missed by at most this much."""


class Process:
    """One run of the daemon."""

    def __init__(self, config: Config, config_path: Path | None, environ: Mapping[str, str], log: Log) -> None:
        self._config = config
        self._config_path = config_path
        self._environ = without(environ)
        self._log = log
        self._listeners: list[Callable[[Event], None]] = [log.emit]
        self._manager = ServiceManager(environ)
        self._watchdog_s = watchdog_s(environ, os.getpid())
        self._given = given_sockets(environ, os.getpid())
        self._poller: Poller | None = None
        self._notifications: Notifications | None = None
        self._fleet: FleetProcess | None = None
        self._probed = UNSETTLED
        self._unreachable: Path | None = None  # a socket that was deleted
        self._around = ProcessEnvironment(config, self._environ, log, self._emit)

    async def main(self) -> None:
        """Build the parts in the order of their dependencies, and run them."""
        config, emit = self._config, self._emit
        if self._watchdog_s is not None:
            faulthandler.enable()  # the watchdog ends a hanging process with ABRT: print where it hangs
        async with AsyncExitStack() as stack:
            stack.callback(self._manager.close)
            keys, hooks, database = self._around.keys(), self._around.webhooks(), self._around.database
            in_fleet = bool(config.fleet.url)
            store = await stack.enter_async_context(open_store(database, emit=self._on_store_event, is_copy=in_fleet))
            remembered = await store.remembered()
            clock = await _start_clock(store, remembered)
            stack.enter_context(libraries_logged(clock, emit))
            stream = EventStream(clock, emit, self._log.redacted)
            recorder = Recorder(clock)
            self._listeners += [stream.on_event, recorder.on_event]
            self._probed = self._around.probe_results(clock)
            url = await stack.enter_async_context(self._around.exchange(clock))
            shadow_of = config.exchange.market if config.exchange.shadow else None
            self._emit_event(clock, "daemon.starting", version=__version__, mode=config.exchange.mode,
                             shadow_of=shadow_of, exchange=url, database=str(database))  # fmt: skip
            idle_limit = IdleLimit(self._probed.idle_closed_s)
            transport = await stack.enter_async_context(open_transport(url, idle_limit=idle_limit))
            exchange = MexcExchange(transport, keys, clock, config.exchange, self._probed.duplicate_codes,
                                    await stack.enter_async_context(open_dialer(url)))  # fmt: skip
            engine = Engine(store=store, exchange=exchange, calendar=await self._open_calendar(stack, url, clock),
                            clock=clock, emit=emit,
                            rules=Rules(config, self._probed), observer=recorder,
                            preflight_first=config.exchange.mode == "live",
                            hands_over="signals" in self._given and not in_fleet,
                            wall_ahead_ms=clock.drift_ms())  # fmt: skip
            monitor = await self._open_monitor(stack, engine, recorder, hooks)
            context = Context(
                engine=engine,
                order_commands=OrderCommands(engine, os.urandom),
                lease_commands=LeaseCommands(engine, os.urandom),
                monitor=monitor,
                admin_uids=config.sockets.admin_uids,
                limits=BodyLimits(config.sockets.body_limit_kb * 1024, config.sockets.read_timeout_s),
                mode=config.exchange.mode,
                shadow_of=shadow_of,
                exchange_url=url,
                database=str(database),
                started_ms=clock.now_ms(),
            )
            if config.poller.enabled:
                self._poller = await self._open_poller(stack, context, exchange)
            if in_fleet:
                self._fleet = await self._join_fleet(stack, keys.api_key, context, exchange, stream)
            fleet = self._fleet
            signals, status = self._around.sockets(self._given)
            loopback = self._around.loopback(clock, is_default=self._config_path is None)
            everything = endpoints(context, stream) if fleet is None else fleet.endpoints
            http = await stack.enter_async_context(
                serve(context, everything, signals=signals, status=status, loopback=loopback, emit=emit,
                      given=self._given, in_fleet=in_fleet)
            )  # fmt: skip
            if http is not None and loopback is not None:
                context.http, context.http_token_file = http, loopback.token_file
            stack.enter_context(recorded(database, self._environ, signals=signals, status=status))
            stack.callback(stream.close)  # before the sockets, which would wait for its readers
            reports = ServiceReports(self._manager, engine, self._watchdog_s, emit,
                                     standby=None if fleet is None else fleet.self_check(),
                                     role=None if fleet is None else fleet.role)  # fmt: skip
            tasks = await stack.enter_async_context(anyio.create_task_group())
            for part in (reports, stream, monitor):
                tasks.start_soon(part.run)
            tasks.start_soon(self._obey_signals, context, exchange, clock, reports)
            self._watch(tasks, clock, engine, reports, {"signals": signals, "status": status}, http)
            if http is not None and loopback is not None:
                tasks.start_soon(_show_address, engine, http, loopback.token)
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            await (engine.run(remembered) if fleet is None else fleet.run(clock, exchange))
            tasks.cancel_scope.cancel()
            self._end(clock, engine)

    def _watch(
        self,
        tasks: TaskGroup,
        clock: SteadyClock,
        engine: Engine,
        reports: ServiceReports,
        sockets: dict[str, Path],
        http: str | None,
    ) -> None:
        """Start what goes on beside the engine."""
        tasks.start_soon(collect_between_bursts, lambda: bool(engine.state.open_attempts))
        tasks.start_soon(self._watch_wall_clock, clock, engine)
        tasks.start_soon(self._watch_sockets, engine, reports, sockets)
        tasks.start_soon(self._announce, engine, reports, sockets, http)
        if self._notifications is not None:
            tasks.start_soon(self._notifications.run)
        if self._poller is not None:
            tasks.start_soon(self._poller.run)

    async def _open_monitor(
        self, stack: AsyncExitStack, engine: Engine, recorder: Recorder, hooks: Sequence[Webhook]
    ) -> Monitor:
        """Build the monitor, and the messages about trades if there is a webhook that they could go to."""
        config, emit, clock = self._config, self._emit, engine.clock
        session = await stack.enter_async_context(open_session())
        alerts, trades = (
            Webhooks(hooks, session, mode=config.exchange.mode, table=config.alerts, clock=clock, emit=emit,
                     subject=subject)
            for subject in (Subject.ALERT, Subject.NOTIFICATION)
        )  # fmt: skip
        if hooks:
            self._notifications = Notifications(trades, finder(engine), table=config.notifications, clock=clock,
                                                redacted=self._log.redacted)  # fmt: skip
            self._listeners.append(self._notifications.on_event)
        return Monitor(engine, recorder, database=self._around.database, mode=config.exchange.mode,
                       table=config.alerts, webhooks=alerts, emit=emit)  # fmt: skip

    async def _open_calendar(self, stack: AsyncExitStack, url: str, clock: Clock) -> ListingCalendar | None:
        where = self._config.exchange.calendar(url)
        if where is None:
            return None
        return ListingCalendar(await stack.enter_async_context(open_transport(where)), clock)

    async def _open_poller(self, stack: AsyncExitStack, context: Context, exchange: MexcExchange) -> Poller:
        table = self._config.poller
        client = await stack.enter_async_context(open_client(table.base_url, table.user_id, self._around.bot_token()))
        poller = Poller(engine=context.engine, order_commands=context.order_commands, client=client, exchange=exchange,
                        config=self._config)  # fmt: skip
        self._listeners.append(poller.on_event)
        context.monitor.poller = poller.health
        return poller

    async def _join_fleet(
        self, stack: AsyncExitStack, api_key: Secret, context: Context, exchange: MexcExchange, stream: EventStream
    ) -> "FleetProcess":
        from daemon.app.fleet_process import joined  # noqa: PLC0415  # only a member of a fleet needs it

        parts = joined(self._config, self._environ, self._log, api_key=api_key, context=context, exchange=exchange,
                       stream=stream, emit=self._emit)  # fmt: skip
        return await stack.enter_async_context(parts)

    def _end(self, clock: SteadyClock, engine: Engine) -> None:
        """Log the end; raise an error if the daemon stopped because its sockets were gone."""
        if self._unreachable is not None:
            raise Unreachable(f"{self._unreachable} was deleted or replaced while the daemon used it; start again")
        self._emit_event(clock, "daemon.stopped", in_flight=len(engine.state.open_attempts), exit_code=0)

    async def _announce(
        self, engine: Engine, reports: ServiceReports, sockets: dict[str, Path], http: str | None
    ) -> None:
        if self._fleet is not None:
            reports.ready()  # it stands by, and its door is open
        await engine.ready.wait()
        gc.freeze()  # objects of the start live on: later collections skip them
        reports.ready()
        self._emit_event(engine.clock, "daemon.ready", **{name: str(path) for name, path in sockets.items()}, http=http)

    async def _obey_signals(
        self, context: Context, exchange: MexcExchange, clock: SteadyClock, reports: ServiceReports
    ) -> None:
        """Drain on the first TERM or INT, end immediately on the second, reload the configuration on HUP.

        Without a configuration file HUP means that the terminal was closed, and drains. After `nohup` it is ignored.
        """
        config_path, stopping = self._config_path, False
        after_nohup = config_path is None and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        hang_up = [] if after_nohup else [signal.SIGHUP]
        try:
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *hang_up) as received:
                async for number in received:
                    if number is signal.SIGHUP and config_path is not None:
                        with reports.reloading():
                            self._reload(config_path, context, exchange, clock)
                    elif not stopping:
                        stopping = True
                        reports.stopping()
                        context.engine.stop()
                    elif number is not signal.SIGHUP:  # a closed terminal may send it twice
                        raise Interrupted
        finally:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a HUP must not interrupt the shutdown

    def _reload(self, config_path: Path, context: Context, exchange: MexcExchange, clock: SteadyClock) -> None:
        try:
            reloaded = reload(self._config, load(config_path))
        except BadConfig as error:
            self._emit_event(clock, "daemon.reload_refused", error=str(error))
            return
        self._config = config = reloaded.config
        context.engine.reload(Rules(config, self._probed))
        context.monitor.reload(config.alerts)
        if self._notifications is not None:
            self._notifications.reload(config.notifications, config.alerts)
        if self._fleet is None:
            exchange.reload(config.exchange)
        else:
            self._fleet.reload(config, exchange)
        if self._poller is not None:
            self._poller.config = config
        context.admin_uids = config.sockets.admin_uids
        context.limits = BodyLimits(config.sockets.body_limit_kb * 1024, config.sockets.read_timeout_s)
        self._log.set_level("info")  # logged regardless of the old and the new level
        self._emit_event(clock, "daemon.reloaded", changed=reloaded.changed, needs_restart=reloaded.needs_restart)
        self._log.set_level(config.log.level)

    async def _watch_sockets(self, engine: Engine, reports: ServiceReports, sockets: dict[str, Path]) -> None:
        """Drain and end when a socket that this process bound is deleted: no client could connect any more.

        systemd's own sockets are not checked.
        """
        bound = {path: identity(path) for name, path in sockets.items() if name not in self._given}
        while self._unreachable is None:
            await anyio.sleep(SOCKET_CHECK_S)
            self._unreachable = next((path for path in bound if identity(path) != bound[path]), None)
        self._emit_event(engine.clock, "daemon.unreachable", socket=str(self._unreachable))
        reports.stopping()
        engine.stop()

    async def _watch_wall_clock(self, clock: SteadyClock, engine: Engine) -> None:
        """Follow the machine's clock forward immediately, and log when it is set.

        The owner of a fleet's account does not follow it: all owners count by the exchange's clock.
        """
        behind_ms = -clock.drift_ms()  # how far the machine's clock is behind ours
        while True:
            await anyio.sleep(WALL_CHECK_S)
            followed_ms = 0 if engine.state.gate.lease is not None else clock.follow(engine.exchange.clock_steps)
            if followed_ms:
                engine.clock_stepped(followed_ms, _anchor_fact(clock.anchor()))
            jump_ms = behind_ms + clock.drift_ms() + followed_ms
            if abs(jump_ms) > JUMP_MS:
                self._emit_event(clock, "clock.jumped", jump_ms=jump_ms, followed_ms=followed_ms)
            behind_ms = -clock.drift_ms()

    def _emit_event(self, clock: Clock, name: str, **detail: str | int | None) -> None:
        self._emit(Event(name=name, at_ms=clock.now_ms(), detail=dict(detail)))

    def _on_store_event(self, name: str) -> None:
        """Emit an event of the store, also before there is a clock."""
        if name == "store.gone":  # the database is saved now, and the watchdog is not reset meanwhile
            self._manager.stopping(within_s=SAVING_S)
        self._emit(Event(name=name, at_ms=read_anchor().unix_ms))

    def _emit(self, event: Event) -> None:
        """Pass an event to all listeners: the log, the stream, the metrics."""
        for listener in self._listeners:
            listener(event)


async def _show_address(engine: Engine, http: str, token: str) -> None:
    """Print the dashboard's address with its token, at a terminal only: a log file would keep the token."""
    await engine.ready.wait()
    if sys.stderr.isatty():
        line = f"dashboard: {http}/#token={token}\n"
        Thread(target=write_error, args=(line,), daemon=True).start()  # in a thread, because a stopped terminal blocks


def _anchor_fact(anchor: Anchor) -> dict[str, str]:
    return {CLOCK_FACT: msgspec.json.encode(anchor).decode()}


async def _start_clock(store: Store, remembered: Remembered) -> SteadyClock:
    """Continue the daemon's time from the last run, and record where this run begins."""
    stored = remembered.facts.get(CLOCK_FACT)
    previous = None if stored is None else msgspec.json.decode(stored, type=Anchor)
    anchor = anchored(read_anchor(), previous, remembered.last_ms)
    await store.commit(ChangeSet(facts=_anchor_fact(anchor))).durable()
    return SteadyClock(anchor)
