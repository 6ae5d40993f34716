// The overview: tiles, figures, and the tables of orders, locks and the queue.

import { duration, tick } from "./clock.js";
import { byId, el, fill, keyed, part, say, show, table } from "./dom.js";
import * as shown from "./shown.js";

const FIGURES = [
  ["filledToday", "Filled", "orders today (UTC)", (summary) => summary.filledToday.toLocaleString("en")],
  ["spending", "Spent", "", (summary) => (summary.spending.amount === null ? "–" : `${summary.spending.amount} ${summary.spending.asset}`)],
  ["open", "Open", "orders on the exchange", (summary) => summary.open.toLocaleString("en")],
  ["needsAttention", "Needs attention", "orders and alerts", (summary) => summary.needsAttention.toLocaleString("en")],
  ["result", "Result", "realised today (UTC)", null], // from the report
];
const TILES = [
  ["activeLocks", "Active locks", "held now"],
  ["queueLength", "Queue length", "orders and lease requests"],
  ["expiredLocks", "Expired", "leases that expired"],
  ["recentlyCompleted", "Completed", "released locks"],
  ["recentlyFailed", "Failed", "locks that ended with an error"],
];

const CUT = 72; // the order's explanation has the whole text

const decimals = {}; // of each column of numbers
const evidence = new Map(); // the newest answer of each source, by order

const doubts = table(
  "Orders whose outcome is unknown",
  [
    { label: "State", cell: (order) => [shown.pill(order.state)] },
    { label: "Order", kind: "order", cell: shown.orderCell },
    { label: "Unknown for", kind: "number", cell: (order) => [shown.since(order.inDoubtSinceMs ?? order.updatedAtMs)] },
    { label: "Evidence", kind: "evidence", cell: evidenceCell },
    { label: "Next query", kind: "number", cell: searchCell },
    { label: "Action", kind: "acts", cell: (order) => [shown.button("resolve", order.id, "Resolve outcome…")] },
  ],
  (order) => order.id,
);

const orders = table(
  "Unfinished orders",
  [
    { label: "State", cell: (order) => [shown.pill(order.state)] },
    { label: "Order", kind: "order", cell: shown.orderCell },
    { label: "Owner, target", cell: shown.ownerCell },
    { label: "Age", kind: "number", cell: (order) => [shown.since(order.acceptedAtMs)] },
    { label: "Deadline", kind: "number", cell: deadlineCell },
    ...shown.executedColumns(decimals),
    { label: "Waits for", kind: "waits", cell: waitsCell },
    { label: "Action", kind: "acts", cell: (order) => (shown.isCancelable(order) ? [shown.button("cancel", order.id, "Cancel order…")] : []) },
  ],
  (order) => order.id,
);

const locks = table(
  "Active locks",
  [
    { label: "Resource", kind: "resource", cell: (lock) => [shown.code(lock.resourceId), part("br", {}), heldFor(lock)] },
    { label: "Owner", cell: (lock) => [lock.ownerId] },
    { label: "Lease left", kind: "number", cell: leaseCell },
    { label: "Token", kind: "number", cell: (lock) => [String(lock.fencingToken)] },
    { label: "Action", kind: "acts", cell: (lock) => [shown.button("release", lock.lockId, "Release lock…", true)] },
  ],
  (lock) => lock.lockId,
);

const queue = table(
  "Queue, in order of service",
  [
    { label: "No.", kind: "number", cell: (each) => [String(each.position)] },
    { label: "Waiter", cell: (each) => [each.orderId ? shown.link(each.orderId) : "lease request", part("br", {}), shown.muted(each.ownerId)] },
    { label: "Resource", kind: "resource", cell: (each) => [shown.code(each.resourceId), part("br", {}), shown.muted(`no. ${each.resourcePosition} for this resource`)] },
    { label: "Priority", kind: "number", cell: (each) => [String(each.priority)] },
    { label: "Waiting for", kind: "number", cell: (each) => [shown.since(each.queuedAt)] },
  ],
  (each) => each.queueId,
);

const dead = table(
  "Dead letters",
  [
    { label: "Order", kind: "order", cell: shown.orderCell },
    { label: "Owner, target", cell: shown.ownerCell },
    { label: "Age", kind: "number", cell: (order) => [shown.since(order.updatedAtMs)] },
    { label: "Reason", kind: "evidence", cell: (order) => [order.reason ?? "–"] },
    {
      label: "Action",
      kind: "acts",
      cell: (order) => [shown.button("requeue", order.id, "Send again…"), shown.button("discard", order.id, "Discard…", true)],
    },
  ],
  (order) => order.id,
);

