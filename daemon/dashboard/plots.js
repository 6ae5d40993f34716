// Four small SVG plots: signal to wire, queue depth, rate budget, outcomes. They share one time axis: an instant has the
// same position in all plots, and pointing at one plot points at the same instant in all.

import { countScale, durationScale, percent, shareScale, timeAxis, timeOfDay } from "./axes.js";
import { instant, now } from "./clock.js";
import { byId, el, fill, part, say } from "./dom.js";
import { OUTCOMES, words } from "./shown.js";

const HEIGHT = 128;
const TOP = 8; // the position of the highest value
const FLOOR = HEIGHT - 18; // the position of 0; the labels of the time axis are below
const GUTTER = 46; // the width of the value labels at the left
const MARGIN = 16; // half a label of the time axis, at the right
const BARS = 60;
const SVG = "http://www.w3.org/2000/svg";

const CHARTS = [
  {
    title: "Signal to wire",
    series: "signalToWireMs",
    lines: ["p99", "p50"],
    scale: (points) => durationScale(Math.max(...points.map((point) => point.p99 ?? 0))),
    say: (point) => (point.count ? [key("p50", ms(point.p50)), key("p99", ms(point.p99)), ` ${point.count} sent`] : ["nothing sent"]),
    sum: (points) => points.findLast((point) => point.count) ?? points.at(-1),
  },
  {
    title: "Queue depth",
    series: "queueDepth",
    lines: ["value"],
    area: true,
    scale: (points) => countScale(Math.max(...points.map((point) => point.value))),
    say: (point) => [`${point.value} waiting`],
    sum: (points) => points.at(-1),
  },
  {
    title: "Rate budget left",
    series: "rateBudget",
    lines: ["value"],
    area: true,
    scale: shareScale,
    say: (point) => [`${percent(point.value)} left`],
    sum: (points) => points.at(-1),
  },
  {
    title: "Outcomes",
    series: "outcomes",
    bars: true,
    scale: (points) => countScale(Math.max(...points.map(total))),
    say: (point) => (total(point) ? counts(point).map(([state, count]) => key(state, count)) : ["none"]),
    sum: merged,
  },
];

let charts = [];
let stats = null; // the newest statistics
let axis = null; // the time axis
let pointedMs = null; // the instant under the pointer

/** Put the plots into the page. */
export function place() {
  const home = byId("plots").querySelector(".charts");
  charts = CHARTS.map((chart) => {
    const readout = el("span", { class: "readout" }, "–");
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("height", HEIGHT);
    home.append(el("figure", {}, el("figcaption", {}, el("strong", {}, chart.title), " ", readout), drawing));
    drawing.addEventListener("pointermove", (event) => point(axis?.at(event.offsetX) ?? null));
    drawing.addEventListener("pointerleave", () => point(null));
    return { ...chart, readout, drawing, points: [] };
  });
  new ResizeObserver(() => stats && draw()).observe(home);
}

/** Show the series of the last `windowS` seconds. */
export function update(found, windowS) {
  stats = { ...found, windowMs: windowS * 1000, endMs: now() };
  draw();
}

export function fail(message) {
  for (const { readout } of charts) say(readout, message);
}

function draw() {
  const { drawing } = charts[0];
  const width = drawing.clientWidth || drawing.parentElement.clientWidth;
  axis = timeAxis(stats.endMs, stats.windowMs, GUTTER, width - MARGIN);
  for (const chart of charts) {
    const points = stats.series[chart.series].filter((each) => each.atMs + stats.stepMs > axis.startMs);
    chart.points = chart.bars ? gathered(points) : points;
    drawOne(chart, width);
  }
  point(pointedMs);
}

function drawOne(chart, width) {
  const { drawing, points } = chart;
  drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const scale = chart.scale(points.length ? points : [{ value: 0 }]);
  const y = (value) => FLOOR - scale.place(value) * (FLOOR - TOP);
  const parts = scale.ticks.flatMap((value) => valueTick(y(value), width, scale.write(value)));
  parts.push(...axis.ticks.flatMap(timeTick));
  if (chart.bars) parts.push(...bars(points, y));
  for (const name of chart.lines ?? []) {
    for (const run of runs(points, name)) {
      const path = `M${run.map((each) => `${middle(each).toFixed(1)} ${y(each[name]).toFixed(1)}`).join("L")}`;
      if (chart.area) parts.push(shape("path", { class: "area", d: `${path}V${FLOOR}H${middle(run[0]).toFixed(1)}Z` }));
      parts.push(shape("path", { class: "line", "data-series": name, d: run.length > 1 ? path : `${path}h0.01` }));
    }
  }
  chart.cross = shape("line", { class: "cross", y1: TOP, y2: FLOOR, visibility: "hidden" });
  drawing.replaceChildren(...parts, chart.cross);
}

