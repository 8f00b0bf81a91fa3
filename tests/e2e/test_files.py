"""The files of a program in the editor, files of the disk, and saved programs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Locator, expect

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


def open_dialog(editor: EditorPage, name: str) -> Locator:
    editor.page.get_by_role("button", name=name, exact=True).click()
    return editor.page.get_by_role("dialog", name=name)


def test_saved_programs_can_be_found_opened_and_exported(editor: EditorPage) -> None:
    # Given two saved programs
    sources = {"greeting": "print('good morning')  # Archived", "total": "print(sum([20, 22]))  # Archived"}
    for name, source in sources.items():
        editor.open_program(source)
        dialog = open_dialog(editor, "Programs")
        dialog.get_by_label("Name", exact=True).fill(name)
        dialog.get_by_role("button", name="Save this program").click()
        expect(dialog.get_by_role("button", name=f"Remove {name}")).to_be_visible()
        editor.page.keyboard.press("Escape")
    # When the user searches for a text, then the programs are shown that have it in their name or in their code
    dialog = open_dialog(editor, "Programs")
    search, items = dialog.get_by_label("Search"), dialog.get_by_role("listitem").locator("b")
    for query, found in (("# ARCHIVED", ["total", "greeting"]), ("GREETing", ["greeting"]), ("no such text", [])):
        search.fill(query)
        expect(items).to_have_text(found)
    expect(dialog).to_contain_text("No program contains this text.")
    expect(dialog.get_by_role("button", name="Export as ZIP")).to_be_disabled()
    # And the archive contains the programs that are shown, each in a folder
    search.fill("# archived")
    with editor.page.expect_download() as download:
        dialog.get_by_role("button", name="Export as ZIP").click()
    assert download.value.suggested_filename == "programs.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        contents = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {name.split()[0]: content for name, content in contents.items()} == sources
    assert {name.split("/")[1] for name in contents} == {"main.py"}
    # And a program that is opened replaces the draft
    dialog.get_by_role("listitem").filter(has_text="greeting").get_by_role("button", name="Open").click()
    editor.expect_code(sources["greeting"])
    expect(dialog).to_have_count(0)


def pick_files(editor: EditorPage, label: str, *files: FilePayload) -> None:
    open_dialog(editor, "Files").get_by_label(label).set_input_files(files)


def make_file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def expect_files(editor: EditorPage, *names: str) -> None:
    """Wait until the program has exactly these files, in this order."""
    tabs = editor.page.get_by_role("group", name="Files").locator("button.tab")
    expect(tabs).to_have_text([*names])


def test_files_of_the_disk_are_opened_and_added(editor: EditorPage) -> None:
    # Given a program
    editor.open_program("print('before')")
    language = editor.page.get_by_label("Language", exact=True)
    # When a file is opened, then its extension decides the language
    pick_files(editor, "Open as a program", make_file("hello.sh", b"\xef\xbb\xbfecho 1\r\necho 2"))
    expect(language).to_have_value("bash")
    expect_files(editor, "hello.sh")
    editor.expect_code("echo 1\necho 2")
    # And files can be added to the program
    pick_files(editor, "Add to this program", make_file("a.txt", b"text"), make_file("hello.sh", b"cat a.txt"))
    expect_files(editor, "hello.sh", "a.txt")
    editor.expect_code("cat a.txt")
    editor.run()
    editor.expect_output("text")
    # And a file that is no text changes nothing
    pick_files(editor, "Add to this program", make_file("program", b"\x7fELF\0"))
    expect(editor.page.locator(".notice").filter(has_text="program is not a text file")).to_be_visible()
    expect_files(editor, "hello.sh", "a.txt")
    editor.dismiss_notices()


def test_zip_archive_is_imported(editor: EditorPage) -> None:
    editor.open_program("print('before')")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("project/lib/shout.py", "def shout(text):\n    return text.upper()")
        writer.writestr("project/main.py", "from lib.shout import shout\nprint(shout('imported'))")

    pick_files(editor, "Open as a program", make_file("project.zip", archive.getvalue()))

    expect_files(editor, "main.py", "lib/shout.py")
    editor.expect_code("from lib.shout import shout\nprint(shout('imported'))")
    editor.run()
    editor.expect_output("IMPORTED")
    # And a damaged archive changes nothing
    pick_files(editor, "Open as a program", make_file("project.zip", archive.getvalue()[:-30]))
    notice = editor.page.locator(".notice").filter(has_text="not a ZIP archive, or it is damaged")
    expect(notice).to_contain_text("Nothing was changed.")
    expect_files(editor, "main.py", "lib/shout.py")
    editor.dismiss_notices()


def test_dropped_file_is_opened(editor: EditorPage) -> None:
    editor.open_program("print('before')")
    data = editor.page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['print(\"dropped\")'], 'drop.py'));"
        " return data }"
    )

    for event in ("dragover", "drop"):
        editor.page.dispatch_event(".monaco-editor", event, {"dataTransfer": data})

    expect_files(editor, "drop.py")
    editor.expect_code('print("dropped")')


def test_pasted_gist_becomes_a_file(editor: EditorPage) -> None:
    editor.open_program("print('before')")
    dialog = open_dialog(editor, "Files")
    add = dialog.get_by_role("button", name="Add as a file")
    expect(add).to_be_disabled()

    dialog.get_by_label("Paste a text, such as a gist").fill("def of_a_gist():\n    pass")
    add.click()

    expect_files(editor, "main.py", "file2.py")
    editor.expect_code("def of_a_gist():\n    pass")
    editor.page.get_by_role("button", name="main.py", exact=True).click()
    editor.expect_code("print('before')")
