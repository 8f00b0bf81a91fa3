"""Fixtures: Chromium, and the built page behind nginx with a whole stack."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site, build_page_files, serve_page
from tests.stack import Stack

# Browsers trust only 127.0.0.1 and localhost without TLS.
INSECURE_HOST = "pyxec"
BROWSER_OPTIONS = [
    "--no-sandbox",  # Chromium requires it for the root user; the pages are trusted.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
]


def find_chromium() -> str:
    """Return the path of Debian's Chromium."""
    executable = shutil.which("chromium")
    assert executable is not None, "chromium is missing: `make test` installs it"
    return executable


# The scope is not the session, because the event loop of playwright blocks asyncio tests until it is closed.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_files() -> None:
    """Builds web/dist if the sources have changed."""
    build_page_files()


@pytest.fixture(scope="session")
def site(stack: Stack, page_files: None, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return serve_page(stack, tmp_path_factory.mktemp("nginx"))


@contextlib.contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """Open a tab with empty storage and an empty cache. A JavaScript error in it fails the test."""
    # Only one test needs the service worker; it would slow down all others.
    with browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="block") as context:
        page = context.new_page()
        with _no_errors(page):
            yield page


@contextlib.contextmanager
def _no_errors(page: Page) -> Iterator[None]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert errors == []


@pytest.fixture(scope="package")
def cached_context(browser: Browser) -> Iterator[BrowserContext]:
    """The browser context of all tests that need an own tab. Its cache contains the files of the page."""
    with browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="block") as context:
        yield context


@pytest.fixture
def page(cached_context: BrowserContext) -> Iterator[Page]:
    """A tab with empty storage. A JavaScript error in it fails the test."""
    page = cached_context.new_page()
    with _no_errors(page):
        yield page
        url = page.url
        page.goto("about:blank")  # the editor stores its drafts when it is left
        if url.startswith("http"):
            page.goto(urljoin(url, "/theme.js"))
            page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture
def editor(page: Page, site: Site) -> EditorPage:
    return EditorPage(page, site.url).open()


@pytest.fixture(scope="package")
def shared_editor(browser: Browser, site: Site) -> Iterator[EditorPage]:
    """One editor for all tests that only run programs. Opening the page takes longer than most of these tests."""
    with new_page(browser) as page:
        yield EditorPage(page, site.url).open()
