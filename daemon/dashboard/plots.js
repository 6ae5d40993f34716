// Four small plots of the last minutes, drawn as SVG: signal to wire, queue depth, rate budget, outcomes.

import { instant } from "./clock.js";
import { byId, el, fill, part, say } from "./dom.js";
import { TONES, words } from "./shown.js";

const HEIGHT = 96;
const BARS = 60;
const SVG = "http://www.w3.org/2000/svg";
const STACK = ["good", "busy", "idle", "warn", "bad"]; // from the bottom up

const CHARTS = [
  {
    title: "Signal to wire",
    series: "signalToWireMs",
    lines: [["p99", "second"], ["p50", "first"]],
    scale: (points) => logarithmic(Math.max(10, ...points.map((point) => point.p99 ?? 0))),
    say: (point) => (point.count ? `p50 ${ms(point.p50)} · p99 ${ms(point.p99)} · ${point.count} sent` : "nothing sent"),
    sum: (points) => latest(points.filter((point) => point.count)) ?? points.at(-1),
  },
  {
    title: "Queue depth",
    series: "queueDepth",
    lines: [["value", "first"]],
    area: true,
    scale: (points) => linear(Math.max(4, ...points.map((point) => point.value)), (value) => value.toFixed(0)),
    say: (point) => `${point.value} waiting`,
    sum: latest,
  },
  {
    title: "Rate budget left",
    series: "rateBudget",
    lines: [["value", "first"]],
    area: true,
    scale: () => linear(1, percent),
    say: (point) => `${percent(point.value)} left`,
    sum: latest,
  },
  {
    title: "Outcomes",
    series: "outcomes",
    bars: true,
    scale: (points) => linear(Math.max(4, ...points.map(total)), (value) => value.toFixed(0)),
    say: (point) => counts(point).map(([state, count]) => `${words(state)} ${count}`).join(" · ") || "none",
    sum: (points) => merged(points),
  },
];

let charts = [];
let stats = null;

/** Put the plots into the page. */
export function place() {
  const home = byId("plots").querySelector(".charts");
  charts = CHARTS.map((chart) => {
    const readout = el("span", { class: "readout" }, "–");
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("height", HEIGHT);
    home.append(el("figure", {}, el("figcaption", {}, el("strong", {}, chart.title), " ", readout), drawing));
    const made = { ...chart, readout, drawing, points: [] };
    drawing.addEventListener("pointermove", (event) => point(made, event.offsetX));
    drawing.addEventListener("pointerleave", () => unpoint(made));
    return made;
  });
  new ResizeObserver(() => stats && update(stats)).observe(home);
}

/** Show the series. */
export function update(found) {
  stats = found;
  for (const chart of charts) {
    const points = found.series[chart.series];
    chart.points = chart.bars ? gathered(points) : points;
    draw(chart);
    if (!chart.pointed) readOut(chart);
  }
}

export function fail(message) {
  for (const { readout } of charts) say(readout, message);
}

function draw(chart) {
  const { drawing, points } = chart;
  const width = drawing.clientWidth || drawing.parentElement.clientWidth;
  drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const scale = chart.scale(points);
  const x = (index) => (points.length < 2 ? width : (index / (points.length - 1)) * width);
  const y = (value) => HEIGHT - 1 - scale.place(value) * (HEIGHT - 16);
  const parts = scale.ticks.flatMap((value) => grid(y(value), width, scale.write(value)));
  if (chart.bars) parts.push(...bars(points, width, y));
  for (const [name, kind] of chart.lines ?? []) {
    const path = line(points, name, x, y);
    if (chart.area && points.length > 1) parts.push(shape("path", { class: "area", d: `${path}V${HEIGHT}H0Z` }));
    parts.push(shape("path", { class: `line ${kind}`, d: path }));
  }
  chart.cross = shape("line", { class: "cross", y1: 0, y2: HEIGHT, visibility: "hidden" });
  drawing.replaceChildren(...parts, chart.cross);
}

function line(points, name, x, y) {
  let path = "";
  let pen = false;
  points.forEach((each, index) => {
    const value = each[name];
    if (value === null || value === undefined) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}${pen ? "" : "h0.01"}`;
    pen = true;
  });
  return path;
}

function bars(points, width, y) {
  const step = width / Math.max(BARS, points.length);
  const parts = [];
  points.forEach((each, index) => {
    let below = 0;
    for (const tone of STACK) {
      const count = counts(each).reduce((sum, [state, number]) => sum + ((TONES[state] ?? "idle") === tone ? number : 0), 0);
      if (!count) continue;
      const [bottom, top] = [y(below), y(below + count)];
      const left = width - (points.length - index) * step;
      parts.push(shape("rect", { class: `bar ${tone}`, x: left, width: Math.max(1, step - 1), y: top, height: bottom - top }));
      below += count;
    }
  });
  return parts;
}

function grid(y, width, text) {
  const label = shape("text", { class: "label", x: 0, y: y - 3 });
  label.textContent = text;
  return [shape("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }), label];
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function point(chart, offset) {
  const { points, drawing } = chart;
  if (!points.length) return;
  const share = offset / drawing.clientWidth;
  const slots = chart.bars ? Math.max(BARS, points.length) : points.length - 1;
  const index = chart.bars ? Math.floor(share * slots) - (slots - points.length) : Math.round(share * slots);
  const each = points[Math.min(points.length - 1, Math.max(0, index))];
  chart.pointed = true;
  chart.cross.setAttribute("visibility", "visible");
  chart.cross.setAttribute("x1", offset);
  chart.cross.setAttribute("x2", offset);
  say(chart.readout, `${instant(each.atMs)} · ${chart.say(each)}`);
}

function unpoint(chart) {
  chart.pointed = false;
  chart.cross.setAttribute("visibility", "hidden");
  readOut(chart);
}

function readOut(chart) {
  const each = chart.points.length ? chart.sum(chart.points) : undefined;
  const text = each ? chart.say(each) : "no figures yet";
  if (chart.bars && each) fill(chart.readout, legend(each, text));
  else fill(chart.readout, [text]);
  chart.drawing.setAttribute("aria-label", `${chart.title}: ${text}`);
}

function legend(each, text) {
  const found = counts(each).map(([state, count]) => part("span", { class: "key", "data-tone": TONES[state] ?? "idle" }, `${words(state)} ${count}`));
  return found.length ? found : [text];
}

/** Gather steps into as many bars as there is room for. */
function gathered(points) {
  const size = Math.ceil(points.length / BARS);
  const found = [];
  for (let end = points.length; end > 0; end -= size) found.unshift(merged(points.slice(Math.max(0, end - size), end)));
  return found;
}

function merged(points) {
  const sum = { atMs: points[0]?.atMs };
  for (const each of points) for (const [state, count] of counts(each)) sum[state] = (sum[state] ?? 0) + count;
  return sum;
}

function counts(point) {
  return Object.entries(point).filter(([name, count]) => name !== "atMs" && count > 0);
}

function total(point) {
  return counts(point).reduce((sum, [, count]) => sum + count, 0);
}

function latest(points) {
  return points.at(-1);
}

function linear(highest, write) {
  return { place: (value) => value / highest, ticks: [highest / 2, highest], write };
}

function logarithmic(highest) {
  const decades = Math.ceil(Math.log10(highest));
  const ticks = Array.from({ length: decades }, (_, index) => 10 ** (index + 1));
  return { place: (value) => Math.log10(Math.max(1, value)) / decades, ticks, write: ms };
}

function ms(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

function percent(value) {
  return `${Math.round(value * 100)} %`;
}
