// A thought: one line with its time, a glimpse of its end while it goes on, and all of it when it is unfolded. What is
// folded is not drawn.

import { el, icon, setText } from "./dom.js";
import { say } from "./i18n.js";
import { MarkdownView } from "./markdown/view.js";

const GLIMPSE = 400; // characters

export class ThoughtView {
  #prose = null;
  #node = null;

  constructor(actions) {
    this.label = el("span", { class: "label" });
    this.toggle = el("button", { type: "button", class: "fold", "aria-expanded": "false" }, icon("right"), this.label);
    this.toggle.addEventListener("click", () => this.fold(this.isOpen));
    this.answerNow = el("button", { type: "button", class: "pill", hidden: true }, icon("bolt"), say(el("span"), "answerNow"));
    this.answerNow.addEventListener("click", () => actions.answerNow());
    this.glimpse = el("div", { class: "glimpse", "aria-hidden": "true" }, el("p"));
    this.body = el("div", { class: "thought-body", hidden: true });
    this.element = el("section", { class: "thought" }, el("div", { class: "thought-head" }, this.toggle, this.answerNow), this.glimpse, this.body);
  }

  get isOpen() {
    return !this.body.hidden;
  }

  fold(isFolded = this.isOpen) {
    this.body.hidden = isFolded;
    this.toggle.setAttribute("aria-expanded", String(!isFolded));
    this.element.classList.toggle("open", !isFolded);
    this.update(this.#node);
  }

  /** Shows the thought of a message. `answering` is its stream, while there is one. */
  update(node, answering = null) {
    this.#node = node;
    const isThinking = node.state === "thinking";
    this.element.hidden = !node.thought;
    this.element.classList.toggle("live", isThinking);
    const seconds = node.thoughtSeconds ?? 0;
    const args = { seconds: seconds.toFixed(isThinking || seconds >= 1 ? 1 : 2) };
    const isCut = ["stopped", "failed"].includes(node.state) && !node.content;
    say(this.label, isThinking ? "thinkingFor" : isCut ? "thoughtCut" : "thoughtFor", args);
    if (answering) {
      this.answerNow.disabled = answering.isAskedToAnswer;
      say(this.answerNow.lastChild, answering.isAskedToAnswer ? "answerNowAsked" : "answerNow");
    }
    this.answerNow.hidden = !isThinking;
    this.glimpse.hidden = !isThinking || this.isOpen;
    if (!this.glimpse.hidden) setText(this.glimpse.firstChild, node.thought.slice(-GLIMPSE).replace(/\n{2,}/g, "\n"));
    if (this.isOpen) this.#draw(node, isThinking);
  }

  #draw(node, isThinking) {
    if (!this.#prose) {
      this.#prose = new MarkdownView();
      this.body.append(this.#prose.element);
    }
    this.#prose.show(node.thought, !isThinking);
  }
}
