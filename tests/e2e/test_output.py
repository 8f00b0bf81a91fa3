"""The output pane: it belongs to one program, and shows characters of any width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.editor_page import LAYOUTS, EditorPage, Layout

pytestmark = pytest.mark.docker

# Characters and the number of cells that each occupies in a terminal, see Unicode Standard Annex 11.
CELLS = {"abcd": 4, "日本": 4, "😀😀": 4, "👩‍👩‍👧": 2, "é": 1, "ｗｉ": 4, "שלום": 4}

# The column of each mark: its distance from the left border in widths of a cell.
MEASURE = """() => [...document.querySelectorAll('.xterm-rows > div')].flatMap(row => {
  const mark = [...row.childNodes].flatMap(span => [...span.childNodes].map(text => [span, text]))
  for (const [, text] of mark) {
    const at = text.textContent.indexOf('|')
    if (at === -1) continue
    const range = document.createRange()
    range.setStart(text, at)
    range.setEnd(text, at + 1)
    const box = range.getBoundingClientRect()
    return [(box.left - row.getBoundingClientRect().left) / box.width]
  }
  return []
})"""


@pytest.fixture
def editor(shared_editor: EditorPage) -> Iterator[EditorPage]:
    yield shared_editor
    shared_editor.set_layout(Layout(1280, 800, "light"))
    shared_editor.page.get_by_label("Language", exact=True).select_option("python")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_output_is_shown_only_beside_its_program(editor: EditorPage, layout: Layout) -> None:
    editor.set_layout(layout)
    editor.run("print('output of python')")
    editor.expect_output("output of python")
    editor.expect_status("Finished normally")

    editor.page.get_by_label("Language", exact=True).select_option("bash")

    expect(editor.terminal).to_be_hidden()
    editor.page.get_by_role("button", name="Show the Python program and its output").click()
    expect(editor.terminal).to_be_visible()
    editor.expect_output("output of python")


def test_characters_occupy_the_cells_of_their_width_in_all_layouts(editor: EditorPage) -> None:
    editor.run("\n".join(f"print({text + '|'!r})" for text in CELLS))
    editor.expect_status("Finished normally")
    editor.expect_output("שלום")

    for layout in LAYOUTS:
        editor.set_layout(layout)
        editor.show_pane("Output")
        columns = [round(column, 1) for column in editor.page.evaluate(MEASURE)]
        assert columns == [float(cells) for cells in CELLS.values()]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_stop_withdraws_a_submission_that_the_server_has_not_answered(editor: EditorPage, layout: Layout) -> None:
    # Given a server that does not answer
    editor.set_layout(layout)
    editor.open_program("import time\ntime.sleep(60)")
    held: list[Route] = []
    editor.page.route("**/v1/jobs", lambda route: held.append(route), times=1)
    editor.run()
    editor.expect_status("Submitting")
    # When the user stops the run
    editor.stop_button.click()
    # Then it ends at once, and the job is cancelled when the server has accepted it
    editor.expect_status("Stopped by you")
    with editor.page.expect_request("**/cancel") as cancelled:
        held[0].continue_()
    assert cancelled.value.method == "POST"
    expect(editor.run_button).to_be_enabled()
