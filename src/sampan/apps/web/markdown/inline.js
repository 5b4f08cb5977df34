// Markdown within a paragraph, as DOM nodes. One pass over the text; emphasis is paired by a stack, so time is linear.

import { el } from "../dom.js";
import { mathNode } from "./math.js";

const PLAIN = /[^\\`*_~[!<h$\n]+/y;
const BARE_URL = /https?:\/\/[^\s<>"'`，。；、）】」》]+/iy;
const ANGLE_URL = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const MAX_LABEL = 2000; // characters of a link's text; a longer one is no link
const MAX_DEPTH = 6; // of links' texts in each other

/** The nodes of a text. */
export function inline(text, depth = 0) {
  const pieces = []; // nodes, and {mark, count, opens, closes} where emphasis may begin or end
  let plain = "";
  const flush = () => {
    if (plain) pieces.push(document.createTextNode(plain));
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    PLAIN.lastIndex = at;
    const match = PLAIN.exec(text);
    if (match) {
      plain += match[0];
      at = PLAIN.lastIndex;
      continue;
    }
    const found = special(text, at, depth);
    if (found) {
      flush();
      pieces.push(found.piece);
      at = found.next;
    } else if (text[at] === "\\" && ESCAPABLE.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
    } else {
      plain += text[at++];
    }
  }
  flush();
  return paired(pieces);
}

/** Where something begins at `text[at]`: what it is, and where it ends. */
function special(text, at, depth) {
  switch (text[at]) {
    case "\n":
      return { piece: el("br"), next: at + 1 };
    case "`":
      return codeSpan(text, at);
    case "\\":
    case "$":
      return math(text, at);
    case "[":
      return depth < MAX_DEPTH ? link(text, at, depth) : null;
    case "!":
      return text[at + 1] === "[" && depth < MAX_DEPTH ? link(text, at + 1, depth) : null; // images are not fetched
    case "<":
      return url(text, at, ANGLE_URL, 1);
    case "h":
      return /\w/.test(text[at - 1] ?? "") ? null : url(text, at, BARE_URL, 0);
    default:
      return "*_~".includes(text[at]) ? marks(text, at) : null;
  }
}

function codeSpan(text, at) {
  let end = at;
  while (text[end] === "`") end++;
  const ticks = text.slice(at, end);
  for (let close = text.indexOf(ticks, end); close >= 0; close = text.indexOf(ticks, close)) {
    let after = close;
    while (text[after] === "`") after++;
    if (after - close === ticks.length) {
      const inside = text.slice(end, close).replaceAll("\n", " ");
      const trimmed = /^ .*\S.* $/.test(inside) ? inside.slice(1, -1) : inside;
      return { piece: el("code", {}, trimmed), next: after };
    }
    close = after;
  }
  return null;
}

function math(text, at) {
  const ends = { "\\(": "\\)", "\\[": "\\]", $$: "$$" };
  const start = text.slice(at, at + 2);
  if (start in ends) {
    const end = text.indexOf(ends[start], at + 2);
    return end < 0 ? null : { piece: mathNode(text.slice(at + 2, end), start !== "\\("), next: end + 2 };
  }
  if (text.startsWith("\\boxed{", at)) {
    const end = closingBrace(text, at + 6);
    return end < 0 ? null : { piece: mathNode(text.slice(at, end + 1), false), next: end + 1 };
  }
  if (text[at] !== "$" || /\s/.test(text[at + 1] ?? " ")) return null;
  // As in Pandoc: no space inside the dollars, no digit behind them. So "$5 and $6" is money.
  const end = text.indexOf("$", at + 1);
  if (end < 0 || /\s/.test(text[end - 1]) || /\d/.test(text[end + 1] ?? "") || text.slice(at, end).includes("\n")) return null;
  return { piece: mathNode(text.slice(at + 1, end), false), next: end + 1 };
}

function closingBrace(text, at) {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

function link(text, at, depth) {
  const close = closingBracket(text, at);
  if (close < 0 || text[close + 1] !== "(") return null;
  const target = /^\(\s*<?([^\s<>]*?)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(text.slice(close + 1, close + 1 + MAX_LABEL));
  if (!target) return null;
  const label = inline(text.slice(at + 1, close), depth + 1);
  return { piece: anchor(target[1], label), next: close + 1 + target[0].length };
}

function closingBracket(text, at) {
  let depth = 0;
  for (let i = at; i < Math.min(text.length, at + MAX_LABEL); i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") depth++;
    else if (text[i] === "]" && --depth === 0) return i;
  }
  return -1;
}

function url(text, at, pattern, group) {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (!match) return null;
  const target = group ? match[group] : match[0].replace(/[.,:;!?*_~)\]]+$/, "");
  return { piece: anchor(target, [target]), next: at + (group ? match[0].length : target.length) };
}

/** A link to the outside, or only its text where the target is not of a kind that is safe to open. */
function anchor(target, label) {
  const isSafe = /^(?:https?:\/\/|mailto:)/i.test(target) && URL.canParse(target);
  if (!isSafe) return el("span", { class: "dead-link", title: target }, ...label);
  return el("a", { href: target, rel: "noopener noreferrer", target: "_blank" }, ...label);
}

function marks(text, at) {
  const mark = text[at];
  let end = at;
  while (text[end] === mark) end++;
  const count = end - at;
  if (mark === "~" && count !== 2) return { piece: document.createTextNode(text.slice(at, end)), next: end };
  const [before, after] = [text[at - 1] ?? " ", text[end] ?? " "];
  // Only spaces decide, not punctuation as in CommonMark: "**注意：**后面" is bold. Underscores keep out of words.
  const opens = !/\s/.test(after) && !(mark === "_" && /\w/.test(before));
  const closes = !/\s/.test(before) && !(mark === "_" && /\w/.test(after));
  return { piece: { mark, count, opens, closes }, next: end };
}

const TAGS = { "*1": "em", "*2": "strong", _1: "em", _2: "strong", "~2": "del" };

/** Pairs the marks: the nodes, with those between two marks inside an element. */
function paired(pieces) {
  const nodes = []; // finished nodes and open marks
  const open = { "*": [], _: [], "~": [] }; // indices in `nodes`
  for (const piece of pieces) {
    if (piece instanceof Node) {
      nodes.push(piece);
      continue;
    }
    let { count } = piece;
    while (piece.closes && count && open[piece.mark].length) {
      const start = open[piece.mark].at(-1);
      const opener = nodes[start];
      const width = Math.min(2, count, opener.count);
      const tag = TAGS[piece.mark + width];
      if (!tag || start === nodes.length - 1) break;
      const element = el(tag, {}, ...nodes.splice(start + 1).map(asNode));
      for (const indices of Object.values(open)) while (indices.at(-1) > start) indices.pop();
      count -= width;
      opener.count -= width;
      if (!opener.count) {
        nodes.pop();
        open[piece.mark].pop();
      }
      nodes.push(element);
    }
    if (count) {
      if (piece.opens) open[piece.mark].push(nodes.length);
      nodes.push({ ...piece, count });
    }
  }
  return nodes.map(asNode);
}

const asNode = (piece) => (piece instanceof Node ? piece : document.createTextNode(piece.mark.repeat(piece.count)));
