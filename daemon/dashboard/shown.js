// How orders, locks and states are written. Everything here describes; nothing here touches the page.

import { instant, ticking } from "./clock.js";
import { part } from "./dom.js";
import { OUTCOMES, STATES } from "./states.js"; // written by the daemon, from its table of states

export { OUTCOMES, STATES };

export const UNKNOWN = named((meaning) => meaning.phase === "unknown");
export const RESTING = named((meaning) => meaning.phase === "resting");
export const WAITING = named((meaning) => meaning.waits);

function named(test) {
  return new Set(Object.keys(STATES).filter((state) => test(STATES[state])));
}

export function words(name) {
  return name.replaceAll("_", " ");
}

/** Show a state; the word is always there, the colour only helps. */
export function pill(state) {
  return part("span", { class: "state", "data-tone": STATES[state]?.tone ?? "idle" }, words(state));
}

export function muted(...texts) {
  return part("small", {}, ...texts);
}

export function code(text) {
  return part("code", {}, text);
}

/** Show what stands between backticks as something to type. */
export function marked(text) {
  return text.split("`").map((piece, place) => (place % 2 === 1 ? code(piece) : piece));
}

export function link(orderId) {
  return part("a", { href: `#/orders/${encodeURIComponent(orderId)}`, class: "id" }, orderId);
}

export function at(ms, withMs = false) {
  return ms === null || ms === undefined ? "–" : part("time", { title: instant(ms, true) }, instant(ms, withMs));
}

export function since(ms) {
  return part("time", ticking("age", ms), "");
}

export function until(ms, kind = "left") {
  return part("time", ticking(kind, ms), "");
}

/** Describe what is to be traded: BUY BTCUSDT, 25 quote at the market. */
export function wish(order) {
  const amount = order.quantity !== null ? order.quantity : `${order.quoteOrderQty} quote`;
  const price = order.price === null ? words(order.type.toLowerCase()) : `${words(order.type.toLowerCase())} ${order.price}`;
  return [part("strong", { class: order.side.toLowerCase() }, order.side), " ", part("strong", {}, order.symbol), ` ${amount} · ${price}`];
}

export function orderCell(order) {
  return [part("span", {}, ...wish(order)), part("br", {}), link(order.id)];
}

export function ownerCell(order) {
  return [order.ownerId, part("br", {}), muted(order.snipeTargetId ?? "no target")];
}

/** Describe what was traded, where anything was. */
export function executed(order) {
  if (order.averagePrice !== null) return `${order.executedQuantity} at ${trimmed(order.averagePrice)}`;
  return order.executedQuantity === "0" ? "–" : `${order.executedQuantity}, price not known yet`;
}

/** Describe what comes next. */
export function nextCell(next) {
  return next.atMs === null ? [next.what] : [`${next.what} `, muted(until(next.atMs))];
}

/** Write what a look has shown. */
export function looked(witness, failed, found) {
  return `${words(witness)}: ${failed ? "no answer" : found ? "seen" : "not found"}`;
}

export function button(act, id, text, danger = false) {
  return part("button", { type: "button", class: danger ? "act danger" : "act", "data-act": act, "data-id": id }, text);
}

export function bytes(count) {
  return count < 1e6 ? `${(count / 1e3).toFixed(0)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function trimmed(price) {
  return price.includes(".") ? price.replace(/(\.\d*?[1-9])0+$|\.0+$/, "$1") : price;
}
