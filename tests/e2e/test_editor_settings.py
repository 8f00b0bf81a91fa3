"""The keys of Vim and Emacs, ligatures, and the details of a language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import find_axe_violations
from tests.e2e.conftest import new_page
from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser) as page:
        record_policy_violations(page)
        yield page
        assert policy_violations(page) == []


@pytest.fixture(scope="module")
def editor(page: Page, site: Site) -> EditorPage:
    return EditorPage(page, site.url).open()


def choose_keys(editor: EditorPage, name: str) -> None:
    editor.page.get_by_role("button", name="Settings").click()
    editor.page.get_by_label(name, exact=True).check()
    editor.page.get_by_role("button", name="Close").click()
    if name != "Standard":
        editor.page.wait_for_selector(f"[data-keys={name.lower()}]")


def wait_for_code(editor: EditorPage, text: str) -> None:
    editor.page.wait_for_function(
        "text => [...document.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n') === text",
        arg=text,
    )


def test_vim_keys_edit_the_program_and_survive_a_reload(editor: EditorPage) -> None:
    page = editor.page
    editor.open_program("one = 1\ntwo = 2")
    choose_keys(editor, "Vim")
    page.locator(".cm-content").click()
    page.wait_for_selector(".cm-vim-panel", state="attached")
    page.keyboard.press("Escape")
    page.keyboard.type("ggyyp")
    wait_for_code(editor, "one = 1\none = 1\ntwo = 2")
    page.keyboard.type("ddA + 1")
    page.keyboard.press("Escape")
    wait_for_code(editor, "one = 1\ntwo = 2 + 1")
    page.keyboard.press("u")
    wait_for_code(editor, "one = 1\ntwo = 2")
    # F6 leaves the editor, also in the insert mode
    page.keyboard.press("i")
    page.keyboard.press("F6")
    assert editor.focused_pane() != "editor"
    # And a run leaves the program as it is
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    editor.expect_status("Finished normally")
    assert find_axe_violations(page) == []
    page.reload()
    page.wait_for_selector(".cm-vim-panel", state="attached")
    wait_for_code(editor, "one = 1\ntwo = 2")


def test_emacs_keys_edit_the_program(editor: EditorPage) -> None:
    page = editor.page
    choose_keys(editor, "Standard")
    editor.open_program("one = 1\ntwo = 2")
    choose_keys(editor, "Emacs")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+k")
    wait_for_code(editor, "\ntwo = 2")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Control+y")
    wait_for_code(editor, "\ntwo = 2one = 1")
    # Ctrl+S searches, and does not open the saved programs
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    choose_keys(editor, "Standard")
    page.wait_for_selector(".monaco-editor")
    editor.expect_code("\ntwo = 2one = 1")


def test_ligatures_change_the_font_of_the_code(editor: EditorPage) -> None:
    page = editor.page
    choose_keys(editor, "Standard")
    page.wait_for_selector(".monaco-editor")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Ligatures in the code").check()
    page.get_by_role("button", name="Close").click()
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.monaco-editor .view-lines')).fontFamily.includes('Fira Code')"
    )
    assert page.evaluate("document.fonts.check('14px \"Fira Code Variable\"')")


def test_language_tab_shows_commands_and_packages(editor: EditorPage) -> None:
    page = editor.page
    page.get_by_role("tab", name="Language").click()
    panel = page.get_by_role("tabpanel", name="language")
    expect(panel).to_contain_text("python3 main.py")
    expect(panel).to_contain_text("numpy")
    page.get_by_label("Language", exact=True).select_option("cpp")
    expect(panel).to_contain_text("g++ -std=gnu++23 -O2 -pthread -o program main.cpp")
    expect(panel).to_contain_text("Only the standard library")
    assert find_axe_violations(page) == []
