"""The recorder: how events and attempts are counted, under labels with fixed values."""

from typing import Any

import pytest

from daemon.clock import NS_PER_MS
from daemon.core.state.changes import Send
from daemon.core.values.events import CATALOGUE, Event
from daemon.core.values.exchange_replies import Advice, Answer, NotSent
from daemon.core.values.states import OUTCOMES, State
from daemon.engine.lease_commands import GAVE_UP, LEFT
from daemon.engine.observer import Timing
from daemon.errors import Refusal
from daemon.monitoring.recorder import CODES, FAILURES, REFUSALS, SLOW_COMMIT, TIMEOUT, Recorder
from tests.core.making import NOON_MS, attempt, order, placed, refused, unclear

MINUTE_MS = 60_000


class StillClock:
    """A stopped clock."""

    def now_ms(self) -> int:
        """Return the time."""
        return NOON_MS

    def now_ns(self) -> int:
        """Return it in nanoseconds."""
        return NOON_MS * NS_PER_MS

    async def reach(self, at_ms: int) -> None:
        """Be there."""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(StillClock())


def event(name: str, state: State | None = None, **detail: Any) -> Event:
    return Event(name=name, at_ms=NOON_MS, state=state, detail=detail)


def count(recorder: Recorder, name: str, **labels: str) -> float:
    found = recorder.registry.get_sample_value(f"sniperd_{name}", labels)
    assert found is not None, f"{name} {labels} is not there"
    return found


def outcomes(recorder: Recorder) -> dict[str, int]:
    counted = {state.value: int(count(recorder, "order_outcomes_total", outcome=state)) for state in OUTCOMES}
    return {state: number for state, number in counted.items() if number}


def settled(recorder: Recorder) -> tuple[float, float]:
    placed, failed = (count(recorder, "orders_settled_total", result=result) for result in ("placed", "failed"))
    return placed, failed


def attempted(recorder: Recorder, answer: Answer, *, number: int = 1, fire_ms: int | None = None, **times: Any) -> None:
    sent = order(State.IN_FLIGHT, attempts=number, accepted_ms=NOON_MS - 250)
    recorder.attempted(Send(sent, attempt(number), 1, fire_ms), answer, Timing(**({"begun_s": 10.0} | times)))


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_event_is_counted_by_its_name_from_the_start(recorder: Recorder, name: str) -> None:
    assert count(recorder, "events_total", event=name) == 0
    if not CATALOGUE[name].keys:
        recorder.on_event(event(name))
        assert count(recorder, "events_total", event=name) == 1


@pytest.mark.parametrize(
    ("emitted", "ended", "came_to"),
    [
        (event("order.seen", State.FILLED, was=State.OPEN), {"filled": 1}, (0, 0)),
        (event("order.seen", State.FILLED, was=State.IN_DOUBT), {"filled": 1}, (1, 0)),
        (event("order.seen", State.OPEN, was=State.IN_DOUBT), {}, (1, 0)),
        (event("order.seen", State.FILLED, was=State.FILLED), {}, (0, 0)),
        (event("order.seen", State.PARTIALLY_FILLED, was=State.OPEN), {}, (0, 0)),
        (event("order.seen_late", State.FILLED, was=State.REJECTED), {"filled": 1}, (0, 0)),
        (event("order.placed", State.OPEN), {}, (1, 0)),
        (event("order.rejected", State.REJECTED), {"rejected": 1}, (0, 1)),
        (event("order.expired", State.EXPIRED), {"expired": 1}, (0, 1)),
        (event("order.dead_letter", State.DEAD_LETTER), {"dead_letter": 1}, (0, 1)),
        (event("order.lost", State.LOST), {"lost": 1}, (0, 1)),
        (event("order.withdrawn", State.WITHDRAWN), {"withdrawn": 1}, (0, 0)),
        (event("order.ruled", State.REJECTED), {"rejected": 1}, (0, 1)),
        (event("order.ruled", State.OPEN), {}, (1, 0)),
        (event("order.in_doubt", State.IN_DOUBT), {}, (0, 0)),
    ],
    ids=lambda value: f"{value.name} {value.state}" if isinstance(value, Event) else "",
)
def test_an_order_ends_once_and_is_settled_once(
    recorder: Recorder, emitted: Event, ended: dict[str, int], came_to: tuple[int, int]
) -> None:
    recorder.on_event(emitted)
    assert outcomes(recorder) == ended
    assert settled(recorder) == came_to
    assert [dict(point.outcomes) for point in recorder.series.points(NOON_MS, MINUTE_MS) if point.outcomes] == (
        [ended] if ended else []
    )


def test_a_withdrawn_order_is_no_failure() -> None:
    assert {State.REJECTED, State.EXPIRED, State.LOST, State.DEAD_LETTER} == FAILURES


@pytest.mark.parametrize(
    ("emitted", "kind"),
    [
        (event("lock.expired"), "expired"),
        (event("lock.overdue"), "overdue"),
        (event("lock.abandoned", reason=GAVE_UP), "wait_ended"),
    ],
    ids=["expired", "overdue", "wait_ended"],
)
def test_an_expired_lease_or_wait_is_a_timeout(recorder: Recorder, emitted: Event, kind: str) -> None:
    recorder.on_event(emitted)
    assert count(recorder, "lock_timeouts_total", kind=kind) == 1
    assert recorder.series.total(TIMEOUT, NOON_MS, MINUTE_MS) == 1


def test_a_caller_that_goes_away_is_no_timeout(recorder: Recorder) -> None:
    recorder.on_event(event("lock.abandoned", reason=LEFT))
    recorder.on_event(event("lock.released"))
    assert recorder.series.total(TIMEOUT, NOON_MS, MINUTE_MS) == 0


