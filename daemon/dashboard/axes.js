// Scales and ticks of the plots: computations that do not touch the page.

const MINUTE_MS = 60_000;
const TIME_STEPS_MS = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * MINUTE_MS);
const LABEL_PX = 64; // the width of a time label and its margin

/**
 * The time axis that all plots share. It covers the whole window, also where there is no data. `left` and `right` are its
 * ends in a plot, in pixels.
 */
export function timeAxis(endMs, windowMs, left, right) {
  const startMs = endMs - windowMs;
  const place = (ms) => left + ((ms - startMs) / windowMs) * (right - left);
  const at = (px) => startMs + ((px - left) / (right - left)) * windowMs;
  return { startMs, endMs, place, at, ticks: timeTicks(startMs, endMs, right - left) };
}

/** Round times of the local time zone, at the shortest step for which the labels have room. */
function timeTicks(startMs, endMs, width) {
  const room = Math.max(1, Math.floor(width / LABEL_PX));
  const step = TIME_STEPS_MS.find((each) => (endMs - startMs) / each <= room) ?? TIME_STEPS_MS.at(-1);
  const shift = new Date(endMs).getTimezoneOffset() * MINUTE_MS; // an offset may include half an hour
  const ticks = [];
  for (let ms = Math.ceil((startMs - shift) / step) * step + shift; ms <= endMs; ms += step) ticks.push(ms);
  return ticks;
}

/** Format a tick of the time axis: hours and minutes. */
export function timeOfDay(ms) {
  const at = new Date(ms);
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
}

/** A scale of whole numbers from 0 to at least the highest, with ticks at 0 and two or three round numbers. */
export function countScale(highest) {
  const step = roundStep(Math.max(2, highest) / 2);
  const top = Math.ceil(Math.max(2, highest) / step) * step;
  const ticks = Array.from({ length: top / step + 1 }, (_, index) => index * step);
  return { place: (value) => value / top, ticks, write: String };
}

/** A scale of fractions from 0 to 1. */
export function shareScale() {
  return { place: (value) => value, ticks: [0, 0.5, 1], write: percent };
}

/** A logarithmic scale of durations from 1 ms to at least the highest; shorter durations are drawn at 1 ms. */
export function durationScale(highest) {
  const decades = Math.max(2, Math.ceil(Math.log10(Math.max(1, highest))));
  const ticks = Array.from({ length: decades + 1 }, (_, index) => 10 ** index);
  return { place: (value) => Math.log10(Math.max(1, value)) / decades, ticks, write: roundDuration };
}

export function percent(value) {
  return `${Math.round(value * 100)} %`;
}

/** The smallest of 1, 2, 5, 10, 20, 50 … that is not less. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return Math.max(1, power * [1, 2, 5, 10].find((each) => each * power >= least));
}

function roundDuration(ms) {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
