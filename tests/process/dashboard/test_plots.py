"""The plots: a shared, labelled time axis, round ticks at the right positions, a colour for each series."""

import itertools
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.process.dashboard.dashboard import Dashboard

STEP_MS = 5_000
OUTCOMES = ["filled", "partially_canceled", "canceled", "withdrawn", "expired", "rejected", "dead_letter", "lost"]
QUARTER, HOUR = 900, 3_600

DRAWN = """(async (asked) => {
  const plots = await import("/dashboard/plots.js");
  const {now} = await import("/dashboard/clock.js");
  const end = Math.floor(now() / 5000) * 5000;
  const steps = Array.from({length: asked.steps}, (_, index) => end - (asked.steps - 1 - index) * 5000);
  const series = {};
  for (const [name, values] of Object.entries(asked.series)) {
    series[name] = steps.map((atMs, index) => ({atMs, ...values[index % values.length]}));
  }
  plots.update({stepMs: 5000, series}, asked.window_s);
  const box = (node) => { const b = node.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; };
  return {end, figures: [...document.querySelectorAll("#plots figure")].map((figure) => {
    const svg = figure.querySelector("svg");
    const origin = svg.getBoundingClientRect();
    const texts = (kind) => [...svg.querySelectorAll(`.label.${kind}`)].map((node) => ({
      text: node.textContent, x: Number(node.getAttribute("x")), y: Number(node.getAttribute("y")), box: box(node)}));
    const marks = [...svg.querySelectorAll(".line, .bar")].map((node) => {
      const [left, right, top, bottom] = box(node);
      return {series: node.dataset.series, left: left - origin.left, right: right - origin.left,
              top: top - origin.top, bottom: bottom - origin.top,
              colour: getComputedStyle(node)[node.matches(".bar") ? "fill" : "stroke"]};
    });
    const keys = [...figure.querySelectorAll(".key")].map((node) => ({
      series: node.dataset.series, colour: getComputedStyle(node, "::before").backgroundColor}));
    return {title: figure.querySelector("strong").textContent, width: origin.width, time: texts("time"),
            values: texts("value"), marks, keys, readout: figure.querySelector(".readout").textContent};
  })};
})"""
"""Draws given series with the page's own code; returns the positions of marks and labels in each plot."""