/** Return the position of a step on the time axis. */
function middle(each) {
  return axis.place(Math.min(axis.endMs, Math.max(axis.startMs, each.atMs + stats.stepMs / 2)));
}

/** Split a series at its gaps: steps without a value, and steps that were not measured. */
function runs(points, name) {
  const found = [];
  let last = null;
  for (const each of points) {
    if (each[name] === null || each[name] === undefined) {
      last = null;
      continue;
    }
    if (last === null || each.atMs - last.atMs > 2 * stats.stepMs) found.push([]);
    found.at(-1).push(each);
    last = each;
  }
  return found;
}

function bars(points, y) {
  const parts = [];
  for (const each of points) {
    const left = axis.place(Math.max(axis.startMs, each.atMs));
    const right = axis.place(Math.min(axis.endMs, each.atMs + each.lengthMs));
    let below = 0;
    for (const [state, count] of counts(each)) {
      const [bottom, top] = [y(below), y(below + count)];
      parts.push(shape("rect", { class: "bar", "data-series": state, x: left, width: Math.max(1, right - left - 1), y: top, height: bottom - top }));
      below += count;
    }
  }
  return parts;
}

function valueTick(y, width, text) {
  const label = shape("text", { class: "label value", x: GUTTER - 6, y: y + 3 });
  label.textContent = text;
  return [shape("line", { class: "grid", x1: GUTTER, x2: width - MARGIN, y1: y, y2: y }), label];
}

function timeTick(ms) {
  const x = axis.place(ms);
  const label = shape("text", { class: "label time", x, y: HEIGHT - 4 });
  label.textContent = timeOfDay(ms);
  return [shape("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: FLOOR + 4 }), label];
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Mark an instant in every plot; `null` removes the mark. */
function point(ms) {
  pointedMs = ms !== null && ms >= axis.startMs && ms <= axis.endMs ? ms : null;
  for (const chart of charts) {
    chart.cross?.setAttribute("visibility", pointedMs === null ? "hidden" : "visible");
    for (const end of pointedMs === null ? [] : ["x1", "x2"]) chart.cross.setAttribute(end, axis.place(pointedMs));
    readOut(chart);
  }
}

function readOut(chart) {
  const { points, readout } = chart;
  if (!points.length) {
    fill(readout, ["no figures yet"]);
  } else if (pointedMs === null) {
    fill(readout, chart.say(chart.sum(points)));
    chart.drawing.setAttribute("aria-label", `${chart.title}, until ${timeOfDay(axis.endMs)}: ${readout.textContent}`);
  } else {
    const found = points.find((each) => pointedMs >= each.atMs && pointedMs < each.atMs + (each.lengthMs ?? stats.stepMs));
    fill(readout, [`${instant(found?.atMs ?? pointedMs)} `, ...(found ? chart.say(found) : ["no figures"])]);
  }
}

/** Describe an entry of a legend: colour, name and value. */
function key(series, figure) {
  return part("span", { class: "key", "data-series": series }, `${words(series)} ${figure}`);
}

/** Merge steps into at most `BARS` bars; each covers a whole number of steps. */
function gathered(points) {
  const lengthMs = Math.ceil(stats.windowMs / stats.stepMs / BARS) * stats.stepMs;
  const found = new Map();
  for (const each of points) {
    const atMs = Math.floor(each.atMs / lengthMs) * lengthMs;
    found.set(atMs, [...(found.get(atMs) ?? []), each]);
  }
  return [...found].map(([atMs, steps]) => ({ ...merged(steps), atMs, lengthMs }));
}

function merged(points) {
  const sum = {};
  for (const each of points) for (const [state, count] of counts(each)) sum[state] = (sum[state] ?? 0) + count;
  return sum;
}

/** Count the orders that ended in each state, in the order in which bars are stacked. */
function counts(point) {
  return OUTCOMES.filter((state) => point[state] > 0).map((state) => [state, point[state]]);
}

function total(point) {
  return counts(point).reduce((sum, [, count]) => sum + count, 0);
}

function ms(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}
