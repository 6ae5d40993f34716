"""The exchange's clock: by how much it is ahead of ours, and how exactly that is known.

The exchange tells its time, cut to whole milliseconds, at some moment between our request and its answer. So each
answer bounds the offset from both sides, whatever the network did::

    lower = server_ms - received          the answer was written right before it arrived
    upper = server_ms + 1 ms - sent       it was written right after the request left

The middle of one sample is ``server_ms + 0.5 ms`` at half of its round trip; it is wrong by half of the round trip plus
0.5 ms at most. Several samples narrow the interval to its intersection: the fastest way there bounds it from above, the
fastest way back from below. An answer that is late on either way widens only its own bound, so it moves nothing.

The bounds of a sample widen with its age (:data:`DRIFT_PPM`), so an old excellent sample gives way to newer ones, and
drift is followed. A sample outside of the interval means that a clock stepped. It replaces the interval when a second
one agrees with it.

A sample over a new connection contains the server's handling of that connection. It is dropped, unless it is more exact
than what is known.

When a request has to leave so that it arrives at an instant follows from the samples directly
(:meth:`ExchangeClock.leave_ns`), because ``server_ms + 1 ms - sent`` is the offset and the way there together, and too
long by less than a millisecond.
"""

from bisect import bisect_right
from collections import deque
from typing import NamedTuple

import msgspec

from daemon.clock import NS_PER_MS

DRIFT_PPM = 100
"""By how much both clocks together may run apart, in millionths: 3 ms in 30 s. A computer's quartz is right to 50
millionths without synchronisation, and there are two clocks. A machine's clock that is being corrected by slewing runs
wrong by up to 500 millionths (Linux, adjtimex(2)); then samples contradict the interval, and replace it."""


RECENT_NS = 5_000_000_000
"""For so long a sample counts for the way there. Near an instant there are several samples a second; two clocks run
apart by far less than :data:`DRIFT_PPM` as a rule, which is a tenth of a millisecond meanwhile."""

AS_QUICK_NS = 200_000
"""By how much a round trip may be longer than the shortest one to count as just as quick."""

EARLY = 0.002
"""How often a request may arrive early. To be late costs a part of a millisecond each time. To be early costs a
refusal, and the orders of an instant are early together: the rate may then have no room for all of them for a
second."""

THIRD = 3
"""The quickest round trip is compared with the third: with the second alone, chance would decide."""

SLACK_NS = 100_000
"""What is kept for drift, and for requests that are quicker than the samples, which pass the event loop."""


class Offset(msgspec.Struct, frozen=True, gc=False):
    """The offset of the exchange's clock to ours (theirs minus ours), as it is known at an instant of our clock."""

    lower_ns: int
    upper_ns: int
    at_ns: int  # the instant: when the last sample that counted was received
    round_trip_ns: int  # of the best sample: the shortest, in view of its age
    best_ns: int  # when the best sample was received

    @property
    def middle_ns(self) -> int:
        """The best estimate."""
        return (self.lower_ns + self.upper_ns) // 2

    @property
    def uncertainty_ns(self) -> int:
        """By how much the estimate is wrong at most."""
        return (self.upper_ns - self.lower_ns + 1) // 2

    def aged(self, now_ns: int) -> "Offset":
        """Return what is known of it at a later instant."""
        drift_ns = _drift_ns(now_ns - self.at_ns)
        return msgspec.structs.replace(
            self, lower_ns=self.lower_ns - drift_ns, upper_ns=self.upper_ns + drift_ns, at_ns=max(now_ns, self.at_ns)
        )

    def narrowed(self, new: "Offset") -> "Offset | None":
        """Return the intersection with a new sample, both as of the sample's instant.

        ``None`` if they exclude each other.
        """
        lower_ns, upper_ns = max(self.lower_ns, new.lower_ns), min(self.upper_ns, new.upper_ns)
        if lower_ns > upper_ns:
            return None
        is_better = new.round_trip_ns // 2 <= self.round_trip_ns // 2 + _drift_ns(new.at_ns - self.best_ns)
        best = new if is_better else self
        return Offset(lower_ns, upper_ns, new.at_ns, best.round_trip_ns, best.best_ns)

    def stepped(self, step_ns: int) -> "Offset":
        """Return it after our clock jumped forward by ``step_ns``."""
        return Offset(
            self.lower_ns - step_ns,
            self.upper_ns - step_ns,
            self.at_ns + step_ns,
            self.round_trip_ns,
            self.best_ns + step_ns,
        )


