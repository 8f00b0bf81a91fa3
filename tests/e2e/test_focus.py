"""The keyboard focus of the editor page: during a run, and with F6."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import LAYOUTS, EditorPage, Layout

pytestmark = pytest.mark.docker

ASK = "name = input('name? ')\nprint(f'hello {name}')"

# Counts how often each pane gets the focus.
FOCUSED_ELEMENT = """() => {
  const element = document.activeElement
  const pane = ['.pane.code', '.pane.output', '.top-bar', '.notices'].find(pane => element.closest(pane)) ?? 'none'
  return [pane, Boolean(element.readOnly)]
}"""


@pytest.fixture
def editor(shared_editor: EditorPage) -> Iterator[EditorPage]:
    yield shared_editor
    shared_editor.set_layout(Layout(1280, 800, "light"))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_answer_typed_after_a_click_on_run_reaches_the_program(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.open_program(ASK)
    editor.focus_code()
    editor.wait_for_run_button()
    editor.run_button.click()
    editor.expect_output("name?")

    editor.page.keyboard.type("Ada")
    editor.page.keyboard.press("Enter")

    editor.expect_status("Finished normally")
    editor.expect_output("hello Ada")
    if layout.width > 760:
        expect(editor.page.locator(".monaco-editor.focused")).to_be_visible()
    editor.show_pane("Code")
    editor.expect_code(ASK)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_answer_typed_after_ctrl_enter_reaches_the_program(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.open_program(ASK)
    editor.focus_code()
    editor.page.keyboard.press("Control+Enter")
    # The program gets also what is typed before it runs.
    editor.page.keyboard.type("Ada")
    editor.page.keyboard.press("Enter")

    editor.expect_output("hello Ada")
    editor.expect_status("Finished normally")
    editor.show_pane("Code")
    editor.expect_code(ASK)


def test_focus_stays_in_the_terminal_while_a_line_is_typed_at_the_end_of_the_run(editor: EditorPage) -> None:
    source = "import sys, time\nprint('on', flush=True)\ntime.sleep(0.3)"
    editor.open_program(source)
    editor.focus_code()
    editor.run()
    editor.expect_output("on")

    editor.page.keyboard.type("half a line", delay=50)

    editor.expect_status("Finished normally")
    editor.expect_code(source)
    expect(editor.page.locator(".monaco-editor.focused")).to_be_visible()


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_f6_moves_the_focus_through_all_panes_in_both_directions(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.open_program("print(1)")
    editor.dismiss_notices()
    editor.run_button.focus()
    visited = {}
    for key in ("F6", "Shift+F6"):
        visited[key] = []
        for _ in range(3):
            editor.page.keyboard.press(key)
            pane, is_read_only = editor.page.evaluate(FOCUSED_ELEMENT)
            assert not is_read_only
            visited[key].append(pane)

    assert visited["F6"] == [".pane.code", ".pane.output", ".top-bar"]
    assert visited["Shift+F6"] == [".pane.output", ".pane.code", ".top-bar"]
    # And in the editor, where the Tab key indents, typed text arrives
    editor.page.keyboard.press("F6")
    if layout.width > 1200:
        expect(editor.page.locator(".hint")).to_contain_text("F6 leaves the editor")
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.type(" # typed")
    editor.expect_code("print(1) # typed")


def test_f6_leaves_the_run_options_and_the_tests(editor: EditorPage) -> None:
    editor.open_program("print(1)")
    editor.page.get_by_role("tab", name="Tests").click()
    editor.page.get_by_role("tab", name="Limits").focus()

    editor.page.keyboard.press("F6")
    assert editor.page.evaluate(FOCUSED_ELEMENT)[0] == ".pane.output"
    editor.page.keyboard.press("Shift+F6")
    assert editor.page.evaluate(FOCUSED_ELEMENT)[0] == ".pane.code"

    editor.page.get_by_role("tab", name="Terminal").click()
