"""Running programs from the browser, against everything real."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import Editor
from tests.e2e.site import serving
from tests.stack import Stack

pytestmark = pytest.mark.docker

TICKS = "import time\nfor n in range(1, {count} + 1):\n    print('tick', n)\n    time.sleep({pause})\n"


def test_a_program_that_is_typed_runs_and_its_end_is_told(editor: Editor) -> None:
    # When a program is typed and run from within the editor
    editor.type_code("print(6 * 7)")
    editor.run()
    # Then its output and how it ended are there, with what it took
    editor.shows("42")
    editor.says("Finished normally")
    expect(editor.page.locator(".figures")).to_contain_text("CPU")


def test_output_is_shown_while_the_program_runs(shared_editor: Editor) -> None:
    editor = shared_editor
    editor.run(TICKS.format(count=3, pause=1))

    editor.shows("tick 1")

    expect(editor.status).to_contain_text("Running")
    expect(editor.terminal).not_to_contain_text("tick 3")
    editor.shows("tick 3")
    editor.says("Finished normally")


def test_an_endless_loop_is_stopped_by_the_button(shared_editor: Editor) -> None:
    editor = shared_editor
    editor.run("print('on')\nwhile True: pass")
    editor.shows("on")

    editor.stop_button.click()

    editor.says("Stopped by you")
    expect(editor.run_button).to_be_enabled()


def test_a_click_that_was_meant_for_stop_does_not_start_a_program_that_has_just_ended(shared_editor: Editor) -> None:
    # Given a page in which somebody clicks in the moment in which Stop becomes Run
    editor = shared_editor
    editor.load("print('once')")
    editor.page.evaluate(
        "() => { const button = document.querySelector('button.run'); let before = button.textContent;"
        " new MutationObserver(() => { if (before === 'Stop' && button.textContent === 'Run') button.click();"
        " before = button.textContent }).observe(button, {subtree: true, childList: true, characterData: true}) }"
    )
    # When a program ends
    editor.run()
    editor.says("Finished normally")
    # Then it is not started again; and later it can be
    editor.page.wait_for_timeout(500)
    editor.says("Finished normally")
    expect(editor.run_button).to_be_enabled()
    editor.page.reload()
    editor.wait_until_loaded()


def test_stderr_is_told_apart_where_there_is_no_terminal(shared_editor: Editor) -> None:
    editor = shared_editor
    editor.run("import sys\nprint('plain')\nprint('trouble', file=sys.stderr)", input="lines")
    editor.says("Finished normally")

    colours = {
        text: editor.terminal.get_by_text(text).evaluate("element => getComputedStyle(element).color")
        for text in ("plain", "trouble")
    }

    assert colours["plain"] != colours["trouble"]


@pytest.mark.parametrize(
    ("source", "limits", "told"),
    [
        ("raise SystemExit(3)", {}, "Exited with code 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", {}, "SIGSEGV, an invalid memory access"),
        ("import time\ntime.sleep(30)", {"wall_seconds": 1}, "Stopped after 1.00 s: the time limit"),
        ("x = bytearray(10 ** 9)", {"memory_bytes": 64 * 1024 * 1024}, "more than 64 MiB of memory"),
    ],
)
def test_an_end_is_told_in_words(shared_editor: Editor, source: str, limits: dict[str, float], told: str) -> None:
    editor = shared_editor
    editor.run(source, limits=limits)

    editor.says(told)


def test_output_that_was_cut_is_told_with_the_bytes(shared_editor: Editor) -> None:
    editor = shared_editor
    editor.run("while True: print('x' * 1000)", limits={"output_bytes": 2048})

    expect(editor.page.locator(".output-note")).to_contain_text("the first 2 KiB")


def test_files_arguments_and_text_input_reach_the_program(shared_editor: Editor) -> None:
    editor = shared_editor
    files = [
        {"name": "main.py", "content": "import sys, lib\nprint(lib.shout(sys.argv[1]), sys.stdin.read())"},
        {"name": "lib.py", "content": "def shout(text): return text.upper()"},
    ]
    editor.run("", files=files, args="'two words'", input="text", stdin="from a text")

    editor.shows("TWO WORDS from a text")


def test_a_job_is_followed_again_after_the_api_restarts_and_nothing_is_shown_twice(
    own_stack: Stack, page: Page, page_files: None
) -> None:
    # Given a program that counts, and its page
    api = own_stack.start_api()
    own_stack.start_worker()
    with serving(own_stack, own_stack.folder / "nginx") as site:
        editor = Editor(page, site.url).open()
        editor.run(TICKS.format(count=24, pause=0.5), limits={"wall_seconds": 60})
        editor.shows("tick 2")
        # When the API is killed and comes back
        api.kill()
        editor.says("trying again")
        own_stack.start_api()
        # Then the rest comes, and each line is there once
        editor.shows("tick 24")
        editor.says("Finished normally")
        assert editor.output().split("\n") == [f"tick {n}" for n in range(1, 25)]


def test_a_run_and_its_output_survive_a_reload(editor: Editor) -> None:
    # Given a program that waits for an answer
    editor.run(TICKS.format(count=3, pause=0.1) + "print('heard', input('go on? '))")
    editor.shows("go on?")
    # When the page is loaded again
    editor.page.reload()
    # Then all of it is there once, and it can still be answered
    editor.shows("go on?")
    editor.type_in_terminal("yes\n")
    editor.says("Finished normally")
    assert editor.output().split("\n") == ["tick 1", "tick 2", "tick 3", "go on? yes", "heard yes"]


def test_when_too_many_are_sent_it_says_when_to_try_again(own_stack: Stack, page: Page, page_files: None) -> None:
    own_stack.settings |= {"PYXEC_RATE_BURST": "1", "PYXEC_RATE_PER_MINUTE": "1"}
    own_stack.start_api()
    own_stack.start_worker()
    with serving(own_stack, own_stack.folder / "nginx") as site:
        editor = Editor(page, site.url).open()
        editor.run()
        editor.says("Finished normally")

        editor.run()

        editor.says("Too many runs")
        expect(editor.status).to_contain_text(" s.")


def test_when_the_api_is_down_it_says_so_and_runs_when_it_is_back(
    own_stack: Stack, page: Page, page_files: None
) -> None:
    api = own_stack.start_api()
    own_stack.start_worker()
    with serving(own_stack, own_stack.folder / "nginx") as site:
        editor = Editor(page, site.url).open()
        api.kill()
        editor.run()
        editor.says("cannot take programs right now. Try again in 2 s")

        own_stack.start_api()
        editor.run()

        editor.says("Finished normally")
