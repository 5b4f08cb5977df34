// The messages of the conversation that is shown. Draws at most once a frame, and less often where a frame is dear.

import { path, versions } from "./conversation.js";
import { Follow } from "./follow.js";
import { messageView } from "./message_view.js";

const DRAWN_AT_ONCE = 12; // messages; earlier ones follow when there is time
const SLICE = 8; // milliseconds of drawing in one go
const SHARE = 3; // after drawing for a while, at least this many times as long is left to other things

export class Chat {
  #views = new Map(); // by the message's id
  #dirty = new Set(); // messages that have changed
  #isScheduled = false;
  #restUntil = 0;
  #undrawn = []; // views of earlier messages
  #conversation = null;

  constructor({ messages, scroller, latest }, actions, answeringOf) {
    this.messages = messages;
    this.actions = actions;
    this.answeringOf = answeringOf; // message -> its stream, or null
    this.follow = new Follow(scroller, (isFollowing) => (latest.hidden = isFollowing));
    latest.addEventListener("click", () => this.follow.jump());
  }

  /** Shows the chosen branch of a conversation. Messages that were shown before keep their views. */
  show(conversation) {
    const kept = conversation === this.#conversation ? this.#views : new Map();
    const isNew = conversation !== this.#conversation;
    this.#conversation = conversation;
    this.#views = kept;
    const nodes = path(conversation);
    const fresh = [];
    const elements = nodes.map((node) => {
      let view = kept.get(node.id);
      if (!view) {
        view = messageView(node, this.actions);
        view.sketch();
        kept.set(node.id, view);
        fresh.push(view);
      }
      const ids = versions(conversation, node);
      view.versions.update(ids.indexOf(node.id), ids.length);
      return view.element;
    });
    this.#place(elements);
    for (const view of fresh.splice(-DRAWN_AT_ONCE)) view.update(this.answeringOf(view.node));
    const isIdle = !this.#undrawn.length;
    this.#undrawn = isNew ? fresh : [...this.#undrawn, ...fresh];
    if (this.#undrawn.length && isIdle) setTimeout(() => this.#drawEarlier());
    if (isNew) this.follow.jump();
    else this.follow.keep();
  }

  /** A message has changed. */
  changed(node) {
    if (!this.#views.has(node.id)) return;
    this.#dirty.add(node);
    this.#schedule();
  }

  /** The view of the last answer, or undefined. */
  lastAnswer() {
    return this.#last("assistant");
  }

  /** The view of the last message that the user wrote, or undefined. */
  lastQuestion() {
    return this.#last("user");
  }

  #last(role) {
    const node = this.#conversation && path(this.#conversation).findLast((each) => each.role === role);
    return node && this.#views.get(node.id);
  }

  /** Puts the elements in place without touching those that are. */
  #place(elements) {
    const wanted = new Set(elements);
    for (const element of [...this.messages.children]) if (!wanted.has(element)) element.remove();
    let next = this.messages.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.messages.insertBefore(element, next);
    }
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const wait = this.#restUntil - performance.now();
    if (wait > 0) setTimeout(() => requestAnimationFrame(() => this.#draw()), wait);
    else requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#isScheduled = false;
    const start = performance.now();
    for (const node of this.#dirty) this.#views.get(node.id)?.update(this.answeringOf(node));
    this.#dirty.clear();
    this.follow.keep();
    this.#restUntil = performance.now() + SHARE * (performance.now() - start) - 16;
  }

  /** Draws earlier messages from the last to the first, a slice at a time. */
  #drawEarlier() {
    const ends = performance.now() + SLICE;
    while (this.#undrawn.length && performance.now() < ends) {
      const view = this.#undrawn.pop();
      view.update(this.answeringOf(view.node));
    }
    this.follow.keep();
    if (this.#undrawn.length) setTimeout(() => this.#drawEarlier());
  }
}
