// What happens on the page: conversations are opened, questions sent, answers stopped. Several conversations may be
// answered at the same time; the one that is shown is only one of them.

import { Answering } from "./answering.js";
import { add, createConversation, messagesBefore, path, removeLeaf, titleFrom, turn } from "./conversation.js";
import { requestFields } from "./settings.js";
import { apiKey, deleteConversation, loadConversation, saveConversation, settings } from "./store.js";

const SAVE_EVERY = 2000; // milliseconds, while an answer comes

export class Desk {
  #running = new Map(); // conversation id -> {conversation, answering}
  #saved = 0;

  /**
   * `events` are what the page does then: `shown(conversation)`, `changed(node)`, `listed()`, `full()`,
   * `ended(node)`.
   */
  constructor(events) {
    this.events = events;
    this.model = null; // the server's, once it is known
    this.current = createConversation();
  }

  get answering() {
    return this.#running.get(this.current.id)?.answering ?? null;
  }

  isBusy(id) {
    return this.#running.has(id);
  }

  /** The stream of a message of this conversation, or null. */
  answeringOf(node) {
    return this.answering?.node === node ? this.answering : null;
  }

  begin() {
    if (path(this.current).length) this.current = createConversation();
    this.#show();
  }

  open(id) {
    if (id === this.current.id) return;
    const conversation = this.#running.get(id)?.conversation ?? loadConversation(id);
    if (!conversation) return;
    if (!this.isBusy(id)) closeOpenAnswers(conversation);
    this.current = conversation;
    this.#show();
  }

  send(text) {
    if (this.answering) return;
    this.#ask(path(this.current).at(-1), text);
  }

  /** The same place in the conversation with other words. */
  edit(node, text) {
    if (!this.answering) this.#ask(this.current.nodes[node.parent], text);
  }

  /** Another answer beside this one, or instead of it where it has nothing to show. */
  retry(node) {
    if (this.answering) return;
    const question = this.current.nodes[node.parent];
    if (!node.content && !node.thought && !this.current.children[node.id]?.length) removeLeaf(this.current, node);
    this.#answer(question);
  }

  turn(node, step) {
    if (this.answering) return;
    turn(this.current, node, step);
    this.save(this.current);
    this.#show();
  }

  stop() {
    this.answering?.stop();
  }

  rename(id, title) {
    const conversation = this.#held(id);
    if (!conversation) return;
    conversation.title = title;
    this.save(conversation);
    if (id === this.current.id) this.#show();
  }

  /** Returns the conversation, so that it can be put back. */
  remove(id) {
    const conversation = this.#held(id);
    this.#running.get(id)?.answering.stop();
    this.#running.delete(id);
    deleteConversation(id);
    if (id === this.current.id) this.current = createConversation();
    this.#show();
    return conversation;
  }

  /** Returns whether there was room for it. */
  save(conversation) {
    this.#saved = performance.now();
    const isSaved = saveConversation(conversation);
    if (!isSaved) this.events.full();
    this.events.listed();
    return isSaved;
  }

  /** Before the page goes away. */
  saveAll() {
    for (const { conversation } of this.#running.values()) saveConversation(conversation);
  }

  #held(id) {
    return id === this.current.id ? this.current : (this.#running.get(id)?.conversation ?? loadConversation(id));
  }

  #ask(parent, text) {
    this.current.title ||= titleFrom(text);
    this.#answer(add(this.current, parent, { role: "user", content: text }));
  }

  async #answer(question) {
    const conversation = this.current;
    const node = add(conversation, question, { role: "assistant", content: "" });
    const answering = new Answering(node, apiKey(), () => this.#changed(conversation, node));
    this.#running.set(conversation.id, { conversation, answering });
    this.save(conversation);
    this.#show();
    await answering.run({
      ...(this.model && { model: this.model }),
      messages: messagesBefore(conversation, node, settings.system?.trim()),
      stream: true,
      stream_options: { include_usage: true },
      ...requestFields(),
    });
    if (!this.#running.delete(conversation.id)) return; // it was deleted meanwhile
    this.save(conversation);
    if (conversation === this.current) this.#show();
    this.events.ended(node);
  }

  #changed(conversation, node) {
    if (conversation === this.current) this.events.changed(node);
    if (performance.now() - this.#saved > SAVE_EVERY && this.#running.has(conversation.id)) this.save(conversation);
  }

  #show() {
    this.events.shown(this.current);
    this.events.listed();
  }
}

/** Answers that were on their way when the page was closed. */
function closeOpenAnswers(conversation) {
  for (const node of Object.values(conversation.nodes)) {
    if (!["waiting", "thinking", "answering"].includes(node.state)) continue;
    node.state = "failed";
    node.error = { kind: "interrupted", message: "", retryAt: 0 };
  }
}
