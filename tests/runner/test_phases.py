"""Environment, end and order of phases."""

from __future__ import annotations

import errno
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_cancel, encode_go, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import MAX_PHASES, Done, Ending, PhaseEnd, Started
from tests.runner.runner_process import RunnerProcess, job, phase

GIB = 2**30


def test_phase_forwards_both_streams_and_the_exit_code(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "echo out; echo err >&2; exit 3"))

    assert (runner.stdout, runner.stderr) == (b"out\n", b"err\n")
    assert (runner.end.ending, runner.end.value, runner.end.reason) == (Ending.EXITED, 3, StopReason.NONE)
    assert (runner.end.stdout_bytes, runner.end.stderr_bytes) == (4, 4)
    assert runner.done == Done(ended=1, total=1)
    assert runner.exit_status() == 0


@pytest.mark.parametrize("code", [0, 1, 127, 137, 139, 255])
def test_exit_code_is_not_reported_as_a_signal(bare: RunnerProcess, code: int) -> None:
    bare.run(phase("sh", "-c", f"exit {code}"))

    assert (bare.end.ending, bare.end.value, bare.end.reason) == (Ending.EXITED, code, StopReason.NONE)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGPIPE, signal.SIGXCPU])
def test_fatal_signal_is_reported(runner: RunnerProcess, number: int) -> None:
    runner.run(phase("sh", "-c", f"kill -{number} $$"))

    assert (runner.end.ending, runner.end.value) == (Ending.SIGNALLED, number)
    assert runner.end.reason is StopReason.NONE


def test_runner_sleeps_while_the_kernel_frees_the_memory_of_the_program(
    bare: RunnerProcess, compile_c: Callable[[str], bytes]
) -> None:
    # The filter of the program has no process any more before its memory is freed
    source = f"""
        #include <sys/mman.h>
        int main(void) {{
            int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
            return mmap(0, {GIB}, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED;
        }}
    """
    bare.send(job(phase("./main"), phase("sleep", "20"), files={"main": compile_c(source)}))
    bare.read_until(lambda so_far: any(isinstance(event, PhaseEnd) for event in so_far.events))

    assert bare.ends[0].value == 0
    assert processor_seconds(bare.process.pid) < 0.02


