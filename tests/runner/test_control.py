"""Signals, cancellation and the exit of the host."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from app.core.outcomes import StopReason
from app.sandbox.cells.protocol import Clean, decode_reports
from app.sandbox.runner.encoder import (
    SIGNALS,
    encode_cancel,
    encode_file,
    encode_go,
    encode_phase,
    encode_signal,
)
from app.sandbox.runner.frames import Done, Ending
from tests.runner.runner_process import Opener, RunnerProcess, job, phase, start_runner

# EXIT_HOST_GONE in runner/event_loop.c.
HOST_GONE = 2


def test_signal_reaches_the_program(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.05; done")))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_signal(signal.SIGINT))

    assert runner.read_to_end().stdout == b"up\ncaught\n"
    assert (runner.end.ending, runner.end.value, runner.end.reason) == (Ending.EXITED, 5, StopReason.NONE)


@pytest.mark.parametrize("number", sorted(SIGNALS))
def test_signal_forwards_every_permitted_number(bare: RunnerProcess, number: signal.Signals) -> None:
    bare.send(job(phase("sh", "-c", "echo up; exec sleep 60")))
    bare.read_until(lambda so_far: so_far.stdout == b"up\n")
    bare.send(encode_signal(number))

    assert (bare.read_to_end().end.ending, bare.end.value) == (Ending.SIGNALLED, number)
    assert bare.end.reason is StopReason.NONE


def test_signal_reaches_the_process_group(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "sleep 60 & echo up; wait $!; echo ended $?")))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_signal(signal.SIGKILL))

    assert runner.read_to_end().end.value == signal.SIGKILL


def test_cancel_stops_a_running_phase(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap '' INT TERM; echo up; sleep 60"), phase("echo", "never")))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_cancel())

    assert runner.read_to_end().end.reason is StopReason.CANCELLED
    assert runner.done == Done(ended=1, total=2)
    assert runner.exit_status() == 0


def test_cancel_before_go_ends_the_job(runner: RunnerProcess) -> None:
    runner.send(encode_phase(phase("echo", "never")), encode_cancel())

    assert runner.read_to_end().done == Done(ended=0, total=1)
    assert runner.stdout == b""


def test_cancel_in_the_same_write_as_go_is_honoured(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")) + encode_cancel() + encode_cancel())

    assert bare.read_to_end().end.reason is StopReason.CANCELLED


def test_container_exits_when_the_host_exits(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap '' TERM INT HUP; setsid sleep 60 & echo up; sleep 60")))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.close_stdin()

    assert runner.exit_status(within_s=10) == 2


def test_idle_runner_exits_when_the_host_exits(runner: RunnerProcess) -> None:
    runner.close_stdin()

    assert runner.exit_status(within_s=10) == 2


def test_runner_exits_when_the_host_exits_with_a_full_pipe(bare: RunnerProcess) -> None:
    bare.send(job(phase("yes")))
    bare.read_until(lambda so_far: len(so_far.stdout) > 0)
    time.sleep(0.3)  # until all buffers are full
    bare.close_stdin()

    assert bare.exit_status(within_s=10) == 2


def test_runner_exits_when_the_host_closes_its_read_end(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")))
    assert bare.process.stdout is not None
    bare.process.stdout.close()

    assert bare.exit_status(within_s=10) == 2


def test_uncontained_runner_kills_only_the_phase(open_bare: Opener) -> None:
    # Given another process of the same user, and a runner that is not PID 1
    with subprocess.Popen(["sleep", "60"]) as bystander:
        open_bare().run(phase("sh", "-c", "sleep 60 & echo up"))

        # Then the other process still runs
        assert bystander.poll() is None
        bystander.kill()


def test_uncontained_runner_does_not_wait_for_a_daemon(bare: RunnerProcess) -> None:
    bare.send(job(phase("sh", "-c", "setsid sleep 8 & sleep 0.3; echo main")))

    assert bare.read_to_end(within_s=7).stdout == b"main\n"


def test_second_go_is_a_fault(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")) + encode_go())

    assert bare.read_to_end().fault == "GO without a held phase"
    assert bare.exit_status() == 1


def test_runner_exits_when_an_idle_connection_is_silent(impatient_runner: Path, tmp_path: Path) -> None:
    # Given a connection that stays open although its host was killed
    with start_runner([str(impatient_runner), str(tmp_path)]) as runner:
        assert runner.exit_status(within_s=10) == HOST_GONE


@pytest.mark.docker
def test_cell_exits_when_an_idle_connection_is_silent(impatient_runner: Path, image: str) -> None:
    capabilities = [f"--cap-add={name}" for name in ("CHOWN", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN")]
    security = ["--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined", "--cap-drop=ALL"]
    container = ["docker", "run", "-i", "--rm", "--network", "none", *security, *capabilities]
    binary = ["-v", f"{impatient_runner}:/impatient:ro", "--entrypoint", "/impatient", image]
    command = [*container, *binary, "--cell", "10001", "10002"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        # An open connection whose host was killed sends nothing.
        assert client.wait(30) == 0
        assert client.stdout is not None
        assert client.stderr is not None
        reports, rest = decode_reports(client.stderr.read())
        assert [type(report) for report in reports] == [Clean]
        assert rest == b""
        assert client.stdout.read() == b""


def test_runner_exits_when_the_host_does_not_read_the_output(impatient_runner: Path, tmp_path: Path) -> None:
    with start_runner([str(impatient_runner), str(tmp_path)]) as runner:
        runner.send(job(phase("head", "-c", "3000000", "/dev/zero", wall_ms=1_000)))

        assert runner.exit_status(within_s=15) == HOST_GONE


def test_runner_waits_while_the_host_sends_or_a_program_runs(impatient_runner: Path, tmp_path: Path) -> None:
    with start_runner([str(impatient_runner), str(tmp_path)]) as runner:
        # Given a host that sends a part of the job more often than once in a second
        for number in range(4):
            time.sleep(0.4)
            runner.send(*encode_file(f"file-{number}", b"", executable=False))
        # When its program runs for longer than a second without output
        runner.run(phase("sh", "-c", "sleep 2; ls"))

        assert runner.stdout == b"file-0\nfile-1\nfile-2\nfile-3\n"
        assert runner.exit_status() == 0
