"""What a model says is text, whatever it says."""

from __future__ import annotations

import json

import pytest

from chat_page import answered, ask, expect

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg onload=window.hit=1><style>*{display:none}</style>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "[a](javascript:window.hit=1)",
    "[a](JaVaScRiPt:window.hit=1)",
    "[a](\tjavascript:window.hit=1)",
    "[a](data:text/html,<script>opener.hit=1</script>)",
    "[a](vbscript:x) <javascript:window.hit=1> [a](//evil.example/x)",
    "![a](https://evil.example/track.png) ![a](javascript:window.hit=1)",
    "[a](https://good.example/\"onmouseover=\"window.hit=1)",
    "\\(\\href{javascript:window.hit=1}{x} \\text{<script>window.hit = 1</script>}\\)",
    "\\[\\begin{<img src=x onerror=window.hit=1>}x\\end{x}\\]",
    "| <img src=x onerror=window.hit=1> |\n|---|\n| <script>window.hit=1</script> |",
    "```\"><img/src=x/onerror=window.hit=1>\n<script>window.hit=1</script>\n```",
    "```html onload=window.hit=1 <script>\n<a href=\"javascript:window.hit=1\">\n```",
    "&lt;script&gt;window.hit=1&lt;/script&gt; &#60;img src=x onerror=window.hit=1&#62;",
)  # fmt: skip
DANGEROUS = "#messages :is(script, style, img, iframe, object, embed, link, form, base, meta, svg:not(.icon))"
ATTRIBUTES = """[...document.querySelectorAll('#messages *')].flatMap((node) => [...node.attributes]
    .filter(({name, value}) => name.startsWith('on') || name === 'style' || name === 'srcdoc' ||
      (['href', 'src'].includes(name) && !/^(https?|mailto):/.test(value)))
    .map(({name, value}) => `${name}=${value}`))"""


def test_nothing_of_an_answer_or_a_thought_becomes_markup(visit, serve) -> None:
    text = "\n\n".join(PAYLOADS)
    page = visit(serve(f"{text}\n</think>\n\n{text}").url)
    ask(page, text)
    answered(page)
    page.keyboard.press("Alt+t")
    expect(page.locator(".thought-body")).to_be_visible()
    assert page.locator(DANGEROUS).count() == 0
    assert page.evaluate(ATTRIBUTES) == []
    for link in page.locator("#messages a").all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
    assert page.evaluate("window.hit") is None


def test_an_imported_conversation_is_no_more_trusted(visit, serve, tmp_path) -> None:
    nodes = {
        "a": {"id": "a", "parent": "", "role": "user", "content": PAYLOADS[1], "onclick": "window.hit=1"},
        "b": {
            "id": "b",
            "parent": "a",
            "role": "assistant",
            "content": PAYLOADS[0],
            "thought": PAYLOADS[3],
            "state": "<b>",
        },
        "c": {"id": "c", "parent": "missing", "role": "user", "content": "lost"},
        "d": {"id": "d", "parent": "d", "role": "user", "content": "a ring"},
        "__proto__": {"id": "__proto__", "parent": "b", "role": "user", "content": "last"},
        "e": {"id": "e", "parent": "b", "role": "system", "content": "no"},
    }
    data = {"title": PAYLOADS[1], "nodes": nodes, "chosen": {"": "a", "a": "e"}, "updated": "x"}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"format": "sampan-conversations", "conversations": [data]}))
    page = visit(serve().url)
    page.set_input_files("#file", path)
    page.locator("#list .open").click()
    expect(page.locator(".bubble")).to_have_text([PAYLOADS[1], "last"])
    expect(page.locator(".answer > .prose")).to_have_text(PAYLOADS[0])
    assert page.locator(DANGEROUS).count() == 0
    assert page.evaluate("window.hit") is None


def test_the_browser_itself_would_refuse(visit, serve) -> None:
    """The policy stands behind the renderer: markup from text, code from text and other servers are refused."""
    page = visit(
        serve().url, expected=("This document requires", "CSP", "Connecting to", "Fetch API cannot load", "Refused to")
    )
    refused = page.evaluate(
        """async () => {
          const attempts = {
            markup: () => (document.createElement("p").innerHTML = "<b>x</b>"),
            code: () => (document.createElement("script").text = "1"),
            elsewhere: () => fetch("http://127.0.0.1:9/"),
          };
          const found = [];
          for (const [name, attempt] of Object.entries(attempts)) {
            try {
              await attempt();
            } catch (error) {
              found.push(name);
            }
          }
          return found;
        }"""
    )
    assert refused == ["markup", "code", "elsewhere"]
