"""The editor page: its requests, its accessibility and what it stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.accessibility import find_axe_violations
from tests.e2e.editor_page import DESKTOP, LAYOUTS, PHONE, EditorPage, Layout
from tests.e2e.site import Site
from tests.stack import eventually

pytestmark = pytest.mark.docker

FAILING_TEST = {"name": "fails", "stdin": "", "args": "", "expected": "other", "wallSeconds": None}

# An element of each dialog that is checked in DIALOG_LAYOUTS.
DIALOG_CONTENTS = {
    "Templates": ".choices-list",
    "Programs": ".programs li",
    "Files": ".file-choices",
    "Shortcuts": ".keys",
}
DIALOG_LAYOUTS = (DESKTOP, Layout(DESKTOP.width, DESKTOP.height, "dark"), PHONE)

COMPILE_ERROR = """int main(void) {
    int number = 1;
    return nmber;
}
"""

# The text of the line of code at the top of which the marker of an error is.
MARKED_LINE = """() => {
  const marker = document.querySelector('.monaco-editor .squiggly-error').getBoundingClientRect()
  const line = [...document.querySelectorAll('.monaco-editor .view-line')].find(element => {
    const { top, bottom } = element.getBoundingClientRect()
    return top <= marker.top + 1 && marker.top + 1 < bottom
  })
  return line?.textContent.replaceAll('\\xa0', ' ').trim()
}"""

# The editor is the largest file, and is cached last.
IS_PAGE_CACHED = """async () => {
  const urls = (await (await caches.open('pyxec-shell')).keys()).map(({ url }) => url)
  return ['MonacoEditor-', 'job-'].every(name => urls.some(url => url.includes(name))) && urls.length > 10
}"""


def test_axe_finds_no_violation_in_any_layout(shared_editor: EditorPage) -> None:
    editor, page = shared_editor, shared_editor.page
    # Output with artifacts, the tests with a difference, two run options, and the dialogs
    editor.run(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nopen('a.svg', 'w')",
        input="lines",
        tests=[FAILING_TEST],
    )
    editor.expect_status("Finished normally")
    page.wait_for_selector(".artifacts p")
    page.get_by_role("tab", name="Input").click()
    page.wait_for_selector(".run-options-panel input")
    violations = find_violations(editor)
    page.keyboard.press("Control+Shift+Enter")
    editor.expect_status("1 of 1 test failed")
    page.get_by_role("tab", name="Limits").click()
    page.wait_for_selector(".run-options-panel .limits")
    violations += find_violations(editor)
    page.get_by_role("tab", name="Limits").click()
    for name, content in (("History", ".history"), ("Settings", ".key")):
        page.get_by_role("button", name=name).click()
        page.wait_for_selector(f"dialog[open] {content}")
        violations += find_violations(editor)
        page.keyboard.press("Escape")
    for name, content in DIALOG_CONTENTS.items():
        page.get_by_role("button", name=name, exact=True).click()
        if name == "Programs":
            page.get_by_role("button", name="Save this program").click()
        page.wait_for_selector(f"dialog[open] {content}")
        violations += [f"{name}: {violation}" for violation in find_violations(editor, DIALOG_LAYOUTS)]
        page.keyboard.press("Escape")

    assert violations == []


def find_violations(editor: EditorPage, layouts: Sequence[Layout] = LAYOUTS) -> list[str]:
    violations = []
    for layout in layouts:
        editor.set_layout(layout)
        found = find_axe_violations(editor.page, only_colours=layout.scheme == "dark")
        violations += [f"{layout}: {violation}" for violation in found]
    editor.set_layout(Layout(1280, 800, "light"))
    return violations


def test_text_typed_before_the_editor_is_loaded_is_kept(page: Page, site: Site) -> None:
    # Given a slow network
    delayed: list[Any] = []
    page.route("**/MonacoEditor-*.js", lambda route: delayed.append(route))
    page.goto(site.url)
    area = page.locator(".plain-editor")
    area.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("print('typed early')")
    # When the editor is loaded
    for route in delayed:
        route.continue_()
    page.wait_for_selector(".monaco-editor")
    page.keyboard.type("  # and late")
    # Then it has the text and the caret of the text area
    expect(page.locator(".monaco-editor .view-lines")).to_contain_text("print('typed early')  # and late")


def test_drafts_are_kept_after_a_reload_and_a_change_of_language(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.type_code("print('my draft')")
    language = editor.page.get_by_label("Language")
    language.select_option("bash")
    editor.type_code("echo other")
    language.select_option("python")
    code = editor.page.locator(".monaco-editor .view-lines")
    expect(code).to_contain_text("my draft")

    language.select_option("bash")
    editor.page.reload()

    expect(code).to_contain_text("echo other")
    language.select_option("python")
    expect(code).to_contain_text("my draft")


def test_share_link_opens_the_program_in_another_browser(shared_editor: EditorPage, browser: Browser) -> None:
    editor = shared_editor
    # Given the link to a program with an argument
    editor.open_program("import sys\nprint('shared', sys.argv[1])", args="here")
    editor.page.get_by_role("button", name="Share").click()
    field = editor.page.get_by_label("Link")
    expect(field).to_have_value(re.compile("#v1[.]"))
    link = field.input_value()
    editor.page.keyboard.press("Escape")
    # When another browser opens the link
    context = browser.new_context()
    other = EditorPage(context.new_page(), link).open()
    other.run()
    # Then the program runs there, and the URL contains it until it is kept
    other.expect_output("shared here")
    assert "#v1." in other.page.url
    other.page.get_by_role("button", name="Keep", exact=True).click()
    assert "#" not in other.page.url
    context.close()


def test_click_on_a_traceback_opens_the_line(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.run("def f():\n    raise ValueError('no')\n\n\nf()")
    editor.expect_output("ValueError: no")

    box = editor.terminal.get_by_text("line 2, in f").bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    editor.page.wait_for_timeout(200)
    editor.page.mouse.click(box["x"] + 60, box["y"] + box["height"] / 2)

    assert editor.focused_pane() == "editor"
    expect(editor.page.locator(".monaco-editor .squiggly-error")).not_to_have_count(0)


def test_compile_error_is_marked_until_the_next_run_starts(shared_editor: EditorPage) -> None:
    # Given a program that the compiler rejects
    editor, page = shared_editor, shared_editor.page
    marker = page.locator(".monaco-editor .squiggly-error")
    editor.run(COMPILE_ERROR, language="c", name="main.c")
    # Then its line is marked, with the message of the compiler
    expect(marker).to_have_count(1)
    assert page.evaluate(MARKED_LINE) == "return nmber;"
    editor.focus_code()
    page.keyboard.press("F8")
    expect(page.locator(".monaco-editor .marker-widget")).to_contain_text(re.compile("nmber. undeclared"))
    page.keyboard.press("Escape")
    # When the next run starts, which the server has not accepted yet
    held: list[Route] = []
    page.route("**/v1/jobs", lambda route: held.append(route), times=1)
    editor.run()
    editor.expect_status("Submitting")
    # Then nothing is marked, until the compiler has rejected the program again
    expect(marker).to_have_count(0)
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    expect(marker).to_have_count(1)
    editor.open_program("")


@pytest.mark.parametrize("layout", [DESKTOP, PHONE], ids=str)
def test_rejected_file_name_is_reported_at_the_files(shared_editor: EditorPage, layout: Layout) -> None:
    # Given a program with a file that the server does not accept
    editor, page = shared_editor, shared_editor.page
    editor.set_layout(layout)
    files = [{"name": "main.py", "content": "print(1)"}, {"name": "../lib.py", "content": "the rejected file"}]
    editor.open_program("", files=files)
    # When it runs
    editor.run()
    # Then the page shows that file, with the message above its code
    text = 'The name of the file "../lib.py" must be a plain relative path'
    expect(page.locator(".pane.code").get_by_role("alert")).to_contain_text(text)
    expect(page.get_by_role("button", name="../lib.py", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".monaco-editor .view-lines")).to_contain_text("the rejected file")
    editor.expect_status(f"Not accepted: {text}")
    # And the message disappears with the next run
    page.get_by_role("button", name="Remove ../lib.py").click()
    editor.run()
    editor.expect_status("Finished normally")
    editor.show_pane("Code")
    expect(page.locator(".pane.code").get_by_role("alert")).to_have_count(0)
    editor.set_layout(Layout(1280, 800, "light"))


def test_theme_is_applied_before_the_first_paint_after_a_reload(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.page.get_by_role("button", name="Settings").click()
    editor.page.get_by_label("Dark").check()
    editor.page.keyboard.press("Escape")

    editor.page.reload(wait_until="commit")
    editor.page.wait_for_selector("body")

    assert editor.page.evaluate("document.documentElement.dataset.theme") == "dark"
    editor.wait_until_loaded()
    editor.page.get_by_role("button", name="Settings").click()
    editor.page.get_by_label("System").check()
    editor.page.keyboard.press("Escape")


def test_limit_outside_its_range_shows_the_allowed_values(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.open_program("print('done')")
    editor.page.get_by_role("tab", name="Limits").click()

    editor.page.get_by_label("Memory").fill("1")

    expect(editor.page.locator(".run-options-panel").get_by_role("alert")).to_have_text(
        re.compile(r"^Memory must be between [\d.]+ and [\d.]+ MiB\.$")
    )
    editor.run()
    editor.expect_status("Not accepted: Memory must be between")
    editor.page.get_by_role("tab", name="Limits").click()


def test_assets_are_immutable_and_compressed(site: Site, page: Page) -> None:
    headers_by_url: dict[str, dict[str, str]] = {}
    page.on("response", lambda response: headers_by_url.update({response.url: response.headers}))

    EditorPage(page, site.url).open()

    scripts = {url: headers for url, headers in headers_by_url.items() if url.endswith(".js") and "/assets/" in url}
    assert len(scripts) > 2
    for headers in scripts.values():
        assert "immutable" in headers["cache-control"]
        assert headers["content-encoding"] in ("gzip", "br")
    assert headers_by_url[f"{site.url}/"]["cache-control"] == "no-cache"


def test_page_opens_with_its_drafts_when_offline(browser: Browser, site: Site) -> None:
    # Given a page that was opened before
    context = browser.new_context()
    editor = EditorPage(context.new_page(), site.url).open()
    editor.open_program("print('written before')")
    eventually(lambda: editor.page.evaluate(IS_PAGE_CACHED), 30)
    # When it is opened again without a network
    context.set_offline(True)
    editor.page.reload()
    editor.wait_until_loaded()
    # Then it shows the draft, and a run reports why it fails
    expect(editor.page.locator(".monaco-editor .view-lines")).to_contain_text("written before")
    editor.run()
    editor.expect_status("You are offline. Your program is saved in this browser.")
    # And the program runs when the network is back
    context.set_offline(False)
    editor.run()
    editor.expect_output("written before")
    context.close()
