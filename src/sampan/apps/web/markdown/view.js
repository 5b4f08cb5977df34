// Shows a growing Markdown text. What is complete is drawn once: only the last block, which may still change, is drawn
// again, and of a block of code only its new lines. So a stream's cost does not grow with the length of the answer.

import { el } from "../dom.js";
import { name } from "../i18n.js";
import { nextBlock } from "./blocks.js";
import { CodeView } from "./code_view.js";
import { inline } from "./inline.js";
import { mathNode } from "./math.js";

export class MarkdownView {
  #tail = ""; // the text from the first block on that may still change
  #length = 0; // of the text that has been shown
  #open = []; // nodes of the tail
  #code = null; // the view of the tail's first block, where that is code

  constructor() {
    this.element = el("div", { class: "prose" });
  }

  /** Shows `text`, which begins with what was shown before. `isWhole` says that nothing will be added. */
  show(text, isWhole = false) {
    if (text.length === this.#length && !isWhole) return;
    this.#tail += text.slice(this.#length);
    this.#length = text.length;
    const lines = this.#tail.split("\n");
    const found = []; // [block, its first line]
    for (let at = 0; at < lines.length; ) {
      const [block, next] = nextBlock(lines, at);
      if (block) found.push([block, at]);
      at = next;
    }
    // A block has ended for good where the next one begins in a complete line: half a line may turn out to belong to it.
    let ended = 0;
    while (ended + 1 < found.length && (isWhole || found[ended + 1][1] < lines.length - 1)) ended++;
    this.#draw(found.map(([block]) => block), ended);
    if (ended) this.#tail = lines.slice(found[ended][1]).join("\n");
  }

  #draw(blocks, ended) {
    const kept = this.#code?.continues(blocks[0]) ? 1 : 0;
    if (kept) this.#code.show(blocks[0]);
    for (const node of this.#open.slice(kept)) node.remove();
    this.#open = kept && !ended ? [this.#open[0]] : [];
    if (!kept || ended) this.#code = null;
    for (let index = kept; index < blocks.length; index++) {
      const view = blocks[index].type === "code" ? new CodeView(blocks[index]) : null;
      const node = view ? view.element : blockNode(blocks[index]);
      this.element.append(node);
      if (index >= ended) this.#open.push(node);
      if (index === ended) this.#code = view;
    }
  }
}

/** The node of a block. */
function blockNode(block) {
  switch (block.type) {
    case "code":
      return new CodeView(block).element;
    case "heading":
      return el(`h${Math.min(6, block.level + 2)}`, {}, ...inline(block.text)); // the page's own are h1 and h2
    case "rule":
      return el("hr");
    case "math":
      return el("div", { class: "formula", tabindex: 0 }, mathNode(block.text, true));
    case "quote":
      return el("blockquote", {}, ...block.blocks.map(blockNode));
    case "list":
      return listNode(block);
    case "table":
      return tableNode(block);
    default:
      return el("p", {}, ...inline(block.text));
  }
}

function listNode({ start, items, isTight }) {
  const nodes = items.map((blocks) => el("li", {}, ...itemNodes(blocks, isTight)));
  return start === null ? el("ul", {}, ...nodes) : el("ol", { start: start === 1 ? null : start }, ...nodes);
}

/** Items of a tight list hold their text without paragraphs; `[ ]` and `[x]` become boxes. */
function itemNodes(blocks, isTight) {
  return blocks.flatMap((block, index) => {
    if (block.type !== "text") return [blockNode(block)];
    const task = index === 0 && /^\[([ xX])\] +/.exec(block.text);
    const box = task ? [el("input", { type: "checkbox", disabled: true, checked: task[1] !== " " }), " "] : [];
    const nodes = [...box, ...inline(task ? block.text.slice(task[0].length) : block.text)];
    return isTight ? nodes : [el("p", {}, ...nodes)];
  });
}

function tableNode({ aligns, rows: [head, ...body] }) {
  const cell = (tag, text, index) => el(tag, { class: aligns[index] || null }, ...inline(text));
  const row = (tag, cells) => el("tr", {}, ...aligns.map((_, index) => cell(tag, cells[index] ?? "", index)));
  const table = el("table", {}, el("thead", {}, row("th", head)), el("tbody", {}, ...body.map((cells) => row("td", cells))));
  return name(el("div", { class: "table", tabindex: 0, role: "region" }, table), "table"); // scrolls by itself
}
