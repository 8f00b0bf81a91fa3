"""The layout of the editor page at all window sizes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import EditorPage, Layout

pytestmark = pytest.mark.docker

# 320 px is the width of a window of 1280 px at a zoom of 400 %.
WIDTHS = (320, 360, 390, 480, 600, 700, 759, 760, 800, 820, 863, 900, 1024, 1100, 1215, 1216, 1280, 1440, 1920, 2560)

# The elements that are not completely inside of the window, and those that their parent cuts off.
FIND_OVERFLOW = """() => {
  const outside = [...document.querySelectorAll('.top-bar *, .pane-head, .status-bar')]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5)
    .map(element => element.className || element.tagName)
  const scrolled = [document.documentElement, document.querySelector('.page'), document.querySelector('.top-bar')]
    .filter(element => element.scrollWidth > element.clientWidth)
    .map(element => element.className || element.tagName)
  return [...outside, ...scrolled]
}"""


def test_arrow_keys_select_tabs(shared_editor: EditorPage) -> None:
    page = shared_editor.page
    for label, names in (("Output", ("Terminal", "Tests")), ("Run options", ("Input", "Arguments"))):
        tabs = page.get_by_role("tablist", name=label)
        first, second = (tabs.get_by_role("tab", name=name) for name in names)
        first.focus()
        page.keyboard.press("ArrowRight")
        expect(second).to_be_focused()
        expect(second).to_have_attribute("aria-selected", "true")
        expect(first).to_have_attribute("tabindex", "-1")
        expect(page.locator(f"#{second.get_attribute('aria-controls')}")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(first).to_be_focused()
    page.get_by_role("tab", name="Input").click()


def test_page_does_not_overflow_at_any_width(shared_editor: EditorPage) -> None:
    editor = shared_editor
    overflow = {}
    for width in WIDTHS:
        editor.set_layout(Layout(width, 700, "light"))
        # The page switches to another layout after the window has changed.
        editor.page.wait_for_function(
            "isNarrow => (document.querySelector('.pane-tabs') !== null) === isNarrow", arg=width < 760
        )
        if found := editor.page.evaluate(FIND_OVERFLOW):
            overflow[width] = found
    editor.set_layout(Layout(1280, 800, "light"))
    assert overflow == {}
