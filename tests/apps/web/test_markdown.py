"""The page's Markdown, by the DOM that it becomes. Buttons and colours are left out of what is compared."""

from __future__ import annotations

import random

import pytest

from chat_page import Page

pytestmark = pytest.mark.browser

DRAW = """async ([text, pieces]) => {
  const { MarkdownView } = await import(new URL("page/markdown/view.js", document.baseURI));
  const view = new MarkdownView();
  let end = 0;
  for (const length of pieces) view.show(text.slice(0, (end += length)));
  view.show(text, true);
  return view.element.innerHTML;
}"""
BARE = """async (text) => {
  const { MarkdownView } = await import(new URL("page/markdown/view.js", document.baseURI));
  const view = new MarkdownView();
  view.show(text, true);
  for (const node of view.element.querySelectorAll(".code-head button, math")) node.replaceWith(node.title ?? node.getAttribute("title"));
  for (const node of view.element.querySelectorAll("pre span, pre")) node.replaceWith(...node.childNodes);
  for (const node of view.element.querySelectorAll("*")) for (const { name } of [...node.attributes]) if (!["href", "start", "checked", "class"].includes(name)) node.removeAttribute(name);
  return view.element.innerHTML;
}"""

CASES = {
    "# One\n### Three ###\n####### seven": "<h3>One</h3><h5>Three</h5><p>####### seven</p>",
    "a\nb\n\nc": "<p>a<br>b</p><p>c</p>",
    "**注意：**后面 *x* __y__ _z_ ~~w~~": "<p><strong>注意：</strong>后面 <em>x</em> <strong>y</strong> <em>z</em> <del>w</del></p>",
    "***both*** **a *b* c**": "<p><em><strong>both</strong></em> <strong>a <em>b</em> c</strong></p>",
    "2 * 3 * 4, snake_case_name, **open": "<p>2 * 3 * 4, snake_case_name, **open</p>",
    r"\*no\* \# `a*b` ``c`d``": "<p>*no* # <code>a*b</code> <code>c`d</code></p>",
    "- a\n- b\n  - c\n- d": "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>",
    "3. a\n\n   more\n4. b": '<ol start="3"><li><p>a</p><p>more</p></li><li><p>b</p></li></ol>',
    "- a\n\n- b": "<ul><li><p>a</p></li><li><p>b</p></li></ul>",
    "1. a\n   ```sh\n   ls\n   ```\n2. b": '<ol><li>a<div class="code"><div class="code-head"><span class="language">sh</span>Copy</div><code>ls\n</code></div></li><li>b</li></ol>',
    "- [x] done\n- [ ] open": '<ul><li><input checked=""> done</li><li><input> open</li></ul>',
    "> a\n> > b": "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>",
    "a\n\n---\n\nb": "<p>a</p><hr><p>b</p>",
    "| a | b |\n|:-:|--:|\n| `x|y` | 2 |\n| 3 |": '<div class="table"><table><thead><tr><th class="center">a</th><th class="right">b</th></tr></thead><tbody><tr><td class="center"><code>x|y</code></td><td class="right">2</td></tr><tr><td class="center">3</td><td class="right"></td></tr></tbody></table></div>',
    "words | bars\nno table": "<p>words | bars<br>no table</p>",
    "```python\ndef f():\n    '''<b>'''\n```\nend": '<div class="code"><div class="code-head"><span class="language">python</span>Copy</div><code>def f():\n    \'\'\'&lt;b&gt;\'\'\'\n</code></div><p>end</p>',
    "~~~\n```\n~~~": '<div class="code"><div class="code-head"><span class="language">code</span>Copy</div><code>```\n</code></div>',
    "[a](https://a.b/c?d=e \"t\") <mailto:a@b.c> https://x.y/z.": '<p><a href="https://a.b/c?d=e">a</a> <a href="mailto:a@b.c">mailto:a@b.c</a> <a href="https://x.y/z">https://x.y/z</a>.</p>',
    "见https://x.y/z。![pic](https://x.y/p.png)": '<p>见<a href="https://x.y/z">https://x.y/z</a>。<a href="https://x.y/p.png">pic</a></p>',
    "[a](javascript:alert(1)) [b](data:text/html,x) [c](/d)": '<p><span class="dead-link">a</span>) <span class="dead-link">b</span> <span class="dead-link">c</span></p>',
    "<b>x</b> <script>y</script>": "<p>&lt;b&gt;x&lt;/b&gt; &lt;script&gt;y&lt;/script&gt;</p>",
    r"\(x^2\) and \boxed{42}, $y$ but $5 and $6": r"<p>x^2 and \boxed{42}, y but $5 and $6</p>",
    "\\[\na+b\n\\]\nend": '<div class="formula">a+b</div><p>end</p>',
    "$$x$$": '<div class="formula">x</div>',
}  # fmt: skip


def test_markdown_becomes_these_nodes(blank: Page) -> None:
    drawn = {text: blank.evaluate(BARE, text) for text in CASES}
    assert drawn == CASES


