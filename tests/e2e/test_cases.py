"""Tests of a program, in the page: written, run, and compared."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.editor import Editor

pytestmark = pytest.mark.docker

DOUBLE = "import sys\nfor line in sys.stdin: print(int(line) * 2)\nprint(*sys.argv[1:])"


@pytest.fixture
def editor(shared_editor: Editor) -> Editor:
    return shared_editor


def case(
    name: str, stdin: str = "", expected: str = "", args: str = "", seconds: float | None = None
) -> dict[str, object]:
    return {"name": name, "stdin": stdin, "args": args, "expected": expected, "wallSeconds": seconds}


def card(editor: Editor, name: str) -> Locator:
    return editor.page.locator(".case").filter(has=editor.page.get_by_label(f"Name of test {name}", exact=True))


def test_tests_are_written_run_and_compared(editor: Editor) -> None:
    # Given two tests that are typed in
    editor.load(DOUBLE, tests=[])
    editor.page.get_by_role("tab", name="Tests").click()
    for number, (stdin, expected) in enumerate([("1\n2", "2\n4"), ("1\n2\n3", "2\n5\n6")], start=1):
        editor.page.get_by_role("button", name="Add a test").click()
        editor.page.get_by_label(f"Input of test {number}").fill(stdin)
        editor.page.get_by_label(f"Expected output of test {number}").fill(expected)
    # When they are run
    editor.page.keyboard.press("Control+Shift+Enter")
    # Then it is told which failed, and where what it wrote differs
    editor.says("1 of 2 tests failed")
    expect(card(editor, "1")).to_contain_text("Passed")
    failed = card(editor, "2")
    expect(failed).to_contain_text("Failed")
    expect(failed.locator("pre .missing")).to_have_text("− 5\n")
    expect(failed.locator("pre .extra")).to_have_text("+ 4\n")
    # And when what it wrote is taken for right, all pass
    failed.get_by_role("button", name="Expect this output").click()
    editor.page.get_by_role("button", name="Run tests").click()
    editor.says("All 2 tests passed")


def test_a_test_has_arguments_and_a_time_limit_of_its_own(editor: Editor) -> None:
    source = "import sys, time\nprint(sys.argv[1:], flush=True)\ntime.sleep(20 if 'slow' in sys.argv else 0)"
    tests = [case("quick", args="'two words'", expected="['two words']"), case("slow", args="slow", seconds=0.5)]
    editor.load(source, tests=tests)

    editor.page.keyboard.press("Control+Shift+Enter")

    editor.says("1 of 2 tests failed")
    expect(card(editor, "quick")).to_contain_text("Passed")
    expect(card(editor, "slow")).to_contain_text("['slow']")
    expect(card(editor, "slow").locator(".case-result .tone-bad")).to_contain_text("0.5 s")


def test_what_the_server_refuses_of_a_test_is_told_by_its_field(editor: Editor) -> None:
    editor.load(DOUBLE, tests=[case("same"), case("same")])

    editor.page.keyboard.press("Control+Shift+Enter")

    editor.says("Not accepted: tests[1].name")
