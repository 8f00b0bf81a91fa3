"""Runs of programs from the editor, with the whole stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.store.keys import StoreKeys
from tests.e2e.conftest import new_page
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import serve_page
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.docker

TICKS = "import time\nfor n in range(1, {count} + 1):\n    print('tick', n)\n    time.sleep({pause})\n"


class RestartableStack:
    """A stack with a page, of which the API and the worker can be killed and started again."""

    def __init__(self, stack: Stack, page: Page) -> None:
        self.stack = stack
        self.start_api()
        self.start_worker()
        self.editor = EditorPage(page, serve_page(stack, stack.folder / "nginx").url).open()

    def start_api(self) -> None:
        self.api = self.stack.start_api()

    def start_worker(self) -> None:
        self.worker = self.stack.start_worker()

    def expire_heartbeats(self) -> None:
        """Let the heartbeats of stopped workers expire now, instead of after 20 s."""
        for key in self.stack.client.scan_iter(StoreKeys(self.stack.namespace).heartbeat("*")):
            self.stack.client.delete(key)


@pytest.fixture(scope="module")
def restartable(
    browser: Browser, page_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RestartableStack]:
    settings = {"PYXEC_ISOLATION": "cell", "PYXEC_LEASE_SECONDS": "2", "PYXEC_REDIS_TIMEOUT_SECONDS": "1"}
    with running_stack(tmp_path_factory.mktemp("restartable"), **settings) as stack, new_page(browser) as page:
        yield RestartableStack(stack, page)


# Clicks the run button at the moment when its text changes from Stop to Run.
CLICK_WHEN_ENDED = (
    "() => { const button = document.querySelector('button.run'); let before = button.textContent;"
    " new MutationObserver(() => { if (before === 'Stop' && button.textContent === 'Run') button.click();"
    " before = button.textContent }).observe(button, {subtree: true, childList: true, characterData: true}) }"
)


def test_run_shows_output_status_and_usage(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.type_code("print(6 * 7)")
    editor.run()

    editor.expect_output("42")
    editor.expect_status("Finished normally")
    expect(editor.page.locator(".usage")).to_contain_text("CPU")


def test_run_streams_output(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.run(TICKS.format(count=3, pause=1))

    editor.expect_output("tick 1")

    expect(editor.status).to_contain_text("Running")
    expect(editor.terminal).not_to_contain_text("tick 3")
    editor.expect_output("tick 3")
    editor.expect_status("Finished normally")


def test_stop_button_ends_an_endless_loop(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.run("print('on')\nwhile True: pass")
    editor.expect_output("on")

    editor.stop_button.click()

    editor.expect_status("Stopped by you")
    expect(editor.run_button).to_be_enabled()


def test_run_button_ignores_a_click_right_after_the_end(shared_editor: EditorPage) -> None:
    # Given a page that clicks the button when Stop becomes Run
    editor = shared_editor
    editor.open_program("print('once')")
    editor.page.evaluate(CLICK_WHEN_ENDED)
    # When a program ends
    editor.run()
    editor.expect_status("Finished normally")
    # Then it does not run again
    editor.page.wait_for_timeout(500)
    editor.expect_status("Finished normally")
    expect(editor.run_button).to_be_enabled()
    editor.page.reload()
    editor.wait_until_loaded()


def test_stderr_has_another_colour_without_a_terminal(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.run("import sys\nprint('plain')\nprint('trouble', file=sys.stderr)", input="lines")
    editor.expect_status("Finished normally")

    colours = {
        text: editor.terminal.get_by_text(text).evaluate("element => getComputedStyle(element).color")
        for text in ("plain", "trouble")
    }

    assert colours["plain"] != colours["trouble"]


@pytest.mark.parametrize(
    ("source", "limits", "status"),
    [
        ("raise SystemExit(3)", {}, "Exited with code 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", {}, "SIGSEGV (invalid memory access)"),
        ("import time\ntime.sleep(30)", {"wall_seconds": 1}, "Time limit of 1.00 s exceeded"),
        ("x = bytearray(10 ** 9)", {"memory_bytes": 64 * 1024 * 1024}, "Memory limit of 64 MiB exceeded"),
    ],
)
def test_status_describes_the_outcome(
    shared_editor: EditorPage, source: str, limits: dict[str, float], status: str
) -> None:
    shared_editor.run(source, limits=limits)

    shared_editor.expect_status(status)


def test_truncated_output_is_reported_with_its_size(shared_editor: EditorPage) -> None:
    editor = shared_editor
    editor.run("while True: print('x' * 1000)", limits={"output_bytes": 2048})

    expect(editor.page.locator(".output-note")).to_contain_text("the first 2 KiB")


def test_program_gets_files_arguments_and_text_input(shared_editor: EditorPage) -> None:
    files = [
        {"name": "main.py", "content": "import sys, lib\nprint(lib.shout(sys.argv[1]), sys.stdin.read())"},
        {"name": "lib.py", "content": "def shout(text): return text.upper()"},
    ]
    shared_editor.run("", files=files, args="'two words'", input="text", stdin="from a text")

    shared_editor.expect_output("TWO WORDS from a text")


def test_page_shows_each_line_once_after_an_api_restart(restartable: RestartableStack) -> None:
    # Given a program that prints while the page follows it
    editor = restartable.editor
    editor.run(TICKS.format(count=12, pause=0.4), limits={"wall_seconds": 60})
    editor.expect_output("tick 2")
    # When the API is killed and started again
    restartable.api.kill()
    editor.expect_status("Reconnecting")
    restartable.start_api()
    # Then the page shows the rest of the output, and each line once
    editor.expect_output("tick 12")
    editor.expect_status("Finished normally")
    assert editor.output().split("\n") == [f"tick {n}" for n in range(1, 13)]


def test_reload_resumes_the_run(shared_editor: EditorPage) -> None:
    editor = shared_editor
    # Given a program that waits for input
    editor.run(TICKS.format(count=3, pause=0.1) + "print('heard', input('go on? '))")
    editor.expect_output("go on?")
    # When the page is loaded again
    editor.page.reload()
    # Then the output is shown once, and the program accepts input
    editor.expect_output("go on?")
    editor.type_in_terminal("yes\n")
    editor.expect_status("Finished normally")
    assert editor.output().split("\n") == ["tick 1", "tick 2", "tick 3", "go on? yes", "heard yes"]


def test_guarantee_3_status_states_why_no_worker_runs_the_program(restartable: RestartableStack) -> None:
    # Given a page whose only worker has stopped
    editor = restartable.editor
    restartable.worker.terminate()
    restartable.expire_heartbeats()
    # When a program waits for longer than five seconds
    editor.run("print('at last')")
    editor.expect_status("Queued: waiting for a worker")
    # Then the status states the reason, until a worker runs the program
    editor.expect_status("Queued: no worker is available")
    restartable.start_worker()
    editor.expect_output("at last")
    editor.expect_status("Finished normally")


def test_rate_limited_run_reports_when_to_retry(own_stack: Stack, page: Page, page_files: None) -> None:
    own_stack.settings |= {"PYXEC_ISOLATION": "cell", "PYXEC_RATE_BURST": "1", "PYXEC_RATE_PER_MINUTE": "1"}
    own_stack.start_api()
    own_stack.start_worker()
    site = serve_page(own_stack, own_stack.folder / "nginx")
    editor = EditorPage(page, site.url).open()
    editor.run()
    editor.expect_status("Finished normally")

    editor.run()

    editor.expect_status("Too many requests")
    expect(editor.status).to_contain_text(" s.")


def test_run_reports_an_unavailable_api_and_works_after_its_restart(restartable: RestartableStack) -> None:
    editor = restartable.editor
    editor.open_program("print('after the restart')")
    restartable.api.kill()
    editor.run()
    editor.expect_status("cannot run programs at the moment. Try again in 2 s")

    restartable.start_api()
    editor.run()

    editor.expect_status("Finished normally")