def processor_seconds(pid: int) -> float:
    """Processor time of one process, from proc_pid_schedstat (Documentation/scheduler/sched-stats.rst)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def test_environment_is_exactly_that_of_the_phase(runner: RunnerProcess) -> None:
    runner.run(phase("/usr/bin/env", env=(("A", "1"), ("EMPTY", ""), ("B", "x=y z\n"))))

    assert runner.stdout == b"A=1\nEMPTY=\nB=x=y z\n\n"


def test_arguments_are_literal(runner: RunnerProcess) -> None:
    hostile = ("$(id)", ";", "-rf", "", "*", "a b", "\n", "ü€")
    runner.run(phase("printf", "<%s>", *hostile))

    assert runner.stdout == "".join(f"<{argument}>" for argument in hostile).encode()


def test_phase_starts_in_its_folder(runner: RunnerProcess) -> None:
    runner.run(phase("cat", "inner.txt", cwd="deep/er"), files={"deep/er/inner.txt": b"here"})

    assert runner.stdout == b"here"


def test_phase_starts_with_three_descriptors(runner: RunnerProcess) -> None:
    # The fourth descriptor is the folder that ls reads.
    runner.run(phase("ls", "/proc/self/fd"))

    assert runner.stdout == b"0\n1\n2\n3\n"


def test_phase_starts_with_default_signal_actions(runner: RunnerProcess) -> None:
    runner.run(phase("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"))

    assert runner.stdout.split()[1::2] == [b"0" * 16] * 2


def test_phase_leads_a_session(runner: RunnerProcess) -> None:
    look = "read -r pid name state parent group session rest < /proc/self/stat; echo $pid $group $session"
    runner.run(phase("sh", "-c", look))

    pid, group, session = runner.stdout.split()
    assert pid == group == session


def test_phases_run_in_order_and_share_files(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "echo made > made.txt; echo one"), phase("cat", "made.txt"))

    assert runner.stdout == b"one\nmade\n"
    assert [end.phase for end in runner.ends] == [0, 1]
    assert [event for event in runner.events if isinstance(event, Started)] == [Started(0), Started(1)]
    assert runner.done == Done(ended=2, total=2)


def test_phases_after_a_failed_phase_do_not_start(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "exit 1"), phase("echo", "never"))

    assert runner.stdout == b""
    assert runner.done == Done(ended=1, total=2)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("no-such-program", errno.ENOENT),
        ("./no-such-file", errno.ENOENT),
        ("/", errno.EACCES),
        ("./garbage", errno.ENOEXEC),
        ("./script", errno.ENOENT),
    ],
)
def test_exec_failure_is_reported_with_its_errno(bare: RunnerProcess, program: str, expected: int) -> None:
    files = {"garbage": b"\x01\x02\x03", "script": b"#!/no/such/interpreter\n"}
    bare.run(phase(program), phase("echo", "never"), files=files)

    assert (bare.end.ending, bare.end.value) == (Ending.NOT_STARTED, expected)
    assert bare.stdout == b""
    assert bare.done == Done(ended=1, total=2)
    assert bare.exit_status() == 0


def test_missing_folder_is_reported_with_its_errno(runner: RunnerProcess) -> None:
    runner.run(phase("true", cwd="missing"))

    assert (runner.end.ending, runner.end.value) == (Ending.NOT_STARTED, errno.ENOENT)


def test_phase_that_cannot_start_ends_the_job(runner: RunnerProcess) -> None:
    runner.run(phase("true"), phase("./missing"), phase("echo", "never"))

    assert [end.ending for end in runner.ends] == [Ending.EXITED, Ending.NOT_STARTED]
    assert runner.done == Done(ended=2, total=3)


def test_output_bytes_are_unchanged(runner: RunnerProcess) -> None:
    data = bytes(range(256)) * 4096
    runner.run(phase("cat", "data"), files={"data": data})

    assert runner.stdout == data
    assert runner.end.stdout_bytes == len(data)


def test_output_is_forwarded_while_the_program_runs(runner: RunnerProcess) -> None:
    # Given a program that writes a prompt without a newline and waits for input
    runner.send(job(phase("sh", "-c", "printf ask; read -r answer; echo got $answer", gets_stdin=True)))

    # When the prompt has arrived and input is sent
    runner.read_until(lambda so_far: so_far.stdout == b"ask")
    assert runner.ends == []
    runner.send(encode_stdin(b"yes\n"), encode_stdin_eof())

    # Then the program continues
    assert runner.read_to_end().stdout == b"askgot yes\n"


def test_phase_end_reports_usage(runner: RunnerProcess) -> None:
    eat = "my $x = 'a' x 40_000_000; 1 while (times)[0] < 0.2"
    runner.run(phase("perl", "-e", eat))

    assert runner.end.value == 0
    assert 0.15e6 < runner.end.cpu_us < 10e6
    assert 0.15e6 < runner.end.wall_us < 20e6
    assert 38_000_000 < runner.end.max_rss_bytes < 120_000_000
    assert 38_000_000 < runner.end.memory_peak_bytes < 129 << 20
    assert runner.end.oom_kills == 0


def test_job_sent_in_single_bytes_is_decoded(bare: RunnerProcess) -> None:
    for byte in job(phase("echo", "patience"), files={"a": b"1"}):
        bare.send(bytes([byte]))

    assert bare.read_to_end().stdout == b"patience\n"


def test_phases_are_limited_to_128(bare: RunnerProcess) -> None:
    bare.run(*[phase("echo", str(index)) for index in range(MAX_PHASES)])

    assert bare.stdout.split() == [str(index).encode() for index in range(MAX_PHASES)]
    assert bare.done == Done(ended=MAX_PHASES, total=MAX_PHASES)


def test_job_without_files_runs(bare: RunnerProcess) -> None:
    bare.send(job(phase("true"))[: -len(encode_go())])
    bare.send(encode_go())

    assert bare.read_to_end().end.value == 0


def test_held_phase_waits_for_its_go(runner: RunnerProcess) -> None:
    runner.send(job(phase("echo", "first"), phase("echo", "second", held=True), phase("echo", "third")))
    runner.read_until(lambda so_far: len(so_far.ends) == 1)
    with pytest.raises(AssertionError, match="not within"):
        runner.read_until(lambda so_far: b"second" in so_far.stdout, within_s=0.3)

    runner.send(encode_go())

    assert runner.read_to_end().stdout == b"first\nsecond\nthird\n"
    assert runner.done == Done(ended=3, total=3)


def test_held_phase_has_no_running_clock(runner: RunnerProcess) -> None:
    runner.send(job(phase("true"), phase("echo", "here", held=True, wall_ms=200)))
    runner.read_until(lambda so_far: len(so_far.ends) == 1)
    time.sleep(0.4)

    runner.send(encode_go())

    assert runner.read_to_end().ends[1].reason is StopReason.NONE
    assert runner.stdout == b"here\n"


def test_held_phase_after_a_failed_phase_does_not_start(runner: RunnerProcess) -> None:
    runner.run(phase("false"), phase("echo", "never", held=True))

    assert runner.done == Done(ended=1, total=2)


def test_held_phase_can_be_cancelled(runner: RunnerProcess) -> None:
    runner.send(job(phase("true"), phase("echo", "never", held=True)))
    runner.read_until(lambda so_far: len(so_far.ends) == 1)

    # And the GO frame of the host may already be in the pipe
    runner.send(encode_cancel(), encode_go())

    assert runner.read_to_end().done == Done(ended=1, total=2)
    assert runner.stdout == b""
