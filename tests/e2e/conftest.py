"""A real browser before a real page: Debian's Chromium, nginx, and the stack behind it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.editor import Editor
from tests.e2e.site import Site, built_page, serving
from tests.stack import Stack

BROWSER_OPTIONS = [
    "--no-sandbox",  # the tests run as root; the page is ours
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Not for the whole session: playwright's loop counts as running until it ends, and no asyncio test may come after it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    assert executable is not None, "chromium is missing: `make test` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_files() -> None:
    built_page()


@pytest.fixture(scope="session")
def site(stack: Stack, page_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(stack, tmp_path_factory.mktemp("nginx")) as site:
        yield site


@contextlib.contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was never here before; an error in it fails the test."""
    # Keeping the page for when there is no network has a test of its own; everywhere else it only takes time.
    context = browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="block")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser) as page:
        yield page


@pytest.fixture
def editor(page: Page, site: Site) -> Editor:
    return Editor(page, site.url).open()


@pytest.fixture(scope="package")
def shared_editor(browser: Browser, site: Site) -> Iterator[Editor]:
    """One page for all tests that only run programs in it: opening one takes longer than most of them."""
    with new_page(browser) as page:
        yield Editor(page, site.url).open()
