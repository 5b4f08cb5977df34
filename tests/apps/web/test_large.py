"""Long conversations and long answers. What is counted is work, not time: the machine may be busy."""

from __future__ import annotations

import pytest

from chat_page import answered, ask, expect, until

pytestmark = pytest.mark.browser

COUNT = """(() => {
  window.added = 0;
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) added += 1 + (node.querySelectorAll?.("*").length ?? 0);
    }
  }).observe(document.querySelector("#messages"), { childList: true, subtree: true });
})()"""
SECTION = (
    "## Section {i}\n\nSome *words* about `code` and \\(x^{i}\\), and so on and on.\n\n"
    "```python\nfor k in range({i}):\n    print(k)\n```\n\n- one\n- two\n\n"
)


def test_a_long_answer_is_drawn_about_once(visit, serve) -> None:
    text = "".join(SECTION.replace("{i}", str(i)) for i in range(800))
    assert len(text) > 100_000
    page = visit(serve("</think>" + text, step=64).url)
    page.evaluate(COUNT)
    ask(page, "much")
    answered(page, seconds=60)
    expect(page.locator(".answer h4")).to_have_count(800)
    final = page.evaluate("document.querySelectorAll('#messages *').length")
    assert page.evaluate("added") < 3 * final


def test_long_code_is_coloured_line_by_line(visit, serve) -> None:
    lines = "\n".join(f"value_{i} = compute({i})  # step" for i in range(3000))
    page = visit(serve(f"</think>```python\n{lines}\n```\n", step=64).url)
    page.evaluate(COUNT)
    ask(page, "much")
    answered(page, seconds=60)
    final = page.evaluate("document.querySelectorAll('#messages *').length")
    assert page.evaluate("added") < 3 * final


def test_a_thousand_messages_open_at_once_at_their_end(visit, serve) -> None:
    page = visit(serve("</think>And on.").url)
    page.evaluate(
        """async (section) => {
          const { add, createConversation } = await import(new URL("page/conversation.js", document.baseURI));
          const { saveConversation } = await import(new URL("page/store.js", document.baseURI));
          const conversation = createConversation();
          let last = null;
          for (let i = 0; i < 500; i++) {
            last = add(conversation, last, { role: "user", content: `question ${i}` });
            const content = section.replaceAll("{i}", i);
            const answer = { role: "assistant", content, thought: "Hm.", thoughtSeconds: 1, state: "done" };
            last = add(conversation, last, answer);
          }
          conversation.title = "long";
          if (!saveConversation(conversation)) throw new Error("full");
        }""",
        "## Section {i}\n\n- `code`\n",  # short: the whole conversation goes to the model with the next question
    )
    page.reload()
    page.locator("#list .open").click()
    # The end is drawn before the browser comes to anything else; the rest follows.
    assert page.locator(".answer > .prose").last.locator("h4").inner_text() == "Section 499"
    expect(page.locator(".answer h4")).to_have_count(500)
    ask(page, "more")
    expect(page.locator(".answer > .prose").last).to_have_text("And on.", timeout=60_000)
    until(page, "scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60")
