"""What tests do on the chat page again and again. A test module that imports this one is skipped without Playwright."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: the dependency group `browser`")

from playwright.sync_api import Page, expect

expect.set_options(timeout=20_000)  # machines may be busy

__all__ = ["Page", "answered", "ask", "expect", "until"]


def ask(page: Page, text: str = "What is it?") -> None:
    """Types a message and sends it."""
    page.fill("#question", text)
    page.keyboard.press("Enter")


def answered(page: Page, count: int = 1, seconds: float = 20) -> None:
    """Waits until so many answers have ended."""
    expect(page.locator(".answer[aria-busy=false]")).to_have_count(count, timeout=seconds * 1000)


def until(page: Page, condition: str, seconds: float = 20) -> None:
    """Waits for an expression to be true. The page's policy forbids what `page.wait_for_function` does."""
    ends = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < ends, condition
        page.wait_for_timeout(30)
