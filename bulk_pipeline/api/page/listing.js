// The list of uploads: a page of it, of all or of those in one state.

import { byId, element, say, show } from "./element.js";
import { Upload } from "./upload.js";
import { STATES, count, counted, isUnfinished, outcome } from "./words.js";

const AT_ONCE = 20;

/** The list, its filter and its pages. */
export class Listing {
  #offset = 0;
  #items = new Map();
  /** Uploads sent from here → the state in which they were last seen. */
  #followed = new Map();

  constructor(again, onError) {
    this.again = again;
    this.onError = onError;
    const states = Object.entries(STATES).map(([value, [textContent]]) => element("option", { value, textContent }));
    byId("state").append(element("option", { value: "", textContent: "all" }), ...states);
    byId("state").onchange = () => this.#turn(0);
    byId("newer").onclick = () => this.#turn(this.#offset - AT_ONCE);
    byId("older").onclick = () => this.#turn(this.#offset + AT_ONCE);
  }

  /** Where the page of the list is that is to be seen. */
  path() {
    const asked = new URLSearchParams({ limit: AT_ONCE, offset: this.#offset });
    if (byId("state").value) asked.set("state", byId("state").value);
    return `api/v1/uploads?${asked}`;
  }

  /** Turn to where new uploads come in. */
  toNewest() {
    byId("state").value = "";
    this.#turn(0);
  }

  /** Open an upload that has just been sent, and tell what becomes of it. */
  follow(upload) {
    this.#followed.set(upload.key, upload.state);
  }

  /** Show a page of the list; whether any upload on it is still on its way. */
  show(page) {
    const kept = new Map();
    for (const upload of page.uploads) {
      const item = this.#items.get(upload.key) ?? new Upload(this.onError);
      item.show(upload);
      kept.set(upload.key, item);
      this.#tell(upload, item);
    }
    this.#items = kept;
    arrange(byId("list"), [...kept.values()].map((each) => each.item));
    this.#showPages(page);
    return page.uploads.some(isUnfinished);
  }

  #turn(offset) {
    this.#offset = Math.max(0, offset);
    this.again();
  }

  #tell(upload, item) {
    const before = this.#followed.get(upload.key);
    if (before === undefined || (before === upload.state && item.wasOpened)) return;
    item.open();
    this.#followed.set(upload.key, upload.state);
    const [word] = STATES[upload.state] ?? [upload.state];
    say(`${upload.file}: ${word}. ${outcome(upload)}`);
  }

  #showPages({ total, offset, next }) {
    const wanted = byId("state").selectedOptions[0].textContent;
    const none = byId("state").value ? `No upload is ${wanted.toLowerCase()}.` : "No uploads yet.";
    show(byId("none"), total ? "" : none);
    byId("pages").hidden = total <= AT_ONCE && offset === 0;
    byId("newer").disabled = offset === 0;
    byId("older").disabled = next === null;
    const last = Math.min(offset + AT_ONCE, total);
    byId("page-number").textContent = `${count(offset + 1)} to ${count(last)} of ${counted(total, "upload")}`;
  }
}

/** Give a list these items in this order; what is in its place already is not touched. */
function arrange(list, items) {
  const wanted = new Set(items);
  for (const item of [...list.children]) if (!wanted.has(item)) item.remove();
  items.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
}
