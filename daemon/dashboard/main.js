// The page: reads the current state, follows the events, and shows both.

import * as acting from "./acting.js";
import * as board from "./board.js";
import { instant, now, setNow, tick } from "./clock.js";
import { byId, el, fill, keyed, part, say, show } from "./dom.js";
import * as explain from "./explain.js";
import { follow, reader } from "./feed.js";
import * as fleet from "./fleet.js";
import * as history from "./history.js";
import * as plots from "./plots.js";
import * as result from "./result.js";
import * as shown from "./shown.js";
import { Refused, read, takeToken } from "./wire.js";

const TICK_MS = 250;
const POLL_MS = 5_000; // for values that change without an event: rates, sizes, the exchange's health
const EVIDENCE_SHOWN = 8;
const TONES = ["idle", "good", "warn", "bad"]; // the worst last

let latest = null; // the board
let letters = []; // the dead letters
let alerts = []; // pending and firing
let beside = null; // the summary of this page's member of a fleet, while another one owns the account
let lostSince = null; // when the connection was lost, ms
let failure = ""; // why the connection failed
let orderId = null; // the order whose page is shown

const refresh = {
  board: reader(readBoard, 100, noteFailure),
  evidence: reader(readEvidence, 400, noteFailure),
  tables: reader(readTables, 500, noteFailure),
  history: reader(history.update, 1_000, noteFailure),
  result: reader(result.update, 1_000, noteFailure),
  fleet: reader(readFleet, 500, noteFailure),
  alerts: reader(readAlerts, 1_000, noteFailure),
  stats: reader(readStats, 1_000, () => plots.fail("no figures")),
  order: reader(readOrder, 100, noteFailure),
};

function readAll() {
  for (const request of Object.values(refresh)) request();
}

async function readBoard() {
  const found = await read("/v1/board");
  setNow(found.status.nowMs);
  latest = found;
  board.update(found);
  showStatus(found.status);
  acting.update();
  refresh.evidence();
}

async function readAlerts() {
  ({ alerts } = await read("/v1/alerts"));
  board.updateAlerts(alerts);
  showSummary();
}

async function readFleet() {
  fleet.update(await read("/v1/fleet"));
  beside = fleet.isBeside() ? (await read("/v1/status")).summary : null;
  showSummary();
  showBanners();
}

async function readEvidence() {
  if (!latest) return;
  const stale = board.staleEvidence(latest, EVIDENCE_SHOWN);
  for (const order of stale) board.takeEvidence(order, await read(`/v1/orders/${encodeURIComponent(order.id)}/explain`));
  if (stale.length) board.update(latest);
}

async function readTables() {
  const [tables, dead] = await Promise.all([read("/api/transaction-locks?limit=40"), read("/v1/orders?state=dead_letter&limit=50")]);
  board.updateTables(tables.data);
  letters = dead.orders;
  board.updateDead(letters);
  acting.update();
}

async function readStats() {
  const windowS = Number(byId("window").value);
  plots.update(await read(`/v1/stats?window_s=${windowS}`), windowS);
}

async function readOrder() {
  const wanted = orderId;
  if (wanted === null) return;
  try {
    explain.update(await read(`/v1/orders/${encodeURIComponent(wanted)}/explain`));
  } catch (error) {
    if (!(error instanceof Refused) || wanted !== orderId) throw error;
    explain.fail(error.message);
  }
}

function onEvent(name, event) {
  const about = name.split(".")[0];
  if (about === "alert") refresh.alerts();
  if (about === "fleet") refresh.fleet();
  if (about !== "request" && about !== "store") refresh.board();
  if (about === "order" || about === "lock") refresh.tables();
  if (about === "order") refresh.history();
  if (orderId !== null && (event.orderId === orderId || about === "listing")) refresh.order();
}

function noteFailure(error) {
  failure = error.message;
  if (!(error instanceof Refused)) showConnection();
}

function showConnection() {
  const node = byId("connection");
  const lost = lostSince !== null;
  node.dataset.tone = lost ? "bad" : "idle";
  say(node, lost ? "connection lost" : "connected");
  document.body.classList.toggle("stale", lost);
  showSummary();
  showBanners();
}

/** Show whether all is well. This page knows best that it is not connected; everything else the daemon says. */
function showSummary() {
  const { tone, sentence } = worst();
  document.querySelector("header").dataset.tone = tone;
  say(byId("summary"), sentence);
}

