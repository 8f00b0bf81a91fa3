"""Limits of a phase and how they are reported."""

from __future__ import annotations

import signal
import time

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.frames import UNLIMITED, Done, Ending
from tests.runner.runner_process import Opener, RunnerProcess, job, phase

SPIN = ("sh", "-c", "while :; do :; done")
SIX_SPINNERS = "for i in 1 2 3 4 5 6; do (while :; do :; done) & done; wait"


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "trap '' TERM INT HUP XCPU; sleep 60; sleep 60",
        "kill -STOP $$; echo resumed",
        "exec >&- 2>&-; sleep 60",
        "sleep 60 & sleep 60 & wait",
    ],
)
def test_wall_time_limit_stops_the_program(runner: RunnerProcess, script: str) -> None:
    runner.run(phase("sh", "-c", script, wall_ms=400), phase("echo", "never"))

    assert (runner.end.ending, runner.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert runner.end.reason is StopReason.WALL_TIME
    assert 400_000 <= runner.end.wall_us < 5_000_000
    assert runner.stdout == b""
    assert runner.done == Done(ended=1, total=2)


def test_cpu_time_limit_stops_one_process(runner: RunnerProcess) -> None:
    runner.run(phase(*SPIN, cpu_ms=300))

    assert (runner.end.ending, runner.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert runner.end.reason is StopReason.CPU_TIME
    assert 300_000 <= runner.end.cpu_us < 3_000_000


@pytest.mark.docker
def test_cpu_time_limit_applies_to_the_sum_of_processes(contained: RunnerProcess) -> None:
    # Six processes on two or more CPUs: the sum reaches the limit long before any single process does.
    contained.run(phase("sh", "-c", SIX_SPINNERS, cpu_ms=600))

    assert contained.end.reason is StopReason.CPU_TIME
    assert 600_000 <= contained.end.cpu_us < 4_000_000
    assert contained.end.from_cgroup


@pytest.mark.docker
def test_cpu_time_includes_exited_processes(contained: RunnerProcess) -> None:
    burn = "perl -e '1 while (times)[0] < 0.15'"
    contained.run(phase("sh", "-c", f"while :; do {burn}; done", cpu_ms=600))

    assert contained.end.reason is StopReason.CPU_TIME


def test_cpu_time_limit_is_reported_when_the_program_exits_first(runner: RunnerProcess) -> None:
    # It takes a few milliseconds, less than the interval of the checks.
    runner.run(phase("perl", "-e", "1 for 1..60_000", cpu_ms=1))

    assert runner.end.reason is StopReason.CPU_TIME


def test_cpu_time_excludes_sleep(runner: RunnerProcess) -> None:
    runner.run(phase("sleep", "1", cpu_ms=100))

    assert (runner.end.ending, runner.end.value, runner.end.reason) == (Ending.EXITED, 0, StopReason.NONE)


@pytest.mark.parametrize("cap", [0, 1, 1000, 65536, 200_001])
def test_output_is_truncated_exactly_at_the_limit(bare: RunnerProcess, cap: int) -> None:
    bare.run(phase("yes", output_bytes=cap))

    assert bare.stdout == (b"y\n" * 150_000)[:cap]
    assert bare.end.reason is StopReason.OUTPUT
    assert bare.end.stdout_truncated
    assert not bare.end.stderr_truncated
    assert bare.end.stdout_bytes > cap


def test_output_limit_applies_to_both_streams(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "yes out & yes err >&2", output_bytes=50_000))

    assert len(runner.stdout) + len(runner.stderr) == 50_000
    assert runner.end.reason is StopReason.OUTPUT


def test_output_at_the_limit_is_accepted(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "printf 12345; printf 67890 >&2", output_bytes=10))

    assert (runner.stdout, runner.stderr) == (b"12345", b"67890")
    assert (runner.end.value, runner.end.reason) == (0, StopReason.NONE)


def test_output_limit_is_reported_when_the_program_exits_first(runner: RunnerProcess) -> None:
    runner.run(phase("printf", "12345678901", output_bytes=10), phase("echo", "never"))

    assert runner.stdout == b"1234567890"
    assert (runner.end.reason, runner.end.stdout_bytes) == (StopReason.OUTPUT, 11)
    assert runner.done == Done(ended=1, total=2)


def test_output_without_newlines_is_stopped(runner: RunnerProcess) -> None:
    runner.run(phase("cat", "/dev/zero", output_bytes=20_000_000))

    assert len(runner.stdout) == 20_000_000
    assert runner.end.reason is StopReason.OUTPUT


def test_wall_time_limit_holds_while_the_host_does_not_read(runner: RunnerProcess) -> None:
    # Given a host that does not read, so that all buffers are full
    runner.send(job(phase("yes", wall_ms=1000)))
    runner.read_until(lambda so_far: len(so_far.stdout) > 0)
    time.sleep(2)

    # When the host reads again
    runner.read_to_end()

    # Then the program was stopped in the meantime, and the output that the runner has read is complete
    assert runner.end.reason is StopReason.WALL_TIME
    assert runner.end.wall_us < 1_900_000
    assert len(runner.stdout) == runner.end.stdout_bytes


def test_file_size_limit_is_enforced(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "cat /dev/zero > big", file_bytes=10_000))

    assert runner.end.value == 128 + signal.SIGXFSZ


def test_open_files_limit_is_enforced(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "ulimit -n", open_files=17))

    assert runner.stdout == b"17\n"


def test_stack_limit_is_enforced(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "ulimit -s", stack_bytes=1 << 20))

    assert runner.stdout == b"1024\n"


def test_core_dumps_are_disabled_and_unlimited_is_the_container_limit(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "ulimit -c; ulimit -f", file_bytes=UNLIMITED, stack_bytes=UNLIMITED))

    assert runner.stdout == b"0\nunlimited\n"


@pytest.mark.docker
def test_fork_failure_is_reported_at_the_pids_limit(open_contained: Opener) -> None:
    contained = open_contained("--pids-limit", "1")
    contained.run(phase("true"))

    assert (contained.end.ending, contained.end.value) == (Ending.NOT_STARTED, 11)
    assert contained.exit_status() == 0


def test_phases_have_separate_limits(runner: RunnerProcess) -> None:
    runner.run(phase("sleep", "0.5", wall_ms=5000), phase("sleep", "60", wall_ms=200))

    assert [end.reason for end in runner.ends] == [StopReason.NONE, StopReason.WALL_TIME]
