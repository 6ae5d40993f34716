"""The recorder: counters and histograms, updated by events and by the engine.

Labels have fixed values, and every series exists from the start: a series that begins with its first event would hide
that event from ``increase``. A symbol, an owner or an order's id is never a label.
"""

from collections.abc import Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from daemon.clock import Clock
from daemon.core.state.changes import Send
from daemon.core.values.events import CATALOGUE, Event
from daemon.core.values.exchange_replies import Answer, NotSent, Placed, Refused
from daemon.core.values.states import KEY_FREE, MEANINGS, OUTCOME_UNKNOWN, OUTCOMES, State
from daemon.engine.lease_commands import GAVE_UP
from daemon.engine.observer import Timing
from daemon.exchange.mexc.codes import ADVICE
from daemon.exchange.mexc.replies import GATEWAY
from daemon.monitoring.figures import LEASE, ORDER
from daemon.monitoring.series import Series

disable_created_metrics()  # type: ignore[no-untyped-call]  # a global switch of the library: every series would have an unused second one

OTHER = "other"
"""The label of all other values."""

FAILURES = frozenset(state for state, meaning in MEANINGS.items() if meaning.is_failure)
ENDING = frozenset(
    {"order.seen", "order.seen_late", "order.ruled"} | {f"order.{state.value}" for state in (*KEY_FREE, State.LOST)}
)
"""Events that may end an order."""

PLACED, FAILED, TIMEOUT, SLOW_COMMIT = "placed", "failed", "lock_timeout", "slow_commit"
SEEN_LATE = "seen_late"
"""Counts that alerts read."""

REFUSALS = (
    "invalid", "key_conflict", "halted", "full", "guarded", "not_ready", "not_allowed", "held", "unknown",
    "wrong_state", "commit_failed", "unanswered", "unauthorized", "not_found", "method_not_allowed", "request_timeout",
    "request_entity_too_large", "misdirected_request", OTHER,
)  # fmt: skip
"""Codes of refused requests."""

CODES = frozenset({*(str(code) for code in ADVICE), *(str(code) for code in GATEWAY), "unreachable", OTHER})
"""Codes with which the exchange refuses an order."""

POSTED = ("delivered", "undelivered")
"""Results of a message to a webhook."""

