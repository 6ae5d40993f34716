// Elements and tables. Text is always inserted as text, never as HTML. Unchanged elements are not touched, so that scroll
// position, selection and focus survive every update.

/** Make an element. Children are elements or texts; null is left out. */
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

/** Set a text if it differs. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show or hide. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Give a parent one child per item, in the items' order. `make(item)` makes a child, `update(child, item)` updates it. If
 * the focus would be lost, it returns to its element, or to the heading of the section if the element is gone.
 */
export function keyed(parent, items, key, make, update) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const existing = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let child = existing.get(id);
    existing.delete(id);
    if (!child) {
      child = make(item);
      child.dataset.key = id;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of existing.values()) child.remove();
  if (focused && document.activeElement !== focused) {
    const home = focused.isConnected ? focused : parent.closest("section, main")?.querySelector("[tabindex='-1']");
    home?.focus({ preventScroll: true });
  }
}

/**
 * Make a table. A column has a `label`, an optional `kind` (its class), and `cell(item)`, which returns a list of texts and
 * elements made by `part`. A cell is rebuilt only if its content has changed.
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

/** Describe an element of a cell by values only, so that two descriptions can be compared. */
export function part(tag, attributes, ...texts) {
  return { tag, attributes, texts: texts.filter((text) => text !== null && text !== undefined) };
}

function build(described) {
  if (typeof described !== "object") return String(described);
  return el(described.tag, described.attributes, ...described.texts.map(build));
}

/** Fill a node with parts, unless it has them already. The caller binds the actions of buttons. */
export function fill(node, parts) {
  const described = parts.filter((each) => each !== null && each !== undefined);
  const content = JSON.stringify(described);
  if (node.content === content) return;
  node.content = content;
  node.replaceChildren(...described.map(build));
}
