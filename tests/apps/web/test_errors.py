"""What is said when something is wrong."""

from __future__ import annotations

import re

import pytest

from chat_page import ask, expect
from sampan.errors import EngineError, OverloadedError, UnavailableError
from server_process import scripted_server

pytestmark = pytest.mark.browser


def test_a_busy_server_is_asked_again_when_it_said(visit, serve) -> None:
    served = serve("</think>A", refusal=OverloadedError.of_queue(2.0))
    page = visit(served.url)
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("The server is busy.")
    button = page.get_by_role("alert").get_by_role("button")
    expect(button).to_have_text(re.compile(r"Retry in [12] s"))
    expect(button).to_be_disabled()
    served.engine.refusal = None
    expect(button).to_have_text("Retry")
    button.click()
    expect(page.locator(".answer > .prose")).to_have_text("A")
    expect(page.locator(".answer")).to_have_count(1)
    expect(page.locator(".answer .versions")).to_be_hidden()  # an answer without words leaves no version behind


def test_a_server_that_is_not_ready_says_so(visit, serve) -> None:
    page = visit(serve(refusal=UnavailableError("Loading", remedy="wait")).url, locale="zh-CN")
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("服务器尚未就绪")
    expect(page.get_by_role("alert").get_by_role("button")).to_have_text(re.compile(r"^\d 秒后可重试$"))


def test_an_error_amid_a_stream_keeps_what_came(visit, serve) -> None:
    served = serve("</think>Half an answer", failure=EngineError("x"), fail_after=12)
    page = visit(served.url)
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("The server failed on this request.")
    expect(page.locator(".answer > .prose")).to_have_text("Half an ans")
    served.engine.failure = None
    page.get_by_role("alert").get_by_role("button", name="Retry").click()
    expect(page.locator(".answer > .prose")).to_have_text("Half an answer")
    expect(page.locator(".answer .versions")).to_have_text("2 of 2")


def test_a_refused_request_says_why(visit, serve) -> None:
    page = visit(serve(max_model_len=20).url)
    page.evaluate("localStorage.setItem('sampan.settings', JSON.stringify({temperature: -1}))")
    page.reload()
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("The server could not use this request.")
    expect(page.get_by_role("alert")).to_contain_text("temperature")


def test_a_broken_connection_is_told_from_an_end(visit) -> None:
    with scripted_server(answers=["</think>" + "word " * 500], delay=0.02, max_model_len=100_000) as server:
        page = visit(server.url, expected=("Failed to load resource: net::",))
        ask(page)
        expect(page.locator(".answer > .prose")).to_contain_text("word word")
        server.process.kill()
        expect(page.get_by_role("alert")).to_contain_text("The connection broke")
        page.get_by_role("alert").get_by_role("button", name="Retry").click()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")


def test_limits_are_told(visit, serve) -> None:
    page = visit(serve("</think>A long answer").url)
    page.evaluate("localStorage.setItem('sampan.settings', JSON.stringify({max_tokens: 5}))")
    page.reload()
    ask(page)
    expect(page.locator(".note")).to_have_text("Cut at the limit of tokens. Settings can raise it.")
