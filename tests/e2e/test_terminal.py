"""The terminal is a terminal: what programs expect of one, and what people do in one."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import expect

from tests.e2e.editor import Editor

pytestmark = pytest.mark.docker

MEGABYTE = 1_000_000
# A page that takes all of it at once shows nothing until it is done: its longest frame is nearly the whole time. On a
# machine with other work everything takes longer, and so may a frame: it is held against the time that all took.
LONGEST_FRAME_MS = 1000
LONGEST_SHARE = 1 / 3
FEWEST_FRAMES = 10

SIZES = """
import os, signal
def tell(*_): print('size', *os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, tell)
tell()
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

RAW = """
import hashlib, os, sys, termios, tty
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b'\\x1b[?2004hready')
data = b''
while not data.endswith(b'\\x1b[201~'): data += os.read(0, 65536)
termios.tcsetattr(0, termios.TCSADRAIN, before)
text = data.removeprefix(b'\\x1b[200~').removesuffix(b'\\x1b[201~')
print('\\r\\nheard', len(text), hashlib.sha256(text).hexdigest()[:16], len(data) - len(text))
"""

PROGRESS = """
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
def editor(shared_editor: Editor) -> Editor:
    return shared_editor


def test_a_program_can_be_typed_to(editor: Editor) -> None:
    # Given a program that asks
    editor.run("name = input('who? ')\nprint(f'hello {name}!')")
    editor.shows("who?")
    # When it is answered in the terminal, with a slip of the finger
    editor.type_in_terminal("Adx")
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.type("a\n")
    # Then it has heard, and what was typed was shown once
    editor.says("Finished normally")
    assert editor.output() == "who? Ada\nhello Ada!"


def test_a_repl_has_its_line_editing_and_its_history(editor: Editor) -> None:
    # Given Python's own prompt
    editor.run("import code, readline\ncode.interact(banner='welcome', exitmsg='bye')")
    editor.shows(">>>")
    # When a line is typed, edited with the arrow keys, run, and fetched again
    editor.type_in_terminal("print('a' * 4)")
    for _ in range(3):
        editor.page.keyboard.press("ArrowLeft")
    editor.page.keyboard.type("2 * ")
    editor.page.keyboard.press("Enter")
    editor.shows("aaaaaaaa")
    editor.page.keyboard.press("ArrowUp")
    editor.page.keyboard.press("Enter")
    # Then it did so twice, and Ctrl+D leaves
    expect(editor.terminal.get_by_text("aaaaaaaa", exact=True)).to_have_count(2)
    editor.page.keyboard.press("Control+D")
    editor.says("Finished normally")
    editor.shows("bye")


def test_ctrl_d_ends_the_input(editor: Editor) -> None:
    editor.run("import sys\nprint('ready', flush=True)\nprint(len(sys.stdin.read()), 'characters')")
    editor.shows("ready")

    editor.type_in_terminal("12345\n")
    editor.page.keyboard.press("Control+D")

    editor.shows("6 characters")


def test_ctrl_c_interrupts_and_the_program_decides_what_that_means(editor: Editor) -> None:
    editor.run(
        "import time\nprint('on', flush=True)\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('caught')"
    )
    editor.shows("on")

    editor.focus_terminal()
    editor.page.keyboard.press("Control+C")

    editor.shows("caught")
    editor.says("Finished normally")


def test_ctrl_c_ends_a_program_that_does_not_care(editor: Editor) -> None:
    editor.run("print('on', flush=True)\nwhile True: pass")
    editor.shows("on")

    editor.focus_terminal()
    editor.page.keyboard.press("Control+C")

    editor.says("Interrupted by Ctrl+C")


def test_typed_lines_reach_a_program_without_a_terminal_and_ctrl_c_interrupts_it(editor: Editor) -> None:
    # Given a program with pipes
    editor.run(
        "import sys\nprint(sys.stdin.isatty(), flush=True)\nfor line in sys.stdin: print('got', line, flush=True)",
        input="lines",
    )
    editor.shows("False")
    # When a line is typed
    editor.type_in_terminal("abx")
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.type("c\n")
    # Then it is shown as it is typed, and arrives
    editor.shows("got abc")
    editor.page.keyboard.press("Control+C")
    editor.says("Interrupted by Ctrl+C")


def test_a_full_screen_program_draws_hears_single_keys_and_gives_the_screen_back(editor: Editor) -> None:
    # Given a program that takes the whole screen
    editor.run(CURSES)
    editor.shows("press a key")
    expect(editor.terminal).not_to_contain_text("before")
    green = editor.terminal.get_by_text("press a key").evaluate("one => getComputedStyle(one).backgroundColor")
    assert green != "rgba(0, 0, 0, 0)"
    # When keys are pressed, also some that are no letters
    editor.focus_terminal()
    for key, name in (("ArrowUp", "KEY_UP"), ("F5", "KEY_F(5)"), ("x", "key x")):
        editor.page.keyboard.press(key)
        editor.shows(name)
    # Then it has heard each, and when it ends what was there before is there again
    editor.page.keyboard.press("q")
    editor.says("Finished normally")
    assert editor.output() == "before\nafter"


def test_a_progress_bar_is_one_line(editor: Editor) -> None:
    editor.run(PROGRESS)

    editor.says("Finished normally")
    assert editor.output() == "[##########] 100 %\ndone"


def test_colours_of_24_bits_are_those_that_were_asked_for(editor: Editor) -> None:
    editor.run("print('\\x1b[48;2;18;52;86;38;2;240;230;140mtrue colour\\x1b[0m')")
    editor.says("Finished normally")

    colours = editor.terminal.get_by_text("true colour").evaluate(
        "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]"
    )

    assert colours == ["rgb(18, 52, 86)", "rgb(240, 230, 140)"]


def test_a_program_is_told_the_size_of_its_terminal_as_it_changes(editor: Editor) -> None:
    # Given a program that tells what it knows of the size
    editor.run(SIZES)
    rows = editor.page.locator(".xterm-rows > div")
    expect(editor.terminal).to_contain_text(f" {rows.count()}")
    # When the window becomes smaller
    editor.page.set_viewport_size({"width": 900, "height": 500})
    # Then it knows that, too
    editor.page.wait_for_function("() => document.querySelectorAll('.xterm-rows > div').length < 25")
    editor.shows(f" {rows.count()}")
    assert editor.output().count("size") == 2
    editor.stop_button.click()
    editor.says("Stopped by you")
    editor.page.set_viewport_size({"width": 1280, "height": 800})


def test_a_paste_of_100_kilobytes_arrives_whole_and_marked_as_one(editor: Editor) -> None:
    # Given a program that reads its terminal byte by byte and asks to be told what is pasted
    editor.run(RAW)
    editor.shows("ready")
    text = "".join(f"{n:07} " for n in range(100_000 // 8))
    # When that much is pasted
    editor.paste_in_terminal(text)
    # Then every byte of it has come, between the marks
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    editor.shows(f"heard 100000 {digest} 12")


def test_pasted_lines_are_typed_lines(editor: Editor) -> None:
    # A terminal shows what is typed in its own time, the last of it after what the program then says: that one waits.
    editor.run(
        "import sys, time\nprint('ready', flush=True)\ntext = sys.stdin.read()\ntime.sleep(1)\n"
        "print(f'\\n{len(text)} in {text.count(chr(10))} lines')"
    )
    editor.shows("ready")

    editor.paste_in_terminal(f"{'x' * 99}\n" * 1000)
    editor.page.keyboard.press("Control+D")

    editor.shows("100000 in 1000 lines")


def test_ten_megabytes_of_output_do_not_freeze_the_page(editor: Editor) -> None:
    # Given a page whose frames are counted
    editor.load(
        "import os\nfor n in range(100): os.write(1, (f'{n:09}' * 11 + '\\n').encode() * 1000)\nprint('all of it')",
        limits={"output_bytes": 11 * MEGABYTE},
    )
    editor.page.evaluate(COUNT_FRAMES)
    # When a program writes 10 MB as fast as it can
    editor.run()
    editor.shows("all of it")
    editor.says("Finished normally")
    # Then all was shown, and no frame was missing for long
    expect(editor.page.locator(".output-note")).to_have_count(0)
    took_ms, longest_ms, frames = editor.page.evaluate(
        "[performance.now() - window.countedFrom, window.longestFrameMs, window.frameCount]"
    )
    assert longest_ms < max(LONGEST_FRAME_MS, took_ms * LONGEST_SHARE)
    assert frames > FEWEST_FRAMES
