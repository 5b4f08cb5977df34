// One answer on its way: asks the server, and writes what comes into its message.

import { answerNow, chat } from "./api.js";

const TICK = 100; // milliseconds between two looks at the clock

/**
 * The message's `state` goes from "waiting" over "thinking" and "answering" to "done", "stopped" or "failed"; it says
 * `thought`, `content`, `thoughtSeconds`, `finish`, `stopReason`, `error` and, in `speed`, what was measured.
 */
export class Answering {
  #controller = new AbortController();
  #sent = performance.now();
  #thoughtSince = 0;
  #first = 0; // when the first token came
  #last = 0;
  #numChunks = 0; // with text; there is at least a token in each
  #id = "";

  constructor(node, key, onChange) {
    this.node = node;
    this.key = key;
    this.onChange = onChange;
    this.isAskedToAnswer = false;
    Object.assign(node, { state: "waiting", thought: "", content: "", thoughtSeconds: null, speed: {} });
  }

  /** Returns when the answer has ended, however it did. */
  async run(body) {
    const clock = setInterval(() => this.#tick(), TICK);
    try {
      for await (const event of chat(body, this.key, this.#controller.signal)) this.#take(event);
      this.#end("done");
    } catch (error) {
      if (error.name === "AbortError") return this.#end("stopped");
      this.node.error = { kind: error.kind ?? "failed", message: error.message, retryAt: Date.now() + 1000 * (error.retryAfter ?? 0) };
      this.#end("failed");
    } finally {
      clearInterval(clock);
      this.onChange();
    }
  }

  stop() {
    this.#controller.abort();
  }

  /** Has the thought ended at once. */
  async answerNow() {
    this.isAskedToAnswer = true;
    this.onChange();
    try {
      await answerNow(this.#id, this.key);
    } catch {
      this.isAskedToAnswer = false;
      this.onChange();
      return false;
    }
    return true;
  }

  #take({ id, thought, content, finish, stopReason, usage }) {
    const { node } = this;
    this.#id = id || this.#id;
    if (thought || content) this.#count();
    if (thought) {
      this.#thoughtSince ||= performance.now();
      node.state = "thinking";
      node.thought += thought;
    }
    if (content) {
      if (node.state !== "answering") this.#endThought("answering");
      node.speed.firstAnswer ??= this.#since(this.#sent);
      node.content += content;
    }
    if (finish) Object.assign(node, { finish, stopReason });
    if (usage) node.speed.tokens = usage.completion_tokens;
    this.onChange();
  }

  #count() {
    this.#last = performance.now();
    this.#numChunks++;
    if (this.#first) return;
    this.#first = this.#last;
    this.node.speed.firstToken = this.#since(this.#sent);
  }

  #tick() {
    const { node } = this;
    if (node.state === "thinking") node.thoughtSeconds = this.#since(this.#thoughtSince);
    const elapsed = (this.#last - this.#first) / 1000;
    if (elapsed > 0.5) node.speed.rate = (this.#numChunks - 1) / elapsed;
    this.onChange();
  }

  #endThought(state) {
    if (this.#thoughtSince) this.node.thoughtSeconds = this.#since(this.#thoughtSince);
    this.#thoughtSince = 0;
    this.node.state = state;
  }

  #end(state) {
    this.#endThought(state);
    const { speed } = this.node;
    const elapsed = (this.#last - this.#first) / 1000;
    if (speed.tokens > 1 && elapsed > 0) Object.assign(speed, { rate: (speed.tokens - 1) / elapsed, isExact: true });
  }

  #since(start) {
    return (performance.now() - start) / 1000;
  }
}
