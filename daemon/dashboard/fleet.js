// The fleet: who owns the account, and what this page's daemon is.

import { duration } from "./clock.js";
import { byId, part, say, show, table } from "./dom.js";

const WORDS = { owner: "owner", standby: "standby", door: "door" };

let latest = null; // this member's view; null where the daemon is alone

const members = table(
  "Members of the fleet",
  [
    { label: "Member", cell: (each) => [each.name === latest.name ? part("strong", {}, each.name) : each.name] },
    { label: "Standing", cell: standingCell },
    { label: "Log", kind: "number", cell: (each) => [each.n.toLocaleString("en")] },
    { label: "Behind", kind: "number", cell: (each) => [each.behind.toLocaleString("en")] },
    { label: "Exchange", cell: exchangeCell },
    { label: "Seen", kind: "number", cell: (each) => [`${duration(each.seenAgoMs)} ago`] },
    { label: "Version", cell: (each) => [each.version] },
  ],
  (each) => each.member,
);

/** Put the table into the page. */
export function place() {
  byId("fleet").querySelector(".table").append(members.node);
}

/** Show the fleet. */
export function update(found) {
  latest = found.fleet;
  const badge = byId("standing");
  show(badge, latest !== null);
  show(byId("fleet"), latest !== null);
  if (latest === null) return;
  say(badge, `${latest.name}: ${WORDS[latest.standing]}`);
  badge.dataset.standing = latest.standing;
  say(byId("fleet").querySelector(".count"), String(latest.members.length));
  say(byId("fleet").querySelector(".about"), about());
  members.update(latest.members);
}

/** Whether another member owns the account, so that its view is not this one's. */
export function isBeside() {
  return latest !== null && latest.standing !== "owner";
}

/** Return what every page must say about this daemon's part in the fleet. */
export function banners() {
  if (latest === null) return [];
  const found = [];
  if (latest.owner === null || (latest.leaseLeftMs !== null && latest.leaseLeftMs <= 0)) {
    found.push(
      latest.backendError === null
        ? banner("bad", "No member owns the account", ": nothing is traded.")
        : banner("bad", "Who owns the account is not known here", ": ask another member."),
    );
  }
  if (latest.standing !== "owner") {
    const owner = latest.owner === null ? "" : ` ${latest.owner} owns the account and trades; what you change here goes to it.`;
    const title = latest.standing === "door" ? "A door" : "Standing by";
    const unable = latest.standing === "standby" && latest.cannotOwn !== null ? ` It cannot take over: ${latest.cannotOwn}.` : "";
    found.push(banner(unable ? "bad" : "warn", title, `: this is ${latest.name}.${owner}${unable}`));
  }
  if (latest.backendError !== null) found.push(banner("bad", "The fleet's database does not answer", `: ${latest.backendError}`));
  for (const doubt of latest.doubts) found.push(banner("bad", "The fleet's database may lose what it acknowledged", `: ${doubt}`));
  return found;
}

function banner(tone, title, text) {
  return part("p", { class: "banner", "data-tone": tone }, part("strong", {}, title), text);
}

function about() {
  const lease = latest.leaseLeftMs === null ? "" : `, lease ${(latest.leaseLeftMs / 1_000).toFixed(1)} s`;
  const owner = latest.owner === null ? "no owner" : `${latest.owner} owns, epoch ${latest.epoch}${lease}`;
  const append = latest.appendMs === null ? "" : `, append ${latest.appendMs.toFixed(1)} ms`;
  return `${latest.ledger}: ${owner}; log ${latest.logN.toLocaleString("en")} in ${latest.backend}${append}`;
}

function standingCell(each) {
  const unable = each.standing === "standby" && each.cannotOwn !== null;
  const tone = unable ? "bad" : each.standing === "owner" ? "good" : "idle";
  const parts = [part("span", { class: "state", "data-tone": tone }, WORDS[each.standing])];
  if (unable) parts.push(` cannot take over: ${each.cannotOwn}`);
  if (each.configurationDiffers) parts.push(`${unable ? ";" : ""} another configuration than the owner's`);
  return parts;
}

function exchangeCell(each) {
  const clock = each.clockErrorMs === null ? "clock unknown" : `clock ± ${each.clockErrorMs.toFixed(0)} ms`;
  return [each.reachesExchange ? `reached, ${clock}` : "not reached"];
}
