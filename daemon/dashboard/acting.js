// What a person does: each act asks for its reason, in a dialog that nothing but that person closes. What was typed stays
// over updates, a refusal, a closed dialog and a page that is loaded again, until it was done.

import { tick } from "./clock.js";
import { byId, el, fill, say, show } from "./dom.js";
import * as shown from "./shown.js";
import { Refused, change, hasToken, keepToken } from "./wire.js";

const OPEN = "sniperd.dialog";
const DRAFT = "sniperd.draft.";
const RESOLUTIONS = {
  not_placed: "not placed: it does not exist on the exchange",
  open: "open: it rests there",
  filled: "filled",
  canceled: "cancelled, without a fill",
  partially_canceled: "cancelled, after a part was filled",
};

const REASON = { name: "reason", label: "Reason, for the record", kind: "reason" };
const CHECKED = { name: "exchangeChecked", label: "I have looked on the exchange what became of the order", kind: "check" };

const path = (id) => encodeURIComponent(id);

const ACTS = {
  halt: {
    title: () => "Halt trading",
    about: "Nothing new is sent, and armed orders are taken back. What was sent is followed to its end.",
    verb: "Halt",
    danger: true,
    run: (_, { reason }) => change("POST", "/v1/admin/halt", { reason }),
    done: () => "Trading is halted.",
  },
  resume: {
    title: () => "Resume trading",
    about: "Orders that wait and have not passed their deadline are sent.",
    verb: "Resume",
    run: (_, { reason }) => change("POST", "/v1/admin/resume", { reason }),
    done: () => "Trading goes on.",
  },
  release: {
    title: (id) => `Release ${id}`,
    about: "Whoever waits for the resource is next. Where an order was sent under the lock, a second one could buy twice.",
    verb: "Release",
    danger: true,
    fields: (lock) => (lock?.orderId ? [CHECKED] : []),
    run: (id, { reason, exchangeChecked = false }) => change("POST", `/v1/admin/locks/${path(id)}/force-release`, { reason, exchangeChecked }),
    done: (id) => `${id} is released.`,
  },
  cancel: {
    title: () => "Cancel order",
    about: "It is withdrawn if it was not sent; if it rests on the exchange, the exchange is asked to cancel it.",
    verb: "Cancel the order",
    danger: true,
    run: (id, { reason }) => change("DELETE", `/v1/orders/${path(id)}?reason=${path(reason)}`),
    done: () => "The cancel was asked for.",
  },
  requeue: {
    title: () => "Requeue dead letter",
    about: "It is sent once more, with its deadline begun anew.",
    verb: "Requeue",
    run: (id, { reason }) => change("POST", `/v1/admin/orders/${path(id)}/requeue`, { reason }),
    done: () => "It is in the queue again.",
  },
  discard: {
    title: () => "Discard dead letter",
    about: "It is withdrawn for good.",
    verb: "Discard",
    danger: true,
    run: (id, { reason }) => change("DELETE", `/v1/orders/${path(id)}?reason=${path(reason)}`),
    done: () => "It is discarded.",
  },
  resolve: {
    title: () => "Rule on an unknown outcome",
    about: "Look on the exchange for its client order id first. Your word ends the search and frees its lock.",
    verb: "Rule",
    danger: true,
    fields: () => [
      { name: "ruling", label: "On the exchange it is", kind: "choice", choices: RESOLUTIONS },
      { name: "exchangeOrderId", label: "The exchange's id, if there is one", kind: "text" },
      { name: "executedQuantity", label: "Executed quantity", kind: "text", value: "0" },
      { name: "executedQuote", label: "For, in the quote asset", kind: "text", value: "0" },
    ],
    run: (id, { exchangeOrderId, ...rest }) =>
      change("POST", `/v1/admin/orders/${path(id)}/resolve`, exchangeOrderId ? { exchangeOrderId, ...rest } : rest),
    done: () => "The resolution is recorded.",
  },
};

let open = null; // the act whose dialog is shown
let find = () => null;
let acted = () => {};

/** Let buttons act. `subject(id)` finds what an id stands for now, `after()` is called when something was done. */
export function begin(subject, after) {
  find = subject;
  acted = after;
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-act]");
    if (pressed && !pressed.disabled) begin_(pressed.dataset.act, pressed.dataset.id ?? "");
  });
  byId("unlock").addEventListener("click", askToken);
  byId("dialog").addEventListener("close", () => {
    sessionStorage.removeItem(OPEN);
    open = null;
  });
  lockButtons();
  new MutationObserver(lockButtons).observe(document.body, { childList: true, subtree: true });
}

/** Show again the dialog that was open when the page was loaded anew. */
export function reopen() {
  const [act, id] = JSON.parse(sessionStorage.getItem(OPEN) ?? "[null]");
  if (act in ACTS && hasToken() && !open) begin_(act, id);
}

