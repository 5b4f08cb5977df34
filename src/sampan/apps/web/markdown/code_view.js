// A block of code: its language, a button that copies it, and coloured lines. Growing code is coloured line by line.

import { copyButton } from "../copy.js";
import { el } from "../dom.js";
import { say } from "../i18n.js";
import { Highlighter } from "./highlight.js";

export class CodeView {
  #highlighter;
  #lines = []; // what is shown
  #nodes = []; // a node for each line, which holds its line end too
  #states = []; // the highlighter's state in front of each line

  constructor(block) {
    this.info = block.language;
    const [language] = block.language.split(/\s/, 1);
    this.#highlighter = new Highlighter(language);
    this.code = el("code");
    const label = language ? el("span", { class: "language" }, language.slice(0, 40)) : say(el("span", { class: "language" }), "code");
    this.element = el(
      "div",
      { class: "code" },
      el("div", { class: "code-head" }, label, copyButton(() => this.#lines.join("\n"))),
      el("pre", { tabindex: 0 }, this.code),
    );
    this.show(block);
  }

  /** Whether a block may be what this one has become: not where the name of the language was only half there. */
  continues(block) {
    return block?.type === "code" && block.language === this.info;
  }

  /** Shows the block's lines; all but the last that were shown before are the same. */
  show({ lines }) {
    let from = Math.max(0, Math.min(this.#lines.length, lines.length) - 1);
    if (this.#lines[from] === lines[from] && from < lines.length) from++;
    while (this.#nodes.length > from) this.#nodes.pop().remove();
    this.#states.length = Math.min(this.#states.length, from + 1);
    for (let index = from; index < lines.length; index++) {
      const { pieces, state } = this.#highlighter.line(lines[index], this.#states[index] ?? null);
      const node = el("span", {}, ...pieces.map(pieceNode), "\n");
      this.#states[index + 1] = state;
      this.#nodes.push(node);
      this.code.append(node);
    }
    this.#lines = lines;
  }
}

const pieceNode = ({ kind, text }) => (kind ? el("span", { class: `t-${kind}` }, text) : text);
