"""The editor on touch screens: CodeMirror instead of Monaco, large controls, and no keyboard over the output."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import find_axe_violations, find_small_targets
from tests.e2e.editor_page import DESKTOP, LAYOUTS, PHONE, EditorPage, Layout
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

HANDHELD_LAYOUTS = [layout for layout in LAYOUTS if layout.width < DESKTOP.width]
COLOUR = "element => getComputedStyle(element).color"


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page on a touch screen."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, service_workers="block"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(site.url)
    page.wait_for_selector(".cm-editor")
    page.wait_for_selector(".xterm-rows", state="attached")
    yield page
    context.close()


@pytest.fixture
def code(page: Page) -> Locator:
    """The code, which is empty."""
    tab = page.get_by_role("tab", name="Code", exact=True)
    if tab.is_visible():
        tab.tap()
    code = page.get_by_label("Code, main.py")
    code.fill("")
    return code


@pytest.mark.parametrize("layout", HANDHELD_LAYOUTS, ids=str)
def test_touch_editor_indents_and_highlights(page: Page, site: Site, code: Locator, layout: Layout) -> None:
    EditorPage(page, site.url).set_layout(layout)
    code.tap()

    page.keyboard.type("def f():\nreturn 'text'\n")

    expect(page.locator(".cm-line")).to_have_text(["def f():", "    return 'text'", "    "])
    spans = page.locator(".cm-line span")
    keyword, string = (spans.get_by_text(text, exact=True).evaluate(COLOUR) for text in ("def", "'text'"))
    assert keyword != string
    # And Monaco is not loaded
    names = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert [name for name in names if "MonacoEditor" in name or "editor.api" in name] == []
    assert find_axe_violations(page) == []


def test_narrow_touch_screen_shows_tabs_and_large_controls(page: Page, site: Site, code: Locator) -> None:
    # Given a phone with a program
    EditorPage(page, site.url).set_layout(PHONE)
    code.fill("print('from a phone')")
    # When the program is run
    page.get_by_role("button", name="Run", exact=True).tap()
    # Then only the output is shown, without horizontal scrolling, and all controls are large enough
    expect(page.locator(".xterm-rows")).to_contain_text("from a phone", timeout=20_000)
    expect(code).to_be_hidden()
    # And the keyboard of the device is not opened over the output
    assert page.evaluate("document.activeElement.closest('.terminal')") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert find_small_targets(page) == []
    # And the same holds for the tests
    page.get_by_role("tab", name="Tests").tap()
    page.get_by_role("button", name="Add a test").tap()
    expect(page.get_by_label("Input of test 1")).to_be_visible()
    assert page.evaluate("document.querySelector('.tests').scrollWidth") <= 390
    assert find_small_targets(page) == []
    page.get_by_role("tab", name="Terminal").tap()
