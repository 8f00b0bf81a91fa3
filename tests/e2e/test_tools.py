"""Completion, lint and formatters in the editor. All of them work in the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import LAYOUTS, EditorPage
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

UGLY = {
    "python": ("main.py", "x = {'a':1,\n 'b':2}\nprint( x )", 'x = {"a": 1, "b": 2}\nprint(x)\n'),
    "typescript": ("main.ts", "const a:number=1;console.log( a )", "const a: number = 1;\nconsole.log(a);\n"),
    "cpp": ("main.cpp", "int main(){return 0;}", "int main() { return 0; }"),
}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    page = context.new_page()
    record_policy_violations(page)
    yield page
    assert policy_violations(page) == []
    context.close()


@pytest.fixture(scope="module")
def opened_editor(page: Page, site: Site) -> EditorPage:
    return EditorPage(page, site.url).open()


@pytest.fixture
def editor(opened_editor: EditorPage) -> Iterator[EditorPage]:
    yield opened_editor
    opened_editor.set_layout(LAYOUTS[0])


@pytest.mark.parametrize("language", UGLY)
def test_shift_alt_f_formats_the_open_file(editor: EditorPage, language: str) -> None:
    name, source, formatted = UGLY[language]
    editor.open_program(source, language=language, name=name)
    editor.focus_code()

    editor.page.keyboard.press("Shift+Alt+F")

    editor.expect_code(formatted)
    # And the undo history of the editor contains the change
    editor.page.keyboard.press("Control+Z")
    editor.expect_code(source)


def test_formatter_reports_a_syntax_error_and_changes_nothing(editor: EditorPage) -> None:
    editor.open_program("print(")
    editor.focus_code()

    editor.page.keyboard.press("Shift+Alt+F")

    expect(editor.page.locator(".notice").filter(has_text="main.py was not formatted")).to_be_visible()
    editor.expect_code("print(")


def test_linter_marks_an_undefined_name_without_a_request(editor: EditorPage) -> None:
    editor.open_program("x = 1")
    editor.type_code("print(not_defined)\n")

    expect(editor.page.locator(".monaco-editor .squiggly-error")).not_to_have_count(0)
    # And the mark disappears with the error
    editor.type_code("print(1)\n")
    expect(editor.page.locator(".monaco-editor .squiggly-error")).to_have_count(0)


def test_typescript_has_completion_and_errors(editor: EditorPage) -> None:
    editor.open_program("const words: string[] = []\n", language="typescript", name="main.ts")
    editor.focus_code()
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.type("words.jo")
    expect(editor.page.locator(".suggest-widget")).to_contain_text("join")
    editor.page.keyboard.press("Tab")
    editor.page.keyboard.type("(1)")

    editor.expect_code("const words: string[] = []\nwords.join(1)")
    expect(editor.page.locator(".monaco-editor .squiggly-error")).not_to_have_count(0)


def test_other_languages_complete_words(editor: EditorPage) -> None:
    editor.open_program("remarkable_name=1\n", language="bash", name="main.sh")
    editor.focus_code()
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.type("echo $remark")

    expect(editor.page.locator(".suggest-widget")).to_contain_text("remarkable_name")
    editor.page.keyboard.press("Tab")
    editor.expect_code("remarkable_name=1\necho $remarkable_name")
