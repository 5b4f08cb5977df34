// TeX as models write it, as MathML, which browsers draw themselves. What is unknown stays readable as text.

import { ACCENTS, BLACKBOARD, FUNCTIONS, LARGE, SPACES, SYMBOLS } from "./symbols.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const TOKEN = /\\(?:[a-zA-Z]+\*?|.)|\d+(?:[.,]\d+)*|\s+|[^\\]/gsu;
const TEXT = new Set(["text", "textbf", "textit", "textrm", "mathrm", "mbox", "operatorname", "texttt"]);
const STYLED = new Set(["mathbf", "mathit", "mathcal", "mathsf", "boldsymbol", "bm", "mathfrak", "displaystyle", "textstyle", "limits", "nolimits"]);
const FENCES = { ".": "", "\\{": "{", "\\}": "}", "\\langle": "⟨", "\\rangle": "⟩", "\\|": "‖", "\\lfloor": "⌊", "\\rfloor": "⌋", "\\lceil": "⌈", "\\rceil": "⌉" };
const BRACKETS = { pmatrix: "()", bmatrix: "[]", Bmatrix: "{}", vmatrix: "||", Vmatrix: "‖‖", cases: "{ " };
const MAX_DEPTH = 40;

/** A formula. What lies too deep in it is shown as it was written. */
export function mathNode(tex, isBlock) {
  const root = m("math", ...new Parser(tex).row());
  root.setAttribute("display", isBlock ? "block" : "inline");
  root.setAttribute("title", tex.trim());
  return root;
}

function m(tag, ...children) {
  const node = document.createElementNS(MATHML, tag);
  node.append(...children);
  return node;
}

const row = (nodes) => (nodes.length === 1 ? nodes[0] : m("mrow", ...nodes));

function operator(text, isStretchy = false) {
  const node = m("mo", text);
  node.setAttribute("stretchy", String(isStretchy));
  return node;
}

class Parser {
  constructor(tex) {
    this.tokens = tex.match(TOKEN) ?? [];
    this.at = 0;
    this.depth = 0;
  }

  peek() {
    while (/^\s+$/.test(this.tokens[this.at] ?? "")) this.at++;
    return this.tokens[this.at];
  }

  next() {
    this.peek();
    return this.tokens[this.at++];
  }

  /** Nodes until one of the tokens in `ends`, which is not taken, or the end. */
  row(...ends) {
    const nodes = [];
    for (let token = this.peek(); token !== undefined && !ends.includes(token); token = this.peek()) nodes.push(this.scripted());
    return nodes;
  }

  /** An atom with what is written above and below it. */
  scripted() {
    const isLarge = LARGE[this.peek()?.slice(1)] !== undefined || ["\\lim", "\\max", "\\min"].includes(this.peek());
    const base = ["_", "^"].includes(this.peek()) ? m("mrow") : this.atom();
    const scripts = { _: null, "^": null };
    for (let token = this.peek(); ["_", "^", "'"].includes(token); token = this.peek()) {
      this.at++;
      if (token === "'") scripts["^"] = row([...(scripts["^"] ? [scripts["^"]] : []), operator("′")]);
      else if (scripts[token]) return m("mrow", scriptedNode(base, scripts, isLarge), this.atom());
      else scripts[token] = this.atom();
    }
    return scriptedNode(base, scripts, isLarge);
  }

  atom() {
    if (this.depth === MAX_DEPTH) {
      const rest = this.tokens.slice(this.at).join("");
      this.at = this.tokens.length;
      return m("mtext", rest);
    }
    this.depth++;
    const node = this.anyAtom();
    this.depth--;
    return node;
  }

  anyAtom() {
    const token = this.next();
    if (token === undefined) return m("mrow");
    if (token === "{") return this.group("}");
    if (token.startsWith("\\") && token.length > 1) return this.command(token);
    if (/^\d/.test(token)) return m("mn", token);
    if (/^\p{L}$/u.test(token)) return /^[a-zA-Z\u0370-\u03ff]$/.test(token) ? m("mi", token) : m("mtext", token);
    if (token === "~") return space("0.33em");
    return operator(token === "-" ? "−" : token === "*" ? "∗" : token);
  }

  group(end) {
    const nodes = this.row(end);
    this.at++;
    return row(nodes);
  }

