// Says things in the chosen language. A node remembers what it says (`data-say` and its kin) rather than how, so that
// one walk over the page switches the language.

import { WORDS } from "./words.js";

export const language = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

/** The words for a key, with `{name}`s filled in. */
export function words(key, args = {}) {
  const text = WORDS[language()][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => args[name] ?? "");
}

/** Makes a node say something, now and after the language is switched. */
export function say(node, key, args = {}) {
  const encoded = JSON.stringify(args);
  if (node.dataset.say === key && node.dataset.args === encoded) return node;
  node.dataset.say = key;
  node.dataset.args = encoded;
  node.textContent = words(key, args);
  return node;
}

/** Names a node that shows no words, for pointers and for screen readers. */
export function name(node, key) {
  node.dataset.name = key;
  node.setAttribute("aria-label", words(key));
  if (node.matches("button")) node.title = words(key);
  return node;
}

/** Says everything below `root` again, after the language has changed. */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-say]")) {
    node.textContent = words(node.dataset.say, JSON.parse(node.dataset.args ?? "{}"));
  }
  for (const node of root.querySelectorAll("[data-name]")) name(node, node.dataset.name);
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = words(node.dataset.placeholder);
}
