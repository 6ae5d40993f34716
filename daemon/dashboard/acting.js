// The operator's actions. Each action asks for a reason in a dialog, which only the operator or a success closes. Typed
// text is kept until the action has succeeded: through updates, a refusal, a closed dialog and a reload of the page.

import { tick } from "./clock.js";
import { byId, el, fill, say, show } from "./dom.js";
import * as shown from "./shown.js";
import { Refused, change, hasToken, keepToken } from "./wire.js";

const OPEN = "sniperd.dialog";
const DRAFT = "sniperd.draft.";
const RESOLUTIONS = {
  not_placed: "not placed: the order does not exist on the exchange",
  open: "open: the order rests on the book",
  filled: "filled",
  canceled: "cancelled, without a fill",
  partially_canceled: "cancelled, after a part was filled",
};

const REASON = { name: "reason", label: "Reason, for the record", kind: "reason" };
const CHECKED = { name: "exchangeChecked", label: "I have checked the outcome of the order on the exchange", kind: "check" };

const path = (id) => encodeURIComponent(id);

const ACTS = {
  halt: {
    title: () => "Halt trading",
    about: "No order is sent, and armed orders return to the queue. Orders that were sent are tracked until they end.",
    verb: "Halt",
    danger: true,
    run: (_, { reason }) => change("POST", "/v1/admin/halt", { reason }),
    done: () => "Trading is halted.",
  },
  resume: {
    title: () => "Resume trading",
    about: "Queued orders whose deadline has not passed are sent.",
    verb: "Resume",
    run: (_, { reason }) => change("POST", "/v1/admin/resume", { reason }),
    done: () => "Trading is resumed.",
  },
  release: {
    title: (id) => `Release the lock ${id}`,
    about: "The next waiter gets the resource. If an order was sent under the lock, a second order could buy twice.",
    verb: "Release the lock",
    danger: true,
    fields: (lock) => (lock?.orderId ? [CHECKED] : []),
    run: (id, { reason, exchangeChecked = false }) => change("POST", `/v1/admin/locks/${path(id)}/force-release`, { reason, exchangeChecked }),
    done: (id) => `${id} is released.`,
  },
  cancel: {
    title: () => "Cancel the order",
    about: "An unsent order is withdrawn. For an order that rests on the exchange, the daemon asks the exchange to cancel it.",
    verb: "Cancel the order",
    danger: true,
    run: (id, { reason }) => change("DELETE", `/v1/orders/${path(id)}?reason=${path(reason)}`),
    done: () => "The cancellation is requested.",
  },
  requeue: {
    title: () => "Send the dead letter again",
    about: "The order goes back to the queue, with a new deadline.",
    verb: "Send again",
    run: (id, { reason }) => change("POST", `/v1/admin/orders/${path(id)}/requeue`, { reason }),
    done: () => "The order is in the queue again.",
  },
  discard: {
    title: () => "Discard the dead letter",
    about: "The order is withdrawn permanently.",
    verb: "Discard",
    danger: true,
    run: (id, { reason }) => change("DELETE", `/v1/orders/${path(id)}?reason=${path(reason)}`),
    done: () => "The order is discarded.",
  },
  resolve: {
    title: () => "Resolve an unknown outcome",
    about: "First look up the client order id on the exchange. Resolving the order ends its search and releases its lock.",
    verb: "Resolve the outcome",
    danger: true,
    fields: () => [
      { name: "ruling", label: "State on the exchange", kind: "choice", choices: RESOLUTIONS },
      { name: "exchangeOrderId", label: "Order id of the exchange, if any", kind: "text" },
      { name: "executedQuantity", label: "Executed quantity", kind: "text", value: "0" },
      { name: "executedQuote", label: "Executed amount in the quote asset", kind: "text", value: "0" },
    ],
    run: (id, { exchangeOrderId, ...rest }) =>
      change("POST", `/v1/admin/orders/${path(id)}/resolve`, exchangeOrderId ? { exchangeOrderId, ...rest } : rest),
    done: () => "The resolution is recorded.",
  },
};

let open = null; // the act whose dialog is shown
let find = () => null;
let acted = () => {};

/** Attach the actions to the buttons. `subject(id)` returns the object with an id, `after()` is called after a success. */
export function begin(subject, after) {
  find = subject;
  acted = after;
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-act]");
    if (pressed && !pressed.disabled) begin_(pressed.dataset.act, pressed.dataset.id ?? "");
  });
  byId("unlock").addEventListener("click", () => (hasToken() ? forgetToken() : askToken()));
  byId("dialog").addEventListener("close", () => {
    sessionStorage.removeItem(OPEN);
    open = null;
  });
  lockButtons();
  new MutationObserver(lockButtons).observe(document.body, { childList: true, subtree: true });
}

/** Show the dialog that was open before the page was reloaded. */
export function reopen() {
  const [act, id] = JSON.parse(sessionStorage.getItem(OPEN) ?? "[null]");
  if (act in ACTS && hasToken() && !open) begin_(act, id);
}

/** Update the subject of the dialog, and nothing else in it. */
export function update() {
  if (!open?.subject) return;
  const found = find(open.id);
  fill(open.subject, found ? found.parts : open.hadSubject ? ["It has ended in the meantime."] : []);
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
  present({
    title: "Enable changes",
    content: [
      el("p", {}, "Changes need the token. ", el("code", {}, "sniperd dashboard"), " prints this page's address with the token, for the daemon's user and for root. You can also type it here. It is kept in this tab until the tab is closed."),
      input(field),
    ],
    verb: "Enable changes",
    submit: async () => {
      keepToken(values([field]).token.trim());
      lockButtons();
      return "Changes are enabled in this tab.";
    },
  });
}

function forgetToken() {
  keepToken(null);
  lockButtons();
  announce("Changes are disabled: this tab only reads.");
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
      const message = await submit();
      dialog.close();
      announce(message);
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
  if (!(error instanceof Refused)) return `${error.message}. The change may have been made: check before you repeat it.`;
  if (error.status === 401) return "The daemon does not accept this token. Close the dialog, press “Disable changes” and “Enable changes…” at the top, and enter the token that `sniperd dashboard` prints.";
  return error.allowed ? `${error.message} (allowed: ${error.allowed})` : error.message;
}

function announce(text) {
  const node = byId("message");
  say(node, text);
  clearTimeout(node.timer);
  node.timer = setTimeout(() => say(node, ""), 6_000);
}

/** Enable the buttons of all changes if there is a token; otherwise disable them. */
function lockButtons() {
  const locked = !hasToken();
  say(byId("unlock"), locked ? "Enable changes…" : "Disable changes");
  for (const button of document.querySelectorAll("button.act")) {
    if (button.disabled !== locked) button.disabled = locked;
    const why = locked ? "needs the token: press “Enable changes…” at the top" : "";
    if (button.title !== why) button.title = why;
  }
}
