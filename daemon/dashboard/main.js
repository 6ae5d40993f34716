// The page: reads what stands, follows what happens, shows it.

import * as acting from "./acting.js";
import * as board from "./board.js";
import { instant, now, setNow, tick } from "./clock.js";
import { byId, fill, part, say, show } from "./dom.js";
import * as explain from "./explain.js";
import { follow, reader } from "./feed.js";
import * as history from "./history.js";
import * as plots from "./plots.js";
import * as shown from "./shown.js";
import { Refused, read, takeToken } from "./wire.js";

const TICK_MS = 250;
const POLL_MS = 5_000; // for what changes without an event: rates, sizes, the exchange's health
const EVIDENCE_SHOWN = 8;

let latest = null; // the board
let letters = []; // dead ones
let lostSince = null; // the connection
let failure = ""; // of the connection
let orderId = null; // which is explained

const refresh = {
  board: reader(readBoard, 100, noteFailure),
  evidence: reader(readEvidence, 400, noteFailure),
  tables: reader(readTables, 500, noteFailure),
  history: reader(history.update, 1_000, noteFailure),
  alerts: reader(async () => board.updateAlerts((await read("/v1/alerts")).alerts), 1_000, noteFailure),
  stats: reader(readStats, 1_000, () => plots.fail("no figures")),
  order: reader(readOrder, 100, noteFailure),
};

function readAnew() {
  for (const again of Object.values(refresh)) again();
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
  if (about !== "request" && about !== "store") refresh.board();
  if (about === "order" || about === "lock") refresh.tables();
  if (about === "order") refresh.history();
  if (orderId !== null && event.orderId === orderId) refresh.order();
}

function noteFailure(error) {
  failure = error.message;
  if (!(error instanceof Refused)) showConnection();
}

function showConnection() {
  const node = byId("connection");
  const lost = lostSince !== null;
  node.dataset.tone = lost ? "bad" : "good";
  say(node, lost ? "connection lost" : "live");
  document.body.classList.toggle("stale", lost);
  showBanners();
}

function showStatus(status) {
  const mode = byId("mode");
  const isShadow = status.shadowOf !== null;
  say(mode, isShadow ? "SHADOW" : status.mode);
  mode.dataset.mode = isShadow ? "shadow" : status.mode;
  mode.title = isShadow ? `Orders go to the paper exchange, at the prices of ${status.shadowOf}` : "";
  const stage = byId("stage");
  const halted = status.halted !== null;
  say(stage, halted ? "halted" : status.stage);
  stage.dataset.tone = halted ? "bad" : status.stage === "ready" ? "good" : "warn";
  const halt = byId("halt");
  halt.dataset.act = halted ? "resume" : "halt";
  say(halt, halted ? "Resume trading" : "Halt trading");
  halt.classList.toggle("danger", !halted);
  const trouble = [halted ? "HALTED" : null, status.lost ? `${status.lost} lost` : null, status.inDoubt ? `${status.inDoubt} in doubt` : null];
  document.title = [...trouble.filter(Boolean), "sniperd"].join(" · ");
  showBanners();
}

function showBanners() {
  const parts = [];
  if (lostSince !== null) {
    const ago = part("span", { "aria-hidden": "true" }, ", for ", shown.since(lostSince));
    const text = `. What is shown is from before; the connection is tried again without end. (${failure})`;
    parts.push(part("p", { class: "banner", "data-tone": "bad" }, part("strong", {}, "Connection lost"), ` since ${instant(lostSince)}`, ago, text));
  }
  if (latest?.status.halted != null) {
    parts.push(part("p", { class: "banner", "data-tone": "bad" }, part("strong", {}, "Trading is halted"), `: ${latest.status.halted}`));
  }
  if (latest?.status.exchange.blockedUntilMs > now()) {
    const end = part("span", { "aria-hidden": "true" }, " Sending goes on ", shown.until(latest.status.exchange.blockedUntilMs), ".");
    parts.push(part("p", { class: "banner", "data-tone": "warn" }, "The exchange says wait: nothing is sent.", end));
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
    return text; // an address that somebody typed: no order has that id, and the page says so
  }
}

/** Find what an id stands for now: a lock or an order, with how to describe it. */
function subject(id) {
  const lock = latest?.locks.find((each) => each.lockId === id);
  if (lock) {
    return { value: lock, parts: [shown.code(lock.resourceId), ` of ${lock.ownerId}, token ${lock.fencingToken}, lease left `, shown.until(lock.expiresAt, "lease")] };
  }
  const order = latest?.orders.find((each) => each.id === id) ?? letters.find((each) => each.id === id);
  return order ? { value: order, parts: [shown.pill(order.state), " ", ...shown.wish(order), " ", shown.code(order.clientOrderId ?? order.id)] } : null;
}

takeToken();
board.place();
plots.place();
history.place(refresh.history);
acting.begin(subject, readAnew);
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
  if (lostSince === null) for (const each of ["board", "stats", "alerts"]) refresh[each]();
}, POLL_MS);
readAnew();
readBoard().then(acting.reopen, noteFailure);
follow({
  onOpen: () => {
    lostSince = null;
    showConnection();
    readAnew();
  },
  onEvent,
  onLost: (error) => {
    lostSince ??= now();
    failure = error.message;
    showConnection();
  },
});
