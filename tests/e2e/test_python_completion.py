"""Pyright in the editor: completion, hover and signatures of Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.e2e.conftest import new_page
from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

# Pyright is a large script, which a busy machine compiles in seconds.
LOAD_TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser) as page:
        record_policy_violations(page)
        yield page
        assert policy_violations(page) == []


def wait_for_suggestion(page: Page, name: str) -> None:
    """Ask for suggestions until they contain a name. While Pyright is loaded, they contain the words of the file."""
    suggestion = page.locator(".suggest-widget .monaco-list-row").filter(has_text=name)

    def ask() -> bool:
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Space")
        try:
            suggestion.first.wait_for(timeout=500)
        except PlaywrightTimeoutError:
            return False
        return True

    for _ in range(LOAD_TIMEOUT_MS // 500):
        if ask():
            return
    raise AssertionError(f"no suggestion {name}")


def test_pyright_completes_members_shows_types_and_is_loaded_when_it_is_needed(page: Page, site: Site) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    editor = EditorPage(page, site.url).open()
    editor.open_program("import math\nmath.sq")
    assert not any("pyright" in url for url in urls)
    editor.focus_code()
    page.keyboard.press("Control+End")
    wait_for_suggestion(page, "sqrt")
    page.keyboard.press("Tab")
    page.keyboard.type("(")
    expect(page.locator(".parameter-hints-widget")).to_contain_text("x: _SupportsFloatOrIndex")
    page.keyboard.press("Escape")
    assert [url for url in urls if not url.startswith((site.url, "data:", "blob:"))] == []
    assert sum("pyright" in url for url in urls) >= 1


def test_pyright_knows_the_other_files_of_the_program(page: Page, site: Site) -> None:
    editor = EditorPage(page, site.url)
    if page.url == "about:blank":  # the other test has opened the page
        editor.open()
    files = [
        {"name": "main.py", "content": "import helper\nhelper.gr"},
        {"name": "helper.py", "content": "def greet_everybody(name): ...\n"},
    ]
    editor.open_program("", files=files)
    editor.focus_code()
    page.keyboard.press("Control+End")
    wait_for_suggestion(page, "greet_everybody")


def test_long_file_is_completed_with_members_and_words(page: Page, site: Site) -> None:
    editor = EditorPage(page, site.url)
    if page.url == "about:blank":  # another test has opened the page
        editor.open()
    lines = ["import math", *(f"isinstall_{n} = {n}" for n in range(2500)), "isinst", "math.sq"]
    editor.open_program("\n".join(lines))
    editor.focus_code()
    page.keyboard.press("Control+End")
    wait_for_suggestion(page, "sqrt")

    # Outside of members, it does not wait for Pyright, which would suggest isinstance
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    wait_for_suggestion(page, "isinstall_2200")  # the first of the 300 nearest words
    expect(page.locator(".suggest-widget .monaco-list-row").filter(has_text="isinstance")).to_have_count(0)
