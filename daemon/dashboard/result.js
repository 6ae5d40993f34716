// The result of this day: what was bought and sold per pair, the fees, and what it earned.

import { byId, el, fill, part, say, show, table } from "./dom.js";
import { read } from "./wire.js";

const EVERY_MS = 30_000;
const WORDS = { filled: "filled", partly: "partly", unknown: "unknown", unfinished: "open", none: "not filled" };

const rows = table(
  "Result",
  [
    { label: "Day", cell: (row) => [row.total ? part("strong", {}, "Total") : new Date(row.dayAtMs).toISOString().slice(0, 10)] },
    { label: "Pair", cell: (row) => [row.total ? `in ${row.quoteAsset ?? "other assets"}` : row.symbol] },
    { label: "Bought", kind: "number", cell: (row) => amount(row.boughtQuantity, row.averageBought) },
    { label: "Bought for", kind: "number", cell: (row) => [brief(row.boughtValue)] },
    { label: "Sold", kind: "number", cell: (row) => amount(row.soldQuantity, row.averageSold) },
    { label: "Sold for", kind: "number", cell: (row) => [brief(row.soldValue)] },
    { label: "Fees", kind: "number", cell: fees },
    { label: "Result", kind: "number", cell: (row) => [earned(row)] },
    { label: "Orders", cell: (row) => [orders(row)] },
  ],
  (row) => (row.total ? `total ${row.quoteAsset}` : `${row.dayAtMs} ${row.symbol}`),
);

/** Put the table into the page. `refresh` reads it again, every 30 s while the page is visible. */
export function place(refresh) {
  byId("result").querySelector(".table").append(rows.node);
  const refreshVisible = () => {
    if (!document.hidden) refresh();
  };
  setInterval(refreshVisible, EVERY_MS);
  document.addEventListener("visibilitychange", refreshVisible);
}

/** Read and show this day's result. */
export async function update() {
  const found = await read("/v1/report?limit=1");
  const totals = found.totals.map((each) => ({ ...each, total: true }));
  rows.update([...found.days, ...totals]);
  updateTile(found.totals);
  show(rows.node, found.days.length > 0);
  show(byId("result").querySelector(".empty"), found.days.length === 0);
  byId("result").querySelector(".notes").replaceChildren(...notes(found).map((text) => el("li", {}, text)));
}

/** Show the realised result beside the day's other figures; several assets have no sum. */
function updateTile(totals) {
  const tile = byId("figures").querySelector("[data-tile=result]");
  const [total] = totals;
  const isPartial = totals.some((each) => each.unknowns.length > 0);
  fill(tile.querySelector(".figure"), totals.length === 1 ? [earned(total), earned(total) === "–" ? null : ` ${total.quoteAsset ?? ""}`] : ["–"]);
  const about = totals.length > 1 ? "in several assets: see Result" : "realised today (UTC)";
  say(tile.querySelector(".about"), isPartial ? `${about}, not all is known yet` : about);
}

function notes(found) {
  const texts = found.totals.flatMap((each) => each.unknowns);
  for (const pair of found.pairs.filter((each) => each.openAverage !== null)) {
    texts.push(`Open: ${brief(pair.openQuantity)} ${pair.symbol} at ${brief(pair.openAverage)}, cost ${brief(pair.openCost)}.`);
  }
  const limit = found.dailyLimit;
  if (limit !== null) texts.push(`Spent of the daily limit: ${limit.spent} of ${limit.limit} ${limit.asset}.`);
  if (found.unshownDays > 0) texts.push(`${found.unshownDays} more pairs: sniperd report --csv lists everything.`);
  return texts;
}

function amount(quantity, average) {
  return average ? [brief(quantity), part("br", {}), part("small", {}, `at ${brief(average)}`)] : ["–"];
}

/** Round an amount to eight significant digits; zero is a dash. */
function brief(amount) {
  const value = Number(amount);
  return value === 0 ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 8, maximumFractionDigits: 18 });
}

/** One line for each asset. */
function fees(row) {
  const known = Object.entries(row.fees).map(([asset, fee]) => `${brief(fee)} ${asset}`);
  const lines = [...known, ...(row.feesUnknown > 0 ? ["not known yet"] : [])];
  return lines.length === 0 ? ["–"] : lines.flatMap((line, place) => (place === 0 ? [line] : [part("br", {}), line]));
}

function earned(row) {
  if (Number(row.realised) === 0) return "–";
  const isGain = Number(row.realised) > 0;
  return part("strong", { class: isGain ? "buy" : "sell" }, `${isGain ? "+" : ""}${brief(row.realised)}`);
}

function orders(row) {
  const sides = [["BUY", row.buys], ["SELL", row.sells]].map(([side, counted]) => [side, counts(counted)]);
  return sides.filter(([, text]) => text).map(([side, text]) => `${side} ${text}`).join("; ");
}

function counts(counted) {
  const present = Object.entries(WORDS).filter(([name]) => counted[name] > 0);
  return present.map(([name, word]) => `${counted[name]} ${word}`).join(", ");
}
