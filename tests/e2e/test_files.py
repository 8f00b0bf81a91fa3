"""The files of a program in the editor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import LAYOUTS, EditorPage, Layout

pytestmark = pytest.mark.docker

TWO_FILES = [{"name": "main.py", "content": "import lib"}, {"name": "lib.py", "content": "print('library')"}]


@pytest.fixture
def editor(shared_editor: EditorPage) -> Iterator[EditorPage]:
    yield shared_editor
    shared_editor.set_layout(Layout(1280, 800, "light"))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_removed_file_can_be_restored(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.open_program("", files=TWO_FILES)
    editor.show_pane("Code")
    editor.page.get_by_role("button", name="Remove lib.py").click()
    files = editor.page.get_by_role("group", name="Files")
    expect(files).not_to_contain_text("lib.py")

    notice = editor.page.locator(".notice").filter(has_text="lib.py was removed")
    notice.get_by_role("button", name="Undo").click()

    expect(files).to_contain_text("lib.py")
    expect(editor.page.locator(".monaco-editor .view-lines")).to_contain_text("library")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_file_has_the_typed_name_after_two_renames(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.open_program("", files=TWO_FILES)
    editor.show_pane("Code")

    for before, after in (("lib.py", "first.py"), ("first.py", "second.py")):
        editor.page.get_by_role("button", name=before, exact=True).press("F2")
        editor.page.get_by_label("File name").wait_for()
        editor.page.keyboard.type(after)
        editor.page.keyboard.press("Enter")
        expect(editor.page.get_by_role("button", name=after, exact=True)).to_be_visible()
