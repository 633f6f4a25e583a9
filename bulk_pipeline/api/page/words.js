// Figures and states in words.

const NUMBERS = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** State → its word, its colour, and what it means where there is nothing to count yet. */
export const STATES = {
  received: ["Received", "wait", "In the inbox; taken up within seconds."],
  claimed: ["Claimed", "wait", "Taken up; its run begins soon."],
  waiting: ["Waiting", "wait", "Tried again by itself."],
  running: ["Running", "wait", "Being read, checked, scored and stored."],
  loaded: ["Loaded", "good", ""],
  repeated: ["Repeated", "good", "The same content was loaded before; nothing was stored again."],
  failed: ["Failed", "bad", "Nothing of it was stored."],
  withdrawn: ["Withdrawn", "", "Its rows were taken out again."],
};

const UNFINISHED = new Set(["received", "claimed", "waiting", "running"]);

/** Whether an upload is still on its way. */
export function isUnfinished(upload) {
  return UNFINISHED.has(upload.state);
}

/** 1234567 → "1,234,567". */
export function count(number) {
  return NUMBERS.format(number);
}

/** A count with its noun: "1 row", "1,200 rows". */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A size in bytes for people: "20 MiB", "1.4 GiB". */
export function size(bytes) {
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A moment in the reader's own time zone; of today, only the time. */
export function moment(iso) {
  const when = new Date(iso);
  const isToday = when.toDateString() === new Date().toDateString();
  return (isToday ? TIME : DATE_AND_TIME).format(when);
}

/** The latest load in one line. */
export function pace(metrics) {
  if (!metrics.rows_read) return "Latest load: nothing new to read";
  const rate = `${count(Math.round(metrics.rows_per_second))} rows/s`;
  return `Latest load: ${rate}, tier ${metrics.tier}, ${counted(metrics.rows_read, "row")}`;
}

/** A message without what only the command line can do. */
function said(message) {
  return message.replace(/; --force [^.]*/, "");
}

/** What became of an upload, in one line. */
export function outcome(upload) {
  if (upload.state !== "loaded") return said(upload.message) || (STATES[upload.state]?.[2] ?? "");
  const parts = ["inserted", "updated", "duplicates", "rejected"]
    .filter((name) => upload[name])
    .map((name) => `${count(upload[name])} ${name}`);
  return `${counted(upload.rows_read, "row")} read: ${parts.join(", ")}`;
}
