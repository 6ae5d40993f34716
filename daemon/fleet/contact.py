"""What a member knows of the world: whether the shared database answers, and what time it is at the exchange."""

from collections.abc import Callable

from daemon.clock import NS_PER_MS, Clock
from daemon.core.rules.exchange_clock import ExchangeClock, Offset
from daemon.core.values.events import Detail, Event
from daemon.errors import BackendFailed
from daemon.fleet.port import Lease


class Contact:
    """The daemon's clock, the exchange's, and the latest failure of the database. It emits the member's events."""

    def __init__(self, clock: Clock, exchange_clock: ExchangeClock, emit: Callable[[Event], None]) -> None:
        self._clock = clock
        self._exchange_clock = exchange_clock
        self._emit = emit
        self.backend_error: str | None = None

    @property
    def known(self) -> Offset | None:
        """The exchange's clock minus ours, as it was measured last."""
        return self._exchange_clock.known

    @property
    def lacks(self) -> str | None:
        """What a member does not hear from; ``None``: nothing."""
        if self.backend_error is not None:
            return "the fleet's database does not answer"
        return "it has not heard from the exchange yet" if self.known is None else None

    @property
    def clock_error_ms(self) -> float | None:
        """By how much the exchange's clock may be known wrong now; ``None``: it is not known."""
        known = self.known
        return None if known is None else known.aged(self.now_ns()).uncertainty_ns / NS_PER_MS

    def now_ns(self) -> int:
        """Return the daemon's time in nanoseconds."""
        return self._clock.now_ns()

    def now_ms(self) -> int:
        """Return the daemon's time in milliseconds."""
        return self._clock.now_ms()

    def left_ms(self, lease: Lease) -> float | None:
        """Return what is left of a lease by the exchange's clock, below 0 once it has ended; ``None``: not known."""
        known = self.known
        return None if known is None else lease.until_ms - (self.now_ns() + known.middle_ns) / NS_PER_MS

    def failed(self, error: BackendFailed) -> None:
        """Record that the database did not answer."""
        if self.backend_error is None:
            self.report("fleet.database_unreachable", error=str(error))
        self.backend_error = str(error)

    def answered(self) -> None:
        """Record that the database answered."""
        if self.backend_error is not None:
            self.backend_error = None
            self.report("fleet.database_reachable")

    def report(self, name: str, **detail: Detail) -> None:
        """Emit an event about this member."""
        self._emit(Event(name=name, at_ms=self.now_ms(), detail=detail))