function worst() {
  if (lostSince !== null) return { tone: "bad", sentence: "Not connected to the daemon: what is shown may be old" };
  const firing = alerts.filter((alert) => alert.state === "firing");
  const said = [
    latest?.status.summary,
    beside,
    ...firing.map((alert) => ({ tone: alert.severity === "critical" ? "bad" : "warn", sentence: `Alert: ${alert.summary}` })),
  ];
  const rank = (each) => TONES.indexOf(each.tone);
  return said.filter(Boolean).reduce((one, other) => (rank(other) > rank(one) ? other : one), { tone: "idle", sentence: "Connecting to the daemon" });
}

function showAround({ bot, exchange, spending }) {
  const facts = [
    ["Bot", shown.fact(bot), bot.tone],
    ["Exchange", shown.fact(exchange), exchange.tone],
    ["Spent today", [spending.text], "idle"],
  ];
  keyed(
    byId("around"),
    facts,
    ([name]) => name,
    ([name]) => el("div", {}, el("dt", {}, name), el("dd")),
    (node, [, parts, tone]) => {
      fill(node.lastElementChild, parts);
      node.dataset.tone = tone;
    },
  );
  tick(byId("around"));
}

function showStatus(status) {
  const mode = byId("mode");
  const isShadow = status.shadowOf !== null;
  say(mode, isShadow ? "SHADOW" : status.mode);
  mode.dataset.mode = isShadow ? "shadow" : status.mode;
  mode.title = isShadow ? `Orders go to the paper exchange, at the prices of ${status.shadowOf}` : "";
  const halted = status.halted !== null;
  const halt = byId("halt");
  halt.dataset.act = halted ? "resume" : "halt";
  say(halt, halted ? "Resume trading…" : "Halt trading…");
  halt.classList.toggle("danger", !halted);
  const trouble = [halted ? "HALTED" : null, status.lost ? `${status.lost} lost` : null, status.inDoubt ? `${status.inDoubt} in doubt` : null];
  document.title = [...trouble.filter(Boolean), "sniperd"].join(" · ");
  showSummary();
  showAround(status.summary);
  showBanners();
}

function showBanners() {
  const parts = [];
  if (lostSince !== null) {
    const ago = part("span", { "aria-hidden": "true" }, ", for ", shown.since(lostSince));
    const text = `. The page shows the state before that, and keeps trying to connect. (${failure})`;
    parts.push(part("p", { class: "banner", "data-tone": "bad" }, part("strong", {}, "Connection lost"), ` since ${instant(lostSince)}`, ago, text));
  }
  parts.push(...fleet.banners());
  if (latest?.status.exchange.blockedUntilMs > now()) {
    const end = part("span", { "aria-hidden": "true" }, " Sending resumes ", shown.until(latest.status.exchange.blockedUntilMs), ".");
    parts.push(part("p", { class: "banner", "data-tone": "warn" }, "The exchange asked to wait: no order is sent.", end));
  }
  fill(byId("banners"), parts);
  tick(byId("banners"));
}

function route() {
  const [, name, id] = location.hash.split("/");
  orderId = name === "orders" && id ? decoded(id) : null;
  show(byId("overview"), orderId === null);
  show(byId("explain"), orderId !== null);
  if (orderId !== null) {
    explain.begin(byId("explain"), orderId);
    refresh.order();
  } else {
    byId("explain").replaceChildren();
    refresh.stats();
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a mistyped address: no order has this id, and the page shows that
  }
}

/** Return the lock or the order that has an id, with its description. */
function subject(id) {
  const lock = latest?.locks.find((each) => each.lockId === id);
  if (lock) {
    return { value: lock, parts: [shown.code(lock.resourceId), ` of ${lock.ownerId}, token ${lock.fencingToken}, lease left `, shown.until(lock.expiresAt, "lease")] };
  }
  const order = latest?.orders.find((each) => each.id === id) ?? letters.find((each) => each.id === id);
  return order ? { value: order, parts: [shown.pill(order.state), " ", ...shown.request(order), " ", shown.code(order.clientOrderId ?? order.id)] } : null;
}

takeToken();
board.place();
fleet.place();
plots.place();
history.place(refresh.history);
result.place(refresh.result);
acting.begin(subject, readAll);
window.addEventListener("hashchange", () => {
  takeToken();
  route();
});
byId("window").addEventListener("change", refresh.stats);
route();
setInterval(() => {
  tick();
  showBanners();
}, TICK_MS);
setInterval(() => {
  if (lostSince === null) for (const each of ["board", "stats", "alerts", "fleet", "order"]) refresh[each]();
}, POLL_MS);
readAll();
readBoard().then(acting.reopen, noteFailure);
follow({
  onOpen: () => {
    lostSince = null;
    showConnection();
    readAll();
  },
  onEvent,
  onLost: (error) => {
    lostSince ??= now();
    failure = error.message;
    showConnection();
  },
});
