// Short messages at the edge of the page, perhaps with something to click.

import { el } from "./dom.js";
import { say } from "./i18n.js";

const SECONDS = 6;

/** Shows a message for a while. `action` is a word and what it does. */
export function toast(key, args = {}, action = null) {
  const node = el("div", { class: "toast" }, say(el("span"), key, args));
  if (action) {
    const [word, run] = action;
    const button = say(el("button", { type: "button" }), word);
    button.addEventListener("click", () => {
      node.remove();
      run();
    });
    node.append(button);
  }
  document.getElementById("toasts").replaceChildren(node);
  setTimeout(() => node.remove(), SECONDS * 1000);
}
