"""Programs that fight the runner, in a container as in production. Whatever they try, the report comes and is true."""

from __future__ import annotations

import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sandbox.frames import UNLIMITED, Done, Ending, StopReason
from app.sandbox.protocol import encode_stdin
from tests.runner.conversation import Conversation, Opener, job, phase

pytestmark = pytest.mark.docker

VICTIMS = Path(__file__).parent / "victims"


def test_a_fork_bomb_ends_with_its_wall_time(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "fork while 1", wall_ms=1000))

    assert contained.end.reason in (StopReason.WALL_TIME, StopReason.CPU_TIME)
    assert contained.exit_status() == 0


def test_a_fork_bomb_whose_root_ends_is_over_at_once(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "my $root = $$; for (1..9) { fork } exit 0 if $$ == $root; sleep 60"))

    assert contained.end.wall_us < 10_000_000
    assert contained.exit_status() == 0


def test_a_storm_of_zombies_does_not_eat_the_pids(contained: Conversation) -> None:
    # 1500 orphans, far beyond the pids limit: only a PID 1 that reaps lets this end well.
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


def test_a_memory_bomb_dies_alone(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "my @a; push @a, 'x' x 1_000_000 while 1"), phase("echo", "never"))

    assert (contained.end.ending, contained.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert contained.end.reason is StopReason.NONE
    assert contained.end.oom_kills == 1
    assert contained.end.memory_peak_bytes > 120 << 20
    assert contained.done == Done(ended=1, total=2)


def test_a_child_that_ran_out_of_memory_is_told_though_the_parent_exits_0(contained: Conversation) -> None:
    script = "perl -e 'my @a; push @a, q(x) x 1_000_000 while 1'; echo child ended with $?; exit 0"
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b"child ended with 137\n"
    assert (contained.end.ending, contained.end.value) == (Ending.EXITED, 0)
    assert contained.end.oom_kills >= 1


def test_each_phase_is_told_its_own_memory_kills_and_peak(contained: Conversation) -> None:
    hungry = "my $x = 'x' x 60_000_000; exit 0"
    contained.run(phase("perl", "-e", hungry), phase("sleep", "0.3"))

    first, second = contained.ends
    assert first.memory_peak_bytes > 60_000_000
    assert second.memory_peak_bytes < 30_000_000
    assert first.oom_kills == second.oom_kills == 0


def test_memory_full_of_files_and_a_tiny_program_do_not_cost_the_runner_its_life(
    open_contained: Opener, compile_c: Callable[[str], bytes]
) -> None:
    # Given a container as the pool makes it (score below the maximum), whose files may fill all of its memory
    contained = open_contained("--tmpfs", "/tmp:rw,mode=1777,size=1g", "--oom-score-adj", "900")

    # When processes far smaller than the runner write until the kernel must kill someone
    contained.run(phase("./fill", file_bytes=UNLIMITED), files={"fill": compile_c((VICTIMS / "fill.c").read_text())})

    # Then it killed them
    assert (contained.end.ending, contained.end.value) == (Ending.SIGNALLED, signal.SIGKILL)
    assert contained.end.oom_kills >= 1
    assert contained.exit_status() == 0


def test_a_full_disk_is_the_programs_own_problem(contained: Conversation) -> None:
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
def test_a_daemon_that_holds_stdout_open_does_not_delay_the_end(contained: Conversation, daemon: str) -> None:
    contained.run(phase("sh", "-c", f"{daemon} echo main"))

    assert b"main\n" in contained.stdout
    assert (contained.end.ending, contained.end.value, contained.end.reason) == (Ending.EXITED, 0, StopReason.NONE)
    assert contained.end.wall_us < 5_000_000


def test_nothing_of_a_phase_lives_on_in_the_next(contained: Conversation) -> None:
    count = "n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n"
    contained.run(phase("sh", "-c", "setsid sleep 60 & setsid sleep 60 & true"), phase("sh", "-c", count))

    assert contained.stdout == b"2\n"


def test_a_pipe_end_hidden_in_a_socket_does_not_delay_the_end(
    contained: Conversation, compile_c: Callable[[str], bytes]
) -> None:
    contained.run(phase("./hide"), files={"hide": compile_c((VICTIMS / "hide.c").read_text())})

    assert contained.stdout == b"hidden\n"
    assert contained.end.wall_us < 5_000_000


def test_output_in_packet_mode_arrives_whole(contained: Conversation) -> None:
    # O_DIRECT on the pipe makes every write a packet, and a reader with too little room would lose the rest of it.
    script = "use Fcntl; fcntl(STDOUT, F_SETFL, 040000) or die; syswrite STDOUT, chr(97 + $_ % 26) x 4096 for 0..499"
    contained.run(phase("perl", "-e", script))

    assert contained.stdout == b"".join(bytes([97 + index % 26]) * 4096 for index in range(500))


def test_closing_every_stream_and_running_on_is_fine(contained: Conversation) -> None:
    contained.run(phase("sh", "-c", "echo before; exec <&- >&- 2>&-; sleep 0.3; exit 4"))

    assert (contained.stdout, contained.end.value) == (b"before\n", 4)
    assert contained.end.wall_us >= 300_000


def test_no_signal_hurts_the_runner(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "for my $n (1..64) { kill $n, 1 for 1..20 } sleep 1; print 'alive'"))

    assert contained.stdout == b"alive"
    assert contained.exit_status() == 0


