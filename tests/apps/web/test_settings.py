"""Settings and keys."""

from __future__ import annotations

import pytest

from chat_page import answered, ask, expect
from scripted_engine import last_prompt

pytestmark = pytest.mark.browser


def test_settings_reach_the_model(visit, serve) -> None:
    served = serve("</think>A")
    page = visit(served.url)
    page.keyboard.press("Alt+s")
    fields = {"Temperature": "0.3", "Top p": "0.5", "Max tokens": "99", "Max thinking tokens": "7", "Seed": "5"}
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("System prompt").fill("Be brief.")
    page.keyboard.press("Escape")
    ask(page, "one")
    answered(page)
    params = served.engine.calls[-1].params
    assert (params.temperature, params.top_p, params.max_tokens, params.seed) == (0.3, 0.5, 99, 5)
    assert params.thinking_token_budget == 7
    assert last_prompt(served.engine).startswith("<｜begin▁of▁sentence｜>Be brief.<｜User｜>one")

    page.reload()
    page.keyboard.press("Alt+s")
    expect(page.get_by_label("Temperature")).to_have_value("0.3")
    page.get_by_label("Temperature").fill("99")  # refused by the field: the last good value stays
    page.get_by_role("button", name="Reset", exact=True).click()
    page.keyboard.press("Escape")
    ask(page, "two")
    answered(page)
    assert served.engine.calls[-1].params.temperature == 1.0


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_key_is_asked_for_sent_and_kept_only_if_wanted(visit, serve, is_kept: bool) -> None:
    key = "right-" + "k" * 40
    page = visit(serve("</think>A", key=key).url)
    expect(page.locator("#model")).to_have_text("This server wants an API key.")
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("This server wants an API key.")
    page.get_by_role("button", name="Enter the key").click()
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("does not accept this API key")
    page.get_by_role("button", name="Enter the key").click()
    page.get_by_label("API key").fill(key)
    page.get_by_label("Keep the key").set_checked(is_kept)
    page.keyboard.press("Escape")
    expect(page.locator(".answer > .prose")).to_have_text("A")  # it was asked again by itself
    expect(page.locator("#model")).to_have_text("sampan-tiny")
    assert page.evaluate("(key) => Object.values(localStorage).join().includes(key)", key) == is_kept
    page.reload()
    expect(page.locator("#model")).to_have_text("sampan-tiny" if is_kept else "This server wants an API key.")
