// Why there is no answer, in plain words, what the server said, and what can be done.

import { el, icon } from "./dom.js";
import { say } from "./i18n.js";

/** A card for the `error` of a message. Where the server said when to come back, the button counts down to it. */
export function errorView(error, { retry, enterKey }) {
  const button = el("button", { type: "button", class: "primary" });
  const isKey = error.kind === "key" || error.kind === "keyWrong";
  button.addEventListener("click", isKey ? enterKey : retry);
  const again = isKey ? el("button", { type: "button", on: { click: retry } }) : null;
  if (again) say(again, "retry");
  const countDown = () => {
    const seconds = Math.ceil((error.retryAt - Date.now()) / 1000);
    button.disabled = seconds > 0;
    if (seconds > 0) {
      say(button, "retryIn", { seconds });
      setTimeout(countDown, 250);
    } else {
      say(button, "retry");
    }
  };
  if (isKey) say(button, "enterKey");
  else countDown();
  return el(
    "div",
    { class: "error", role: "alert" },
    icon("alert"),
    el("div", {}, say(el("strong"), `error_${error.kind}`), error.message ? el("p", {}, error.message) : null),
    el("div", { class: "row" }, button, again),
  );
}
