// Elements and tables. Text is only ever put in as text, and what did not change is left alone, so that the place in a
// page, a selection and the focus survive every update.

/** Make an element. Children are elements or texts; what is null is left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Set a text where it differs. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show or hide. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Let a parent's children be one per item, in their order. `make(item)` makes a child, `update(child, item)` brings it up
 * to date. A focus that would be lost goes back to its element, or to the heading of the section if that is gone.
 */
export function keyed(parent, items, key, make, update) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const standing = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let child = standing.get(id);
    standing.delete(id);
    if (!child) {
      child = make(item);
      child.dataset.key = id;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of standing.values()) child.remove();
  if (focused && document.activeElement !== focused) {
    const home = focused.isConnected ? focused : parent.closest("section, main")?.querySelector("[tabindex='-1']");
    home?.focus({ preventScroll: true });
  }
}

/**
 * Make a table. A column has a `label`, perhaps a `kind` (its class), and `cell(item)`, which returns a list of texts and
 * elements made by `part`; a cell is built anew only where what it says has changed.
 */
export function table(label, columns, key) {
  const body = el("tbody");
  const head = columns.map((column) => el("th", { scope: "col", class: column.kind }, column.label));
  const node = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, ...head)), body);
  const make = () => el("tr", {}, ...columns.map((column) => el("td", { class: column.kind, "data-label": column.label }, el("div"))));
  const update = (row, item) => {
    columns.forEach((column, index) => fill(row.children[index].firstElementChild, column.cell(item)));
    if (item.state) row.dataset.state = item.state;
  };
  return { node, update: (items) => keyed(body, items, key, make, update) };
}

/** Describe an element of a cell by values alone, so that two descriptions can be compared. */
export function part(tag, attributes, ...texts) {
  return { tag, attributes, texts: texts.filter((text) => text !== null && text !== undefined) };
}

function build(described) {
  if (typeof described !== "object") return String(described);
  return el(described.tag, described.attributes, ...described.texts.map(build));
}

/** Fill a node with parts, if it does not say that already. Whatever a button does is bound by the caller. */
export function fill(node, parts) {
  const described = parts.filter((each) => each !== null && each !== undefined);
  const said = JSON.stringify(described);
  if (node.said === said) return;
  node.said = said;
  node.replaceChildren(...described.map(build));
}
