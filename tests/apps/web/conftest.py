"""The chat page in a headless Chromium. Without one, or without Playwright, these tests are skipped."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sampan.config import ServerConfig
from sampan.engine.sampling_params import SamplingParams
from sampan.server import bind_socket, create_app, run_server, url_of
from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine
from server_process import sampan_serve

if TYPE_CHECKING:  # without Playwright the tests are skipped, and this file still loads
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Errors to the console, whatever the page makes of them.
STATUS = "Failed to load resource: the server responded with a status of"
REPORT_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI))"
)


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, which other tests must not meet
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: scripts/install_chromium.sh installs Debian's")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What must not happen on the page: complaints on its console, and requests to others."""

    expected: tuple[str, ...]  # beginnings of complaints that a test provokes
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith((STATUS, *self.expected)):
            self.complaints.append(message.text)

    def outside(self, url: str) -> list[str]:
        own = (url, "blob:", "data:")
        return [request for request in self.requests if not request.startswith(own)]


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens the page of a server. In the end nothing may have gone wrong on it."""
    opened: list[tuple[str, BrowserContext, Watch]] = []

    def open_page(
        url: str, *, width: int = 1100, locale: str = "en-US", expected: tuple[str, ...] = (), **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, locale=locale, **options)
        context.set_default_timeout(20_000)
        context.add_init_script(REPORT_VIOLATIONS)
        page = context.new_page()
        watch = Watch(expected)
        watch.over(page)
        opened.append((url, context, watch))
        page.goto(url + "/")
        page.locator("#model:not(:empty)").wait_for()
        return page

    yield open_page
    for url, context, watch in opened:
        context.close()
        assert watch.complaints == []
        assert watch.outside(url) == []


@dataclass
class Served:
    """A scripted server in a thread of this process."""

    engine: ScriptedEngine
    url: str


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers whose model gives the answers that it is told to give. Settings are `ScriptedEngine`'s; `key` is
    the API key that they want."""
    ends: list[Callable[[], None]] = []

    def start(*answers: str, key: str = "", **settings: Any) -> Served:
        settings.setdefault("max_model_len", 1_000_000)
        engine = ScriptedEngine(answers or ("Let me see.\n</think>\n\nForty-two.",), **settings)
        config = ServerConfig(port=0, api_key_sha256=hashlib.sha256(key.encode()).hexdigest() if key else "")
        app = create_app(engine, TOKENIZER, CHAT_TEMPLATE, config, sampling_defaults=SamplingParams())
        listener = bind_socket(config)
        thread = threading.Thread(target=run_server, args=(app, listener))
        thread.start()

        def end() -> None:
            app.state.service.draining = True
            engine.closing.set()
            thread.join(20)
            assert not thread.is_alive()

        ends.append(end)
        return Served(engine, url_of(listener))

    yield start
    for end in ends:
        end()


@pytest.fixture(scope="session")
def sampan_url() -> Iterator[str]:
    """A real server with the embedded model."""
    with sampan_serve("--threads", "1") as server:
        yield server.url


@pytest.fixture
def blank(visit: Visit, serve: Serve) -> Page:
    """The page of a server that is asked nothing, for what needs only the page's own modules."""
    return visit(serve().url)
