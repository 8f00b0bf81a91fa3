"""Programs that attack the runner, in a container as in production."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_stdin
from app.sandbox.runner.frames import Done, Ending
from tests.runner.runner_process import Opener, RunnerProcess, job, phase

pytestmark = pytest.mark.docker

PROGRAMS = Path(__file__).parent / "programs"


def test_runner_ignores_signals_of_the_program(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "for my $n (1..64) { kill $n, 1 for 1..20 } sleep 1; print 'alive'"))

    assert contained.stdout == b"alive"
    assert contained.exit_status() == 0


def test_signal_flood_does_not_delay_limits(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "fork; fork; kill 'CHLD', 1 while 1", wall_ms=500))

    assert contained.end.reason is StopReason.WALL_TIME
    assert contained.end.wall_us < 5_000_000


def test_kill_all_kills_only_the_program(contained: RunnerProcess) -> None:
    contained.run(phase("perl", "-e", "kill 9, -1; print 'me too'"))

    assert contained.stdout == b"me too"
    assert contained.end.value == 0


def test_runner_memory_cannot_be_read_or_written(contained: RunnerProcess) -> None:
    script = """
        for entry in mem environ fd/0 fd/1 fd/2 maps smaps auxv cwd exe root io task/1/mem task/1/environ; do
            cat /proc/1/$entry && echo $entry read
            echo x > /proc/1/$entry && echo $entry written
            readlink /proc/1/$entry && echo $entry followed
        done
        ls /proc/1/fd /proc/1/map_files
        echo tried
    """
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b"tried\n"
    assert contained.exit_status() == 0


def test_runner_oom_score_and_limits_cannot_be_written(contained: RunnerProcess) -> None:
    files = ("oom_score_adj", "oom_adj", "coredump_filter", "timerslack_ns", "autogroup", "sched", "clear_refs", "comm")
    script = "; ".join(f"echo 1 > /proc/1/{name} && echo {name} written" for name in files)
    contained.run(phase("sh", "-c", script))

    assert contained.stdout == b""


def test_forged_frames_are_only_output(contained: RunnerProcess) -> None:
    """Frames that the program writes to any descriptor must arrive as its output or not at all."""
    forged = r"printf '\207\000\000\000\002\001\001\210\000\000\000\001x'"
    script = f"for f in /proc/[0-9]*/fd/* /dev/std* /dev/tty /dev/console; do ({forged} > $f) 2>/dev/null; done; exit 7"
    contained.run(phase("sh", "-c", script))

    assert (contained.end.ending, contained.end.value) == (Ending.EXITED, 7)
    assert contained.done == Done(ended=1, total=1)
    assert b"\x87\0\0\0\2\1\1\x88\0\0\0\1x" in contained.stdout


def test_runner_cannot_be_traced_or_limited(contained: RunnerProcess, compile_c: Callable[[str], bytes]) -> None:
    contained.run(phase("./meddle"), files={"meddle": compile_c((PROGRAMS / "meddle.c").read_text())})

    lines = contained.stdout.decode().splitlines()
    assert len(lines) == 17
    assert [line for line in lines if not line.endswith("refused")] == []
    assert contained.exit_status() == 0


def test_program_may_change_its_own_limits(contained: RunnerProcess, compile_c: Callable[[str], bytes]) -> None:
    contained.run(phase("./tune"), files={"tune": compile_c((PROGRAMS / "tune.c").read_text())})

    assert contained.stdout == b"fine\n"


def test_program_that_reopens_its_stdin_affects_only_itself(
    contained: RunnerProcess,
) -> None:
    script = "echo mine > /proc/self/fd/0; read -r a; echo $a"
    contained.send(job(phase("sh", "-c", script, gets_stdin=True, wall_ms=2000)))
    contained.send(encode_stdin(b"yours\n"))

    assert contained.read_to_end().stdout in (b"mine\n", b"yours\n")


def test_runner_binary_is_small(open_contained: Opener) -> None:
    name = f"pyxec-runner-test-{uuid.uuid4().hex[:12]}"
    open_contained("--name", name)
    look = ["docker", "inspect", "-f", "{{.State.Pid}}", name]
    pid = subprocess.run(look, capture_output=True, text=True, check=True).stdout.strip()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())

    assert int(status["VmRSS"].split()[0]) < 1024
    assert status["Threads"].strip() == "1"


def test_killed_host_leaves_no_container(open_contained: Opener) -> None:
    # Given a program that ignores all signals
    name = f"pyxec-runner-test-{uuid.uuid4().hex[:12]}"
    contained = open_contained("--name", name)
    contained.send(job(phase("sh", "-c", "trap '' TERM INT HUP PIPE; echo up; while :; do sleep 1; done")))
    contained.read_until(lambda so_far: so_far.stdout == b"up\n")

    # When the host is killed
    contained.process.kill()

    # Then its container is removed
    deadline = time.monotonic() + 10
    command = ["docker", "ps", "-q", "--filter", f"name={name}"]
    while subprocess.run(command, capture_output=True, check=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)
