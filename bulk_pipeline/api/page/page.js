// The page: what is sent, what became of it, and what may be started.

import { Away, Refused, ask, token } from "./client.js";
import { takesDrops } from "./dropping.js";
import { byId, show } from "./element.js";
import { startsJob } from "./jobs.js";
import { Listing } from "./listing.js";
import { Poll } from "./polling.js";
import { isSending, refuse, send } from "./sending.js";
import { count, pace, size } from "./words.js";

const listing = new Listing(() => poll.now(), troubled);
const poll = new Poll(look, shown, away);
let limits = null;
let measured = null;

async function look() {
  limits ??= await ask("api/v1/limits");
  return ask(listing.path());
}

/**
 * Show the figures of the latest load, if there may be others than those that are shown.
 *
 * The list waits for none of that: it can be had without the database, they cannot.
 */
async function measure(page) {
  // There are new figures only after an end; the server counts requests.
  const states = page.uploads.map((upload) => upload.state).join();
  if (states === measured) return;
  measured = states;
  let said = "";
  try {
    said = pace(await ask("api/v1/metrics/latest"));
  } catch (error) {
    if (!(error instanceof Away || error instanceof Refused)) throw error;
  }
  if (states === measured) show(byId("pace"), said);
}

function shown(page) {
  show(byId("away"), "");
  signedIn();
  measure(page);
  byId("most").textContent = `Up to ${size(limits.upload_bytes)} each.`;
  return listing.show(page);
}

/** The list cannot be had: say so for as long as that lasts. */
function away(error, seconds) {
  if (error.status === 401) signedOut(error);
  else show(byId("away"), `${error.message} Next try in ${count(seconds)} s.`);
}

/** Something that a person asked for cannot be had: say so until they ask again (null). */
function troubled(error) {
  if (error?.status === 401) signedOut(error);
  else show(byId("trouble"), error?.message ?? "");
}

/** What was refused says so itself, where it is. */
function refused(error) {
  if (error.status === 401) signedOut(error);
}

/** Show the page, to whoever may see it. */
function signedIn() {
  const isNew = !byId("sign-in").hidden;
  setSignedIn(true);
  if (isNew) {
    byId("files").focus();
    send([], received, refused);
  }
  byId("signed-in").hidden = token.get() === "";
}

/** Ask for a token, and say so where the one given is of no use. */
function signedOut(error) {
  // Somebody may have signed in anew since that was sent.
  if (error && error.token !== token.get()) return poll.now();
  const wrong = token.get() !== "";
  token.forget();
  setSignedIn(false);
  byId("token-hint").className = wrong ? "bad-text" : "quiet";
  byId("token-hint").textContent = wrong
    ? "This token is not known here, or no longer. Whoever runs the server can make another."
    : "Whoever runs the server makes one with bulk-pipeline tokens add. It is kept until this tab is closed.";
  byId("token").focus();
}

function setSignedIn(yes) {
  for (const part of document.querySelectorAll("section, #jobs")) part.hidden = !yes;
  byId("sign-in").hidden = yes;
  if (yes) return;
  byId("signed-in").hidden = true;
  show(byId("away"), "");
  show(byId("pace"), "");
  measured = null;
}

byId("sign-in").onsubmit = (event) => {
  event.preventDefault();
  token.set(byId("token").value.trim());
  byId("token").value = "";
  poll.now();
};

byId("sign-out").onclick = () => {
  token.forget();
  signedOut();
  poll.now();
};

function taken(files, folders) {
  refuse(folders, "A folder. Send the files that are in it.");
  const large = limits ? files.filter((file) => file.size > limits.upload_bytes) : [];
  refuse(large, `Larger than ${size(limits?.upload_bytes ?? 0)}, the most that is taken.`);
  listing.toNewest();
  send(files.filter((file) => !large.includes(file)), received, refused);
}

function received(upload) {
  listing.follow(upload);
  poll.soon();
}

takesDrops(byId("drop"), byId("files"), taken);
for (const form of document.querySelectorAll(".job")) startsJob(form, refused);

window.addEventListener("beforeunload", (event) => {
  if (isSending()) event.preventDefault();
});

poll.now();
