// One order: its events and attempts, why it waits, and what comes next and when.

import { instant, tick } from "./clock.js";
import { el, fill, keyed, part, say, show, table } from "./dom.js";
import * as shown from "./shown.js";

const TIMES = /(_ms|AtMs|SinceMs)$/;
const DURATIONS = new Set(["after_ms", "took_ms", "waited_ms"]);

let view = null;

/** Show the frame of an order's page; `update` fills its parts. */
export function begin(root, orderId) {
  const title = el("h2", { tabindex: "-1" }, "Order ", el("code", {}, orderId));
  const part_ = (name, node) => el("section", { class: "wide" }, el("h3", {}, name), node);
  view = {
    orderId,
    head: el("div", { class: "head" }),
    next: el("div"),
    acts: el("div", { class: "actions" }),
    facts: el("dl", { class: "facts" }),
    events: el("ol", { class: "events" }),
    attempts: el("ol", { class: "attempts" }),
    fills: fillsTable(),
    missing: el("p", { class: "empty" }),
    locks: el("ul", { class: "plain" }),
    failed: el("p", { role: "alert", hidden: true }),
  };
  root.replaceChildren(
    el("p", {}, el("a", { href: "#/" }, "← Overview")),
    el("div", { class: "titled" }, title, view.head),
    view.failed,
    el("section", { class: "wide" }, el("h3", {}, "Next"), view.next, view.acts),
    part_("Fills", el("div", { class: "table fills" }, view.fills.node, view.missing)),
    part_("What happened", view.events),
    part_("Attempts", view.attempts),
    part_("Locks", view.locks),
    part_("The order", view.facts),
  );
  title.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

export function fail(message) {
  say(view.failed, message);
  show(view.failed, true);
}

/** Fill in the parts of the order's page. */
export function update({ order, attempts, locks, fills, fillsMissing, events, next, then, advice, countdown }) {
  if (order.id !== view.orderId) return;
  show(view.failed, false);
  fill(view.head, [shown.pill(order.state), " ", ...shown.request(order)]);
  fill(view.next, [
    part("p", { class: "next" }, ...shown.nextCell(next)),
    then ? part("p", {}, shown.muted("then "), ...shown.nextCell(then)) : null,
    ...shown.countdown(countdown),
    advice ? part("p", {}, shown.muted("to do "), ...shown.marked(advice)) : null,
  ]);
  fill(view.acts, acts(order));
  updateFills(fills, fillsMissing);
  const numbered = events.map((event, number) => ({ number, ...event }));
  keyed(view.events, numbered, (event) => event.number, () => el("li"), (item, event) => fill(item, eventParts(event)));
  keyed(view.attempts, attempts, (attempt) => attempt.number, () => el("li"), (item, attempt) => fill(item, attemptParts(attempt)));
  keyed(view.locks, locks, (lock) => lock.id, () => el("li"), (item, lock) => fill(item, lockParts(lock)));
  keyed(
    view.facts,
    Object.entries(order).filter(([, value]) => value !== null),
    ([name]) => name,
    ([name]) => el("div", {}, el("dt", {}, spaced(name)), el("dd")),
    (node, [name, value]) => say(node.lastElementChild, TIMES.test(name) ? instant(value, true) : String(value)),
  );
  tick();
}

/** Show the trades of an order, and why they are not all that was executed. */
function updateFills(fills, missing) {
  const aligned = ["price", "quantity", "quote"].reduce(withEqualDecimals, fills);
  view.fills.update(aligned);
  show(view.fills.node, fills.length > 0);
  say(view.missing, missing ?? "");
  show(view.missing, missing !== null);
  show(view.missing.closest("section"), fills.length > 0 || missing !== null);
}

function fillsTable() {
  const columns = [
    { label: "Time", cell: (trade) => [shown.at(trade.at)] },
    { label: "Price", kind: "number", cell: (trade) => [trade.price] },
    { label: "Quantity", kind: "number", cell: (trade) => [trade.quantity] },
    { label: "Value", kind: "number", cell: (trade) => [trade.quote] },
    { label: "Fee", kind: "number", cell: (trade) => [`${trade.fee} ${trade.feeAsset}`] },
    { label: "As", cell: (trade) => [trade.isMaker ? "maker" : "taker"] },
  ];
  return table("Fills", columns, (trade) => trade.tradeId);
}

/** Give the amounts of a column equally many decimal places, so that their points are below one another. */
function withEqualDecimals(trades, name) {
  const places = Math.max(0, ...trades.map((trade) => decimals(trade[name])));
  const padded = (amount) => (places > 0 && !amount.includes(".") ? `${amount}.` : amount) + "0".repeat(places - decimals(amount));
  return trades.map((trade) => ({ ...trade, [name]: padded(trade[name]) }));
}

function decimals(amount) {
  return amount.includes(".") ? amount.length - amount.indexOf(".") - 1 : 0;
}

function acts(order) {
  if (shown.UNKNOWN.has(order.state)) return [shown.button("resolve", order.id, "Resolve…")];
  if (order.state === "dead_letter") {
    return [shown.button("requeue", order.id, "Requeue…"), shown.button("discard", order.id, "Discard…", true)];
  }
  const may = shown.WAITING.has(order.state) || (shown.RESTING.has(order.state) && order.finishedAtMs === null);
  return may ? [shown.button("cancel", order.id, "Cancel…", true)] : [];
}

function eventParts(event) {
  const by = event.actor === "daemon" ? null : shown.muted(`by ${event.actor}`);
  return [
    shown.at(event.atMs, true),
    part("span", { class: "name" }, shown.words(event.name.replace(/^order\./, ""))),
    event.state ? shown.pill(event.state) : null,
    by,
    part("div", { class: "detail" }, ...(event.name === "order.looked" ? query(event.detail) : details(event.detail))),
  ];
}

function query({ witness, failed, found, asked, answered }) {
  const raw = [part("pre", {}, asked ?? ""), part("pre", {}, answered ?? "")];
  return [part("details", {}, part("summary", {}, shown.queryResult(witness, failed, found)), ...raw)];
}

function details(detail) {
  return Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => part("span", {}, shown.muted(`${spaced(name)} `), formatted(name, value)));
}

function formatted(name, value) {
  if (!TIMES.test(name)) return String(value);
  return DURATIONS.has(name) ? `${value} ms` : instant(value, true);
}

function attemptParts(attempt) {
  const code = attempt.code === null ? null : ` code ${attempt.code}`;
  return [
    part("strong", {}, `no. ${attempt.number}, ${shown.words(attempt.state)}`),
    " ",
    shown.code(attempt.clientOrderId),
    part("p", {}, "started ", shown.at(attempt.startedAtMs, true), ", answered ", shown.at(attempt.answeredAtMs, true), code),
    attempt.message ? part("p", {}, attempt.message) : null,
    attempt.asked ? part("pre", {}, attempt.asked) : null,
    attempt.answered ? part("pre", {}, attempt.answered) : null,
  ];
}

function lockParts(lock) {
  const end = lock.releasedAtMs === null ? [" lease ", shown.until(lock.expiresAtMs, "lease")] : [" ended ", shown.at(lock.releasedAtMs, true)];
  return [
    part("strong", {}, shown.words(lock.state)),
    " ",
    shown.code(lock.resource),
    ` token ${lock.fencingToken}, ${lock.ownerId},`,
    ...end,
    lock.overdue ? part("strong", { class: "overdue" }, " overdue") : null,
    lock.error ? ` ${lock.error}` : null,
  ];
}

function spaced(name) {
  return name
    .replace(/(_ms|AtMs|Ms)$/, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}