const ended = table(
  "Recently ended locks",
  [
    { label: "Lock", kind: "resource", cell: (lock) => [shown.code(lock.resourceId)] },
    { label: "Owner", cell: (lock) => [lock.ownerId] },
    { label: "Result", cell: (lock) => [lock.status, part("br", {}), shown.muted(lock.errorMessage ?? lock.error ?? "")] },
    { label: "Ended", kind: "number", cell: (lock) => [shown.at(Date.parse(lock.releasedAt))] },
  ],
  (lock) => lock.lockId,
);

/** Put the tables into the page. */
export function place() {
  for (const [id, each] of Object.entries({ doubts, orders, locks, queue, dead })) {
    byId(id).querySelector(".table").append(each.node);
  }
  byId("ended").querySelector(".table").append(ended.node);
  for (const [id, tiles] of Object.entries({ figures: FIGURES, tiles: TILES })) {
    for (const [name, label, about] of tiles) {
      byId(id).append(
        el("div", { "data-tile": name }, el("dt", {}, label), el("dd", { class: "figure" }, "–"), el("dd", { class: "about" }, about)),
      );
    }
  }
}

/** Show a board. */
export function update(board) {
  const unknown = board.orders.filter((order) => shown.UNKNOWN.has(order.state));
  const others = board.orders.filter((order) => !shown.UNKNOWN.has(order.state));
  Object.assign(decimals, shown.decimals(others));
  section("doubts", doubts, unknown, unknown.length);
  reveal("doubts", unknown.length > 0);
  section("orders", orders, others, others.length + board.unshown, board.unshown);
  section("locks", locks, board.locks, board.status.activeLocks);
  section("queue", queue, board.queue, board.queue.length);
  for (const node of document.querySelectorAll(".try")) fill(node, shown.trial(board.status.mode));
  updateFigures(board.status.summary);
  updateFacts(board.status);
  tick();
}

function updateFigures(summary) {
  for (const [name, , , read] of FIGURES.filter((each) => each[3] !== null)) {
    const tile = byId("figures").querySelector(`[data-tile=${name}]`);
    say(tile.querySelector(".figure"), read(summary));
    if (name === "spending") say(tile.querySelector(".about"), limitOf(summary.spending));
    if (name === "needsAttention") tile.dataset.tone = summary.needsAttention ? summary.tone : "";
  }
}

function limitOf({ amount, limit, asset, text }) {
  if (amount === null) return text;
  return limit === null ? "today (UTC), no daily limit" : `today (UTC), of ${limit} ${asset}`;
}

/** Show a section, or hide it; a focus in it goes to the orders. */
function reveal(id, visible) {
  const node = byId(id);
  if (!visible && node.contains(document.activeElement)) byId("orders-title").focus({ preventScroll: true });
  show(node, visible);
}

/** Show the dead letters. */
export function updateDead(letters) {
  section("dead", dead, letters, letters.length);
  reveal("dead", letters.length > 0);
  tick();
}

/** Show the counts of the bot's lock monitor, and the recently ended locks. */
export function updateTables(tables) {
  for (const [name] of TILES) say(byId("tiles").querySelector(`[data-tile=${name}] .figure`), tables.stats[name].toLocaleString("en"));
  ended.update(tables.locks.filter((lock) => lock.status !== "active").slice(0, 10));
}

/** Show the alerts. */
export function updateAlerts(alerts) {
  const node = byId("alerts");
  const rank = (alert) => (alert.state !== "firing" ? 2 : alert.severity === "critical" ? 0 : 1);
  const sorted = [...alerts].sort((one, other) => rank(one) - rank(other) || one.sinceMs - other.sinceMs);
  say(node.querySelector(".count"), String(alerts.length));
  reveal("alerts", alerts.length > 0);
  keyed(
    node.querySelector("ul"),
    sorted,
    (alert) => alert.name,
    () => el("li"),
    (item, alert) => {
      const tone = alert.state !== "firing" ? "idle" : alert.severity === "critical" ? "bad" : "warn";
      const state = part("span", { class: "state", "data-tone": tone }, `${alert.severity}, ${alert.state}`);
      fill(item, [state, " ", part("strong", {}, alert.name), ` ${alert.summary} `, ...alert.orders.map((order) => shown.muted(`${order}; `)), shown.muted("for ", shown.since(alert.sinceMs)), part("em", {}, ...shown.marked(alert.todo))]);
    },
  );
  tick();
}

