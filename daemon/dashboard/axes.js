// Scales and ticks of the plots. Everything here computes; nothing here touches the page.

const MINUTE_MS = 60_000;
const TIME_STEPS_MS = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * MINUTE_MS);
const LABEL_PX = 64; // what a time of day needs beside the next one

/**
 * The time axis that all plots share: from one edge of the window to the other, whatever there is to show in between.
 * `left` and `right` are where it begins and ends in a plot.
 */
export function timeAxis(endMs, windowMs, left, right) {
  const startMs = endMs - windowMs;
  const place = (ms) => left + ((ms - startMs) / windowMs) * (right - left);
  const at = (px) => startMs + ((px - left) / (right - left)) * windowMs;
  return { startMs, endMs, place, at, ticks: timeTicks(startMs, endMs, right - left) };
}

/** Instants on the full minute, hour or what lies between, in the time of this place, as many as there is room for. */
function timeTicks(startMs, endMs, width) {
  const room = Math.max(1, Math.floor(width / LABEL_PX));
  const step = TIME_STEPS_MS.find((each) => (endMs - startMs) / each <= room) ?? TIME_STEPS_MS.at(-1);
  const shift = new Date(endMs).getTimezoneOffset() * MINUTE_MS; // a place may be half an hour beside the full hour
  const ticks = [];
  for (let ms = Math.ceil((startMs - shift) / step) * step + shift; ms <= endMs; ms += step) ticks.push(ms);
  return ticks;
}

/** Write a tick of the time axis: hours and minutes. */
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

/** A scale of shares, from nothing to all of it. */
export function shareScale() {
  return { place: (value) => value, ticks: [0, 0.5, 1], write: percent };
}

/** A scale of durations by decades, from 1 ms to at least the highest; what is shorter lies on its floor. */
export function durationScale(highest) {
  const decades = Math.max(2, Math.ceil(Math.log10(Math.max(1, highest))));
  const ticks = Array.from({ length: decades + 1 }, (_, index) => 10 ** index);
  return { place: (value) => Math.log10(Math.max(1, value)) / decades, ticks, write: roundDuration };
}

export function percent(value) {
  return `${Math.round(value * 100)} %`;
}

/** The next of 1, 2, 5, 10, 20, 50 … that is no less. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return Math.max(1, power * [1, 2, 5, 10].find((each) => each * power >= least));
}

function roundDuration(ms) {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
