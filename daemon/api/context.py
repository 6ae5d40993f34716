"""What every route needs: the engine, its commands, the administrators, and the limits of a body."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from daemon.api.http.body import BodyLimits
from daemon.api.http.peer import caller_of
from daemon.api.http.request import Request
from daemon.api.read_scheduler import ReadScheduler
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands
from daemon.engine.order_commands import Caller, OrderCommands
from daemon.monitoring.monitor import Monitor


class FleetCommands(Protocol):
    """What an administrator may ask of a fleet's member."""

    async def hand_over(self, to: str | None, actor: str, reason: str) -> None:
        """Give the account up, to the named member or to any; return when this member no longer trades.

        Raises:
            WrongState: this member does not own the account, it is the one that shall take over, or no such member
                could take over.

        """
        ...

    async def take(self, actor: str, reason: str) -> None:
        """Own the account at once, before the owner's lease has ended; return when this member owns it.

        Raises:
            WrongState: this member cannot own the account; the message says why.

        """
        ...

    async def forget(self, name: str, actor: str, reason: str) -> None:
        """Remove a lost member from the fleet's list.

        Raises:
            NotReady: the fleet's database does not answer.
            Unknown: there is no such member.
            WrongState: it has reported itself lately.

        """
        ...


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
    fleet: FleetCommands | None = None  # set in a fleet
    memory_reads: ReadScheduler = field(default_factory=ReadScheduler)
    disk_reads: ReadScheduler = field(default_factory=ReadScheduler)  # a scan of much of it delays no display

    @property
    def lease_timeout_ms(self) -> int:
        """Length of a lease if the caller does not give one."""
        return self.engine.state.rules.config.locks.timeout_ms

    def caller(self, request: Request) -> Caller:
        """Name the caller."""
        return caller_of(request.peer, self.admin_uids)
