"""The layout of the editor page at all window sizes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import LAYOUTS, EditorPage, Layout

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


# Empty if a dialog is inside of the window, if its text is not cut off, and if each of its controls can be clicked
# after it is scrolled into view.
FIND_DIALOG_FAULTS = """isNarrow => {
  const dialog = document.querySelector('dialog[open]')
  const faults = []
  const name = element => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`
  const box = dialog.getBoundingClientRect()
  if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) faults.push('outside')
  for (const element of [dialog, ...dialog.querySelectorAll('*')]) {
    const isScrolled = element.matches('pre, input, textarea, select')
      || getComputedStyle(element).textOverflow === 'ellipsis'
    if (!isScrolled && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1)
      faults.push(`cut off: ${name(element)}`)
  }
  for (const control of dialog.querySelectorAll('button, input, select, textarea, summary, label')) {
    if (!control.checkVisibility() || control.matches('.file-input input')) continue
    control.scrollIntoView({ block: 'center' })
    const { left, top, width, height } = control.getBoundingClientRect()
    const hit = document.elementFromPoint(left + width / 2, top + height / 2)
    if (!hit || !(control.contains(hit) || hit.contains(control) && hit.matches('label')))
      faults.push(`unreachable: ${name(control)}`)
    const isTarget = control.matches('button, select, summary, label:has(input)')
    if (isNarrow && isTarget && (width < 44 || height < 44)) faults.push(`small: ${name(control)} ${width} ${height}`)
  }
  const close = dialog.querySelector('[aria-label=Close]').getBoundingClientRect()
  if (close.top < box.top || close.bottom > box.bottom) faults.push('the close button is scrolled away')
  return faults
}"""

LONG_NAME = "a_folder_with_a_long_name/" * 3 + "and_a_module_whose_name_does_not_fit.py"
DIALOGS = ("Templates", "Programs", "Files", "Share", "History", "Settings", "Shortcuts")


@pytest.fixture(scope="module")
def editor_with_long_texts(shared_editor: EditorPage) -> EditorPage:
    """The editor after more runs than a dialog can show, with saved programs that have long names."""
    page = shared_editor.page
    run = {
        "at": 1, "language": "python", "languageName": "Python", "tone": "bad", "ending": "Exited with code 1",
        "output": "a long line of output " * 20 + "\n" * 30,
        "program": {"files": [{"name": LONG_NAME, "content": "print('a long line of code') # " * 9}]},
    }  # fmt: skip
    history = [run | {"at": number} for number in range(10)]
    page.evaluate("history => { localStorage['pyxec.history'] = JSON.stringify(history) }", history)
    files = [{"name": LONG_NAME, "content": "print(1) # " * 40}, {"name": "b.py", "content": ""}]
    shared_editor.open_program("", files=files)
    for number in range(5):
        page.get_by_role("button", name="Programs", exact=True).click()
        page.get_by_label("Name", exact=True).fill(f"{number} {LONG_NAME}")
        page.get_by_role("button", name="Save this program").click()
        page.keyboard.press("Escape")
    return shared_editor


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_dialogs_fit_the_window_and_all_controls_are_reachable(
    editor_with_long_texts: EditorPage, layout: Layout
) -> None:
    editor = editor_with_long_texts
    page = editor.page
    editor.set_layout(layout)
    dialog = page.locator("dialog[open]")
    is_narrow = layout.width < 760
    faults = {}
    for name in DIALOGS:
        if is_narrow:
            page.get_by_role("button", name="More", exact=True).click()
            faults["More"] = page.evaluate(FIND_DIALOG_FAULTS, is_narrow)
        page.get_by_role("button", name=name, exact=True).click()
        dialog.wait_for()
        expect(dialog).not_to_have_accessible_name("More")
        dialog.evaluate("dialog => { for (const details of dialog.querySelectorAll('details')) details.open = true }")
        faults[name] = page.evaluate(FIND_DIALOG_FAULTS, is_narrow)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    editor.set_layout(Layout(1280, 800, "light"))
    assert {name: found for name, found in faults.items() if found} == {}
