"""The tests of a program in the editor."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.editor_page import EditorPage

pytestmark = pytest.mark.docker

DOUBLE = "import sys\nfor line in sys.stdin: print(int(line) * 2)\nprint(*sys.argv[1:])"


@pytest.fixture
def editor(shared_editor: EditorPage) -> EditorPage:
    return shared_editor


def make_test(
    name: str, stdin: str = "", expected: str = "", args: str = "", seconds: float | None = None
) -> dict[str, object]:
    return {"name": name, "stdin": stdin, "args": args, "expected": expected, "wallSeconds": seconds}


def find_card(editor: EditorPage, name: str) -> Locator:
    label = editor.page.get_by_label(f"Name of test {name}", exact=True)
    return editor.page.locator(".test").filter(has=label)


def test_program_tests_show_the_difference_of_failed_tests(editor: EditorPage) -> None:
    # Given two tests
    editor.open_program(DOUBLE, tests=[])
    editor.page.get_by_role("tab", name="Tests").click()
    for number, (stdin, expected) in enumerate([("1\n2", "2\n4"), ("1\n2\n3", "2\n5\n6")], start=1):
        editor.page.get_by_role("button", name="Add a test").click()
        editor.page.get_by_label(f"Input of test {number}").fill(stdin)
        editor.page.get_by_label(f"Expected output of test {number}").fill(expected)
    # When they run
    editor.page.keyboard.press("Control+Shift+Enter")
    # Then the failed one shows the difference of its output
    editor.expect_status("1 of 2 tests failed")
    expect(find_card(editor, "1")).to_contain_text("Passed")
    failed = find_card(editor, "2")
    expect(failed).to_contain_text("Failed")
    expect(failed.locator("pre .missing")).to_have_text("− 5\n")
    expect(failed.locator("pre .extra")).to_have_text("+ 4\n")
    # And it passes after its output is accepted
    failed.get_by_role("button", name="Use as expected output").click()
    editor.page.get_by_role("button", name="Run tests").click()
    editor.expect_status("All 2 tests passed")


def test_program_test_has_its_own_arguments_and_time_limit(editor: EditorPage) -> None:
    source = "import sys, time\nprint(sys.argv[1:], flush=True)\ntime.sleep(20 if 'slow' in sys.argv else 0)"
    tests = [
        make_test("quick", args="'two words'", expected="['two words']"),
        make_test("slow", args="slow", seconds=0.5),
    ]
    editor.open_program(source, tests=tests)

    editor.page.keyboard.press("Control+Shift+Enter")

    editor.expect_status("1 of 2 tests failed")
    expect(find_card(editor, "quick")).to_contain_text("Passed")
    expect(find_card(editor, "slow")).to_contain_text("['slow']")
    expect(find_card(editor, "slow").locator(".test-result .tone-bad")).to_contain_text("0.5 s")


def test_rejected_program_test_is_reported_with_its_field(editor: EditorPage) -> None:
    editor.open_program(DOUBLE, tests=[make_test("same"), make_test("same")])

    editor.page.keyboard.press("Control+Shift+Enter")

    editor.expect_status("Not accepted: The name of test same is a duplicate")
