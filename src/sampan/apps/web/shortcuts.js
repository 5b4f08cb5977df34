// Keys that work anywhere on the page, and the dialog that lists them. Those with Alt go by the key's place, because Alt
// makes other characters on a Mac.

import { el } from "./dom.js";
import { say } from "./i18n.js";
import { dialog } from "./settings.js";

const ALT = { KeyN: "new", KeyA: "answer", KeyR: "retry", KeyT: "thought", KeyC: "copy", KeyB: "sidebar", KeyS: "settings" };
const SHOWN = [
  [["Enter"], "key_send"],
  [["Shift", "Enter"], "key_line"],
  [["Esc"], "key_stop"],
  [["↑"], "key_last"],
  ...Object.entries(ALT).map(([code, action]) => [["Alt", code.slice(3)], `key_${action}`]),
  [["Ctrl", "/"], "key_help"],
];

/** Listens for keys. `actions` has a function for each word in `ALT`, and `stop` and `help`. */
export function listenForKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    const isAlt = event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const action =
      event.key === "Escape" ? "stop" : isAlt ? ALT[event.code] : (event.ctrlKey || event.metaKey) && event.key === "/" ? "help" : undefined;
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });
}

export function shortcutsDialog() {
  const rows = SHOWN.map(([keys, word]) =>
    el("div", {}, el("dt", {}, ...keys.flatMap((key, index) => [index ? " + " : "", el("kbd", {}, key)])), say(el("dd"), word)),
  );
  return dialog("shortcuts", el("dl", { class: "keys" }, ...rows));
}