class ExchangeClock:
    """Estimates the exchange's clock from samples. Instants of our clock are readings of the daemon's, in nanoseconds.

    One thread calls :meth:`sample` and :meth:`stepped`. Any thread may read: what is known is one value that never
    changes, and is replaced as a whole.

    A thread that waits for an instant reads the daemon's clock *first*, and :meth:`local_ns` after it, each time it
    looks. A step of our clock reaches this estimate before it reaches the clock itself, so an instant may seem later
    for a moment, and never earlier.
    """

    def __init__(self) -> None:
        self._known: Offset | None = None
        self._ways: deque[_Way] = deque(maxlen=64)  # of recent samples
        self._arrives_ns: int | None = None  # the exchange's clock at the arrival of what leaves now, minus ours
        self._contradiction: Offset | None = None  # a sample outside of the interval, until another one decides

    @property
    def known(self) -> Offset | None:
        """What is known, as of the last sample; ``None`` before the first."""
        return self._known

    @property
    def offset_ns(self) -> int:
        """The exchange's clock minus ours; 0 before the first sample."""
        known = self._known
        return 0 if known is None else known.middle_ns

    @property
    def uncertainty_ns(self) -> int | None:
        """By how much the offset was wrong at most at the last sample; ``None`` before the first."""
        known = self._known
        return None if known is None else known.uncertainty_ns

    def leave_ns(self, exchange_ms: int) -> int:
        """Return when a request must leave, by the daemon's clock, to arrive at an instant of the exchange's clock.

        It arrives at the instant or later, if the way is not quicker than the quickest of the recent samples; earlier
        in one case of five hundred (:data:`EARLY`). Before the first sample the exchange's clock counts as ours.
        """
        return exchange_ms * NS_PER_MS - (self._arrives_ns or 0)

    def local_ns(self, exchange_ms: int) -> int:
        """Return what the daemon's clock shows at the moment when the exchange's clock shows ``exchange_ms``."""
        return exchange_ms * NS_PER_MS - self.offset_ns

    def exchange_ns(self, local_ns: int) -> int:
        """Return what the exchange's clock shows when the daemon's clock shows ``local_ns``."""
        return local_ns + self.offset_ns

    def sample(self, sent_ns: int, received_ns: int, server_ms: int, *, fresh_connection: bool) -> bool:
        """Take a sample.

        Args:
            sent_ns: our clock when the request was written.
            received_ns: our clock when the answer had arrived.
            server_ms: the exchange's time in the answer, cut to whole milliseconds.
            fresh_connection: the connection carried no request before.

        Returns:
            Whether that is enough. If not, another sample is needed at once, because this one was dropped, or
            contradicts what is known and has to be confirmed.

        """
        new = Offset(
            lower_ns=server_ms * NS_PER_MS - received_ns,
            upper_ns=(server_ms + 1) * NS_PER_MS - sent_ns,
            at_ns=received_ns,
            round_trip_ns=received_ns - sent_ns,
            best_ns=received_ns,
        )
        if self._known is None:
            self._known = new
            self._note_way(new)
            return not fresh_connection
        known = self._known.aged(received_ns)
        if fresh_connection and new.uncertainty_ns >= known.uncertainty_ns:
            return False
        narrowed = known.narrowed(new)
        if narrowed is not None:
            self._known = narrowed
            self._note_way(new)
            if self._agreed_with_contradiction(new) is None:
                self._contradiction = None
            return True
        confirmed = self._agreed_with_contradiction(new)
        self._known, self._contradiction = confirmed or self._known, None if confirmed else new
        if confirmed is not None:
            self._ways.clear()
            self._note_way(new)
        return confirmed is not None

    def stepped(self, step_ns: int) -> None:
        """Follow a step of the daemon's clock, forward by ``step_ns``: the exchange's clock did not step."""
        if self._known is not None:
            self._known = self._known.stepped(step_ns)
        if self._contradiction is not None:
            self._contradiction = self._contradiction.stepped(step_ns)
        if self._arrives_ns is not None:
            self._arrives_ns -= step_ns
        self._ways = deque((each.stepped(step_ns) for each in self._ways), self._ways.maxlen)

    def _note_way(self, new: Offset) -> None:
        """Add a sample to the recent ones, and find when what leaves now arrives.

        Of ``n`` samples over a way that is as quick as the quickest, the one that bounds the arrival best is too late
        by more than a part ``m`` of a millisecond with the probability ``(1 - m) ** n``: the exchange may write its
        time at any moment of its millisecond. And where ways vary, a later request may be quicker than all samples, by
        about as much as the quickest samples differ.
        """
        self._ways.append(_Way(new.at_ns, new.round_trip_ns, new.upper_ns))
        while self._ways[0].at_ns < new.at_ns - RECENT_NS:
            self._ways.popleft()
        round_trips_ns = sorted(each.round_trip_ns for each in self._ways)
        quick = bisect_right(round_trips_ns, round_trips_ns[0] + AS_QUICK_NS)
        varies_ns = round_trips_ns[:THIRD][-1] - round_trips_ns[0]
        margin_ns = round(NS_PER_MS * (1 - EARLY ** (1 / quick))) + varies_ns + SLACK_NS
        self._arrives_ns = min(each.upper_ns for each in self._ways) - margin_ns

    def _agreed_with_contradiction(self, new: Offset) -> Offset | None:
        return None if self._contradiction is None else self._contradiction.aged(new.at_ns).narrowed(new)


class _Way(NamedTuple):
    at_ns: int
    round_trip_ns: int
    upper_ns: int  # of the offset, and of the offset and the way there together

    def stepped(self, step_ns: int) -> "_Way":
        return _Way(self.at_ns + step_ns, self.round_trip_ns, self.upper_ns - step_ns)


def _drift_ns(age_ns: int) -> int:
    return -(-max(0, age_ns) * DRIFT_PPM // 1_000_000)
