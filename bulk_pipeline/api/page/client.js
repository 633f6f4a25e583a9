// Requests to the server that this page came from.

import { element } from "./element.js";
import { size } from "./words.js";

const KEPT = "bulk-pipeline-token";
const SAVED_WITHIN_MS = 60_000;
const MOST_IN_MEMORY = 64 * 2 ** 20;

/** The server said no; the message says why and what helps, `token` what was sent along. */
export class Refused extends Error {
  token = "";

  constructor(status, message, waitSeconds = 0) {
    super(message);
    this.status = status;
    this.waitSeconds = waitSeconds;
  }
}

/** The server did not answer at all, or something else did. */
export class Away extends Error {}

/** The access token: kept for this tab only, "" where there is none. */
export const token = {
  get: () => sessionStorage.getItem(KEPT) ?? "",
  set: (text) => sessionStorage.setItem(KEPT, text),
  forget: () => sessionStorage.removeItem(KEPT),
};

/** Headers of every request: the token, where there is one. */
export function headers() {
  return token.get() ? { Authorization: `Bearer ${token.get()}` } : {};
}

/** What an answer says is wrong and what helps, whatever stands between us and the server. */
export function refusal(status, text, retryAfter, sent) {
  let said = [];
  try {
    const problem = JSON.parse(text);
    said = [problem.detail, problem.cure].filter((part) => typeof part === "string");
  } catch {
    // A proxy answers in HTML: its text is of no use to the reader.
  }
  const message = said.join(" ") || `The server answered ${status}.`;
  return Object.assign(new Refused(status, message, Number(retryAfter) || 0), { token: sent });
}

async function request(path, options = {}) {
  const sent = token.get();
  const all = { ...headers(), ...options.headers };
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options, headers: all });
  } catch {
    throw new Away("The server does not answer.");
  }
  if (!answer.ok) {
    throw refusal(answer.status, await answer.text(), answer.headers.get("Retry-After"), sent);
  }
  return answer;
}

async function documentOf(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Away("What answers is not the upload API.");
  }
}

/** The document at a path. */
export async function ask(path) {
  return documentOf(await request(path));
}

/** The answer to a document that is posted. */
export async function post(path, document) {
  const body = JSON.stringify(document);
  const type = { "Content-Type": "application/json" };
  return documentOf(await request(path, { method: "POST", body, headers: type }));
}

/** The name that an answer wants to be saved under (RFC 6266). */
function nameOf(answer) {
  const said = answer.headers.get("Content-Disposition") ?? "";
  const wide = /filename\*=UTF-8''([^;]+)/.exec(said);
  return wide ? decodeURIComponent(wide[1]) : "download";
}

function follow(address, name) {
  element("a", { href: address, download: name }).click();
}

/**
 * Save what is at a path.
 *
 * A plain link could neither carry the token nor show why there is nothing to save, but it
 * goes straight to the disk. What passes through the page takes about four times its size
 * of memory (Chromium 156, 800 MiB).
 */
export async function save(path) {
  const stop = new AbortController();
  const answer = await request(path, { signal: stop.signal });
  const bytes = Number(answer.headers.get("Content-Length"));
  if (bytes <= MOST_IN_MEMORY) {
    const address = URL.createObjectURL(await answer.blob());
    follow(address, nameOf(answer));
    setTimeout(() => URL.revokeObjectURL(address), SAVED_WITHIN_MS);
    return;
  }
  stop.abort();
  if (token.get() === "") follow(path, nameOf(answer));
  else throw new Refused(0, tooLarge(path, nameOf(answer), bytes));
}

function tooLarge(path, name, bytes) {
  const address = new URL(path, location.href);
  return (
    `${name} has ${size(bytes)}: too much to pass through a page that is signed in. Fetch it by: ` +
    `curl --oauth2-bearer TOKEN --output "${name.replaceAll(/["$`\\]/g, "_")}" "${address}"`
  );
}
