"""Keyboard, languages, themes, narrow screens."""

from __future__ import annotations

import re

import pytest

from chat_page import answered, ask, expect

pytestmark = pytest.mark.browser


def test_enter_sends_but_not_while_an_input_method_composes(visit, serve) -> None:
    served = serve("</think>A")
    page = visit(served.url)
    page.locator("#question").focus()
    cdp = page.context.new_cdp_session(page)
    cdp.send("Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6})
    press = "(how) => question.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, ...how}))"
    page.evaluate(press, {"isComposing": True})
    page.evaluate(press, {"keyCode": 229})  # Safari
    cdp.send("Input.insertText", {"text": "你好"})
    expect(page.locator("#question")).to_have_value("你好")
    assert served.engine.calls == []
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("2")
    assert served.engine.calls == []
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text("你好\n2")


def test_everything_can_be_reached_by_keyboard(visit, serve) -> None:
    served = serve("Hm.\n</think>\n\nA")
    page = visit(served.url, permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    answered(page)
    page.keyboard.press("Alt+t")
    expect(page.locator(".thought-body")).to_be_visible()
    page.keyboard.press("Alt+c")
    expect(page.locator("#toasts")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "A"
    page.keyboard.press("Alt+r")
    expect(page.locator(".answer .versions")).to_have_text("2 of 2")
    answered(page)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".editor textarea")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+b")
    expect(page.locator("#sidebar")).to_be_hidden()
    page.keyboard.press("Alt+b")
    page.keyboard.press("Alt+n")
    expect(page.locator("#welcome")).to_be_visible()


def test_every_control_has_a_name_and_every_field_a_label(visit, serve) -> None:
    page = visit(serve("Hm.\n</think>\n\n| a |\n|---|\n| b |\n\n```js\n1\n```").url)
    ask(page)
    answered(page)
    nameless = """[...document.querySelectorAll('button, input, textarea, dialog, nav, [role]')].filter((node) =>
        !node.hidden && node.type !== 'file' && !['status', 'alert'].includes(node.getAttribute('role')) &&
        !(node.textContent.trim() || node.getAttribute('aria-label') || node.labels?.length ||
          node.getAttribute('aria-labelledby'))).map((node) => node.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_language_and_theme_follow_the_browser_and_the_user(visit, serve) -> None:
    url = serve().url
    page = visit(url, locale="zh-TW", color_scheme="dark")
    expect(page.locator("#welcome h2")).to_have_text("今天想些什么？")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="外观：跟随系统").click()
    light = page.evaluate(paper)
    assert light != dark
    page.get_by_role("button", name="外观：浅色").click()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="English").click()
    expect(page.locator("#welcome h2")).to_have_text("What shall we think about?")
    expect(page.locator("#question")).to_have_attribute("placeholder", "Ask anything")
    ask(page)
    answered(page)
    page.get_by_role("button", name="中文").click()
    expect(page.locator(".fold")).to_have_text(re.compile("思考了"))
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_on_a_phone_nothing_is_wider_than_the_screen(visit, serve) -> None:
    wide = "\n".join(
        (
            "</think>",
            "| " + " | ".join("column" for _ in range(12)) + " |",
            "|---" * 12 + "|",
            "",
            "```",
            "x" * 300,
            "```",
            "",
            "y" * 300,
            "",
            f"\\[{'+'.join('abc' * 30)}\\]",
        )
    )
    page = visit(serve(wide).url, width=390, has_touch=True)
    expect(page.locator("#sidebar")).to_be_hidden()
    ask(page)
    answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("scroller.scrollWidth <= scroller.clientWidth")
    page.get_by_role("button", name="Show or hide the conversations").click()
    expect(page.locator("#sidebar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sidebar")).to_be_hidden()


def test_the_page_works_below_a_path_of_a_proxy(visit, serve) -> None:
    """A proxy is played by the browser's router: it cuts the path and asks the server."""
    served = serve("</think>A")
    page = visit(served.url)
    context = page.context
    context.route(
        "**/below/it/**",
        lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace("/below/it", ""))),
    )
    page.goto(served.url + "/below/it/")
    ask(page)
    expect(page.locator(".answer > .prose")).to_have_text("A")
