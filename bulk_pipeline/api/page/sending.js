// Files on their way to the server: one after another, each with its progress.

import { headers, refusal, token } from "./client.js";
import { byId, element, say } from "./element.js";
import { size } from "./words.js";

const PATH = "api/v1/ultra/process-excel";

const NOTHING_TAKEN = "Nothing of it was taken; you can send it again.";
const PERHAPS_TAKEN =
  "All of it was sent: look for it among the uploads. Sent again, it is loaded once all the same.";

const queue = [];
let current = null;

/** Send one file; resolves with the text of the answer, rejects with what went wrong. */
function transfer(file, request, onProgress) {
  return new Promise((resolve, reject) => {
    const sent = token.get();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", PATH);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    let left = NOTHING_TAKEN;
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.upload.onload = () => (left = PERHAPS_TAKEN);
    request.onload = () => {
      if (request.status === 202) resolve(request.responseText);
      else reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After"), sent));
    };
    request.onerror = () => reject(new Error(`The connection broke. ${left}`));
    request.onabort = () => reject(new Error(`Stopped. ${left}`));
    request.send(form);
  });
}

/** The line of one file, with its progress and its button. */
class Line {
  constructor(file) {
    this.file = file;
    this.request = null;
    this.progress = element("progress", { max: 1, value: 0, ariaLabel: `Sent of ${file.name}` });
    this.said = element("p", { className: "said quiet", textContent: `${size(file.size)}, waits for its turn` });
    this.button = element("button", { type: "button", textContent: "Stop", ariaLabel: `Stop ${file.name}` });
    this.button.onclick = () => this.stop();
    this.item = element(
      "li",
      {},
      element("span", { className: "file", textContent: file.name }),
      this.button,
      this.progress,
      this.said,
    );
    byId("sending").append(this.item);
  }

  /** The request that sends it now. */
  begun() {
    this.request = new XMLHttpRequest();
    return this.request;
  }

  /** The server has no time now; it goes on by itself. */
  waits(message) {
    this.moved(0);
    this.said.textContent = message;
  }

  /** So many bytes of the form are sent; it is a little larger than the file in it. */
  moved(sent) {
    const total = this.file.size;
    const share = sent < total ? sent / total : 1;
    this.progress.value = share;
    this.said.textContent =
      share < 1
        ? `${size(sent)} of ${size(total)} sent, ${Math.floor(100 * share)} %`
        : "All sent; the server writes it down";
  }

  stop() {
    const waiting = queue.indexOf(this);
    if (waiting < 0) this.request.abort();
    else {
      queue.splice(waiting, 1);
      this.item.remove();
    }
  }

  failed(message) {
    this.progress.remove();
    this.said.textContent = message;
    this.said.className = "said bad-text";
    this.button.textContent = "Dismiss";
    this.button.ariaLabel = `Dismiss ${this.file.name}`;
    this.button.onclick = () => this.item.remove();
    say(`${this.file.name} was not taken: ${message}`);
  }
}

async function work(onTaken, onRefused) {
  if (current) return;
  while ((current = queue.shift() ?? null)) {
    const line = current;
    try {
      const taken = JSON.parse(await transfer(line.file, line.begun(), (sent) => line.moved(sent)));
      line.item.remove();
      say(`${line.file.name} was received.`);
      onTaken(taken);
    } catch (error) {
      onRefused(error);
      if (error.status === 401) {
        queue.unshift(line);
        const isSignedInAnew = token.get() !== "" && token.get() !== error.token;
        if (isSignedInAnew) continue;
        line.waits("Goes on once you are signed in.");
        current = null;
        return;
      }
      if (error.waitSeconds) {
        queue.unshift(line);
        line.waits(error.message);
        await new Promise((resolve) => setTimeout(resolve, 1_000 * error.waitSeconds));
      } else line.failed(error.message);
    }
  }
}

/** Queue files, and go on with those that wait; each that was taken, or not, is told of. */
export function send(files, onTaken, onRefused) {
  for (const file of files) queue.push(new Line(file));
  work(onTaken, onRefused);
}

/** Show files that are not even sent, and why. */
export function refuse(files, message) {
  for (const file of files) new Line(file).failed(message);
}

/** Whether files would be lost if the page were left now. */
export function isSending() {
  return current !== null;
}
