"""The terminal of the editor: keyboard input, full-screen programs, its size, pastes and large outputs."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import EditorPage

pytestmark = pytest.mark.docker

MEGABYTE = 1_000_000
# Without flow control, one frame takes nearly the whole time. On a busy machine, the limit of a frame grows with the
# time of the whole run.
MAX_FRAME_MS = 1000
MAX_FRAME_SHARE = 1 / 3
MIN_FRAMES = 10

PRINT_SIZES = """
import os, signal
def report(*_): print('size', *os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, report)
report()
while True: signal.pause()
"""

CURSES = """
import curses
def main(screen):
    curses.curs_set(0)
    curses.start_color()
    curses.init_pair(1, curses.COLOR_BLACK, curses.COLOR_GREEN)
    screen.border()
    screen.addstr(2, 4, 'press a key', curses.color_pair(1))
    while (key := screen.getkey()) != 'q':
        screen.addstr(4, 4, f'key {key}')
print('before')
curses.wrapper(main)
print('after')
"""

READ_RAW = """
import hashlib, os, sys, termios, tty
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b'\\x1b[?2004hready')
data = b''
while not data.endswith(b'\\x1b[201~'): data += os.read(0, 65536)
termios.tcsetattr(0, termios.TCSADRAIN, before)
text = data.removeprefix(b'\\x1b[200~').removesuffix(b'\\x1b[201~')
print('\\r\\nreceived', len(text), hashlib.sha256(text).hexdigest()[:16], len(data) - len(text))
"""

PROGRESS_BAR = """
for n in range(0, 101, 10): print(f'\\r[{"#" * (n // 10):10}] {n:3} %', end='', flush=True)
print('\\ndone')
"""

COUNT_FRAMES = """() => {
  window.longestFrameMs = 0
  window.frameCount = 0
  window.countedFrom = performance.now()
  let last = window.countedFrom
  const frame = now => {
    window.longestFrameMs = Math.max(window.longestFrameMs, now - last)
    window.frameCount += 1
    last = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
}"""


@pytest.fixture
def editor(shared_editor: EditorPage) -> EditorPage:
    return shared_editor


def test_typed_line_reaches_the_program(editor: EditorPage) -> None:
    # Given a program that reads a line
    editor.run("name = input('who? ')\nprint(f'hello {name}!')")
    editor.expect_output("who?")
    # When a line is typed and corrected with Backspace
    editor.type_in_terminal("Adx")
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.type("a\n")
    # Then the program gets the corrected line, and the terminal shows it once
    editor.expect_status("Finished normally")
    assert editor.output() == "who? Ada\nhello Ada!"


def test_repl_has_line_editing_and_history(editor: EditorPage) -> None:
    # Given a Python prompt
    editor.run("import code, readline\ncode.interact(banner='welcome', exitmsg='bye')")
    editor.expect_output(">>>")
    # When a line is edited with the arrow keys, executed, and repeated from the history
    editor.type_in_terminal("print('a' * 4)")
    for _ in range(3):
        editor.page.keyboard.press("ArrowLeft")
    editor.page.keyboard.type("2 * ")
    editor.page.keyboard.press("Enter")
    editor.expect_output("aaaaaaaa")
    editor.page.keyboard.press("ArrowUp")
    editor.page.keyboard.press("Enter")
    # Then it was executed twice, and Ctrl+D ends the prompt
    expect(editor.terminal.get_by_text("aaaaaaaa", exact=True)).to_have_count(2)
    editor.page.keyboard.press("Control+D")
    editor.expect_status("Finished normally")
    editor.expect_output("bye")


def test_ctrl_d_ends_the_input(editor: EditorPage) -> None:
    editor.run("import sys\nprint('ready', flush=True)\nprint(len(sys.stdin.read()), 'characters')")
    editor.expect_output("ready")

    editor.type_in_terminal("12345\n")
    editor.page.keyboard.press("Control+D")

    editor.expect_output("6 characters")


def test_ctrl_c_raises_an_interrupt_that_the_program_can_handle(editor: EditorPage) -> None:
    editor.run(
        "import time\nprint('on', flush=True)\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('caught')"
    )
    editor.expect_output("on")

    editor.focus_terminal()
    editor.page.keyboard.press("Control+C")

    editor.expect_output("caught")
    editor.expect_status("Finished normally")


def test_ctrl_c_ends_a_program_without_a_handler(editor: EditorPage) -> None:
    editor.run("print('on', flush=True)\nwhile True: pass")
    editor.expect_output("on")

    editor.focus_terminal()
    editor.page.keyboard.press("Control+C")

    editor.expect_status("Interrupted by Ctrl+C")


def test_line_input_reaches_a_program_without_a_terminal(editor: EditorPage) -> None:
    # Given a program with pipes
    editor.run(
        "import sys\nprint(sys.stdin.isatty(), flush=True)\nfor line in sys.stdin: print('got', line, flush=True)",
        input="lines",
    )
    editor.expect_output("False")
    # When a line is typed
    editor.type_in_terminal("abx")
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.type("c\n")
    # Then the program gets the corrected line, and Ctrl+C interrupts it
    editor.expect_output("got abc")
    editor.page.keyboard.press("Control+C")
    editor.expect_status("Interrupted by Ctrl+C")


def test_full_screen_program_gets_single_keys_and_restores_the_screen(editor: EditorPage) -> None:
    # Given a curses program
    editor.run(CURSES)
    editor.expect_output("press a key")
    expect(editor.terminal).not_to_contain_text("before")
    green = editor.terminal.get_by_text("press a key").evaluate("element => getComputedStyle(element).backgroundColor")
    assert green != "rgba(0, 0, 0, 0)"
    # When letters and function keys are pressed
    editor.focus_terminal()
    for key, name in (("ArrowUp", "KEY_UP"), ("F5", "KEY_F(5)"), ("x", "key x")):
        editor.page.keyboard.press(key)
        editor.expect_output(name)
    # Then it gets each key, and its end restores the screen
    editor.page.keyboard.press("q")
    editor.expect_status("Finished normally")
    assert editor.output() == "before\nafter"


def test_progress_bar_overwrites_its_line(editor: EditorPage) -> None:
    editor.run(PROGRESS_BAR)

    editor.expect_status("Finished normally")
    assert editor.output() == "[##########] 100 %\ndone"


def test_true_colours_are_shown(editor: EditorPage) -> None:
    editor.run("print('\\x1b[48;2;18;52;86;38;2;240;230;140mtrue colour\\x1b[0m')")
    editor.expect_status("Finished normally")

    colours = editor.terminal.get_by_text("true colour").evaluate(
        "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    )

    assert colours == ["rgb(18, 52, 86)", "rgb(240, 230, 140)"]


def test_program_gets_the_terminal_size_when_it_changes(editor: EditorPage) -> None:
    # Given a program that prints the size of its terminal
    editor.run(PRINT_SIZES)
    rows = editor.page.locator(".xterm-rows > div")
    expect(editor.terminal).to_contain_text(f" {rows.count()}")
    # When the window becomes smaller
    editor.page.set_viewport_size({"width": 900, "height": 500})
    # Then the program prints the new size
    editor.page.wait_for_function("() => document.querySelectorAll('.xterm-rows > div').length < 25")
    editor.expect_output(f" {rows.count()}")
    assert editor.output().count("size") == 2
    editor.stop_button.click()
    editor.expect_status("Stopped by you")
    editor.page.set_viewport_size({"width": 1280, "height": 800})


def test_bracketed_paste_of_100_kilobytes_is_complete(editor: EditorPage) -> None:
    # Given a program in raw mode with bracketed paste
    editor.run(READ_RAW)
    editor.expect_output("ready")
    text = "".join(f"{n:07} " for n in range(100_000 // 8))
    # When 100 kB are pasted
    editor.paste_in_terminal(text)
    # Then the program gets all bytes between the markers
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    editor.expect_output(f"received 100000 {digest} 12")


def test_pasted_lines_reach_the_program(editor: EditorPage) -> None:
    # The program waits before its output, because the echo of the paste may be late.
    editor.run(
        "import sys, time\nprint('ready', flush=True)\ntext = sys.stdin.read()\ntime.sleep(1)\n"
        "print(f'\\n{len(text)} in {text.count(chr(10))} lines')"
    )
    editor.expect_output("ready")

    editor.paste_in_terminal(f"{'x' * 99}\n" * 1000)
    editor.page.keyboard.press("Control+D")

    editor.expect_output("100000 in 1000 lines")


def test_page_stays_responsive_during_ten_megabytes_of_output(editor: EditorPage) -> None:
    # Given a page whose frames are counted
    editor.open_program(
        "import os\nfor n in range(100): os.write(1, (f'{n:09}' * 11 + '\\n').encode() * 1000)\nprint('all of it')",
        limits={"output_bytes": 11 * MEGABYTE},
    )
    editor.page.evaluate(COUNT_FRAMES)
    # When a program writes 10 MB
    editor.run()
    editor.expect_output("all of it")
    editor.expect_status("Finished normally")
    # Then no frame took long
    total_ms, longest_ms, frames = editor.page.evaluate(
        "[performance.now() - window.countedFrom, window.longestFrameMs, window.frameCount]"
    )
    assert longest_ms < max(MAX_FRAME_MS, total_ms * MAX_FRAME_SHARE)
    assert frames > MIN_FRAMES
    # And the page states that the terminal shows only the end, and the download is complete
    expect(editor.page.locator(".output-note")).to_have_text(
        "The terminal shows the end of the output. Download contains all of it."
    )
    with editor.page.expect_download() as download:
        editor.page.get_by_role("button", name="Download").click()
    lines = "".join((f"{n:09}" * 11 + "\n") * 1000 for n in range(100))
    assert download.value.path().read_text() == f"{lines}all of it\n"
