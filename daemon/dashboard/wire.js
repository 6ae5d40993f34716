// Requests to the daemon. Reads need no token, changes do.

const KEY = "sniperd.token";
const TIMEOUT_MS = 10_000;

/** The daemon refused a request; `message` says why and what to do. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer?.message ?? `the daemon answered ${status}`);
    this.status = status;
    this.allowed = answer?.allowed ?? null;
  }
}

/** Remove the token from the address, so that it appears in no history and on no screenshot. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  keepToken(given);
  history.replaceState(null, "", location.pathname);
}

export function keepToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

export async function read(path) {
  return answer(await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) }));
}

export async function change(method, path, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  if (body) headers["Content-Type"] = "application/json";
  const asked = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) };
  return answer(await fetch(path, asked));
}

async function answer(response) {
  const text = await response.text();
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    // not JSON: the status says enough
  }
  if (!response.ok) throw new Refused(response.status, content);
  return content;
}
