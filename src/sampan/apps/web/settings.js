// The dialog of sampling controls and the key. What is typed counts at once; there is nothing to save.

import { el, icon } from "./dom.js";
import { name, say } from "./i18n.js";
import { apiKey, isKeyKept, saveSettings, setApiKey, settings } from "./store.js";

const NUMBERS = [
  // field of the request, its bounds
  ["temperature", { min: 0, max: 2, step: 0.05 }],
  ["top_p", { min: 0.05, max: 1, step: 0.05 }],
  ["max_tokens", { min: 1, max: 1_000_000, step: 1 }],
  ["thinking_budget", { min: 0, max: 1_000_000, step: 1 }],
  ["seed", { min: 0, max: 2 ** 31 - 1, step: 1 }],
];

/** The fields of a request that the user has set. */
export function requestFields() {
  return Object.fromEntries(NUMBERS.map(([field]) => [field, settings[field]]).filter(([, value]) => Number.isFinite(value)));
}

/** A dialog with a title and a button that closes it. A click beside it closes it too. */
export function dialog(title, ...children) {
  const close = name(el("button", { type: "button", class: "quiet", on: { click: () => node.close() } }, icon("close")), "close");
  const heading = say(el("h2", { id: `dialog-${title}` }), title);
  const body = el("div", { class: "dialog-body" }, el("div", { class: "dialog-head" }, heading, close), ...children);
  const node = el("dialog", { "aria-labelledby": `dialog-${title}` }, body);
  node.addEventListener("click", (event) => event.target === node && node.close());
  document.body.append(node);
  return node;
}

export class SettingsDialog {
  constructor(onKey) {
    this.onKey = onKey;
    this.numbers = NUMBERS.map(([field, bounds]) => this.#number(field, bounds));
    this.system = el("textarea", { id: "system", rows: 3 });
    this.system.addEventListener("input", () => saveSettings({ system: this.system.value }));
    this.key = el("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", data: { placeholder: "keyPlaceholder" } });
    this.keep = el("input", { id: "keep", type: "checkbox" });
    for (const node of [this.key, this.keep]) node.addEventListener("change", () => this.#takeKey());
    const reset = say(el("button", { type: "button", on: { click: () => this.#reset() } }), "reset");
    this.node = dialog(
      "settings",
      el("h3", {}, say(el("span"), "sampling"), reset),
      say(el("p", { class: "dim" }), "samplingNote"),
      el("div", { class: "fields" }, ...this.numbers.map(({ row }) => row)),
      labelled("system", this.system, "systemNote"),
      el("h3", {}, say(el("span"), "access")),
      labelled("key", this.key),
      el("label", { class: "check" }, this.keep, say(el("span"), "keep"), say(el("small", { class: "dim" }), "keepNote")),
    );
    this.node.addEventListener("close", () => this.#takeKey());
  }

  /** Opens the dialog, at the key if that is what is wanted. */
  open(atKey = false) {
    this.#fill();
    this.node.showModal();
    if (atKey) this.key.focus();
  }

  #fill() {
    for (const { field, input } of this.numbers) input.value = settings[field] ?? "";
    this.system.value = settings.system ?? "";
    this.key.value = apiKey();
    this.keep.checked = isKeyKept();
  }

  #number(field, bounds) {
    const input = el("input", { id: field, type: "number", inputmode: "decimal", data: { placeholder: "byDefault" }, ...bounds });
    input.addEventListener("input", () => {
      if (input.validity.valid) saveSettings({ [field]: input.value === "" ? undefined : input.valueAsNumber });
    });
    return { field, input, row: labelled(field, input) };
  }

  #reset() {
    saveSettings({ ...Object.fromEntries(NUMBERS.map(([field]) => [field, undefined])), system: "" });
    this.#fill();
  }

  #takeKey() {
    const key = this.key.value.trim();
    if (key === apiKey() && this.keep.checked === isKeyKept()) return;
    setApiKey(key, this.keep.checked);
    this.onKey();
  }
}

function labelled(key, field, note = null) {
  return el("div", { class: "field" }, say(el("label", { for: field.id }), key), field, note ? say(el("small", { class: "dim" }), note) : null);
}