def test_waits_for_locks_are_measured_for_orders_and_for_callers(recorder: Recorder) -> None:
    recorder.on_event(event("lock.acquired", waited_ms=2_500))
    recorder.on_event(event("order.sent", State.IN_FLIGHT, attempt=1, waited_ms=40))
    recorder.on_event(event("order.sent", State.IN_FLIGHT, attempt=2, waited_ms=9_000))  # it waited for its retry
    recorder.on_event(event("order.sent", State.IN_FLIGHT, attempt=1))  # its instant came
    assert count(recorder, "lock_wait_seconds_sum", holder="lease") == 2.5
    assert count(recorder, "lock_wait_seconds_sum", holder="order") == 0.04
    assert count(recorder, "lock_wait_seconds_count", holder="order") == 1


def test_the_time_to_the_first_byte_begins_with_the_signals_acceptance(recorder: Recorder) -> None:
    """The wait in the queue, by the daemon's clock, and the rest by the stopwatch."""
    attempted(recorder, placed(), wire_s=10.002, answered_s=10.032)
    assert count(recorder, "signal_to_wire_seconds_sum") == pytest.approx(0.252)
    assert count(recorder, "exchange_round_trip_seconds_sum") == pytest.approx(0.03)
    assert count(recorder, "instant_to_wire_seconds_count") == 0
    (point,) = recorder.series.points(NOON_MS, MINUTE_MS)
    assert point.latency.p50 == pytest.approx(252)
    assert point.latency.count == 1


def test_an_armed_orders_time_begins_with_its_instant(recorder: Recorder) -> None:
    attempted(recorder, placed(), fire_ms=NOON_MS, wire_s=10.002, answered_s=10.032)
    assert count(recorder, "instant_to_wire_seconds_sum") == pytest.approx(0.002)
    assert count(recorder, "signal_to_wire_seconds_count") == 0
    assert recorder.series.points(NOON_MS, MINUTE_MS)[0].latency.count == 1


def test_a_later_attempt_is_not_measured_from_the_signal(recorder: Recorder) -> None:
    attempted(recorder, placed(), number=2, wire_s=10.002, answered_s=10.032)
    assert count(recorder, "signal_to_wire_seconds_count") == 0
    assert count(recorder, "exchange_round_trip_seconds_count") == 1


def test_an_attempt_that_was_never_sent_has_no_times(recorder: Recorder) -> None:
    attempted(recorder, NotSent("halted"), answered_s=10.1)
    assert count(recorder, "attempts_total", answer="not_sent") == 1
    assert count(recorder, "signal_to_wire_seconds_count") == count(recorder, "exchange_round_trip_seconds_count") == 0


@pytest.mark.parametrize(
    ("answer", "word"),
    [(placed(), "placed"), (refused(), "refused"), (unclear(), "unknown")],
    ids=["placed", "refused", "unknown"],
)
def test_attempts_are_counted_by_their_answer(recorder: Recorder, answer: Answer, word: str) -> None:
    attempted(recorder, answer, wire_s=10.1, answered_s=10.2)
    assert count(recorder, "attempts_total", answer=word) == 1


@pytest.mark.parametrize(
    ("code", "label"), [("30001", "30001"), ("429", "429"), ("unreachable", "unreachable"), ("66", "other")]
)
def test_refusals_are_counted_by_codes_of_the_table_and_all_others_as_one(
    recorder: Recorder, code: str, label: str
) -> None:
    attempted(recorder, refused(Advice.RETRY, code=code), wire_s=10.1, answered_s=10.2)
    assert count(recorder, "exchange_refusals_total", code=label) == 1


def test_a_callers_refusal_is_counted_by_its_word(recorder: Recorder) -> None:
    for word in ("guarded", "a_word_that_came_from_elsewhere"):
        recorder.on_event(event("request.refused", code=word))
    assert count(recorder, "requests_refused_total", code="guarded") == 1
    assert count(recorder, "requests_refused_total", code="other") == 1


def test_every_word_of_a_refusal_is_known() -> None:
    assert {refusal.code for refusal in Refusal.__subclasses__()} <= set(REFUSALS)
    assert len(CODES) > 50


def test_commits_are_measured_and_slow_ones_counted(recorder: Recorder) -> None:
    recorder.committed(0.004)
    recorder.on_event(event("store.slow_commit", took_ms=120, rows=3))
    assert count(recorder, "commit_seconds_sum") == 0.004
    assert recorder.series.total(SLOW_COMMIT, NOON_MS, MINUTE_MS) == 1


def test_what_becomes_of_webhooks_alerts_is_counted(recorder: Recorder) -> None:
    recorder.on_event(event("alert.delivered", webhook="slack 1", alert="disk_low", attempt=1))
    recorder.on_event(event("alert.undelivered", webhook="slack 1", alert="disk_low", error="HTTP 404"))
    assert count(recorder, "webhook_alerts_total", result="delivered") == 1
    assert count(recorder, "webhook_alerts_total", result="undelivered") == 1
    assert count(recorder, "webhook_notifications_total", result="undelivered") == 0


def test_what_becomes_of_messages_about_trades_is_counted(recorder: Recorder) -> None:
    recorder.on_event(event("notification.delivered", webhook="slack 1", notification="filled", attempt=1))
    for _ in range(2):
        recorder.on_event(event("notification.undelivered", webhook="slack 1", notification="filled", error="HTTP 404"))
    assert count(recorder, "webhook_notifications_total", result="delivered") == 1
    assert count(recorder, "webhook_notifications_total", result="undelivered") == 2
    assert count(recorder, "webhook_alerts_total", result="undelivered") == 0
