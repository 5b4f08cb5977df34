// Copies text, also where the page came over plain HTTP from another machine and browsers withhold their clipboard API.

import { el, icon } from "./dom.js";
import { name } from "./i18n.js";
import { toast } from "./toasts.js";

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}

/** A button that copies what `text()` returns and shows for a moment that it has. */
export function copyButton(text) {
  const button = name(el("button", { type: "button", class: "quiet" }, icon("copy")), "copy");
  button.addEventListener("click", async () => {
    if (!(await copy(text()))) return toast("copyFailed");
    button.replaceChildren(icon("check"));
    name(button, "copied");
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      name(button, "copy");
    }, 1500);
  });
  return button;
}
