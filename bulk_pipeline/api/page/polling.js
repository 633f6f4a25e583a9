// Asking again and again: soon while things happen, less often while nothing does, and
// never while nobody looks.

import { Away, Refused } from "./client.js";

const SOON = 1_000;
const LATE = 15_000;
const IDLE = 30_000;
const GROWTH = 1.4;

/**
 * Fetches and shows for as long as the page lives.
 *
 * `fetched` asks the server; `show` takes its answer and says whether anything is on its
 * way; `failed` takes an error and the seconds until the next try, null where there is none.
 */
export class Poll {
  #pause = SOON;
  #timer = 0;
  #due = Infinity;
  #turn = 0;

  constructor(fetched, show, failed) {
    this.fetched = fetched;
    this.show = show;
    this.failed = failed;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#timer);
      this.#due = Infinity;
      if (!document.hidden) this.now();
    });
  }

  /** Look in a moment, and often from now on; many calls are one look. */
  soon() {
    this.#pause = SOON;
    this.#after(SOON);
  }

  /** Look at once, and often from now on. */
  now() {
    this.#pause = SOON;
    return this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    // An answer that a later look has overtaken is old news.
    const turn = (this.#turn += 1);
    let next;
    try {
      const answer = await this.fetched();
      if (turn !== this.#turn) return;
      next = this.show(answer) ? this.#pause : IDLE;
    } catch (error) {
      if (!(error instanceof Away || error instanceof Refused)) throw error;
      if (turn !== this.#turn) return;
      next = error.status === 401 ? null : Math.max(this.#pause, 1_000 * (error.waitSeconds ?? 0));
      this.failed(error, next === null ? null : Math.round(next / 1_000));
    }
    this.#pause = Math.min(this.#pause * GROWTH, LATE);
    if (next !== null) this.#after(next);
  }

  #after(milliseconds) {
    const due = performance.now() + milliseconds;
    if (document.hidden || this.#due < due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#look(), milliseconds);
  }
}