  /** The characters of the next group, unparsed. */
  raw() {
    if (this.peek() !== "{") return this.next() ?? "";
    let depth = 0;
    const start = this.at + 1;
    for (; this.at < this.tokens.length; this.at++) {
      if (this.tokens[this.at] === "{") depth++;
      else if (this.tokens[this.at] === "}" && --depth === 0) break;
    }
    return this.tokens.slice(start, this.at++).join("");
  }

  command(token) {
    const name = token.slice(1);
    if (SYMBOLS[name]) return /^\p{L}$/u.test(SYMBOLS[name]) ? m("mi", SYMBOLS[name]) : operator(SYMBOLS[name]);
    if (LARGE[name]) return operator(LARGE[name]);
    if (SPACES[name]) return space(SPACES[name]);
    if (FUNCTIONS.has(name)) return m("mi", name);
    if (ACCENTS[name]) return accent(this.atom(), ...ACCENTS[name]);
    if (TEXT.has(name)) return m("mtext", this.raw().replace(/^ | $/g, "\u00a0"));
    if (STYLED.has(name)) return m("mrow");
    if (FENCES[token] !== undefined) return operator(FENCES[token]);
    switch (name) {
      case "frac":
      case "dfrac":
      case "tfrac":
      case "cfrac":
        return m("mfrac", this.atom(), this.atom());
      case "binom":
        return m("mrow", operator("(", true), withoutLine(m("mfrac", this.atom(), this.atom())), operator(")", true));
      case "sqrt":
        return this.root();
      case "boxed":
      case "fbox":
        return boxed(this.atom());
      case "mathbb":
        return m("mi", Array.from(this.raw(), (letter) => BLACKBOARD[letter] ?? letter).join(""));
      case "left":
        return this.fenced();
      case "begin":
        return this.table();
      case "pmod":
        return m("mrow", operator("("), m("mi", "mod"), space("0.33em"), this.atom(), operator(")"));
      case "tag":
        return m("mtext", `\u2003(${this.raw()})`);
      case "\\":
      case "newline":
        return m("mspace");
      default:
        return /^[a-zA-Z]/.test(name) ? m("mtext", token) : operator(name);
    }
  }

  root() {
    if (this.peek() !== "[") return m("msqrt", this.atom());
    this.at++;
    const index = this.group("]");
    return m("mroot", this.atom(), index);
  }

  fenced() {
    const fence = () => {
      const token = this.next() ?? "";
      return operator(FENCES[token] ?? token, true);
    };
    const open = fence();
    const inside = this.row("\\right");
    this.at++;
    return m("mrow", open, ...inside, fence());
  }

  table() {
    const name = this.raw();
    if (name === "array") this.raw(); // how its columns are aligned
    const rows = [[]];
    let token;
    do {
      rows.at(-1).push(m("mtd", ...this.row("&", "\\\\", "\\end")));
      token = this.next();
      if (token === "\\\\") rows.push([]);
    } while (token !== undefined && token !== "\\end");
    this.raw();
    if (rows.length > 1 && rows.at(-1).every((cell) => !cell.childNodes.length)) rows.pop();
    const node = m("mtable", ...rows.map((cells) => m("mtr", ...cells)));
    node.setAttribute("class", /align|split|gather/.test(name) ? "aligned" : name === "cases" ? "cases" : "");
    const brackets = BRACKETS[name];
    return brackets ? m("mrow", operator(brackets[0], true), node, operator(brackets[1].trim(), true)) : node;
  }
}

function scriptedNode(base, scripts, isLarge) {
  const { _: below, "^": above } = scripts;
  if (below && above) return m(isLarge ? "munderover" : "msubsup", base, below, above);
  if (below) return m(isLarge ? "munder" : "msub", base, below);
  if (above) return m(isLarge ? "mover" : "msup", base, above);
  return base;
}

function accent(base, mark, isBelow, isStretchy) {
  const node = m(isBelow ? "munder" : "mover", base, operator(mark, isStretchy));
  node.setAttribute("accent", "true");
  return node;
}

function boxed(inside) {
  const node = m("mrow", inside);
  node.setAttribute("class", "boxed");
  return node;
}

function withoutLine(fraction) {
  fraction.setAttribute("linethickness", "0");
  return fraction;
}

function space(width) {
  const node = m("mspace");
  node.setAttribute("width", width);
  return node;
}
