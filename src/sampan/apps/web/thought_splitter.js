// Finds the thought where a server leaves it in `content` between its tags (`--reasoning-format none`).

const START = "<think>";
const END = "</think>";

export class ThoughtSplitter {
  #held = ""; // what may still become a tag
  #state = "start"; // then "thought", "gap", "answer"; without a tag at once "answer"

  /** Takes the next piece of content; returns what of it is thought and what is answer. */
  take(text) {
    const found = { thought: "", content: "" };
    this.#held += text;
    if (this.#state === "start") this.#begin();
    if (this.#state === "thought") found.thought = this.#think();
    if (this.#state === "gap" && this.#held.trimStart()) {
      this.#held = this.#held.trimStart();
      this.#state = "answer";
    }
    if (this.#state === "answer") {
      found.content = this.#held;
      this.#held = "";
    }
    return found;
  }

  #begin() {
    const text = this.#held.trimStart();
    if (text.startsWith(START)) {
      this.#held = text.slice(START.length).trimStart();
      this.#state = "thought";
    } else if (text && !START.startsWith(text)) {
      this.#state = "answer";
    }
  }

  #think() {
    const end = this.#held.indexOf(END);
    const length = end >= 0 ? end : this.#held.length - partOfTag(this.#held);
    const thought = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (end >= 0) {
      this.#held = this.#held.slice(END.length);
      this.#state = "gap";
    }
    return thought;
  }
}

/** How many characters at the end may be the beginning of the tag. */
function partOfTag(text) {
  for (let count = Math.min(END.length - 1, text.length); count > 0; count--) {
    if (END.startsWith(text.slice(-count))) return count;
  }
  return 0;
}
