"""Phases on a pseudo-terminal."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_cancel, encode_resize, encode_signal, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES, Ending, WindowSize
from tests.runner.runner_process import RunnerProcess, job, phase

SIZE = WindowSize(24, 80)


def on_terminal(*argv: str, size: WindowSize = SIZE, **changes: object) -> bytes:
    env = (("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("PS1", "$ "))
    return job(phase(*argv, gets_stdin=True, terminal=size, env=env, **changes))


def until(text: bytes) -> Callable[[RunnerProcess], bool]:
    return lambda so_far: text in so_far.stdout


def test_terminal_is_all_three_streams(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "test -t 0 -a -t 1 -a -t 2 && echo all; echo err >&2; echo tty > /dev/tty"))

    assert runner.read_to_end().stdout == b"all\r\nerr\r\ntty\r\n"
    assert runner.stderr == b""
    assert (runner.end.stdout_bytes, runner.end.stderr_bytes) == (15, 0)


def test_terminal_phase_is_the_foreground_session_leader(runner: RunnerProcess) -> None:
    look = "read -r pid name state parent group session tty foreground rest < /proc/self/stat; "
    runner.send(on_terminal("sh", "-c", look + "echo $((pid - group)) $((pid - session)) $((pid - foreground))"))

    assert runner.read_to_end().stdout == b"0 0 0\r\n"


def test_phase_starts_with_three_descriptors(runner: RunnerProcess) -> None:
    runner.send(on_terminal("ls", "/proc/self/fd"))

    assert runner.read_to_end().stdout.split() == [b"0", b"1", b"2", b"3"]


def test_terminal_echoes_and_delivers_lines(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "printf '? '; read -r line; echo got $line"))
    runner.read_until(until(b"? "))
    runner.send(encode_stdin(b"ab\x7fc\r"))  # erases the b; the Enter key is a carriage return

    assert runner.read_to_end().stdout == b"? ab\b \bc\r\ngot ac\r\n"


def test_terminal_ctrl_c_interrupts(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "echo up; exec sleep 60"))
    runner.read_until(until(b"up"))
    runner.send(encode_stdin(b"\x03"))

    assert (runner.read_to_end().end.ending, runner.end.value) == (Ending.SIGNALLED, signal.SIGINT)
    assert runner.end.reason is StopReason.NONE


def test_terminal_ctrl_d_ends_input_for_one_reader(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "cat; echo one; cat; echo two"))
    runner.send(encode_stdin(b"a\n\x04"))
    runner.read_until(until(b"one\r\n"))
    runner.send(encode_stdin(b"b\n\x04"))

    assert runner.read_to_end().stdout.replace(b"^D\b\b", b"").endswith(b"one\r\nb\r\nb\r\ntwo\r\n")


@pytest.mark.parametrize("typed", [b"", b"line\n", b"half a line"])
def test_terminal_receives_the_eof_character_at_the_end_of_stdin(runner: RunnerProcess, typed: bytes) -> None:
    runner.send(on_terminal("sh", "-c", "stty -echo; echo up; cat; echo ended"))
    runner.read_until(until(b"up\r\n"))
    runner.send(encode_stdin(typed), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"up\r\n" + typed.replace(b"\n", b"\r\n") + b"ended\r\n"


def test_terminal_has_its_size_at_the_start(runner: RunnerProcess) -> None:
    runner.send(on_terminal("stty", "size", size=WindowSize(12, 345)))

    assert runner.read_to_end().stdout == b"12 345\r\n"


def test_terminal_resize_sends_sigwinch(runner: RunnerProcess) -> None:
    wait = "trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.05; done"
    runner.send(on_terminal("sh", "-c", wait))
    runner.read_until(until(b"up"))
    runner.send(encode_resize(WindowSize(50, 132)))

    assert runner.read_to_end().stdout == b"up\r\n50 132\r\n"


def test_terminal_resize_before_the_phase_is_kept(bare: RunnerProcess) -> None:
    first, second = phase("sleep", "0.3"), phase("stty", "size", gets_stdin=True, terminal=SIZE)
    bare.send(job(first, second), encode_resize(WindowSize(7, 9)))

    assert bare.read_to_end().stdout == b"7 9\r\n"


def test_resize_without_a_terminal_has_no_effect(bare: RunnerProcess) -> None:
    bare.send(job(phase("sh", "-c", "sleep 0.2; test -t 1 || echo none")), encode_resize(SIZE))

    assert bare.read_to_end().stdout == b"none\n"


def test_terminal_signal_reaches_the_foreground_group(runner: RunnerProcess) -> None:
    # Given a shell with job control, and a program in its foreground
    runner.send(on_terminal("bash", "--norc", "--noediting", "-i"))
    runner.send(encode_stdin(b"stty -echo\nsh -c 'echo u''p; exec sleep 60'\n"))
    runner.read_until(until(b"up\r\n"))

    # When a signal is sent, only the foreground program ends
    runner.send(encode_signal(signal.SIGINT), encode_stdin(b"echo alive $?\nexit 7\n"))

    assert b"alive 130\r\n" in runner.read_to_end().stdout
    assert (runner.end.ending, runner.end.value) == (Ending.EXITED, 7)


def test_terminal_output_is_unchanged(runner: RunnerProcess) -> None:
    coloured = b"\x1b[38;2;255;100;0mtrue colour\x1b[0m \xff\xfe\x00\x9b"
    runner.send(on_terminal("printf", "".join(f"\\{byte:03o}" for byte in coloured)))

    assert runner.read_to_end().stdout == coloured


def test_terminal_raw_mode_delivers_every_byte(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "stty raw -echo; echo up; head -c 5 | od -An -tx1"))
    runner.read_until(until(b"up"))
    runner.send(encode_stdin(b"\x03\x04\r\x1a\xff"))

    assert b" 03 04 0d 1a ff" in runner.read_to_end().stdout


def test_terminal_delivers_the_last_output(runner: RunnerProcess) -> None:
    # Given a program that exits while its terminal is full of output, and a host that reads late
    runner.send(on_terminal("sh", "-c", "seq 1 3000"))
    time.sleep(0.5)

    assert runner.read_to_end().stdout == b"".join(b"%d\r\n" % number for number in range(1, 3001))
    assert runner.end.value == 0


def test_terminal_delivers_large_output(runner: RunnerProcess) -> None:
    runner.send(on_terminal("head", "-c", "2000000", "/dev/zero"))

    assert len(runner.read_to_end().stdout) == 2_000_000


def test_terminal_output_is_truncated_at_the_limit(runner: RunnerProcess) -> None:
    runner.send(on_terminal("yes", output_bytes=1000))

    assert len(runner.read_to_end().stdout) == 1000
    assert (runner.end.reason, runner.end.stdout_truncated) == (StopReason.OUTPUT, True)


def test_terminal_does_not_hang_up_when_the_program_closes_it(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "exec <&- >&- 2>&-; sleep 0.5; echo back > /dev/tty"))

    assert runner.read_to_end().stdout == b"back\r\n"


def test_terminal_type_ahead_does_not_block_signals(runner: RunnerProcess) -> None:
    # Given a program that never reads, and more input than the terminal and the window hold
    runner.send(on_terminal("sh", "-c", "stty raw -echo; echo up; exec sleep 60"))
    runner.read_until(until(b"up"))
    runner.send(encode_stdin(b"x" * STDIN_WINDOW_BYTES))
    runner.read_until(lambda so_far: so_far.acknowledged > 0)

    # When the host interrupts it
    runner.send(encode_signal(signal.SIGTERM))

    assert (runner.read_to_end().end.ending, runner.end.value) == (Ending.SIGNALLED, signal.SIGTERM)


def test_terminal_input_without_a_reader_does_not_block_the_runner(bare: RunnerProcess) -> None:
    bare.send(on_terminal("sh", "-c", "stty raw -echo; echo up; exec sleep 60"))
    bare.read_until(until(b"up"))
    bare.send(encode_stdin(b"x" * STDIN_WINDOW_BYTES))
    time.sleep(1)

    stat = Path(f"/proc/{bare.process.pid}/stat").read_text()
    ticks = sum(map(int, stat.rsplit(")", 1)[1].split()[11:13]))
    assert ticks < 20  # hundredths of a second
    bare.send(encode_cancel())
    assert bare.read_to_end().end.reason is StopReason.CANCELLED


def test_terminal_session_is_killed_with_its_leader(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "trap '' HUP; sleep 60 & echo main"))

    assert runner.read_to_end(within_s=8).stdout == b"main\r\n"


def test_terminal_stopped_program_ends_at_the_wall_time_limit(runner: RunnerProcess) -> None:
    runner.send(on_terminal("sh", "-c", "kill -STOP $$", wall_ms=500))

    assert runner.read_to_end().end.reason is StopReason.WALL_TIME
