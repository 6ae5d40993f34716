"""Time series: true to the step, bounded in memory."""

from daemon.monitoring.series import MAX_SAMPLES, STEP_MS, STEPS, Latency, Series

T = 1_790_000_000_000
HOUR_MS = 3_600_000


def test_a_step_has_its_quantiles_its_deepest_queue_and_its_tightest_budget() -> None:
    series = Series()
    for took_ms in range(1, 101):
        series.sent(T, took_ms)
    series.observe(T + 1, queue_depth=3, rate_budget=0.5)
    series.observe(T + 2, queue_depth=1, rate_budget=0.9)
    series.ended(T + 3, "filled")
    (point,) = series.points(T + 4, HOUR_MS)
    assert point.at_ms == T
    assert point.latency == Latency(50, 99, 100)
    assert (point.queue_depth, point.rate_budget, dict(point.outcomes)) == (3, 0.5, {"filled": 1})


def test_a_step_that_has_passed_stays_as_it_was() -> None:
    series = Series()
    series.sent(T, 1.0)
    series.sent(T + STEP_MS, 2.0)
    series.observe(T + 2 * STEP_MS, queue_depth=0, rate_budget=1)
    points = series.points(T + 2 * STEP_MS, HOUR_MS)
    assert [(point.at_ms, point.latency) for point in points] == [
        (T, Latency(1.0, 1.0, 1)),
        (T + STEP_MS, Latency(2.0, 2.0, 1)),
        (T + 2 * STEP_MS, Latency()),
    ]


def test_what_comes_a_moment_late_counts_in_the_running_step() -> None:
    series = Series()
    series.count(T + STEP_MS, "late")
    series.count(T, "late")
    assert [point.at_ms for point in series.points(T + STEP_MS, HOUR_MS)] == [T + STEP_MS]
    assert series.total("late", T + STEP_MS, STEP_MS) == 2


def test_a_total_is_that_of_the_steps_that_its_window_touches() -> None:
    series = Series()
    for step in range(100):
        series.count(T + step * STEP_MS, "it")
    now_ms = T + 99 * STEP_MS
    assert series.total("it", now_ms, HOUR_MS) == 100
    assert series.total("it", now_ms, 60_000) == 13
    assert series.total("it", now_ms + HOUR_MS, 60_000) == 0
    assert series.total("nothing", now_ms, HOUR_MS) == 0


def test_a_window_shows_the_steps_in_it_oldest_first() -> None:
    series = Series()
    for step in range(10):
        series.observe(T + step * STEP_MS, queue_depth=step, rate_budget=1)
    shown = [point.queue_depth for point in series.points(T + 9 * STEP_MS + 1, 3 * STEP_MS)]
    assert shown == [6, 7, 8, 9]


def test_an_hour_is_kept_and_no_more_of_a_busy_step_than_its_latest_samples() -> None:
    series = Series()
    for step in range(STEPS + 50):
        series.observe(T + step * STEP_MS, queue_depth=0, rate_budget=1)
    for number in range(10 * MAX_SAMPLES):
        series.sent(T + (STEPS + 50) * STEP_MS, float(number))
    points = series.points(T + (STEPS + 50) * STEP_MS, 10 * HOUR_MS)
    assert len(points) == STEPS
    assert points[-1].latency.count == 10 * MAX_SAMPLES
    assert (points[-1].latency.p50 or 0) >= 9 * MAX_SAMPLES
    assert len(series._samples) == MAX_SAMPLES
