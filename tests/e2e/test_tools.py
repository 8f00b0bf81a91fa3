"""Completion, lint and formatters in the editor, which work in the browser, and versions of a language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import DESKTOP, EditorPage
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

UGLY = {
    "python": ("main.py", "x = {'a':1,\n 'b':2}\nprint( x )", 'x = {"a": 1, "b": 2}\nprint(x)\n'),
    "typescript": ("main.ts", "const a:number=1;console.log( a )", "const a: number = 1;\nconsole.log(a);\n"),
    "cpp": ("main.cpp", "int main(){return 0;}", "int main() { return 0; }"),
    "bash": ("main.sh", "if true;then echo   yes;fi", "if true; then echo yes; fi\n"),
    "go": ("main.go", "package main\nfunc main(){println( 1 )}", "package main\n\nfunc main() { println(1) }\n"),
    "lua": ("main.lua", "local x={1,2}\nprint( x[1] )", "local x = { 1, 2 }\nprint(x[1])\n"),
    "php": ("main.php", "<?php\n$x=1;\necho $x ;", "<?php\n\n$x = 1;\necho $x;\n"),
    "sqlite": ("main.sql", "select 1,2 from t where x=1;", "select\n  1,\n  2\nfrom\n  t\nwhere\n  x = 1;"),
    "zig": ("main.zig", "const a=1;\npub fn main() void {}", "const a = 1;\npub fn main() void {}\n"),
    "clojure": ("main.clj", "(defn f [x]\n(inc x))\n\n\n(f 1)", "(defn f [x]\n  (inc x))\n\n(f 1)\n"),
}

OLD_PYTHON = "python-3.8"


def add_languages(route: Route) -> None:
    """Add the languages whose images are not installed, because a formatter needs none, and a version of Python."""
    response = route.fetch()
    languages = response.json()["languages"]
    installed = {language["id"] for language in languages}
    missing = [languages[0] | {"id": name, "name": name, "version_of": None} for name in UGLY if name not in installed]
    python = next(language for language in languages if language["id"] == "python")
    version = python | {"id": OLD_PYTHON, "version": "3.8.20", "version_of": "python"}
    route.fulfill(response=response, json={"languages": [*languages, *missing, version]})


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    page = context.new_page()
    page.route("**/v1/languages", add_languages)
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
    opened_editor.set_layout(DESKTOP)


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


BROKEN = {
    "python": ("main.py", "print("),
    "bash": ("main.sh", "if true; then )"),
    "lua": ("main.lua", "local x={1,2 print("),
    "php": ("main.php", "<?php\n f( {"),
    "zig": ("main.zig", "const std=@import("),
}


@pytest.mark.parametrize("language", BROKEN)
def test_formatter_reports_a_syntax_error_and_changes_nothing(editor: EditorPage, language: str) -> None:
    name, source = BROKEN[language]
    editor.open_program(source, language=language, name=name)
    editor.focus_code()

    editor.page.keyboard.press("Shift+Alt+F")

    notice = editor.page.locator(".notice").filter(has_text=f"{name} was not formatted: ")
    # A sentence, not the structure of an error
    expect(notice).to_have_text(re.compile(r"not formatted: (?!.*Span).{10,}[^:. ]\. Nothing was changed\."))
    editor.expect_code(source)


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

    # Only the other word is suggested, and not the one that is being typed
    expect(editor.page.locator(".suggest-widget .monaco-list-row")).to_have_text(["remarkable_name"])
    editor.page.keyboard.press("Tab")
    editor.expect_code("remarkable_name=1\necho $remarkable_name")


def test_program_is_submitted_in_the_selected_version_of_the_language(editor: EditorPage) -> None:
    page = editor.page
    editor.open_program("print('of the default version')")
    language = page.get_by_label("Language", exact=True)
    # When another version is selected
    language.select_option(label="Python 3.8.20")
    # Then it has a program of its own, with the grammar and the linter of the language
    editor.type_code("print(not_defined)")
    expect(page.locator(".monaco-editor .squiggly-error")).not_to_have_count(0)
    expect(page.locator(".monaco-editor .view-line span[class*=mtk]")).not_to_have_count(1)
    # And it runs in this version
    submission = run_and_read_submission(editor)
    assert submission["language"] == OLD_PYTHON
    assert submission["files"] == [{"name": "main.py", "content": "print(not_defined)"}]
    # And the default version still has its program
    language.select_option("python")
    editor.expect_code("print('of the default version')")
    assert run_and_read_submission(editor)["language"] == "python"
    editor.expect_output("of the default version")


def run_and_read_submission(editor: EditorPage) -> dict[str, Any]:
    """Run the program that is open, and return the body of the request."""
    with editor.page.expect_request("**/v1/jobs") as request:
        editor.run()
    submission = request.value.post_data_json
    assert isinstance(submission, dict)
    return submission
