"""Drafts and shared programs: nothing that the user typed is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import INSECURE_HOST
from tests.e2e.editor_page import DESKTOP, LAYOUTS, EditorPage, Layout, encode_fragment
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

FILL_STORAGE = """() => {
  let size = 1024 * 1024
  for (let part = 0; size > 0; part += 1) {
    try { localStorage.setItem('filler' + part, 'x'.repeat(size)) } catch { size = Math.floor(size / 2) }
  }
}"""
EMPTY_STORAGE = """() => {
  for (const key of Object.keys(localStorage)) if (key.startsWith('filler')) localStorage.removeItem(key)
}"""
IS_SAVED = """text => Object.entries(localStorage)
  .some(([key, value]) => key.startsWith('pyxec.program.') && value.includes(text))"""


def program_of(source: str) -> dict[str, object]:
    return {"files": [{"name": "main.py", "content": source}]}


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    yield context
    context.close()


@pytest.fixture(scope="module")
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def opened_editor(page: Page, site: Site) -> EditorPage:
    return EditorPage(page, site.url).open()


@pytest.fixture
def editor(opened_editor: EditorPage) -> Iterator[EditorPage]:
    yield opened_editor
    opened_editor.set_layout(DESKTOP)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_shared_program_does_not_replace_the_draft(editor: EditorPage, layout: Layout) -> None:
    # Given a draft
    editor.set_layout(layout)
    editor.open_program("print('my draft')")
    # When a link is opened
    editor.open_link(encode_fragment("python", program_of("print('shared')")))
    # Then the shared program is shown and marked, and the draft returns when it is closed
    editor.show_pane("Code")
    code = editor.page.locator(".monaco-editor .view-lines")
    expect(code).to_contain_text("shared")
    expect(editor.page.locator(".shared-banner")).to_contain_text("Your own Python program is unchanged")
    editor.page.get_by_role("button", name="Show my program").click()
    expect(code).to_contain_text("my draft")
    assert "#" not in editor.page.url


def test_edit_keeps_the_shared_program_and_saves_the_replaced_draft(editor: EditorPage) -> None:
    editor.open_program("print('replaced draft')")
    editor.open_link(encode_fragment("python", program_of("print('shared')")))
    expect(editor.page.locator(".shared-banner")).to_be_visible()

    editor.focus_code()
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.type("  # edited")

    expect(editor.page.locator(".shared-banner")).to_have_count(0)
    editor.page.wait_for_function("() => localStorage['pyxec.draft.python'].includes('# edited')")
    editor.page.wait_for_function(IS_SAVED, arg="replaced draft")
    # And the notice restores the draft
    editor.page.get_by_role("button", name="Undo").last.click()
    expect(editor.page.locator(".monaco-editor .view-lines")).to_contain_text("replaced draft")
    editor.page.wait_for_function("() => localStorage['pyxec.draft.python'].includes('replaced draft')")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        (encode_fragment("python", program_of("print('x' * 1000)"))[:-20], "The link is incomplete or damaged"),
        ("#v1", "The link is incomplete or damaged"),
        ("#v9.abcd", "created by a newer version of this page"),
        (
            encode_fragment("klingon", program_of("DISPLAY 1.")),
            'the language "klingon", which this server does not',
        ),
    ],
    ids=["truncated", "empty", "newer", "language"],
)
def test_link_that_cannot_be_opened_is_reported(editor: EditorPage, layout: Layout, fragment: str, text: str) -> None:
    editor.set_layout(layout)
    before = editor.page.evaluate("localStorage['pyxec.draft.python']")

    editor.open_link(fragment)

    expect(editor.page.locator(".notice").filter(has_text=text)).to_contain_text("Your own program is shown.")
    expect(editor.page.locator(".shared-banner")).to_have_count(0)
    assert editor.page.evaluate("localStorage['pyxec.draft.python']") == before
    editor.page.get_by_role("button", name="Dismiss").last.click()


def test_tab_follows_the_edits_of_another_tab(editor: EditorPage, context: BrowserContext) -> None:
    # Given two tabs with the same draft
    editor.open_program("print('start')")
    other = EditorPage(context.new_page(), editor.url).open()
    # When the first one is edited
    editor.type_code("print('from the first tab')")
    # Then the second one follows, and an edit there is followed by the first one
    code = ".monaco-editor .view-lines"
    expect(other.page.locator(code)).to_contain_text("from the first tab")
    other.focus_code()
    other.page.keyboard.press("Control+End")
    other.page.keyboard.type("  # and the second")
    expect(editor.page.locator(code)).to_contain_text("from the first tab')  # and the second")
    # And after edits at the same time, both versions are offered
    other.page.evaluate(
        "draft => localStorage.setItem('pyxec.draft.python', JSON.stringify(draft))",
        program_of("print('unseen')"),
    )  # a tab does not get events of its own changes, as if it were suspended
    other.page.keyboard.type(" mine")
    notice = other.page.locator(".notice").filter(has_text="Another tab has changed the Python program, too")
    notice.get_by_role("button", name="Use the other version").click()
    expect(other.page.locator(code)).to_contain_text("unseen")
    other.page.wait_for_function(IS_SAVED, arg="and the second mine")
    other.page.close()


def test_full_storage_is_reported_at_once_with_a_download(editor: EditorPage) -> None:
    # Given a browser without room
    editor.open_program("print('small')")
    editor.page.evaluate(FILL_STORAGE)
    # When the program grows
    text = "print('typed while the storage is full')" + "#" * 3000
    editor.type_code(text)
    # Then the problem is reported, and the download contains the program
    notice = editor.page.locator(".notice").filter(has_text="storage of this browser is full")
    with editor.page.expect_download() as download:
        notice.get_by_role("button", name="Download").click()
    assert download.value.path().read_text() == text
    # And the report disappears when the draft is stored
    editor.page.evaluate(EMPTY_STORAGE)
    editor.focus_code()
    editor.page.keyboard.type("#")
    expect(notice).to_have_count(0)
    editor.page.wait_for_function("() => localStorage['pyxec.draft.python'].includes('while the storage is full')")


def test_program_that_cannot_be_saved_is_offered_as_a_download(editor: EditorPage) -> None:
    # Given a browser without room
    editor.open_program("print('cannot be saved')" + "#" * 3000)
    editor.page.evaluate(FILL_STORAGE)
    # When it is saved under a name
    editor.focus_code()
    editor.page.keyboard.press("Control+S")
    dialog = editor.page.get_by_role("dialog", name="Programs")
    dialog.get_by_role("button", name="Save this program").click()
    # Then the form states why it is not saved, and the download contains the program
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("The storage of this browser is full or blocked: the program is not saved.")
    with editor.page.expect_download() as download:
        alert.get_by_role("button", name="download it").click()
    assert "cannot be saved" in download.value.path().read_text()
    # And it can be saved when there is room
    editor.page.evaluate(EMPTY_STORAGE)
    dialog.get_by_role("button", name="Save this program").click()
    expect(alert).to_have_count(0)
    editor.page.wait_for_function(IS_SAVED, arg="cannot be saved")
    editor.page.keyboard.press("Escape")


def test_page_keeps_the_program_after_an_update_of_the_server(context: BrowserContext, editor: EditorPage) -> None:
    # Given a page whose files were replaced by those of a newer version
    old = EditorPage(context.new_page(), editor.url).open()
    old.open_program("print('typed before the update')")
    old.page.route("**/assets/**", lambda route: route.fulfill(status=404))
    # When a part is opened that is not loaded yet
    old.page.get_by_role("button", name="Settings").click()
    # Then the page states what to do, and still works
    alert = old.page.locator(".load-error")
    expect(alert).to_contain_text("Your program is saved in this browser.")
    old.type_code("print('typed after the update')")
    old.run()
    old.expect_output("typed after the update")
    old.open_program("print('opened after the update')")
    old.page.wait_for_function(IS_SAVED, arg="typed after the update")
    # And the newer version shows the program
    old.page.unroute("**/assets/**")
    alert.get_by_role("button", name="Reload the page").click()
    old.wait_until_loaded()
    old.expect_code("print('opened after the update')")
    old.page.close()


def test_page_saves_and_copies_on_an_insecure_origin(context: BrowserContext, site: Site) -> None:
    # Given a page without TLS, in which a browser offers no clipboard
    page = context.new_page()
    editor = EditorPage(page, site.url.replace("127.0.0.1", INSECURE_HOST)).open()
    assert not page.evaluate("isSecureContext")
    # When the output is copied, and a link replaces the draft
    editor.type_code("print('# copied', end='')")
    editor.run()
    editor.expect_status("Finished normally")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    editor.open_program("print('of a link')")
    # Then the draft is saved, and the clipboard contains the output
    page.wait_for_function(IS_SAVED, arg="# copied")
    editor.focus_code()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+V")
    editor.expect_code("# copied")
    page.close()
