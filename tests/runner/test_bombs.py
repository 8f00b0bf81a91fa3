"""Programs that exhaust their resources, in a container. The runner still reports correctly."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.frames import UNLIMITED, Done, Ending
from tests.runner.runner_process import Opener, RunnerProcess, job, phase

pytestmark = pytest.mark.docker

PROGRAMS = Path(__file__).parent / "programs"


def test_fork_bomb_ends_at_the_wall_time_limit(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "fork while 1", wall_ms=1000))

    assert contained.end.reason in (StopReason.WALL_TIME, StopReason.CPU_TIME)
    assert contained.exit_status() == 0


def test_fork_bomb_ends_with_its_main_process(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "my $root = $$; for (1..9) { fork } exit 0 if $$ == $root; sleep 60"))

    assert contained.end.wall_us < 10_000_000
    assert contained.exit_status() == 0


def test_zombies_are_reaped_while_the_program_runs(contained: RunnerProcess) -> None:
    # 1500 orphans, far more than the pids limit: the program succeeds only if PID 1 reaps them.
    storm = """
        for (1..1500) {
            my $child;
            select undef, undef, undef, .01 until defined($child = fork);
            if (!$child) { fork; exit }
            waitpid $child, 0;
        }
        print 'survived';
    """
    contained.run(phase("perl", "-e", storm))

    assert contained.stdout == b"survived"


def test_memory_bomb_does_not_kill_the_runner(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "my @a; push @a, 'x' x 1_000_000 while 1"), phase("echo", "never"))

    assert (contained.end.ending, contained.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert contained.end.reason is StopReason.NONE
    assert contained.end.oom_kills == 1
    assert contained.end.memory_peak_bytes > 120 << 20
    assert contained.done == Done(ended=1, total=2)


def test_oom_kill_of_a_child_is_reported_when_the_parent_exits_0(contained: RunnerProcess) -> None:
    script = "perl -e 'my @a; push @a, q(x) x 1_000_000 while 1'; echo child ended with $?; exit 0"
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b"child ended with 137\n"
    assert (contained.end.ending, contained.end.value) == (Ending.EXITED, 0)
    assert contained.end.oom_kills >= 1


def test_phases_report_their_own_oom_kills_and_peak(contained: RunnerProcess) -> None:
    hungry = "my $x = 'x' x 60_000_000; exit 0"
    contained.run(phase("perl", "-e", hungry), phase("sleep", "0.3"))

    first, second = contained.ends
    assert first.memory_peak_bytes > 60_000_000
    assert second.memory_peak_bytes < 30_000_000
    assert first.oom_kills == second.oom_kills == 0


# A file of 40 MB that exists for a moment: a process never has this memory.
BRIEF_FILE = "head -c 40000000 /dev/zero > big; rm big"


def test_peak_of_a_later_phase_is_sampled_unless_it_is_the_highest(contained: RunnerProcess) -> None:
    contained.run(
        phase("sh", "-c", BRIEF_FILE), phase("sh", "-c", BRIEF_FILE.replace("4", "2")), phase("perl", "-e", "'x' x 9e7")
    )

    assert [end.peak_is_exact for end in contained.ends] == [True, False, True]
    assert 40_000_000 < contained.ends[0].memory_peak_bytes < 80_000_000
    assert 10_000_000 < contained.ends[1].memory_peak_bytes < 40_000_000
    assert contained.ends[2].memory_peak_bytes > 90_000_000


@pytest.fixture
def without_peak(open_contained: Opener, image: str) -> RunnerProcess:
    """A runner in a container without a peak counter, as on Linux before 5.19 with cgroup version 2."""
    folder = "/sys/fs/cgroup"
    list_files = ["docker", "run", "--rm", "--entrypoint", "find", image, folder, "-maxdepth", "2", "-name", "memory.*"]
    files = subprocess.run(list_files, check=True, capture_output=True, text=True).stdout.split()
    peak = next(path for path in files if path.endswith(("/memory.peak", "/memory.max_usage_in_bytes")))
    return open_contained("-v", f"/dev/null:{peak}:ro")


def test_peak_is_sampled_without_a_peak_counter(without_peak: RunnerProcess) -> None:
    without_peak.run(phase("sh", "-c", BRIEF_FILE))

    assert not without_peak.end.peak_is_exact
    assert 20_000_000 < without_peak.end.memory_peak_bytes < 80_000_000


def test_peak_is_the_limit_after_an_oom_kill_without_a_peak_counter(without_peak: RunnerProcess) -> None:
    without_peak.run(phase("perl", "-e", "my @a; push @a, 'x' x 1_000_000 while 1"))

    assert without_peak.end.oom_kills == 1
    assert (without_peak.end.memory_peak_bytes, without_peak.end.peak_is_exact) == (128 << 20, True)


def test_failed_forks_are_counted_in_their_phase(contained: RunnerProcess) -> None:
    fork = "for (1..200) { my $child = fork // exit 1; sleep 60 unless $child }"
    contained.run(phase("sh", "-c", "true & wait"), phase("perl", "-e", fork))

    first, second = contained.ends
    assert (first.process_limit_hits, second.process_limit_hits) == (0, 1)
    assert second.value == 1


def test_memory_full_of_files_does_not_kill_the_runner(
    open_contained: Opener, compile_c: Callable[[str], bytes]
) -> None:
    # Given a container as the pool makes it (score below the maximum), in which files may use all memory
    contained = open_contained(
        *("--tmpfs", "/tmp:rw,mode=1777,size=1g", "--oom-score-adj", "900", "-m", "32m", "--memory-swap", "32m")
    )

    # When processes that are smaller than the runner write until the kernel must kill a process
    contained.run(phase("./fill", file_bytes=UNLIMITED), files={"fill": compile_c((PROGRAMS / "fill.c").read_text())})

    # Then it kills these processes
    assert (contained.end.ending, contained.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert contained.end.oom_kills >= 1
    assert contained.exit_status() == 0


def test_full_disk_is_an_error_of_the_program(contained: RunnerProcess) -> None:
    contained.run(phase("sh", "-c", "cat /dev/zero > big; echo $?", file_bytes=1 << 30))

    assert contained.stdout == b"1\n"
    assert b"No space left" in contained.stderr


@pytest.mark.parametrize(
    "daemon",
    [
        "sleep 60 &",
        "setsid sleep 60 &",
        "(trap '' TERM HUP; sleep 60; sleep 60) &",
        "(while :; do echo noise; sleep 0.01; done) &",
        "setsid sh -c 'setsid sleep 60 & setsid sleep 60 & sleep 60' &",
    ],
)
def test_phase_ends_when_a_daemon_keeps_stdout_open(contained: RunnerProcess, daemon: str) -> None:
    contained.send(job(phase("sh", "-c", f"{daemon} sleep 0.3; echo main")))
    contained.read_to_end(within_s=10)

    assert b"main\n" in contained.stdout
    assert (contained.end.ending, contained.end.value, contained.end.reason) == (Ending.EXITED, 0, StopReason.NONE)


def test_processes_of_a_phase_are_killed_before_the_next(contained: RunnerProcess) -> None:
    count = "n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n"
    contained.run(phase("sh", "-c", "setsid sleep 60 & setsid sleep 60 & sleep 0.3"), phase("sh", "-c", count))

    assert contained.stdout == b"2\n"


def test_phase_ends_when_a_pipe_end_is_in_a_socket(contained: RunnerProcess, compile_c: Callable[[str], bytes]) -> None:
    contained.send(job(phase("./hide"), files={"hide": compile_c((PROGRAMS / "hide.c").read_text())}))

    assert contained.read_to_end(within_s=10).stdout == b"hidden\n"


def test_output_in_packet_mode_is_complete(contained: RunnerProcess) -> None:
    # With O_DIRECT, every write to the pipe is a packet. A reader with a smaller buffer loses the rest of a packet.
    script = "use Fcntl; fcntl(STDOUT, F_SETFL, 040000) or die; syswrite STDOUT, chr(97 + $_ % 26) x 4096 for 0..499"
    contained.run(phase("perl", "-e", script))

    assert contained.stdout == b"".join(bytes([97 + index % 26]) * 4096 for index in range(500))


def test_program_may_close_all_streams(contained: RunnerProcess) -> None:
    contained.run(phase("sh", "-c", "echo before; exec <&- >&- 2>&-; sleep 0.3; exit 4"))

    assert (contained.stdout, contained.end.value) == (b"before\n", 4)
    assert contained.end.wall_us >= 300_000
