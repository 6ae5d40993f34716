// One order: its facts, what comes next and when, its events and attempts.

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
  const allFacts = el("dl", { class: "facts" });
  view = {
    orderId,
    head: el("div", { class: "head" }),
    next: el("div"),
    acts: el("div", { class: "actions" }),
    facts: el("dl", { class: "facts" }),
    allFacts,
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
    el("section", { class: "wide" }, el("h3", {}, "The order"), view.facts, el("details", {}, el("summary", {}, "All fields"), allFacts)),
    el("section", { class: "wide" }, el("h3", {}, "Next"), view.next, view.acts),
    part_("Fills", el("div", { class: "table fills" }, view.fills.node, view.missing)),
    part_("What happened", view.events),
    part_("Attempts", view.attempts),
    part_("Locks", view.locks),
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
  showEvents(folded(events.map((event, number) => ({ number, ...event }))));
  keyed(view.attempts, attempts, (attempt) => attempt.number, () => el("li"), (item, attempt) => fill(item, attemptParts(attempt)));
  keyed(view.locks, locks, (lock) => lock.id, () => el("li"), (item, lock) => fill(item, lockParts(lock)));
  showFacts(view.facts, facts(order));
  showFacts(
    view.allFacts,
    Object.entries(order).map(([name, value]) => [spaced(name), value === null ? null : TIMES.test(name) ? instant(value, true) : String(value)]),
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

/** Return what a reader looks for first, as names and texts. */
function facts(order) {
  const time = (ms) => (ms === null ? null : instant(ms, true));
  return [
    ["Reason", order.reason],
    ["Order id", order.id],
    ...shown.executed(order),
    ["Accepted", time(order.acceptedAtMs)],
    ["To be sent at", time(order.executeAtMs)],
    [shown.WAITING.has(order.state) ? "Sent by (deadline)" : "Sent", time(shown.WAITING.has(order.state) ? order.deadlineAtMs : order.sentAtMs)],
    ["Finished", time(order.finishedAtMs)],
    ["Owner", order.ownerId],
    ["Target", order.snipeTargetId],
    ["Client order id", order.clientOrderId],
    ["Exchange order id", order.exchangeOrderId],
  ];
}

function showFacts(node, named) {
  keyed(
    node,
    named.filter(([, text]) => text !== null),
    ([name]) => name,
    ([name]) => el("div", { class: name.toLowerCase() === "reason" ? "long" : null }, el("dt", {}, name), el("dd")),
    (item, [, text]) => say(item.lastElementChild, text),
  );
}

/** Fold repeated queries: of those that follow one another, only the last of each source is shown by itself. */
function folded(events) {
  const shown_ = [];
  let run = [];
  const end = () => {
    const last = new Map(run.map((event) => [event.detail.witness, event]));
    const earlier = run.filter((event) => last.get(event.detail.witness) !== event);
    if (earlier.length) shown_.push({ number: `folded-${earlier[0].number}`, earlier });
    shown_.push(...run.filter((event) => !earlier.includes(event)));
    run = [];
  };
  for (const event of events) {
    if (event.name === "order.looked") {
      run.push(event);
      continue;
    }
    end();
    shown_.push(event);
  }
  end();
  return shown_;
}

function showEvents(events, node = view.events) {
  const make = ({ earlier }) => (earlier ? el("li", { class: "folded" }, el("details", {}, el("summary"), el("ol", { class: "events" }))) : el("li"));
  keyed(node, events, (event) => event.number, make, (item, event) => {
    if (event.earlier) showFolded(item, event.earlier);
    else fill(item, eventParts(event));
  });
}

function showFolded(item, earlier) {
  const many = earlier.length === 1 ? "1 earlier query" : `${earlier.length} earlier queries`;
  say(item.querySelector("summary"), `${many}, ${instant(earlier[0].atMs)} to ${instant(earlier.at(-1).atMs)}`);
  showEvents(earlier, item.querySelector("ol"));
}

function acts(order) {
  if (shown.UNKNOWN.has(order.state)) return [shown.button("resolve", order.id, "Resolve outcome…")];
  if (order.state === "dead_letter") {
    return [shown.button("requeue", order.id, "Send again…"), shown.button("discard", order.id, "Discard…", true)];
  }
  return shown.isCancelable(order) ? [shown.button("cancel", order.id, "Cancel order…", true)] : [];
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
