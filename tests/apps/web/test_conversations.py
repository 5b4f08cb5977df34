"""Conversations, their branches, and what the browser keeps of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_page import answered, ask, expect
from scripted_engine import last_prompt

pytestmark = pytest.mark.browser


def test_history_goes_along_without_thoughts(visit, serve) -> None:
    served = serve("Secret thought.\n</think>\n\nFirst.", "</think>Second.")
    page = visit(served.url)
    ask(page, "one")
    answered(page)
    ask(page, "two")
    answered(page, 2)
    turns = "<｜User｜>one<｜Assistant｜>First.<｜end▁of▁sentence｜><｜User｜>two<｜Assistant｜><think>\n"
    assert last_prompt(served.engine) == f"<｜begin▁of▁sentence｜>{turns}"


def test_retry_and_edit_make_branches(visit, serve) -> None:
    served = serve("</think>A", "</think>B", "</think>C")
    page = visit(served.url)
    ask(page, "one")
    answered(page)
    page.locator(".answer").get_by_role("button", name="Retry").click()
    expect(page.locator(".answer > .prose")).to_have_text("B")
    versions = page.locator(".answer .versions")
    expect(versions).to_have_text("2 of 2")
    versions.get_by_role("button", name="Previous version").click()
    expect(page.locator(".answer > .prose")).to_have_text("A")

    page.locator(".user").hover()
    page.locator(".user").get_by_role("button", name="Edit").click()
    page.locator(".editor textarea").fill("other")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text("other")
    expect(page.locator(".answer > .prose")).to_have_text("C")
    page.reload()
    page.locator("#list .open").click()
    expect(page.locator(".bubble")).to_have_text("other")
    page.locator(".user").hover()
    page.locator(".user").get_by_role("button", name="Previous version").click()
    expect(page.locator(".bubble")).to_have_text("one")
    expect(page.locator(".answer > .prose")).to_have_text("A")


def test_conversations_are_renamed_deleted_and_brought_back(visit, serve) -> None:
    page = visit(serve().url)
    ask(page, "a question")
    answered(page)
    page.locator("#list li").hover()
    page.get_by_role("button", name="Rename").click()
    page.keyboard.type("Ein Name")
    page.keyboard.press("Enter")
    expect(page.locator("#list .open")).to_have_text("Ein Name")
    expect(page.locator("#title")).to_have_text("Ein Name")
    page.locator("#list li").hover()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#list .open")).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#list .open")).to_have_text("Ein Name")
    expect(page.locator(".answer > .prose")).to_have_text("Forty-two.")


def test_conversations_leave_and_come_back_as_a_file(visit, serve, tmp_path: Path) -> None:
    served = serve()
    page = visit(served.url)
    ask(page, "a question")
    answered(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all conversations").click()
    path = tmp_path / "export.json"
    download.value.save_as(path)
    other = visit(served.url)
    other.set_input_files("#file", path)
    expect(other.locator("#toasts")).to_have_text("Conversations imported: 1")
    other.get_by_role("button", name="a question", exact=True).click()
    expect(other.locator(".answer > .prose")).to_have_text("Forty-two.")
    expect(other.locator(".fold")).to_be_visible()

    path.write_text(json.dumps({"format": "sampan-conversations", "conversations": [{"title": 1}, None, {"nodes": 2}]}))
    other.set_input_files("#file", path)
    expect(other.locator("#toasts")).to_have_text("This file holds no conversations of this page.")


def test_a_full_store_is_said_and_nothing_is_lost_unasked(visit, serve) -> None:
    page = visit(serve().url)
    page.evaluate("localStorage.setItem('sampan.body.old', 'x'.repeat(3_999_900))")
    ask(page)
    expect(page.locator("#toasts")).to_contain_text("storage for this page is full")
    answered(page)
    assert page.evaluate("localStorage.getItem('sampan.body.old').length") == 3_999_900
