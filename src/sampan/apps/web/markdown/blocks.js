// Divides Markdown into blocks: CommonMark and GitHub's tables, as models write them. Single line ends are kept, because
// models mean them; HTML is text; what is indented is not code, because models indent what they like.

const FENCE = /^( {0,3})(`{3,}|~{3,})[ \t]*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])([ \t]+)(.*)$/;
const MATH = { "\\[": "\\]", $$: "$$" };
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const MAX_DEPTH = 12; // of lists and quotes in each other; deeper ones are text

/**
 * The block that begins at `lines[at]`, and the line behind it: `[block, next]`; block is null for an empty line.
 * A block is one of
 *   {type: "code", language, lines, isClosed}  {type: "heading", level, text}  {type: "rule"}  {type: "math", text}
 *   {type: "quote", blocks}  {type: "list", start, items: [blocks], isTight}  {type: "table", aligns, rows: [[cell]]}
 *   {type: "text", text}
 * where `start` is null for bullets, and `blocks` are blocks in turn.
 */
export function nextBlock(lines, at, depth = 0) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", level: heading[1].length, text: heading[2] ?? "" }, at + 1];
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (opensMath(line)) {
    const found = math(lines, at);
    if (found) return found;
  }
  if (depth < MAX_DEPTH) {
    if (QUOTE.test(line)) return quote(lines, at, depth);
    if (ITEM.test(line)) return list(lines, at, depth);
  }
  if (isTable(lines, at)) return table(lines, at);
  return text(lines, at, depth);
}

/** All blocks of some lines. */
export function allBlocks(lines, depth = 0) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = nextBlock(lines, at, depth);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function code(lines, at, [, indent, mark, info]) {
  const inside = [];
  const unindented = (line) => line.slice(Math.min(indent.length, line.length - line.trimStart().length));
  for (let next = at + 1; next < lines.length; next++) {
    const line = lines[next].trim();
    if (line.length >= mark.length && line === mark[0].repeat(line.length)) {
      return [{ type: "code", language: info.trim(), lines: inside, isClosed: true }, next + 1];
    }
    inside.push(unindented(lines[next]));
  }
  if (/^\s*(?:`{0,2}|~{0,2})$/.test(inside.at(-1) ?? "-")) inside.pop(); // the beginning of what closes it
  return [{ type: "code", language: info.trim(), lines: inside, isClosed: false }, lines.length];
}

const opensMath = (line) => Object.keys(MATH).some((start) => line.trimStart().startsWith(start));

function math(lines, at) {
  const first = lines[at].trimStart();
  const start = first.slice(0, 2);
  const end = MATH[start];
  const inside = [];
  for (let next = at; next < lines.length && (next === at || lines[next].trim()); next++) {
    const line = next === at ? first.slice(2) : lines[next];
    const ends = line.indexOf(end);
    if (ends >= 0) {
      if (line.slice(ends + 2).trim()) return null; // words follow: it stands in a sentence
      return [{ type: "math", text: [...inside, line.slice(0, ends)].join("\n") }, next + 1];
    }
    inside.push(line);
  }
  return null; // not closed yet
}

function quote(lines, at, depth) {
  const inside = [];
  let next = at;
  for (; next < lines.length; next++) {
    const match = QUOTE.exec(lines[next]);
    if (!match) break;
    inside.push(match[1]);
  }
  return [{ type: "quote", blocks: allBlocks(inside, depth + 1) }, next];
}

const isOrdered = (marker) => /\d/.test(marker);

function list(lines, at, depth) {
  const [, indent, firstMarker] = ITEM.exec(lines[at]);
  const ordered = isOrdered(firstMarker);
  const items = [];
  let isTight = true;
  let next = at;
  while (next < lines.length) {
    const match = ITEM.exec(lines[next]);
    if (!match || match[1].length > indent.length + 1 || isOrdered(match[2]) !== ordered || RULE.test(lines[next])) break;
    const [inside, end] = item(lines, next, match);
    items.push(allBlocks(inside, depth + 1));
    if (items.at(-1).filter((block) => block.type === "text").length > 1) isTight = false;
    next = end;
    let blank = next;
    while (blank < lines.length && !lines[blank].trim()) blank++;
    if (blank > next) {
      const follows = blank < lines.length && ITEM.exec(lines[blank]);
      if (!follows || follows[1].length < indent.length || isOrdered(follows[2]) !== ordered) break;
      isTight = false;
      next = blank;
    }
  }
  return [{ type: "list", start: ordered ? parseInt(firstMarker, 10) : null, items, isTight }, next];
}

/** The lines of an item without their indentation, and the line behind it. */
function item(lines, at, [, indent, marker, space, rest]) {
  const width = indent.length + marker.length + Math.min(space.length, 4);
  const inside = [rest];
  let next = at + 1;
  for (; next < lines.length; next++) {
    const line = lines[next];
    const depth = line.length - line.trimStart().length;
    if (!line.trim()) {
      // Blank lines belong to the item if something indented comes behind them.
      let after = next + 1;
      while (after < lines.length && !lines[after].trim()) after++;
      if (after === lines.length || indentation(lines[after]) <= indent.length + 1) break;
      inside.push("");
    } else if (depth > indent.length + 1) {
      inside.push(line.slice(Math.min(depth, width)));
    } else if (startsBlock(lines, next)) {
      break;
    } else {
      inside.push(line.trimStart());
    }
  }
  return [inside, next];
}

const indentation = (line) => line.length - line.trimStart().length;

const startsBlock = (lines, at) => {
  const line = lines[at];
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line) || isTable(lines, at);
};

const isTable = (lines, at) =>
  at + 1 < lines.length && lines[at].includes("|") && lines[at + 1].includes("-") && TABLE_RULE.test(lines[at + 1]) &&
  cells(lines[at]).length === cells(lines[at + 1]).length;

function table(lines, at) {
  const aligns = cells(lines[at + 1]).map((cell) => {
    const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
    return left && right ? "center" : right ? "right" : "";
  });
  const rows = [cells(lines[at])];
  let next = at + 2;
  for (; next < lines.length && lines[next].trim() && lines[next].includes("|"); next++) {
    rows.push(cells(lines[next]).slice(0, aligns.length));
  }
  return [{ type: "table", aligns, rows }, next];
}

/** The cells of a row. A bar behind a backslash, or between backquotes, is a bar. */
function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return (row.match(/(?:\\.|`[^`]*`|[^|])*(?:\||$)/g) ?? []).slice(0, -1).map((cell) => cell.replace(/\|$/, "").replaceAll("\\|", "|").trim());
}

function text(lines, at, depth) {
  let next = at + 1;
  while (next < lines.length && lines[next].trim() && !(startsBlock(lines, next) && !(depth >= MAX_DEPTH))) {
    if (opensMath(lines[next]) && math(lines, next)) break;
    next++;
  }
  return [{ type: "text", text: lines.slice(at, next).map((line) => line.trim()).join("\n") }, next];
}
