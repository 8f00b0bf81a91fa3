"""A program on a terminal, from a viewer's keys to the program and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.stack import Stack

pytestmark = pytest.mark.docker

TTY = {"rows": 24, "cols": 80}


class Viewer:
    """A person at a terminal: types, and looks until something is there."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.screen = ""
        self._seen = 0
        self.result: dict[str, Any] | None = None

    def say(self, kind: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"type": kind, **fields}))

    def type(self, keys: str) -> None:
        self.say("stdin", data=keys)

    def see(self, text: str) -> None:
        """Wait for this text behind what was seen before."""
        while (at := self.screen.find(text, self._seen)) < 0:
            assert self.result is None, self.screen
            self._listen()
        self._seen = at + len(text)

    def wait(self) -> dict[str, Any]:
        while self.result is None:
            self._listen()
        return self.result

    def _listen(self) -> None:
        event = json.loads(self._socket.recv(timeout=20))
        if event["type"] == "output":
            assert event["stream"] == "stdout"
            self.screen += event["data"]
        if event["type"] == "finished":
            self.result = event["result"]


@contextmanager
def at_terminal(stack: Stack, source: str, language: str = "python", **more: Any) -> Iterator[Viewer]:
    job = stack.submit(source, language=language, tty=TTY, **more)
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        yield Viewer(socket)
    stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()


def test_a_program_asks_and_is_answered(stack: Stack) -> None:
    with at_terminal(stack, "name = input('who? ')\nprint('hello', name)") as viewer:
        viewer.see("who? ")
        viewer.type("Ada\r")
        result = viewer.wait()

    assert viewer.screen == "who? Ada\r\nhello Ada\r\n"
    assert (result["outcome"], result["phases"][0]["stderr_bytes"]) == ("ok", 0)


def test_the_python_prompt_works_with_its_line_editor(stack: Stack) -> None:
    with at_terminal(stack, "import code, readline\ncode.interact(banner='ready', exitmsg='')") as viewer:
        viewer.see(">>> ")
        viewer.type("6 * 7\r")
        viewer.see("42\r\n")
        viewer.type("1 / 0\r")
        viewer.see("ZeroDivisionError")
        viewer.see(">>> ")
        viewer.type("\x1b[A\x1b[A\r")  # up, up: the first line once more
        viewer.see("42\r\n")
        viewer.type("\x04")
        assert viewer.wait()["outcome"] == "ok"


def test_a_shell_has_job_control_and_keys_interrupt(stack: Stack) -> None:
    with at_terminal(stack, "exec bash --norc -i", language="bash", env={"PS1": "$ "}) as viewer:
        viewer.see("$ ")
        viewer.type("sleep 60\r")
        viewer.see("sleep 60")
        viewer.type("\x03")
        viewer.see("^C")
        viewer.type("echo code $?\r")
        viewer.see("code 130")
        viewer.type("sleep 60 & jobs\r")
        viewer.see("Running")
        viewer.type("tty; exit 5\r")
        viewer.see("/dev/pts/")
        assert viewer.wait()["exit_code"] == 5


CURSES = """
import curses

def main(screen):
    curses.start_color()
    while True:
        screen.erase()
        screen.addstr(0, 0, f"size {curses.LINES}x{curses.COLS} colours {curses.COLORS}")
        screen.refresh()
        key = screen.getch()
        if key == ord("q"):
            return
        if key == curses.KEY_RESIZE:
            curses.update_lines_cols()

curses.wrapper(main)
print("bye")
"""


def test_a_full_screen_program_draws_and_follows_the_window(stack: Stack) -> None:
    with at_terminal(stack, CURSES) as viewer:
        viewer.see("size 24x80 colours 256")
        viewer.say("resize", rows=40, cols=100)
        viewer.see("40x100")
        viewer.type("q")
        result = viewer.wait()

    assert result["outcome"] == "ok"
    assert viewer.screen.endswith("bye\r\n")


def test_a_resize_before_the_program_has_begun_counts(stack: Stack) -> None:
    with at_terminal(stack, "import os\ninput()\nprint(os.get_terminal_size())") as viewer:
        viewer.say("resize", rows=11, cols=22)
        viewer.type("\r")
        viewer.wait()

    assert "columns=22, lines=11" in viewer.screen


def test_a_signal_by_name_reaches_the_program(stack: Stack) -> None:
    source = "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: exit(9))\nprint('up')\ntime.sleep(60)"
    with at_terminal(stack, source) as viewer:
        viewer.see("up")
        viewer.say("signal", name="USR1")
        assert viewer.wait()["exit_code"] == 9


def test_a_signal_passes_input_that_is_not_read(stack: Stack) -> None:
    with at_terminal(stack, "import os, time\nos.system('stty raw -echo')\nprint('up')\ntime.sleep(60)") as viewer:
        viewer.see("up")
        for _ in range(10):
            viewer.type("x" * 60_000)
        viewer.say("signal", name="INT")
        viewer.see("KeyboardInterrupt")
        assert viewer.wait()["outcome"] in ("nonzero_exit", "signaled")


def test_a_signal_also_reaches_a_program_without_a_terminal(stack: Stack) -> None:
    job = stack.submit("import time\nprint('up')\ntime.sleep(60)")
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        viewer = Viewer(socket)
        viewer.see("up")
        viewer.say("signal", name="TERM")
        result = viewer.wait()

    assert (result["outcome"], result["signal"]) == ("signaled", 15)


def test_24_bit_colour_comes_through(stack: Stack) -> None:
    source = "import os\nprint('\\x1b[38;2;1;2;3mx\\x1b[0m', os.environ['TERM'], os.isatty(2))"
    with at_terminal(stack, source) as viewer:
        viewer.wait()

    assert viewer.screen == "\x1b[38;2;1;2;3mx\x1b[0m xterm-256color True\r\n"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "resize", "rows": 0, "cols": 80}, "rows"),
        ({"type": "resize", "rows": 24, "cols": 1001}, "cols"),
        ({"type": "resize", "rows": 24}, "cols"),
        ({"type": "signal", "name": "STOP"}, "name"),
        ({"type": "signal"}, "name"),
    ],
)
def test_what_is_no_size_and_no_signal_is_refused(stack: Stack, message: dict[str, Any], field: str) -> None:
    with at_terminal(stack, "input()") as viewer:
        viewer._socket.send(json.dumps(message))
        while (event := json.loads(viewer._socket.recv(timeout=20)))["type"] != "error":
            pass

    assert event["problem"]["field"] == field


@pytest.mark.parametrize("tty", [{"rows": 0}, {"cols": 5000}, {"rows": "24"}, {"height": 24}])
def test_what_is_no_terminal_is_refused(stack: Stack, tty: dict[str, Any]) -> None:
    answer = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "tty": tty})

    assert answer.status_code == 422
    assert answer.json()["field"] == f"tty.{next(iter(tty))}"