/** Bring the dialog's subject up to date, and nothing else in it. */
export function update() {
  if (!open?.subject) return;
  const found = find(open.id);
  fill(open.subject, found ? found.parts : open.hadSubject ? ["It is not there any more: it has ended meanwhile."] : []);
  open.hadSubject ||= found !== null;
  tick(open.subject);
}

function begin_(act, id) {
  const { title, about, verb, danger, fields = () => [], run, done } = ACTS[act];
  const found = find(id);
  const all = [...fields(found?.value), REASON];
  const draft = JSON.parse(sessionStorage.getItem(`${DRAFT}${act}.${id}`) ?? "{}");
  const inputs = all.map((field) => input(field, draft[field.name]));
  const subject = el("p", { class: "subject" });
  const save = () => sessionStorage.setItem(`${DRAFT}${act}.${id}`, JSON.stringify(values(all)));
  sessionStorage.setItem(OPEN, JSON.stringify([act, id]));
  present({
    title: title(id),
    content: [subject, el("p", {}, about), ...inputs],
    verb,
    danger,
    onInput: save,
    submit: async () => {
      await run(id, values(all));
      sessionStorage.removeItem(`${DRAFT}${act}.${id}`);
      return done(id);
    },
  });
  open = { id, subject, hadSubject: false };
  update();
}

function askToken() {
  const field = { name: "token", label: "Token", kind: "secret" };
  const lock = () => {
    keepToken(null);
    lockButtons();
  };
  const forget = hasToken() ? el("button", { type: "button", onclick: () => (lock(), byId("dialog").close()) }, "Forget it") : null;
  present({
    title: hasToken() ? "Changes are open" : "Read only",
    content: [
      el("p", {}, "Changes need the token. ", el("code", {}, "sniperd dashboard"), " prints this page's address with it, for the daemon's own user and for root; or type it here. It stays in this tab until the tab is closed."),
      input(field),
      forget,
    ],
    verb: "Use it",
    submit: async () => {
      keepToken(values([field]).token.trim());
      lockButtons();
      return "Changes are open in this tab.";
    },
  });
}

function present({ title, content, verb, danger, onInput = () => {}, submit }) {
  const dialog = byId("dialog");
  const failure = el("p", { role: "alert", class: "failure", hidden: true });
  const go = el("button", { type: "submit", class: danger ? "danger" : "primary" }, verb);
  const form = el(
    "form",
    { method: "dialog", oninput: onInput },
    el("h2", { id: "dialog-title" }, title),
    ...content,
    failure,
    el("div", { class: "actions" }, el("button", { type: "button", onclick: () => dialog.close() }, "Close"), go),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    show(failure, false);
    try {
      const told = await submit();
      dialog.close();
      tell(told);
      acted();
    } catch (error) {
      say(failure, explained(error));
      show(failure, true);
    }
    go.disabled = false;
  });
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  form.querySelector("textarea, input, select")?.focus();
}

function input(field, value = field.value ?? "") {
  const common = { name: field.name, id: `field-${field.name}` };
  if (field.kind === "check") {
    const box = el("input", { ...common, type: "checkbox" });
    box.checked = value === true;
    return el("label", { class: "check" }, box, ` ${field.label}`);
  }
  let node;
  if (field.kind === "choice") {
    const choices = Object.entries(field.choices).map(([each, text]) => el("option", { value: each }, text));
    node = el("select", { ...common, required: true }, el("option", { value: "" }, "choose"), ...choices);
  } else if (field.kind === "reason") {
    node = el("textarea", { ...common, rows: 3, required: true, maxlength: 500 });
  } else {
    const type = field.kind === "secret" ? "password" : "text";
    node = el("input", { ...common, type, autocomplete: "off", spellcheck: "false", required: field.kind === "secret" });
  }
  node.value = value;
  return el("label", {}, field.label, node);
}

function values(fields) {
  const { elements } = byId("dialog").querySelector("form");
  const value = (field) => (field.kind === "check" ? elements[field.name].checked : elements[field.name].value);
  return Object.fromEntries(fields.map((field) => [field.name, value(field)]));
}

function explained(error) {
  if (!(error instanceof Refused)) return `${error.message}. It may have been done: look before you repeat it.`;
  if (error.status === 401) return "The token is not the daemon's. Close this and use “Read only” at the top; `sniperd dashboard` prints the right one.";
  return error.allowed ? `${error.message} (allowed: ${error.allowed})` : error.message;
}

function tell(text) {
  const node = byId("told");
  say(node, text);
  clearTimeout(node.timer);
  node.timer = setTimeout(() => say(node, ""), 6_000);
}

/** Let every button that changes something be usable only with a token. */
function lockButtons() {
  const locked = !hasToken();
  say(byId("unlock"), locked ? "Read only" : "Changes open");
  for (const button of document.querySelectorAll("button.act")) {
    if (button.disabled !== locked) button.disabled = locked;
    const why = locked ? "needs the token: see Read only, at the top" : "";
    if (button.title !== why) button.title = why;
  }
}
