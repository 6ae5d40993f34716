// History: all orders, newest first, filtered by state and pair.

import { tick } from "./clock.js";
import { byId, el, say, show, table } from "./dom.js";
import * as shown from "./shown.js";
import { read } from "./wire.js";

const PAGE = 25;
const MOST = 500;

const columns = {}; // the decimals of each column of numbers

const rows = table(
  "History",
  [
    { label: "State", cell: (order) => [shown.pill(order.state)] },
    { label: "Order", kind: "order", cell: shown.orderCell },
    { label: "Owner, target", cell: shown.ownerCell },
    { label: "Accepted", kind: "number", cell: (order) => [shown.at(order.acceptedAtMs)] },
    ...shown.executedColumns(columns),
    { label: "Reason", kind: "evidence", cell: (order) => [order.reason ?? "–"] },
  ],
  (order) => order.id,
);

let shownCount = PAGE;

/** Put the table and its filter into the page. `refresh` is called when the filter changes. */
export function place(refresh) {
  const form = byId("filter");
  for (const state of Object.keys(shown.STATES)) form.elements.state.append(el("option", { value: state }, shown.words(state)));
  byId("history").querySelector(".table").append(rows.node);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const order = form.elements.order.value.trim();
    if (order) location.hash = `#/orders/${encodeURIComponent(order)}`;
    restart(refresh);
  });
  form.elements.state.addEventListener("change", () => restart(refresh));
  byId("older").addEventListener("click", () => {
    shownCount = Math.min(MOST, shownCount + PAGE);
    refresh();
  });
}

/** Read and show the orders that match the filter. */
export async function update() {
  const { state, symbol } = byId("filter").elements;
  const query = new URLSearchParams({ limit: shownCount });
  if (state.value) query.set("state", state.value);
  if (symbol.value.trim()) query.set("symbol", symbol.value.trim());
  const page = await read(`/v1/orders?${query}`);
  Object.assign(columns, shown.decimals(page.orders));
  rows.update(page.orders);
  show(rows.node, page.orders.length > 0);
  const empty = byId("history").querySelector(".empty");
  show(empty, page.orders.length === 0);
  const isFiltered = Boolean(state.value || symbol.value);
  say(empty.firstElementChild, isFiltered ? "No matching orders." : "No orders yet.");
  show(empty.lastElementChild, !isFiltered);
  show(byId("older"), page.next !== null && shownCount < MOST);
  tick();
}

function restart(refresh) {
  shownCount = PAGE;
  refresh();
}
