// Colours code line by line. Between two lines it remembers only what is open: a long comment or string.

import { languageOf } from "./languages.js";

const MAX_LINE = 5000; // characters; a longer line is data rather than code

export class Highlighter {
  /** `name` is what stands behind the backquotes; code in an unknown language stays plain. */
  constructor(name) {
    this.language = languageOf(name);
  }

  /** The pieces of a line, `{kind, text}`, and the state behind it. `state` is that in front of it, null at the start. */
  line(text, state) {
    if (!this.language || text.length > MAX_LINE) return { pieces: [{ kind: "", text }], state };
    const pieces = [];
    let at = 0;
    const take = (kind, end) => {
      if (end > at) pieces.push({ kind, text: text.slice(at, end) });
      at = end;
    };
    while (at < text.length) {
      if (state) {
        const end = text.indexOf(state.end, at);
        take(state.kind, end < 0 ? text.length : end + state.end.length);
        if (end >= 0) state = null;
        continue;
      }
      const found = this.language.at(text, at);
      take(found.kind, found.end);
      state = found.opens ?? null;
    }
    return { pieces, state };
  }
}
