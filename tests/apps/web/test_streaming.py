"""While an answer comes: from the real model, and from a slow one."""

from __future__ import annotations

import re

import pytest

from chat_page import answered, ask, expect, until

pytestmark = pytest.mark.browser


def test_the_embedded_model_answers(visit, sampan_url: str) -> None:
    page = visit(sampan_url, locale="zh-CN")
    expect(page.locator("#model")).to_have_text("sampan-tiny")
    page.get_by_role("button", name="如何重置路由器密码?").click()
    answered(page)
    expect(page.locator(".answer > .prose ol li")).to_have_count(6)
    expect(page.locator(".fold")).to_have_text(re.compile(r"思考了 \d+\.\d+ 秒"))
    expect(page.locator(".thought-body")).to_be_hidden()
    page.locator(".fold").click()
    expect(page.locator(".thought-body")).to_contain_text("用户想重置路由器密码")
    expect(page.locator(".speed")).to_have_text(
        re.compile(r"^\d+(\.\d)? 词元/秒\d+ 个词元首个词元 .* 秒.* 秒后开始回答$")
    )


def test_code_of_the_embedded_model_is_coloured_and_can_be_copied(visit, sampan_url: str) -> None:
    page = visit(sampan_url, permissions=["clipboard-read", "clipboard-write"])
    ask(page, "用Python实现快速排序")
    answered(page)
    expect(page.locator(".code .language")).to_have_text("python")
    expect(page.locator(".code .t-word").first).to_have_text("def")
    page.locator(".code").get_by_role("button", name="Copy").click()
    expect(page.locator(".code").get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator(".code code").inner_text().rstrip("\n")
    compile(copied, "answer", "exec")


def test_a_thought_is_shown_while_it_goes_on_and_can_be_ended(visit, serve) -> None:
    served = serve("Hmm. " * 200 + "\n</think>\n\nDone.", delay=0.02)
    page = visit(served.url)
    ask(page)
    expect(page.locator(".fold")).to_have_text(re.compile(r"^Thinking · \d+\.\d s$"))
    expect(page.locator(".glimpse")).to_contain_text("Hmm. Hmm.")
    expect(page.locator("#said")).to_have_text("Thinking")
    page.get_by_role("button", name="Answer now").click()
    button = page.get_by_role("button", name="Asked for the answer")
    expect(button).to_be_disabled()
    assert [re.sub("[0-9a-f]{32}", "…", each) for each in served.engine.asked_to_answer] == ["chatcmpl-…-0"]
    page.locator(".fold").click()
    expect(page.locator(".thought-body")).to_contain_text("Hmm.")
    expect(page.locator(".glimpse")).to_be_hidden()
    page.keyboard.press("Escape")
    answered(page)
    expect(page.locator(".fold")).to_have_text(re.compile(r"^Thought for .* s, then stopped$"))


def test_stop_aborts_the_request_and_keeps_what_came(visit, serve) -> None:
    served = serve("</think>" + "word " * 500, delay=0.01)
    page = visit(served.url)
    ask(page)
    expect(page.locator(".answer > .prose")).to_contain_text("word word")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".note")).to_have_text("You stopped this answer.")
    expect(page.locator("#send")).to_be_visible()
    for _ in range(200):
        if not served.engine.open_ids:
            break
        page.wait_for_timeout(20)
    assert not served.engine.open_ids
    page.reload()
    page.locator("#list .open").click()
    expect(page.locator(".answer > .prose")).to_contain_text("word word")


def test_the_page_follows_the_answer_until_its_reader_scrolls_up(visit, serve) -> None:
    served = serve("</think>" + "\n\n".join(f"Paragraph {i}" for i in range(150)), delay=0.01, step=6)
    page = visit(served.url)
    at_end = "(({scrollTop, scrollHeight, clientHeight}) => scrollHeight - scrollTop - clientHeight < 60)(scroller)"
    ask(page)
    until(page, "scroller.scrollTop > 100")
    until(page, at_end)
    page.locator("#scroller").hover()
    page.mouse.wheel(0, -150)
    expect(page.locator("#latest")).to_be_visible()
    top = page.evaluate("scroller.scrollTop")
    length = page.evaluate("scroller.scrollHeight")
    until(page, f"scroller.scrollHeight > {length} + 100")
    assert page.evaluate("scroller.scrollTop") <= top
    page.get_by_role("button", name="Go to the latest message").click()
    until(page, at_end)
    answered(page)
    until(page, at_end)


def test_conversations_are_answered_side_by_side(visit, serve) -> None:
    served = serve("</think>" + "slow " * 60, "</think>quick", delay=0.01)
    page = visit(served.url)
    ask(page, "first")
    expect(page.locator(".answer > .prose")).to_contain_text("slow")
    page.keyboard.press("Alt+n")
    ask(page, "second")
    expect(page.locator(".answer > .prose")).to_have_text("quick")
    page.get_by_role("button", name="first", exact=True).click()
    answered(page)
    expect(page.locator(".answer > .prose")).to_have_text(("slow " * 60).strip())
