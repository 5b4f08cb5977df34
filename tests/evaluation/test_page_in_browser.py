"""The page in a headless Chromium: it asks for nothing, complains of nothing, and is in the reader's language."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sampan.evaluation import Quality, write_quality

if TYPE_CHECKING:  # without Playwright the tests are skipped, and this file still loads
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: scripts/install_chromium.sh installs Debian's")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize(("locale", "heading", "other"), [("en-GB", "Tasks", "任务"), ("zh-CN", "任务", "Tasks")])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page(
    browser: Browser, quality: Quality, tmp_path: Path, locale: str, heading: str, other: str, width: int
):
    write_quality(quality, tmp_path, max_loss=1.0)
    page = browser.new_page(locale=locale, viewport={"width": width, "height": 800})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    url = (tmp_path / "quality.html").as_uri()
    page.goto(url)
    assert page.get_by_role("heading", name=heading, exact=True).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width  # only tables scroll sideways
    page.get_by_role("button").click()
    assert page.get_by_role("heading", name=other, exact=True).is_visible()
    assert (complaints, requests) == ([], [url])
    page.close()