def test_a_flood_of_signals_does_not_stop_the_clock(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "fork; fork; kill 'CHLD', 1 while 1", wall_ms=500))

    assert contained.end.reason is StopReason.WALL_TIME
    assert contained.end.wall_us < 5_000_000


def test_kill_everyone_kills_only_its_own(contained: Conversation) -> None:
    contained.run(phase("perl", "-e", "kill 9, -1; print 'me too'"))

    assert contained.stdout == b"me too"
    assert contained.end.value == 0


@pytest.mark.parametrize(
    "entry", ["mem", "environ", "fd/0", "fd/1", "fd/2", "maps", "stack", "cwd", "exe", "root", "io"]
)
def test_nothing_of_the_runner_can_be_read_or_written(contained: Conversation, entry: str) -> None:
    script = f"cat /proc/1/{entry} && echo read; echo x > /proc/1/{entry} && echo written; readlink /proc/1/{entry}"
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b""
    assert contained.exit_status() == 0


def test_the_runners_scores_and_limits_cannot_be_written(contained: Conversation) -> None:
    files = ("oom_score_adj", "oom_adj", "coredump_filter", "timerslack_ns", "autogroup", "sched", "clear_refs", "comm")
    script = "; ".join(f"echo 1 > /proc/1/{name} && echo {name} written" for name in files)
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b""


def test_frames_forged_on_every_descriptor_are_only_output(contained: Conversation) -> None:
    """A DONE and a FAULT, written wherever something can be written, must arrive as the program's bytes or nowhere."""
    forged = r"printf '\207\000\000\000\002\001\001\210\000\000\000\001x'"
    script = f"for f in /proc/[0-9]*/fd/* /dev/std* /dev/tty /dev/console; do ({forged} > $f) 2>/dev/null; done; exit 7"
    contained.run(phase("sh", "-c", script))

    assert (contained.end.ending, contained.end.value) == (Ending.EXITED, 7)
    assert contained.done == Done(ended=1, total=1)
    assert b"\x87\0\0\0\2\1\1\x88\0\0\0\1x" in contained.stdout


def test_the_runner_cannot_be_traced_read_throttled_or_limited(
    contained: Conversation, compile_c: Callable[[str], bytes]
) -> None:
    contained.run(phase("./meddle"), files={"meddle": compile_c((VICTIMS / "meddle.c").read_text())})

    lines = contained.stdout.decode().splitlines()
    assert len(lines) == 17
    assert [line for line in lines if not line.endswith("refused")] == []
    assert contained.exit_status() == 0


def test_the_program_may_still_tune_itself(contained: Conversation, compile_c: Callable[[str], bytes]) -> None:
    contained.run(phase("./tune"), files={"tune": compile_c((VICTIMS / "tune.c").read_text())})

    assert contained.stdout == b"fine\n"


def test_a_program_that_reads_its_own_stdin_pipe_from_elsewhere_hurts_only_itself(contained: Conversation) -> None:
    script = "echo mine > /proc/self/fd/0; read -r a; echo $a"
    contained.send(job(phase("sh", "-c", script, gets_stdin=True, wall_ms=2000)))
    contained.send(encode_stdin(b"yours\n"))

    assert contained.to_the_end().stdout in (b"mine\n", b"yours\n")


def test_the_runner_is_small(open_contained: Opener) -> None:
    name = f"pyxec-runner-test-{uuid.uuid4().hex[:12]}"
    open_contained("--name", name)
    look = ["docker", "inspect", "-f", "{{.State.Pid}}", name]
    pid = subprocess.run(look, capture_output=True, text=True, check=True).stdout.strip()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())

    assert int(status["VmRSS"].split()[0]) < 1024
    assert status["Threads"].strip() == "1"


def test_a_killed_host_leaves_no_container(open_contained: Opener) -> None:
    # Given a program that ignores everything
    name = f"pyxec-runner-test-{uuid.uuid4().hex[:12]}"
    contained = open_contained("--name", name)
    contained.send(job(phase("sh", "-c", "trap '' TERM INT HUP PIPE; echo up; while :; do sleep 1; done")))
    contained.hear(lambda so_far: so_far.stdout == b"up\n")

    # When the host is killed outright
    contained.process.kill()

    # Then its container goes
    deadline = time.monotonic() + 10
    command = ["docker", "ps", "-q", "--filter", f"name={name}"]
    while subprocess.run(command, capture_output=True, check=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)