def a_series(**changes: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return series with values in every step."""
    hill = [6 - abs(6 - step) for step in range(13)]
    made: dict[str, list[dict[str, Any]]] = {
        "signalToWireMs": [{"p50": 2 + 0.1 * each, "p99": 6.0 * (each + 1), "count": each + 1} for each in hill],
        "queueDepth": [{"value": each} for each in hill],
        "rateBudget": [{"value": 1 - 0.1 * each} for each in hill],
        "outcomes": [{"filled": each} for each in hill] + [dict.fromkeys(OUTCOMES, 1)],
    }
    return made | changes


async def drawn(dashboard: Dashboard, window_s: int = QUARTER, steps: int = 180, **changes: Any) -> dict[str, Any]:
    asked = {"window_s": window_s, "steps": steps, "series": a_series(**changes)}
    # The page holds the promise: the browser may collect one that nothing in the page holds.
    found: dict[str, Any] = await dashboard.page.js(f"window.drawn = {DRAWN}({json.dumps(asked)})")
    return found


def minutes(label: str) -> int:
    hour, minute = label.split(":")
    return 60 * int(hour) + int(minute)


# The time axis


@pytest.mark.parametrize(("window_s", "steps"), [(QUARTER, 180), (QUARTER, 12), (HOUR, 720), (HOUR, 30)])
async def test_every_plot_has_the_same_labels_at_the_same_places(
    dashboard: Dashboard, window_s: int, steps: int
) -> None:
    figures = (await drawn(dashboard, window_s, steps))["figures"]
    axes = [[(label["text"], label["x"]) for label in figure["time"]] for figure in figures]
    assert len(axes) == 4
    assert len(axes[0]) >= 2
    assert all(axis == axes[0] for axis in axes)


@pytest.mark.parametrize("window_s", [QUARTER, HOUR])
async def test_labels_are_round_times_at_the_right_positions(dashboard: Dashboard, window_s: int) -> None:
    found = await drawn(dashboard, window_s, window_s // 5)
    labels = found["figures"][0]["time"]
    gaps = {(minutes(after["text"]) - minutes(before["text"])) % 1_440 for before, after in itertools.pairwise(labels)}
    [gap] = gaps
    assert gap in {1, 2, 5, 10, 15, 30, 60}
    assert all(minutes(label["text"]) % gap == 0 for label in labels)
    per_minute = {round((after["x"] - before["x"]) / gap, 2) for before, after in itertools.pairwise(labels)}
    [scale] = per_minute
    end = datetime.fromtimestamp(found["end"] / 1_000, UTC).astimezone()
    minutes_left = (60 * end.hour + end.minute + end.second / 60 - minutes(labels[-1]["text"])) % 1_440
    newest = max(mark["right"] for mark in found["figures"][0]["marks"])
    assert newest - labels[-1]["x"] == pytest.approx(minutes_left * scale, abs=2 * scale * STEP_MS / 60_000 + 1)


@pytest.mark.parametrize("width", [360, 720, 1_180, 1_440])
async def test_labels_do_not_overlap(dashboard: Dashboard, width: int) -> None:
    await dashboard.page.look_like(width=width)
    for window_s in (QUARTER, HOUR):
        for figure in (await drawn(dashboard, window_s))["figures"]:
            for kind, low, high in (("time", 0, 1), ("values", 2, 3)):
                spans = sorted((label["box"][low], label["box"][high]) for label in figure[kind])
                assert all(before[1] <= after[0] + 0.5 for before, after in itertools.pairwise(spans)), figure["title"]
    assert await dashboard.page.js("document.documentElement.scrollWidth") <= width


async def test_two_minutes_of_values_take_two_minutes_of_the_axis(dashboard: Dashboard) -> None:
    """They are not stretched over the window, and a bar has the position of the line of the same instant."""
    figures = (await drawn(dashboard, QUARTER, 24))["figures"]
    plotted = figures[0]["width"] - 62
    for figure in figures:
        left, right = (side(figure["marks"]) for side in (_left, _right))
        assert right - left == pytest.approx(plotted * 2 / 15, abs=plotted / 60 + 4), figure["title"]
        assert right == pytest.approx(figure["width"] - 16, abs=plotted / 60 + 4), figure["title"]


async def test_steps_that_were_not_measured_are_a_gap(dashboard: Dashboard) -> None:
    values = [{"p50": 1.5, "p99": 2.5, "count": 1}] * 5 + [{"p50": None, "p99": None, "count": 0}] * 5
    figures = (await drawn(dashboard, QUARTER, 60, signalToWireMs=values))["figures"]
    assert len(figures[0]["marks"]) == 2 * 6, "two lines, in six runs"


# The value axes


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(0, ["0", "1", "2"]), (3, ["0", "2", "4"]), (7, ["0", "5", "10"]), (120, ["0", "100", "200"])],
)
async def test_counts_have_round_ticks_and_the_right_height(
    dashboard: Dashboard, highest: int, ticks: list[str]
) -> None:
    figure = (await drawn(dashboard, queueDepth=[{"value": highest}, {"value": 0}]))["figures"][1]
    labels = figure["values"]
    assert [label["text"] for label in labels] == ticks
    zero, top = labels[0]["y"], labels[-1]["y"]
    height = (zero - top) * highest / int(ticks[-1])
    assert zero - 3 - min(mark["top"] for mark in figure["marks"]) == pytest.approx(height, abs=1.5)


async def test_durations_have_a_tick_for_every_power_of_ten(dashboard: Dashboard) -> None:
    values = [{"p50": 10.0, "p99": 4_000.0, "count": 1}]
    figure = (await drawn(dashboard, signalToWireMs=values))["figures"][0]
    labels = {label["text"]: label["y"] - 3 for label in figure["values"]}
    assert list(labels) == ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]
    [p50] = [mark for mark in figure["marks"] if mark["series"] == "p50"]
    assert (p50["top"] + p50["bottom"]) / 2 == pytest.approx(labels["10 ms"], abs=1.5)


# Colours


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_series_has_a_distinct_colour_with_enough_contrast(dashboard: Dashboard, scheme: str) -> None:
    await dashboard.page.look_like(scheme=scheme)
    figures = (await drawn(dashboard))["figures"]
    await dashboard.page.picture(f"plots-{scheme}")
    card = channels(await dashboard.page.js("getComputedStyle(document.querySelector('#plots')).backgroundColor"))
    for figure, expected in ((figures[0], ["p50", "p99"]), (figures[3], OUTCOMES)):
        keys = {key["series"]: channels(key["colour"]) for key in figure["keys"]}
        assert list(keys) == expected
        assert {mark["series"]: channels(mark["colour"]) for mark in figure["marks"]} == keys, "as the legend says"
        for one, other in itertools.combinations(keys, 2):
            assert distance(keys[one], keys[other]) > 0.09, (one, other)
        for series, colour in keys.items():
            assert contrast(colour, card) >= 2.8, series


# Pointing


async def test_pointing_at_one_plot_marks_the_same_instant_in_all(dashboard: Dashboard) -> None:
    await drawn(dashboard)
    crosses = await dashboard.page.js(
        """(() => {
          const svg = document.querySelectorAll("#plots svg")[2];
          const box = svg.getBoundingClientRect();
          const at = {bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + 40};
          svg.dispatchEvent(new PointerEvent("pointermove", at));
          const crosses = [...document.querySelectorAll("#plots .cross")];
          const shown = crosses.map((node) => [node.getAttribute("visibility"), node.getAttribute("x1")]);
          const said = [...document.querySelectorAll("#plots .readout")].map((node) => node.textContent.slice(0, 5));
          svg.dispatchEvent(new PointerEvent("pointerleave"));
          return {shown, said};
        })()"""
    )
    assert {each[0] for each in crosses["shown"]} == {"visible"}
    assert len({each[1] for each in crosses["shown"]}) == 1
    assert len(set(crosses["said"])) == 1
    hidden = (
        "[...document.querySelectorAll('#plots .cross')].every((each) => each.getAttribute('visibility') === 'hidden')"
    )
    assert await dashboard.page.js(hidden)


def _left(marks: list[dict[str, Any]]) -> float:
    return min(float(mark["left"]) for mark in marks)


def _right(marks: list[dict[str, Any]]) -> float:
    return max(float(mark["right"]) for mark in marks)


def channels(colour: str) -> tuple[float, float, float]:
    """Read ``rgb(1, 2, 3)`` into linear light."""
    red, green, blue = (int(each) / 255 for each in colour.removeprefix("rgb(").removesuffix(")").split(","))
    return (_linear(red), _linear(green), _linear(blue))


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return the contrast of two colours (WCAG)."""
    dark, light = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (one, other))
    return (light + 0.05) / (dark + 0.05)


def distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return how different two colours look (Oklab; 0.02 is just seen)."""
    return math.dist(_oklab(one), _oklab(other))


def _oklab(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = colour
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
