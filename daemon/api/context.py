"""What every route needs: the engine, its commands, the administrators, and the limits of a body."""

from collections.abc import Collection
from dataclasses import dataclass, field

from daemon.api.http.body import BodyLimits
from daemon.api.http.peer import caller_of
from daemon.api.http.request import Request
from daemon.api.read_scheduler import ReadScheduler
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.monitoring.monitor import Monitor


@dataclass(slots=True)
class Context:
    """Shared by the routes of both sockets. ``admin_uids`` may change while it runs."""

    engine: Engine
    order_commands: OrderCommands
    lease_commands: LeaseCommands
    monitor: Monitor
    admin_uids: Collection[int]
    limits: BodyLimits
    mode: str
    shadow_of: str | None  # the real market that the paper exchange follows
    exchange_url: str
    database: str
    started_ms: int
    http: str | None = None  # where the loopback listener is reached
    http_token_file: str | None = None
    memory_reads: ReadScheduler = field(default_factory=ReadScheduler)
    disk_reads: ReadScheduler = field(default_factory=ReadScheduler)  # a scan of much of it delays no display

    @property
    def lease_timeout_ms(self) -> int:
        """Length of a lease if the caller does not give one."""
        return self.engine.state.rules.config.locks.timeout_ms

    def caller(self, request: Request) -> Caller:
        """Name the caller."""
        return caller_of(request.peer, self.admin_uids)