/** Return the orders with an unknown outcome that were queried since their evidence was read. */
export function staleEvidence(board, most) {
  const unknown = board.orders.filter((order) => shown.UNKNOWN.has(order.state));
  const ids = new Set(unknown.map((order) => order.id));
  for (const id of evidence.keys()) if (!ids.has(id)) evidence.delete(id);
  return unknown.slice(0, most).filter((order) => evidence.get(order.id)?.rounds !== rounds(order));
}

/** Keep the newest answer of each source from an order's explanation. */
export function takeEvidence(order, explanation) {
  const latest = new Map(); // by source
  for (const event of explanation.events) if (event.name === "order.looked") latest.set(event.detail.witness, event);
  evidence.set(order.id, { rounds: rounds(order), queries: [...latest.values()] });
}

function rounds(order) {
  return order.search?.rounds ?? 0;
}

function section(id, made, items, count, unshown = 0) {
  const node = byId(id);
  made.update(items);
  say(node.querySelector(".count"), unshown ? `${count}, the first ${items.length} shown` : String(count));
  show(made.node, items.length > 0);
  const empty = node.querySelector(".empty");
  if (empty) show(empty, items.length === 0);
}

function evidenceCell(order) {
  const parts = [order.reason ?? "no answer", part("br", {})];
  for (const query of evidence.get(order.id)?.queries ?? []) {
    const { witness, failed, found, answered } = query.detail;
    const raw = shown.code(cut(answered ?? ""));
    parts.push(part("span", { class: "query" }, `${shown.queryResult(witness, failed, found)}, `, shown.since(query.atMs), " ago ", raw));
  }
  return parts;
}

function cut(text) {
  return text.length > CUT ? `${text.slice(0, CUT)}…` : text;
}

function searchCell(order) {
  if (!order.search) return ["–"];
  const misses = order.search.inVain ? `, ${order.search.inVain} misses` : "";
  return [shown.until(order.search.nextAtMs, "due"), part("br", {}), shown.muted(`${order.search.rounds} searches${misses}`)];
}

function deadlineCell(order) {
  return shown.WAITING.has(order.state) ? [shown.until(order.deadlineAtMs)] : [shown.muted("sent")];
}

function waitsCell(order) {
  const place = order.position === null ? null : shown.muted(` no. ${order.position} in the queue`);
  return [...shown.nextCell(order.next), place, ...shown.lacks(order.countdown)];
}

function heldFor(lock) {
  return lock.orderId ? shown.link(lock.orderId) : shown.muted(`${lock.transactionType}, a client's lease`);
}

function leaseCell(lock) {
  return lock.overdue ? [part("strong", { class: "overdue" }, shown.until(lock.expiresAt, "lease"))] : [shown.until(lock.expiresAt, "lease")];
}

/** Describe the state of the poller, if the bot's targets are polled. */
function pollerFacts(poller) {
  if (poller === null) return [];
  const fails = poller.failingMs > 0;
  const shows = poller.reachable === null ? "not polled yet" : `${poller.targets} targets shown, ${poller.untold} reports not delivered`;
  return [["Poller", fails ? `failing for ${duration(poller.failingMs)}: ${poller.error}` : shows, fails ? "bad" : null]];
}

function updateFacts(status) {
  const { exchange } = status;
  const budget = `${status.ordersLastSecond} of ${status.ordersPerSecond} a second`;
  const clock = exchange.offsetMs === null ? "not measured" : `clock offset ${exchange.offsetMs} ± ${exchange.uncertaintyMs.toFixed(1)} ms, round trip ${exchange.roundTripMs} ms`;
  const reached = exchange.reachable === false ? `does not answer: ${exchange.error}` : clock;
  const facts = [
    ["In flight", String(status.inFlight)],
    ["In doubt", String(status.inDoubt), status.inDoubt ? "warn" : null],
    ["Lost", String(status.lost), status.lost ? "bad" : null],
    ["Dead letters", String(status.deadLetters), status.deadLetters ? "bad" : null],
    ["Orders sent", budget],
    ["Request weight", `${exchange.weightUsed} of ${exchange.weightLimit}`],
    ["Exchange", reached, exchange.reachable === false ? "bad" : null],
    ...(status.shadowOf === null ? [] : [["Shadow of", status.shadowOf]]),
    ...pollerFacts(status.poller),
    ["Database", shown.bytes(status.databaseBytes)],
    ["Uptime", duration(status.uptimeMs)],
    ["Version", status.version],
  ];
  keyed(
    byId("facts"),
    facts,
    ([name]) => name,
    ([name]) => el("div", {}, el("dt", {}, name), el("dd")),
    (node, [, text, tone]) => {
      say(node.lastElementChild, text);
      node.dataset.tone = tone ?? "";
    },
  );
}
