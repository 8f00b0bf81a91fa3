"""Programs on a terminal, used over a WebSocket."""

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


class TerminalClient:
    """Sends input to a terminal and waits for output."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.screen = ""
        self._position = 0
        self.result: dict[str, Any] | None = None

    def send_message(self, kind: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"type": kind, **fields}))

    def type(self, keys: str) -> None:
        self.send_message("stdin", data=keys)

    def wait_for(self, text: str) -> None:
        """Wait for a text after the last one that was waited for."""
        while (index := self.screen.find(text, self._position)) < 0:
            assert self.result is None, self.screen
            self._receive()
        self._position = index + len(text)

    def wait_for_result(self) -> dict[str, Any]:
        while self.result is None:
            self._receive()
        return self.result

    def _receive(self) -> None:
        event = json.loads(self._socket.recv(timeout=20))
        if event["type"] == "output":
            assert event["stream"] == "stdout"
            self.screen += event["data"]
        if event["type"] == "finished":
            self.result = event["result"]


@contextmanager
def running_on_terminal(stack: Stack, source: str, language: str = "python", **more: Any) -> Iterator[TerminalClient]:
    job = stack.submit(source, language=language, tty=TTY, **more)
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        yield TerminalClient(socket)
    stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()


def test_program_reads_line_from_terminal(stack: Stack) -> None:
    with running_on_terminal(stack, "name = input('who? ')\nprint('hello', name)") as terminal:
        terminal.wait_for("who? ")
        terminal.type("Ada\r")
        result = terminal.wait_for_result()

    assert terminal.screen == "who? Ada\r\nhello Ada\r\n"
    assert (result["outcome"], result["phases"][0]["stderr_bytes"]) == ("ok", 0)


def test_python_prompt_has_line_editor_and_history(stack: Stack) -> None:
    with running_on_terminal(stack, "import code, readline\ncode.interact(banner='ready', exitmsg='')") as terminal:
        terminal.wait_for(">>> ")
        terminal.type("6 * 7\r")
        terminal.wait_for("42\r\n")
        terminal.type("1 / 0\r")
        terminal.wait_for("ZeroDivisionError")
        terminal.wait_for(">>> ")
        terminal.type("\x1b[A\x1b[A\r")  # the up key twice: the first line again
        terminal.wait_for("42\r\n")
        terminal.type("\x04")
        assert terminal.wait_for_result()["outcome"] == "ok"


def test_shell_has_job_control_and_interrupt_key(stack: Stack) -> None:
    with running_on_terminal(stack, "exec bash --norc -i", language="bash", env={"PS1": "$ "}) as terminal:
        terminal.wait_for("$ ")
        # The quotes distinguish the output from the echo. Before the line runs, readline would take the interrupt.
        terminal.type("echo run''ning; sleep 60\r")
        terminal.wait_for("running")
        terminal.type("\x03")
        terminal.wait_for("^C")
        terminal.wait_for("$ ")
        terminal.type("echo code $?\r")
        terminal.wait_for("code 130")
        terminal.type("sleep 60 & jobs\r")
        terminal.wait_for("Running")
        terminal.type("tty; exit 5\r")
        terminal.wait_for("/dev/pts/")
        assert terminal.wait_for_result()["exit_code"] == 5


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


def test_full_screen_program_follows_resize(stack: Stack) -> None:
    with running_on_terminal(stack, CURSES) as terminal:
        terminal.wait_for("size 24x80 colours 256")
        terminal.send_message("resize", rows=40, cols=100)
        terminal.wait_for("40x100")
        terminal.type("q")
        result = terminal.wait_for_result()

    assert result["outcome"] == "ok"
    assert terminal.screen.endswith("bye\r\n")


def test_resize_applies_when_program_has_not_started(stack: Stack) -> None:
    with running_on_terminal(stack, "import os\ninput()\nprint(os.get_terminal_size())") as terminal:
        terminal.send_message("resize", rows=11, cols=22)
        terminal.type("\r")
        terminal.wait_for_result()

    assert "columns=22, lines=11" in terminal.screen


def test_signal_reaches_program_on_terminal(stack: Stack) -> None:
    source = "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: exit(9))\nprint('up')\ntime.sleep(60)"
    with running_on_terminal(stack, source) as terminal:
        terminal.wait_for("up")
        terminal.send_message("signal", name="USR1")
        assert terminal.wait_for_result()["exit_code"] == 9


def test_signal_overtakes_unread_input(stack: Stack) -> None:
    with running_on_terminal(
        stack, "import os, time\nos.system('stty raw -echo')\nprint('up')\ntime.sleep(60)"
    ) as terminal:
        terminal.wait_for("up")
        for _ in range(10):
            terminal.type("x" * 60_000)
        terminal.send_message("signal", name="INT")
        terminal.wait_for("KeyboardInterrupt")
        assert terminal.wait_for_result()["outcome"] in ("nonzero_exit", "signaled")


def test_signal_reaches_program_without_terminal(stack: Stack) -> None:
    job = stack.submit("import time\nprint('up')\ntime.sleep(60)")
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        terminal = TerminalClient(socket)
        terminal.wait_for("up")
        terminal.send_message("signal", name="TERM")
        result = terminal.wait_for_result()

    assert (result["outcome"], result["signal"]) == ("signaled", 15)


def test_terminal_supports_24_bit_colour(stack: Stack) -> None:
    source = "import os\nprint('\\x1b[38;2;1;2;3mx\\x1b[0m', os.environ['TERM'], os.isatty(2))"
    with running_on_terminal(stack, source) as terminal:
        terminal.wait_for_result()

    assert terminal.screen == "\x1b[38;2;1;2;3mx\x1b[0m xterm-256color True\r\n"


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
def test_terminal_message_is_rejected_when_field_is_invalid(stack: Stack, message: dict[str, Any], field: str) -> None:
    with running_on_terminal(stack, "input()") as terminal:
        terminal._socket.send(json.dumps(message))
        while (event := json.loads(terminal._socket.recv(timeout=20)))["type"] != "error":
            pass

    assert event["problem"]["field"] == field


@pytest.mark.parametrize("tty", [{"rows": 0}, {"cols": 5000}, {"rows": "24"}, {"height": 24}])
def test_tty_is_rejected_when_field_is_invalid(stack: Stack, tty: dict[str, Any]) -> None:
    response = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "tty": tty})

    assert response.status_code == 422
    assert response.json()["field"] == f"tty.{next(iter(tty))}"