TO_WIRE = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30)
ROUND_TRIP = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10)
COMMIT = (0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
WAIT = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds in seconds, dense around the usual values."""


class Recorder:
    """Keeps counters, histograms and series."""

    def __init__(self, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        self.series = Series()
        self._clock = clock
        self._events = self._counter("events", "Events, by name", "event", CATALOGUE)
        self._ends = self._counter("order_outcomes", "Orders that ended, by state", "outcome", OUTCOMES)
        self._settled = self._counter(
            "orders_settled",
            "Orders whose placement is settled: placed, or failed (definitely not executed, or lost)",
            "result",
            (PLACED, FAILED),
        )
        self._attempts = self._counter(
            "attempts",
            "Attempts to place an order, by answer",
            "answer",
            ("placed", "refused", "unknown", "not_sent"),
        )
        self._codes = self._counter("exchange_refusals", "Attempts that the exchange refused, by code", "code", CODES)
        self._refused = self._counter("requests_refused", "Refused requests of callers, by code", "code", REFUSALS)
        self._timeouts = self._counter(
            "lock_timeouts",
            "Timeouts of leases and of waits for a lease, by kind",
            "kind",
            ("expired", "overdue", "wait_ended"),
        )
        posted = {
            "alert": self._counter("webhook_alerts", "Alerts sent to webhooks, by result", "result", POSTED),
            "notification": self._counter(
                "webhook_notifications", "Messages about trades sent to webhooks, by result", "result", POSTED
            ),
        }
        self._posted = {f"{about}.{result}": posted[about][result] for about in posted for result in POSTED}
        self._to_wire = self._histogram("signal_to_wire", "From a signal's acceptance to its first byte", TO_WIRE)
        self._instant = self._histogram(
            "instant_to_wire",
            "From an armed order's execution time by the exchange's clock, less the lead, to its first byte",
            TO_WIRE,
        )
        self._round_trip = self._histogram(
            "exchange_round_trip", "From an order's first byte to its answer", ROUND_TRIP
        )
        self._commit = self._histogram("commit", "Duration of a commit, from its first change to disk", COMMIT)
        waits = Histogram(
            "sniperd_lock_wait_seconds",
            "From the request for a resource to the lock on it, including the wait for a rate slot, by holder",
            ["holder"],
            buckets=WAIT,
            registry=self.registry,
        )
        self._waits = {holder: waits.labels(holder) for holder in (ORDER, LEASE)}

    def on_event(self, event: Event) -> None:
        """Count an event."""
        name = event.name
        self._count(name)
        if name == "order.seen_late":
            self.series.count(event.at_ms, SEEN_LATE)
        if name in ENDING:
            self._end(event)
        elif name == "order.placed":
            self._settle(event, PLACED)
        elif name == "order.sent":
            if event.detail.get("attempt") == 1 and "waited_ms" in event.detail:
                self._waited(ORDER, event)
        elif name.startswith("lock."):
            self._on_lock_event(event)
        elif name == "store.slow_commit":
            self.series.count(event.at_ms, SLOW_COMMIT)
        elif name == "request.refused":
            _of(self._refused, str(event.detail["code"])).inc()
        elif name in self._posted:
            self._posted[name].inc()

    def attempted(self, send: Send, answer: Answer, timing: Timing) -> None:
        """Count an attempt whose answer has been recorded."""
        self._attempts[_word(answer)].inc()
        if isinstance(answer, Refused):
            _of(self._codes, answer.code).inc()
        if timing.wire_s is None:
            return
        if timing.answered_s is not None:
            self._round_trip.observe(timing.answered_s - timing.wire_s)
        took_s = timing.wire_s - timing.begun_s
        if send.fire_ms is not None:
            self._instant.observe(took_s)
        elif send.attempt.number == 1:
            took_s += (send.attempt.started_ms - send.order.accepted_ms) / 1_000  # in the queue
            self._to_wire.observe(took_s)
        else:
            return
        self.series.sent(self._clock.now_ms(), took_s * 1_000)

    def committed(self, took_s: float) -> None:
        """Count a commit; ``took_s`` in seconds."""
        self._commit.observe(took_s)

    def _on_lock_event(self, event: Event) -> None:
        match event.name:
            case "lock.acquired":
                self._waited(LEASE, event)
            case "lock.expired":
                self._timed_out("expired", event)
            case "lock.overdue":
                self._timed_out("overdue", event)
            case "lock.abandoned" if event.detail.get("reason") == GAVE_UP:
                self._timed_out("wait_ended", event)

    def _end(self, event: Event) -> None:
        """Count an end once: a query may report a known end again."""
        was, state = event.detail.get("was"), event.state
        if state is None or was == state:
            return
        if state in OUTCOMES:
            self._ends[state].inc()
            self.series.ended(event.at_ms, state.value)
        if state in FAILURES:
            self._settle(event, FAILED)
        elif was in OUTCOME_UNKNOWN or event.name == "order.ruled":
            self._settle(event, PLACED)

    def _settle(self, event: Event, result: str) -> None:
        self._settled[result].inc()
        self.series.count(event.at_ms, result)

    def _waited(self, holder: str, event: Event) -> None:
        waited_ms = event.detail["waited_ms"]
        assert isinstance(waited_ms, int)
        self._waits[holder].observe(waited_ms / 1_000)

    def _timed_out(self, kind: str, event: Event) -> None:
        self._timeouts[kind].inc()
        self.series.count(event.at_ms, TIMEOUT)

    def _count(self, name: str) -> None:
        counter = self._events.get(name)
        if counter is not None:  # a newer owner's event may have none
            counter.inc()

    def _counter(self, name: str, about: str, label: str, words: object) -> Mapping[str, Counter]:
        assert isinstance(words, tuple | dict | frozenset)
        counter = Counter(f"sniperd_{name}", about, [label], registry=self.registry)
        return MappingProxyType({word: counter.labels(str(word)) for word in sorted(words)})

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"sniperd_{name}_seconds", about, buckets=buckets, registry=self.registry)


def _of(counters: Mapping[str, Counter], word: str) -> Counter:
    return counters[word if word in counters else OTHER]


def _word(answer: Answer) -> str:
    match answer:
        case Placed():
            return "placed"
        case Refused():
            return "refused"
        case NotSent():
            return "not_sent"
        case _:
            return "unknown"