def test_formulas_become_mathml(blank: Page) -> None:
    draw = """async (tex) => (await import(new URL("page/markdown/math.js", document.baseURI))).mathNode(tex, false).innerHTML"""
    cases = {
        r"\frac{a}{b}": "<mfrac><mi>a</mi><mi>b</mi></mfrac>",
        "x_1^2": "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>",
        r"\sqrt[3]{8}": "<mroot><mn>8</mn><mn>3</mn></mroot>",
        r"\boxed{\text{so it is}}": '<mrow class="boxed"><mtext>so it is</mtext></mrow>',
        r"\alpha \le \pi": '<mi>α</mi><mo stretchy="false">≤</mo><mi>π</mi>',
        r"\sum_{i}^{n}": '<munderover><mo stretchy="false">∑</mo><mi>i</mi><mi>n</mi></munderover>',
        r"\left( x \right.": '<mrow><mo stretchy="true">(</mo><mi>x</mi><mo stretchy="true"></mo></mrow>',
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": '<mrow><mo stretchy="true">(</mo><mtable class=""><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr></mtable><mo stretchy="true">)</mo></mrow>',
        r"\unknown{x}": r"<mtext>\unknown</mtext><mi>x</mi>",
        r"\constructor": r"<mtext>\constructor</mtext>",
        "f'(x) - 1": '<msup><mi>f</mi><mo stretchy="false">′</mo></msup><mo stretchy="false">(</mo><mi>x</mi><mo stretchy="false">)</mo><mo stretchy="false">−</mo><mn>1</mn>',
        "}{": '<mo stretchy="false">}</mo><mrow></mrow>',
    }  # fmt: skip
    assert {tex: blank.evaluate(draw, tex) for tex in cases} == cases


def test_streamed_is_whole(blank: Page) -> None:
    """However a text is cut into pieces, in the end the same nodes stand there."""
    generator = random.Random(7)
    texts = ["\n".join(generator.sample(list(CASES), 6)) for _ in range(12)]
    texts += ["\n\n".join(generator.sample(list(CASES), 6)) for _ in range(12)]
    for text in texts:
        whole = blank.evaluate(DRAW, [text, []])
        single = [1] * len(text)
        random_pieces = [generator.randrange(1, 12) for _ in range(len(text) // 4)]
        for pieces in (single, random_pieces):
            assert blank.evaluate(DRAW, [text, pieces]) == whole, text


ODD = (
    *(
        "*" * 50_000,
        "[" * 50_000,
        "`" * 50_000,
        "> " * 5_000,
        "- " * 5_000,
        "\\[" * 20_000,
        "$a" * 20_000,
        "_a*" * 20_000,
    ),
    *("![" * 20_000, "<http" * 20_000, "a\n" * 30_000, "- a\n" * 10_000, "**a " * 20_000, "~~" * 20_000, "# " * 20_000),
    *("|" * 50_000 + "\n" + "|-" * 25_000, "\\(" + "\\sqrt" * 20_000 + "\\)", "\\(" + "{" * 50_000 + "\\)"),
)


def test_odd_text_neither_fails_nor_takes_for_ever(blank: Page) -> None:
    for text in ODD:
        assert blank.evaluate(DRAW, [text, [len(text) // 2]]), text[:6]


def test_code_is_coloured(blank: Page) -> None:
    colours = """async ([language, lines]) => {
      const { Highlighter } = await import(new URL("page/markdown/highlight.js", document.baseURI));
      const highlighter = new Highlighter(language);
      const found = [];
      let state = null;
      for (const line of lines) {
        const result = highlighter.line(line, state);
        state = result.state;
        if (result.pieces.map((piece) => piece.text).join("") !== line) throw new Error(line);
        found.push(...result.pieces.filter((piece) => piece.kind).map((piece) => `${piece.kind}:${piece.text}`));
      }
      return found;
    }"""
    cases = [
        ("python", ['x = """a', 'b""" # c', "return f(1.5)"], ['string:"""a', 'string:b"""', "comment:# c", "word:return", "call:f", "number:1.5"]),
        ("js", ["const a = `b", "c`; // d"], ["word:const", "string:`b", "string:c`", "comment:// d"]),
        ("cpp", ["/* a", "*/ int x = 0xFF;"], ["comment:/* a", "comment:*/", "word:int", "number:0xFF"]),
        ("bash", ['echo "$HOME" $PATH # x'], ["word:echo", 'string:"$HOME"', "name:$PATH", "comment:# x"]),
        ("SQL", ["Select 'it' from t -- x"], ["word:Select", "string:'it'", "word:from", "comment:-- x"]),
        ("json", ['{"a": true}'], ['string:"a"', "word:true"]),
        ("html", ['<a href="b">c</a><!-- d'], ["word:<a", "call:href", 'string:"b"', "word:>", "word:</a", "word:>", "comment:<!-- d"]),
        ("constructor", ["x = 1"], []),
        ("", ["x = 1"], []),
    ]  # fmt: skip
    for language, lines, expected in cases:
        assert blank.evaluate(colours, [language, lines]) == expected, language


def test_thoughts_are_found_in_content(blank: Page) -> None:
    """For servers that leave them there between their tags."""
    split = """async (pieces) => {
      const { ThoughtSplitter } = await import(new URL("page/thought_splitter.js", document.baseURI));
      const splitter = new ThoughtSplitter();
      const found = ["", ""];
      for (const piece of pieces) {
        const { thought, content } = splitter.take(piece);
        found[0] += thought;
        found[1] += content;
      }
      return found;
    }"""
    text = "<think>\nHm </th> <.\n</think>\n\nA <think> b"
    for pieces in ([text], list(text), [text[:9], text[9:20], text[20:]]):
        thought, content = blank.evaluate(split, pieces)
        assert (thought.strip(), content) == ("Hm </th> <.", "A <think> b")
    assert blank.evaluate(split, ["<b", ">x"]) == ["", "<b>x"]
