"""Standard input: completeness, flow control and dropped streams."""

from __future__ import annotations

import hashlib

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_cancel, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES, Ending
from tests.runner.runner_process import RunnerProcess, job, phase

TEN_MB = 10_000_000
# After the end of stdin, the runner acknowledges in steps of this size (runner/event_loop.c).
ACK_BYTES = STDIN_WINDOW_BYTES // 4


def test_stdin_is_complete_and_ends(runner: RunnerProcess) -> None:
    data = bytes(range(256)) * 8192
    runner.send(job(phase("sha256sum", gets_stdin=True)))
    runner.feed(data)

    assert runner.read_to_end().stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert len(data) - ACK_BYTES < runner.acknowledged <= len(data)


def test_stdin_echo_of_megabytes_does_not_deadlock(runner: RunnerProcess) -> None:
    data = b"0123456789abcdef" * 65536 * 2
    runner.send(job(phase("cat", gets_stdin=True)))
    runner.feed(data)

    assert runner.read_to_end().stdout == data


def test_stdin_is_at_end_without_input(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "cat; echo over"))

    assert runner.stdout == b"over\n"


def test_empty_stdin_is_at_end(runner: RunnerProcess) -> None:
    runner.send(job(phase("wc", "-c", gets_stdin=True)))
    runner.feed(b"")

    assert runner.read_to_end().stdout == b"0\n"


def test_stdin_is_not_acknowledged_while_the_program_does_not_read(runner: RunnerProcess) -> None:
    # Given a program that never reads
    runner.send(job(phase("sleep", "60", gets_stdin=True)))

    # When the whole window is sent
    runner.send(encode_stdin(b"x" * STDIN_WINDOW_BYTES))

    # Then a cancel is not delayed by the unread stdin
    runner.read_until(lambda so_far: so_far.acknowledged > 0)
    runner.send(encode_cancel())
    assert runner.read_to_end().end.reason is StopReason.CANCELLED


def test_stdin_of_a_program_that_does_not_read_is_dropped_at_its_end(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "sleep 0.2; echo done", gets_stdin=True)))
    runner.feed(b"x" * TEN_MB)

    assert runner.read_to_end().stdout == b"done\n"
    assert (runner.end.ending, runner.end.value) == (Ending.EXITED, 0)


def test_stdin_of_a_program_that_closes_it_is_dropped(
    runner: RunnerProcess,
) -> None:
    runner.send(job(phase("sh", "-c", "exec <&-; sleep 60", gets_stdin=True)))
    runner.feed(b"x" * TEN_MB)
    runner.read_until(lambda so_far: so_far.acknowledged > TEN_MB - ACK_BYTES)
    runner.send(encode_cancel())

    assert runner.read_to_end().end.reason is StopReason.CANCELLED


def test_stdin_without_a_reading_phase_is_dropped(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "cat; sleep 0.5; echo done")))
    runner.send(encode_stdin(b"x" * 1000), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"done\n"
    assert runner.acknowledged == 1000


def test_stdin_waits_for_the_phase_that_reads_it(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "cat; sleep 0.1"), phase("cat", gets_stdin=True)))
    runner.send(encode_stdin(b"for the second"), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"for the second"
    assert [end.stdout_bytes for end in runner.ends] == [0, 14]


def test_stdin_and_stdout_are_interactive(runner: RunnerProcess) -> None:
    runner.send(job(phase("perl", "-e", "$| = 1; while (<>) { print 'got ', $_ }", gets_stdin=True)))
    expected = b""
    for number in range(50):
        line = f"line {number}\n".encode()
        expected += b"got " + line
        runner.send(encode_stdin(line))
        runner.read_until(lambda so_far, received=expected: so_far.stdout == received)  # type: ignore[misc]
    runner.send(encode_stdin_eof())

    assert runner.read_to_end().end.value == 0
