// One upload in the list: a line that opens.

import { save, token } from "./client.js";
import { element, linkTo } from "./element.js";
import { STATES, count, moment, outcome } from "./words.js";

const FIGURES = {
  rows_read: "Rows read",
  inserted: "Inserted",
  updated: "Updated",
  duplicates: "Duplicates",
  rejected: "Rejected",
};

const STUCK =
  "Still in the inbox. It is taken up while bulk-pipeline up runs and its inbox_sensor is on: ask whoever runs the server.";
const STUCK_AFTER_MS = 90_000;
const ANYBODY = "api";

/** One upload, shown in place: it keeps its focus and whether it is open. */
export class Upload {
  wasOpened = false;
  receivedAt = null;

  constructor(onError) {
    this.onError = onError;
    this.summary = element("summary");
    this.body = element("div", { className: "body" });
    this.details = element("details", {}, this.summary, this.body);
    this.item = element("li", {}, this.details);
  }

  /** Open it once; whoever closes it wants it closed. */
  open() {
    this.details.open ||= !this.wasOpened;
    this.wasOpened = true;
  }

  /** Show what is known now; touches the page only where that has changed. */
  show(upload) {
    const said = this.isStuck(upload) ? STUCK : outcome(upload);
    const text = JSON.stringify([upload, said]);
    if (text === this.shown) return;
    this.shown = text;
    const [word, colour] = STATES[upload.state] ?? [upload.state, ""];
    this.summary.replaceChildren(
      element("span", { className: "file", textContent: upload.file }),
      element("span", { className: `state ${colour}`, textContent: word }),
      element("span", { className: "line" }, ...line(upload, said)),
    );
    this.body.replaceChildren(...body(upload, said, this.onError));
  }

  /** Whether it lies in the inbox for longer than anything that works leaves it there. */
  isStuck(upload) {
    if (upload.state !== "received") return false;
    this.receivedAt ??= performance.now();
    return performance.now() - this.receivedAt > STUCK_AFTER_MS;
  }
}

/** The line below the name; what it says of the outcome is hidden while it is open. */
function line(upload, said) {
  const time = element("time", { dateTime: upload.changed_at, textContent: moment(upload.changed_at) });
  return [time, element("span", { className: "outcome", textContent: said })];
}

function* body(upload, said, onError) {
  if (upload.state !== "loaded") {
    const colour = upload.state === "failed" ? "message bad-text" : "message";
    yield element("p", { className: colour, textContent: said });
  }
  if (upload.rows_read) yield figures(upload);
  yield* rejections(upload.rejected_by_reason);
  yield* warnings(upload.warnings);
  yield* downloads(upload, onError);
  yield facts(upload);
}

function figures(upload) {
  const cells = Object.entries(FIGURES).map(([name, title]) =>
    element(
      "div",
      {},
      element("dt", { textContent: title }),
      element("dd", { textContent: count(upload[name]) }),
    ),
  );
  return element("dl", { className: "figures" }, ...cells);
}

function* rejections(reasons) {
  const most = Object.entries(reasons).sort(([, one], [, other]) => other - one);
  const parts = most.map(([reason, rows]) => `${count(rows)} ${reason.replaceAll("_", " ")}`);
  if (parts.length) yield element("p", {}, `Rejected: ${parts.join(", ")}`);
}

function* warnings(lines) {
  const items = lines.map((text) => element("li", { textContent: `Warning: ${text}` }));
  if (items.length) yield element("ul", { ariaLabel: "Warnings" }, ...items);
}

function* downloads(upload, onError) {
  for (const [what, path] of [["Results", upload.results_url], ["Rejects", upload.rejects_url]]) {
    if (!path) continue;
    const links = (what === "Results" ? ["csv", "xlsx", "parquet"] : ["csv", "xlsx"]).map((format) =>
      download(`${path}?format=${format}`, format, what, upload, onError),
    );
    yield element("div", { className: "get" }, element("span", { textContent: what }), ...links);
  }
}

function download(path, format, what, upload, onError) {
  const name = format === "parquet" ? "Parquet" : format.toUpperCase();
  const button = element("button", { type: "button", className: "small", textContent: name });
  button.ariaLabel = `${what} of ${upload.file} as ${name}`;
  button.onclick = async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    onError(null);
    try {
      await save(path);
    } catch (error) {
      onError(error);
    } finally {
      button.ariaBusy = "false";
    }
  };
  return button;
}

function facts(upload) {
  const parts = [`Upload ${upload.key}`];
  if (upload.rows_read) parts.push(`${upload.seconds.toFixed(2)} s`, `${count(Math.round(upload.rows_per_second))} rows/s`);
  // Without tokens every upload of this page is from one and the same.
  if (upload.submitted_by && !(upload.submitted_by === ANYBODY && token.get() === "")) parts.push(`from ${upload.submitted_by}`);
  const shown = element("p", { className: "quiet" }, parts.join(" · "));
  const run = linkTo(upload.run_url, "Dagster run");
  if (run) shown.append(" · ", run);
  return shown;
}
