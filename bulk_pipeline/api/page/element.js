// Elements of the page. Text goes in as text, never as markup: a file may have any name.

const SAID_FOR_MS = 10_000;

/** An element with these properties and children; a string becomes a text node. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A link to an address of the web, in a tab of its own; null for any other address. */
export function linkTo(address, text) {
  if (!/^https?:\/\//.test(address ?? "")) return null;
  return element("a", { href: address, target: "_blank", rel: "noopener", textContent: text });
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Show a text in an element, or hide the element where there is none. */
export function show(shown, text) {
  if (shown.textContent !== text) shown.textContent = text;
  shown.hidden = text === "";
}

/** Tell those who listen to the page what has changed; two at once are both said. */
export function say(text) {
  const line = element("p", { textContent: text });
  byId("said").append(line);
  setTimeout(() => line.remove(), SAID_FOR_MS);
}
