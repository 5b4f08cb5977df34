// What is needed to colour a language: how its comments and strings look, and which words are its own.

const words = (text) => new Set(text.trim().split(/\s+/));

const C_COMMENTS = { line: ["//"], blocks: [["/*", "*/"]] };
const C_WORDS = `if else for while do switch case default break continue return goto sizeof struct union enum typedef static
  const volatile extern inline void int char short long float double signed unsigned bool auto true false nullptr NULL
  class public private protected virtual override final new delete this template typename namespace using try catch throw
  operator explicit friend constexpr noexcept concept requires co_await co_return co_yield static_cast`;
const JAVA_WORDS = `abstract boolean byte extends implements import instanceof interface package super synchronized throws
  transient var record sealed permits null string fun val when object companion data let func protocol extension guard
  struct impl trait fn mut pub use mod match crate self Self where async await move ref dyn unsafe type chan go defer
  range select map fallthrough nil make append uint8 uint32 uint64 i32 i64 u8 u32 u64 f32 f64 usize str String Vec Option
  Some None Ok Err readonly internal foreach in out is as yield`;

const PYTHON = {
  comments: { line: ["#"], blocks: [] },
  strings: ['"""', "'''", '"', "'"],
  words: words(`and as assert async await break case class continue def del elif else except False finally for from global
    if import in is lambda match None nonlocal not or pass raise return self True try while with yield`),
};
const JAVASCRIPT = {
  comments: C_COMMENTS,
  strings: ["`", '"', "'"],
  words: words(`abstract any as async await boolean break case catch class const continue debugger declare default delete
    do else enum export extends false finally for from function get if implements import in instanceof interface let new
    null number of private protected public readonly return set static string super switch this throw true try type typeof
    undefined unknown var void while with yield`),
};
const C_LIKE = { comments: C_COMMENTS, strings: ['"', "'"], words: words(`${C_WORDS} ${JAVA_WORDS}`) };
const GO_LIKE = { ...C_LIKE, strings: ["`", '"'] };
const JSON_ = { comments: C_COMMENTS, strings: ['"'], words: words("true false null") };
const SHELL = {
  comments: { line: ["#"], blocks: [] },
  strings: ['"', "'"],
  words: words(`if then else elif fi for while until do done case esac in function return local export readonly declare
    set unset shift exit break continue echo cd source sudo true false`),
  variables: /\$(?:\w+|\{[^}]*\}|[@#?*!$-])/y,
};
const SQL = {
  comments: { line: ["--"], blocks: [["/*", "*/"]] },
  strings: ["'", '"'],
  ignoresCase: true,
  words: words(`select from where and or not in is null like between exists join inner left right full outer cross on using
    group by order having limit offset union all distinct as insert into values update set delete create alter drop table
    view index primary key foreign references unique default check constraint if case when then else end with recursive
    over partition begin commit rollback int integer bigint text varchar char boolean date timestamp numeric decimal real
    true false asc desc count sum avg min max`),
};
const CONFIG = { comments: { line: ["#", ";"], blocks: [] }, strings: ['"""', '"', "'"], words: words("true false null yes no on off") };
const CSS = { comments: { line: [], blocks: [["/*", "*/"]] }, strings: ['"', "'"], words: new Set(), keys: /[\w-]+(?=\s*:)/y };

const NUMBER = /(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\w*/y;
const WORD = /[\p{L}_@][\p{L}\p{N}_]*/uy;
const SPACE = /\s+/y;

/** A language by its comments, strings and words. */
class Code {
  constructor({ comments, strings, words, ignoresCase = false, variables = null, keys = null }) {
    Object.assign(this, { comments, strings, words, ignoresCase, variables, keys });
  }

  /** The piece at `text[at]`: `{kind, end}`, and `opens` where it goes on behind the line. */
  at(text, at) {
    for (const mark of this.comments.line) {
      if (text.startsWith(mark, at) && (mark !== "#" || at === 0 || /[\s;]/.test(text[at - 1]))) return { kind: "comment", end: text.length };
    }
    for (const [start, end] of this.comments.blocks) if (text.startsWith(start, at)) return long("comment", text, at, start, end);
    for (const quote of this.strings) if (text.startsWith(quote, at)) return string(text, at, quote);
    for (const [kind, pattern] of [["key", this.keys], ["name", this.variables]]) {
      const end = pattern && endOf(pattern, text, at);
      if (end) return { kind, end };
    }
    const number = endOf(NUMBER, text, at);
    if (number) return { kind: "number", end: number };
    const word = endOf(WORD, text, at);
    if (word) return { kind: this.#wordKind(text.slice(at, word), text[word]), end: word };
    return { kind: "", end: endOf(SPACE, text, at) || at + String.fromCodePoint(text.codePointAt(at)).length };
  }

  #wordKind(word, follower) {
    if (this.words.has(this.ignoresCase ? word.toLowerCase() : word)) return "word";
    return follower === "(" ? "call" : "";
  }
}

function endOf(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : 0;
}

function long(kind, text, at, start, end) {
  const close = text.indexOf(end, at + start.length);
  return close < 0 ? { kind, end: text.length, opens: { kind, end } } : { kind, end: close + end.length };
}

function string(text, at, quote) {
  if (quote.length > 1) return long("string", text, at, quote, quote);
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return { kind: "string", end: i + 1 };
  }
  return { kind: "string", end: text.length, opens: quote === "`" ? { kind: "string", end: "`" } : undefined };
}

const TAG = /<\/?[A-Za-z][\w:-]*|\/?>/y;
const ATTRIBUTE = /[\w:@.-]+(?==)/y;
const TEXT = /[^<>"'=\s]+|\s+|=/y;

/** HTML and XML. */
const MARKUP = {
  at(text, at) {
    if (text.startsWith("<!--", at)) return long("comment", text, at, "<!--", "-->");
    const tag = endOf(TAG, text, at);
    if (tag) return { kind: "word", end: tag };
    const attribute = endOf(ATTRIBUTE, text, at);
    if (attribute) return { kind: "call", end: attribute };
    if (/["']/.test(text[at]) && text[at - 1] === "=") return string(text, at, text[at]);
    return { kind: "", end: endOf(TEXT, text, at) || at + 1 };
  },
};

const LANGUAGES = new Map(
  [
    [new Code(PYTHON), "python py python3 ipython pycon"],
    [new Code(JAVASCRIPT), "javascript js jsx typescript ts tsx mjs node"],
    [new Code(C_LIKE), "c h cpp c++ cc hpp cuda java kotlin swift rust rs csharp cs c# dart scala php"],
    [new Code(GO_LIKE), "go golang"],
    [new Code(JSON_), "json json5 jsonc"],
    [new Code(SHELL), "bash sh shell zsh console dockerfile makefile"],
    [new Code(SQL), "sql mysql postgresql sqlite plsql"],
    [new Code(CONFIG), "yaml yml toml ini conf properties"],
    [new Code(CSS), "css scss less"],
    [MARKUP, "html xml svg vue xhtml"],
  ].flatMap(([language, names]) => names.split(" ").map((name) => [name, language])),
);

/** The language of that name, or undefined. */
export const languageOf = (name) => LANGUAGES.get(name.toLowerCase());
