// Instants and durations, by the daemon's clock: the browser's clock may be wrong.

let ahead = 0; // the daemon's clock minus the browser's, ms

export function setNow(daemonMs) {
  ahead = daemonMs - Date.now();
}

export function now() {
  return Date.now() + ahead;
}

/** Format a duration: 0.4 s, 12 s, 3 m 04 s, 5 h 12 m, 3 d 04 h. */
export function duration(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d ${two((s % 86400) / 3600)} h`;
}

/** Format an instant: the time of day, with the date unless it is today. */
export function instant(ms, withMs = false) {
  const at = new Date(ms);
  const two = (value) => String(value).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const exact = withMs ? `${time}.${String(at.getMilliseconds()).padStart(3, "0")}` : time;
  if (at.toDateString() === new Date(now()).toDateString()) return exact;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${exact}`;
}

const FORMATS = {
  age: (ms) => duration(now() - ms),
  left: (ms) => (ms > now() ? `in ${duration(ms - now())}` : `${duration(now() - ms)} ago`),
  lease: (ms) => (ms > now() ? duration(ms - now()) : `expired ${duration(now() - ms)} ago`),
  due: (ms) => (ms > now() ? `in ${duration(ms - now())}` : "now"),
};

/** Attributes of an element whose text changes as time passes. */
export function ticking(kind, ms) {
  return { class: "ticking", "data-kind": kind, "data-ms": ms, title: instant(ms, true) };
}

/** Update every such text. */
export function tick(root = document) {
  for (const node of root.querySelectorAll(".ticking")) {
    const text = FORMATS[node.dataset.kind](Number(node.dataset.ms));
    if (node.textContent !== text) node.textContent = text;
  }
}
