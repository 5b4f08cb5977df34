// One message of a conversation, with what can be done with it.

import { copyButton } from "./copy.js";
import { el, icon, setText } from "./dom.js";
import { errorView } from "./error_view.js";
import { name, say, words } from "./i18n.js";
import { MarkdownView } from "./markdown/view.js";
import { ThoughtView } from "./thought_view.js";

/** `actions` are the page's: `retry`, `edit`, `turn`, `answerNow`, `enterKey`. */
export function messageView(node, actions) {
  return node.role === "user" ? new UserView(node, actions) : new AnswerView(node, actions);
}

function button(iconName, key, run) {
  return name(el("button", { type: "button", class: "quiet", on: { click: run } }, icon(iconName)), key);
}

/** Turns between the versions of a message; hidden where there is one. */
class Versions {
  constructor(node, actions) {
    this.label = el("span");
    this.previous = button("left", "previousBranch", () => actions.turn(node, -1));
    this.next = button("right", "nextBranch", () => actions.turn(node, 1));
    this.element = el("span", { class: "versions" }, this.previous, this.label, this.next);
  }

  update(index, count) {
    this.element.hidden = count < 2;
    this.previous.disabled = index === 0;
    this.next.disabled = index === count - 1;
    say(this.label, "branch", { index: index + 1, count });
  }
}

class UserView {
  constructor(node, actions) {
    this.node = node;
    this.actions = actions;
    this.text = el("div", { class: "bubble" });
    this.versions = new Versions(node, actions);
    const tools = el("div", { class: "tools" }, this.versions.element, copyButton(() => node.content), button("edit", "edit", () => this.edit()));
    this.shown = [this.text, tools];
    this.element = el("article", { class: "message user" }, say(el("h3", { class: "hidden" }), "you"), ...this.shown);
  }

  sketch() {
    setText(this.text, this.node.content);
  }

  update() {
    this.sketch();
  }

  /** A field in place of the text; sending it begins a new branch. */
  edit() {
    const field = el("textarea", { "aria-label": words("edit"), rows: Math.min(12, this.node.content.split("\n").length + 1) });
    field.value = this.node.content;
    const close = () => {
      form.replaceWith(...this.shown);
      this.shown[1].lastChild.focus();
    };
    const send = () => {
      if (!field.value.trim()) return;
      close();
      this.actions.edit(this.node, field.value.trim());
    };
    const save = say(el("button", { type: "submit", class: "primary" }), "save");
    const cancel = say(el("button", { type: "button", on: { click: close } }), "cancel");
    const form = el("form", { class: "editor" }, field, el("div", { class: "row" }, cancel, save));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
        event.preventDefault();
        send();
      }
    });
    this.text.replaceWith(form);
    this.shown[1].remove();
    field.focus();
  }
}

class AnswerView {
  #isDrawn = false;
  #error = null;

  constructor(node, actions) {
    this.node = node;
    this.actions = actions;
    this.thought = new ThoughtView(actions);
    this.waiting = el("div", { class: "waiting" }, el("span", { class: "dots", "aria-hidden": "true" }), say(el("span"), "waiting"));
    this.prose = new MarkdownView();
    this.note = el("p", { class: "note", hidden: true });
    this.problem = el("div");
    this.speed = { rate: el("span"), tokens: el("span"), firstToken: el("span"), firstAnswer: el("span") };
    this.versions = new Versions(node, actions);
    this.copy = copyButton(() => node.content);
    this.retry = button("retry", "retry", () => actions.retry(node));
    this.tools = el("div", { class: "tools" }, this.versions.element, this.copy, this.retry, el("span", { class: "speed" }, ...Object.values(this.speed)));
    this.element = el(
      "article",
      { class: "message answer" },
      say(el("h3", { class: "hidden" }), "model"),
      this.thought.element,
      this.waiting,
      this.prose.element,
      this.note,
      this.problem,
      this.tools,
    );
  }

  /** The bare text, until there is time to draw it. */
  sketch() {
    if (!this.#isDrawn) setText(this.prose.element, this.node.content);
  }

  update(answering = null) {
    const { node } = this;
    if (!this.#isDrawn) this.prose.element.replaceChildren();
    this.#isDrawn = true;
    const isOpen = ["waiting", "thinking", "answering"].includes(node.state);
    this.thought.update(node, answering);
    this.waiting.hidden = node.state !== "waiting";
    this.element.setAttribute("aria-busy", String(isOpen));
    this.prose.element.classList.toggle("live", node.state === "answering");
    this.prose.show(node.content, !isOpen);
    this.copy.hidden = isOpen || !node.content;
    this.retry.hidden = isOpen || node.state === "failed"; // the error has its own
    this.tools.hidden = isOpen && node.state === "waiting";
    this.#say(noteOf(node));
    this.#showSpeed(node.speed ?? {});
    if (this.#error !== node.error) {
      this.#error = node.error;
      this.problem.replaceChildren(...(node.error ? [errorView(node.error, { retry: () => this.actions.retry(node), enterKey: this.actions.enterKey })] : []));
    }
  }

  #say(key) {
    this.note.hidden = !key;
    if (key) say(this.note, key);
  }

  #showSpeed({ rate, isExact, tokens, firstToken, firstAnswer }) {
    const parts = {
      rate: rate && [isExact ? "rate" : "rateAbout", { rate: rate.toFixed(rate < 10 ? 1 : 0) }],
      tokens: tokens && ["tokens", { count: tokens }],
      firstToken: firstToken && ["firstToken", { seconds: firstToken.toFixed(2) }],
      firstAnswer: firstAnswer && this.node.thought && ["firstAnswer", { seconds: firstAnswer.toFixed(2) }],
    };
    for (const [key, part] of Object.entries(parts)) {
      this.speed[key].hidden = !part;
      if (part) say(this.speed[key], ...part);
    }
  }
}

function noteOf({ state, finish, stopReason, content }) {
  if (state === "stopped") return "stoppedNote";
  if (state !== "done") return "";
  if (stopReason === "repetition") return "repeated";
  if (finish === "length") return "cut";
  return content ? "" : "noAnswer";
}
